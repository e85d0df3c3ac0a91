// <kept-form>: a form that takes a while to fill in. What is typed is kept in the tab's own store, of this workspace
// (its host), this member and the address that the form is sent to, until a post to there has succeeded; it is put back
// when the form is shown again. Secrets and files are never kept. What would be too long for the server is not sent.
const NEVER_KEPT = ["password", "file", "hidden", "submit", "button", "reset"];
const TICKED = ["checkbox", "radio"];
const SIGN_IN = "/login";
const PAUSE = 300;
let answered = 0;                // the status of the newest answer to a post

const nameOf = (address) => `kept ${document.body.dataset.member} ${new URL(address, location.href).pathname}`;

function isTyped(field) {
  if (field.type === "file") return field.files.length > 0;
  if (TICKED.includes(field.type)) return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  return field.value !== field.defaultValue;
}

function read(name) {
  try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; }
}
function forget(name) {
  try { sessionStorage.removeItem(name); } catch { /* there is no store */ }
}

class KeptForm extends HTMLElement {
  connectedCallback() {
    for (const type of ["input", "change"]) this.addEventListener(type, () => this.note());
    this.addEventListener("submit", (event) => this.send(event), true);
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-afresh]")) this.startAfresh();
      else if (event.target.closest(".actions a")) this.forget();          // cancelled
    });
    const address = new URL(this.form.getAttribute("action"), location.href).pathname;
    this.name = nameOf(address);
    // Whether the page is the answer to this very form: then what it shows is the server's word.
    this.answer = document.getElementById("main").dataset.answered === address;
    this.putBack();
  }

  disconnectedCallback() {
    if (this.pending) this.keep();
  }

  get form() {
    return this.querySelector("form");
  }

  get fields() {
    return [...this.form.elements].filter((field) => field.name && !field.disabled && !NEVER_KEPT.includes(field.type));
  }

  values() {
    return this.fields.map(({ name, type, value, checked }) => ({ name, value, ...(TICKED.includes(type) && { checked }) }));
  }

  note() {
    this.complain(false);
    this.pending ??= setTimeout(() => this.keep(), PAUSE);
  }

  keep() {
    clearTimeout(this.pending);
    this.pending = null;
    if (!this.answer && !this.fields.some(isTyped)) return forget(this.name);
    try { sessionStorage.setItem(this.name, JSON.stringify(this.values())); } catch { /* the tab's store is full or off */ }
  }

  forget() {
    clearTimeout(this.pending);
    this.pending = null;
    forget(this.name);
  }

  putBack() {
    const kept = read(this.name);
    if (!kept || JSON.stringify(kept) === JSON.stringify(this.values())) return;
    if (this.answer) {
      if (answered >= 400) this.keep();
      else this.forget();
      return;
    }
    const rest = [...kept];
    for (const field of this.fields) {
      const ticked = TICKED.includes(field.type);
      const at = rest.findIndex((each) => each.name === field.name && (!ticked || each.value === field.value));
      if (at < 0) continue;
      const [{ value, checked }] = rest.splice(at, 1);
      if (ticked) field.checked = checked;
      else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
    }
    this.querySelector("[data-put-back]").hidden = !this.fields.some(isTyped);
  }

  startAfresh() {
    this.forget();
    this.form.reset();
    this.querySelector("[data-put-back]").hidden = true;
    this.fields[0]?.focus();
  }

  send(event) {
    const length = new URLSearchParams(new FormData(this.form)).toString().length;
    if (length > Number(this.dataset.limit)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.complain(true);
    }
    this.keep();
  }

  // Beside the longest field, as that is the one to shorten.
  complain(wrong) {
    const line = this.querySelector("[data-too-long]");
    if (line.hidden === !wrong) return;
    line.hidden = !wrong;
    line.id = wrong ? "too-long" : "";
    const before = this.querySelector("[aria-errormessage]");
    for (const name of ["aria-errormessage", "aria-invalid"]) before?.removeAttribute(name);
    if (!wrong) return;
    const longest = this.fields.filter((field) => !TICKED.includes(field.type)).reduce((a, b) => (b.value.length > a.value.length ? b : a));
    longest.after(line);
    longest.setAttribute("aria-errormessage", line.id);
    longest.setAttribute("aria-invalid", "true");
    longest.focus();
  }
}
customElements.define("kept-form", KeptForm);

const forms = () => document.querySelectorAll("kept-form");
const keepAll = () => forms().forEach((form) => { if (form.pending) form.keep(); });
window.addEventListener("pagehide", keepAll);
document.addEventListener("visibilitychange", keepAll);
document.addEventListener("htmx:before:request", keepAll);

// A post has succeeded when it led to another page. One that is answered itself may still be about what was typed.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.request.method !== "POST") return;
  answered = ctx.response.status;
  const { raw } = ctx.response;
  if (raw.redirected && raw.ok && new URL(raw.url).pathname !== SIGN_IN) {
    forms().forEach((form) => { if (form.name === nameOf(ctx.request.action)) form.forget(); });
    forget(nameOf(ctx.request.action));
  }
});

// Whatever is typed into the page is not taken away by fetching it anew (js/live.js). Where a field stays through that, it may.
document.addEventListener("page:holds", (event) => {
  const fields = [...document.querySelectorAll("#main form[method=post] :is(input, textarea, select)")];
  if (fields.some((field) => !field.closest("[hx-morph-skip], [hx-preserve]") && isTyped(field))) event.detail.typed = true;
});

// Toasts: what has just happened, unless one is looking at it already, and what the page itself has to say. The bell is
// pushed as it is.
const MOST = 3;
const STAYS = 8000;
const FRESH = 60000;                                  // what is older was missed: the inbox has it

// The parts of the page that show a thing: all of it, or only what one kind tells. `member` is every `member-7`.
const shown = (subject, kind) => [...document.querySelectorAll("#main [data-subject]")].filter(({ dataset }) =>
  (dataset.subject === subject || subject.startsWith(`${dataset.subject}-`)) && (!dataset.kind || dataset.kind === kind));

// What is told of a thing is read by who looks at it.
function markRead(parts) {
  for (const { dataset } of parts) {
    if (!("reads" in dataset)) continue;
    const body = new URLSearchParams({ subject: dataset.subject, ...(dataset.kind && { kind: dataset.kind }) });
    call("/notifications/read", body).catch(() => {});
  }
}

function show(toast) {
  const box = document.getElementById("toasts");
  box.append(toast);
  const others = [...box.querySelectorAll(":scope > :not([data-own])")];
  others.slice(0, -MOST).forEach((other) => other.remove());
  htmx.process(toast);
  if ("held" in toast.dataset) return;
  // Its time stands still for whoever points at it or has the focus in it: both may be, and both have to end.
  let timer = 0;
  const go = () => {
    clearTimeout(timer);
    const stays = toast.matches(":hover") || toast.contains(document.activeElement);
    if (!stays) timer = setTimeout(() => toast.remove(), Number(toast.dataset.stays) || STAYS);
  };
  for (const type of ["pointerenter", "pointerleave", "focusin"]) toast.addEventListener(type, go);
  toast.addEventListener("focusout", () => setTimeout(go));       // when the focus is where it goes to
  go();
}

const hidden = () => document.visibilityState !== "visible";
const missed = new Map();                             // what came while this page was hidden, each thing and kind once
const miss = (subject, kind) => missed.set(`${subject} ${kind ?? ""}`, [subject, kind]);
function take() {
  const incoming = document.getElementById("toasts-incoming");
  if (!incoming) return;
  if (document.querySelector("#bell [data-unread='0']")) {
    for (const toast of document.querySelectorAll("#toasts > :not([data-own])")) toast.remove();
  }
  for (const template of [...incoming.querySelectorAll("template")]) {
    template.remove();
    const { subject, kind, at } = template.dataset;
    const parts = shown(subject, kind);
    if (hidden() && parts.length) miss(subject, kind);
    else if (hidden()) continue;
    else if (parts.length) markRead(parts);
    else if (Date.now() - new Date(at) < FRESH) show(document.importNode(template.content, true).firstElementChild);
  }
}

// A page that fetched itself anew while hidden may have got everything that it missed.
document.addEventListener("page:refreshed", () => {
  if (!hidden()) return;
  for (const { dataset } of document.querySelectorAll("#main [data-subject][data-reads]")) miss(dataset.subject, dataset.kind);
});
document.addEventListener("visibilitychange", () => {
  if (hidden()) return;
  markRead(new Set([...missed.values()].flatMap(([subject, kind]) => shown(subject, kind))));
  missed.clear();
});
// The focus goes back to where it was before the toasts.
let before = null;
document.addEventListener("focusin", ({ target, relatedTarget }) => {
  if (target.closest("#toasts") && !relatedTarget?.closest("#toasts")) before = relatedTarget;
});
function hide(toast) {
  const focused = toast.contains(document.activeElement);
  toast.remove();
  if (focused) (before?.isConnected ? before : document.getElementById("main")).focus({ preventScroll: true });
}
document.addEventListener("click", (event) => {
  const toast = event.target.closest("#toasts .toast");
  if (toast && event.target.closest("[data-dismiss], a")) setTimeout(() => hide(toast));
});
document.addEventListener("keydown", (event) => {
  const toast = event.key === "Escape" && event.target.closest?.(".toast");
  if (toast) hide(toast);
});
document.addEventListener("toast:hide", (event) => hide(event.detail));
// What the page itself has to say is no notification: nothing that is read takes it away.
function say(toast) {
  toast.dataset.own = "";
  show(toast);
}
document.addEventListener("toast:show", (event) => say(event.detail));
document.addEventListener("htmx:after:swap", take);
document.addEventListener("htmx:ws:after:message:incoming", take);

// <undo-offer>: what was just done, with the button that takes it back. With scripts it is a toast for ten seconds,
// without it stands in the page.
const OFFERED = 10000;
const offered = new Set();       // a page that fetches itself anew brings its offer again

class UndoOffer extends HTMLElement {
  // When what brought it has been put into the page as a whole.
  connectedCallback() {
    setTimeout(() => this.show());
  }

  show() {
    if (!this.isConnected) return;
    this.remove();
    const { undo } = this.dataset;
    if (offered.has(undo)) return;
    offered.add(undo);
    const toast = document.createElement("div");
    toast.className = "toast";
    Object.assign(toast.dataset, { undo, stays: OFFERED });
    toast.append(...this.children);
    toast.querySelector("[data-dismiss]").hidden = false;
    say(toast);
  }
}
customElements.define("undo-offer", UndoOffer);

// What can't be taken back any more is said in its place, and the page stays.
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response: { raw } } = event.detail.ctx;
  const toast = sourceElement?.closest?.(".toast[data-undo]");
  if (!toast || raw.ok || raw.status >= 500 || !raw.headers.has("X-Page")) return;
  event.preventDefault();
  raw.text().then((text) => {
    const why = new DOMParser().parseFromString(text, "text/html").querySelector("p:not(.code)");
    if (why) toast.querySelector("p").textContent = why.textContent;
    toast.querySelector("form").remove();
    toast.querySelector("[data-dismiss]").focus();
  });
});
// An answer to its form is the end of it, whatever it says; without one it stays, to be tried again.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const toast = ctx?.sourceElement?.closest?.(".toast[data-undo]");
  if (toast && ctx.response?.status < 500) hide(toast);
});

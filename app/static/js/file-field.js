// <file-field>: files of a record go to the server as soon as they are chosen, and come back as lines of the form, to be
// saved with it. Without scripts a button sends them, with the whole form.
import { CompositeInput } from "./composite-input.js";
import { call } from "./page.js";

// What stands for a file in the form: its number, whether there is a picture of it, its name.
const LINE = /^(\d+) ([pf]) (.+)$/;
const PATIENCE = 10 * 60 * 1000;

class FileField extends CompositeInput {
  #going = null;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.button.hidden = true;
    // The form has the lines of files alone: a file that is still to be brought would be sent as no more than a name.
    this.sentAs = this.input.name || this.sentAs;
    this.input.removeAttribute("name");
    this.input.addEventListener("change", () => this.#send(), { signal });
    // What is on its way belongs to the form: it waits.
    document.addEventListener("submit", (event) => this.#wait(event), { capture: true, signal });
    if (this.input.files.length) this.#send();
    if (this.served) return;
    this.served = { files: this.ticks.map(({ value, defaultChecked }) => ({ line: value, ticked: defaultChecked })) };
    this.takeGiven();
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  get input() { return this.querySelector("[type=file]"); }
  get button() { return this.querySelector("button"); }
  get list() { return this.querySelector(".kept-files"); }
  get ticks() { return [...this.list.querySelectorAll("[type=checkbox]")]; }

  get state() {
    return { files: this.ticks.map(({ value, checked }) => ({ line: value, ticked: checked })) };
  }

  set state({ files }) {
    const there = new Map(this.ticks.map((tick) => [tick.value, tick.closest("li")]));
    this.list.replaceChildren(...files.map(({ line, ticked }) => {
      const item = there.get(line) ?? this.#make(line);
      item.querySelector("input").checked = ticked;
      return item;
    }));
  }

  // Files that were brought or unticked already stay so.
  withTyped({ files }) {
    const served = new Map(this.served.files.map(({ line, ticked }) => [line, ticked]));
    const all = new Map(files.map((file) => [file.line, file]));
    for (const file of this.state.files) if (served.get(file.line) !== file.ticked) all.set(file.line, file);
    return { files: [...all.values()] };
  }

  // As templates/records/_file.html has it.
  #make(line) {
    const [, number, picture, text] = LINE.exec(line);
    const [item, label, tick, name] = ["li", "label", "input", "span"].map((tag) => document.createElement(tag));
    item.className = "file";
    label.className = "check";
    Object.assign(tick, { type: "checkbox", name: this.sentAs.replace(/^file-/, ""), value: line });
    name.className = "name";
    name.textContent = text;
    label.append(tick, " ");
    if (picture === "p") label.append(Object.assign(document.createElement("img"), { className: "thumbnail", src: `/record-files/${number}/preview`, alt: "" }), " ");
    label.append(name);
    item.append(label);
    return item;
  }

  #wait(event) {
    if (!this.#going || event.target !== this.input.form || event.submitter?.formNoValidate) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#going.then((stored) => { if (stored) event.target.requestSubmit(event.submitter); });
  }

  #send() {
    if (!this.input.files.length) return;
    const body = new FormData();
    for (const file of this.input.files) body.append(this.sentAs, file);
    this.input.value = "";
    const last = this.#going ?? Promise.resolve(true);
    const going = last.then(() => this.#bring(body)).finally(() => { if (this.#going === going) this.#going = null; });
    this.#going = going;
  }

  // Whether they are stored.
  async #bring(body) {
    this.#say(this.dataset.going);
    try {
      const response = await call(this.getAttribute("source"), body, { signal: AbortSignal.timeout(PATIENCE) });
      const text = await response.text();
      if (response.ok) this.list.append(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
      this.#say(response.ok ? "" : text && response.headers.get("Content-Type")?.startsWith("text/plain") ? text : this.dataset.failed);
      if (response.ok) this.dispatchEvent(new Event("change", { bubbles: true }));
      return response.ok;
    } catch {
      this.#say(this.dataset.failed);
      return false;
    }
  }

  #say(text) {
    this.querySelector("[role=status]").textContent = text;
  }
}
customElements.define("file-field", FileField);

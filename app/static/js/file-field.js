// <file-field>: files of a record go to the server as soon as they are chosen, and come back as lines of the form, to be
// saved with it. Without scripts a button sends them, with the whole form.
import { call } from "./page.js";

const PATIENCE = 10 * 60 * 1000;

class FileField extends HTMLElement {
  #going = null;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.button.hidden = true;
    this.input.addEventListener("change", () => this.#send(), { signal });
    // What is on its way belongs to the form: it waits.
    document.addEventListener("submit", (event) => this.#wait(event), { capture: true, signal });
    if (this.input.files.length) this.#send();
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  get input() { return this.querySelector("[type=file]"); }
  get button() { return this.querySelector("button"); }

  #wait(event) {
    if (!this.#going || event.target !== this.input.form || event.submitter?.formNoValidate) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#going.then((stored) => { if (stored) event.target.requestSubmit(event.submitter); });
  }

  #send() {
    if (!this.input.files.length) return;
    const body = new FormData();
    for (const file of this.input.files) body.append(this.input.name, file);
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
      if (response.ok) this.querySelector(".kept-files").append(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
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

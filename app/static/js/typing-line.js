// <typing-line>: who is typing in the room that is open; gone after five seconds. Marks are pushed into it.
import { me } from "./page.js";

const SHOWN = 5000;

class TypingLine extends HTMLElement {
  #until = new Map();            // member -> { name, until }

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.line = this.querySelector("span");
    document.addEventListener("page:refreshed", () => { this.#until.clear(); this.#show(); }, { signal });
    document.addEventListener("message:shown", ({ detail }) => { if (this.#until.delete(detail)) this.#show(); }, { signal });
    this.observer = new MutationObserver(() => this.#take());
    this.observer.observe(this, { childList: true });
    this.#take();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.observer.disconnect();
  }

  #take() {
    const marks = this.querySelectorAll(":scope > i");
    if (!marks.length) return;
    for (const mark of marks) {
      const { member, name } = mark.dataset;
      mark.remove();
      if (member === me) continue;
      this.#until.set(member, { name, until: Date.now() + SHOWN });
      setTimeout(() => this.#show(), SHOWN + 50);
    }
    this.#show();
  }

  #show() {
    for (const [member, { until }] of this.#until) if (until < Date.now()) this.#until.delete(member);
    const names = [...this.#until.values()].map(({ name }) => name);
    const { typing, typingMany } = this.dataset;
    const text = names.length > 2 ? typingMany : names.map((name) => typing.replace("{}", () => name)).join(" ");
    if (this.line.textContent !== text) this.line.textContent = text;
  }
}
customElements.define("typing-line", TypingLine);

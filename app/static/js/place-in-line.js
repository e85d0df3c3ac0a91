// <place-in-line>: a page that waits for its turn to edit. It says so as long as it is open, and whether it is in front:
// then a turn is prolonged. All pages of a person wait in one place, which counts them: each joins as it is opened, and
// leaves once. A page that fetches itself anew does not join (its `data-waiting` is empty): it waits as before.
import { call, leaveWith } from "./page.js";
import { ANSWER_WITHIN } from "./tries.js";

const TICK = 500;
const SAY_EVERY = 6000;

class PlaceInLine extends HTMLElement {
  static observedAttributes = ["data-address", "data-waiting"];
  #sayAt = 0;
  #hasLeft = false;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#tick(); }, { signal });
    document.addEventListener("submit", ({ target }) => { if (target.matches("[data-release]")) this.#leave(); }, { capture: true, signal });
    window.addEventListener("pagehide", () => this.#leave(), { signal });
    // Timers of hidden tabs run late; what the server says does not.
    document.addEventListener("htmx:ws:before:message:incoming", () => this.#tick(), { signal });
    this.timer = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  // What came in this page's place goes on with its place in line if it has not joined itself.
  disconnectedCallback() {
    this.stop.abort();
    clearInterval(this.timer);
    queueMicrotask(() => {
      const next = document.querySelector("place-in-line")?.dataset;
      if (next?.address !== this.dataset.address || next.waiting) this.#leave();
    });
  }

  // Another page has come in this one, and has joined.
  attributeChangedCallback(name, before, after) {
    if (before === null || before === after || !after) return;
    this.#leave(name === "data-address" ? before : this.dataset.address);
    this.#joined();
  }

  #joined() {
    this.#hasLeft = false;
    this.#sayAt = 0;
  }

  async #tick() {
    if (this.#hasLeft || performance.now() < this.#sayAt) return;
    this.#sayAt = performance.now() + SAY_EVERY;
    const body = new URLSearchParams(document.hidden ? {} : { "in-front": "yes" });
    try {
      const { status, headers } = await call(`${this.dataset.address}/queue/stay`, body, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
      if (status === 409 && this.isConnected) {
        this.#hasLeft = true;
        document.dispatchEvent(new CustomEvent("page:refresh"));
      }
      const left = headers.get("X-Turn-Left");
      const turn = left && document.querySelector("[data-turn] seconds-left");
      if (turn) turn.left = left;
    } catch { /* it says so again */ }
  }

  #leave(address = this.dataset.address) {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    leaveWith(`${address}/queue/leave`, new URLSearchParams());
  }
}
customElements.define("place-in-line", PlaceInLine);

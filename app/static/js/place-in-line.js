// <place-in-line>: a page that waits for its turn to edit. It says so as long as it is open, and whether it is in front:
// then a turn is prolonged.
import { call, leaveWith } from "./page.js";

const TICK = 500;
const SAY_EVERY = 6000;
const ANSWER_WITHIN = 4000;

class PlaceInLine extends HTMLElement {
  static observedAttributes = ["data-waiting"];
  #sayAt = 0;
  #hasLeft = false;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#tick(); }, { signal });
    document.addEventListener("submit", ({ target }) => { if (target.matches("[data-release]")) this.#leave(this.page); }, { capture: true, signal });
    window.addEventListener("pagehide", () => this.#leave(this.page), { signal });
    // Timers of hidden tabs run late; what the server says does not.
    document.addEventListener("htmx:ws:before:message:incoming", () => this.#tick(), { signal });
    this.timer = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  // What came in this page's place may be in the same place in line.
  disconnectedCallback() {
    this.stop.abort();
    clearInterval(this.timer);
    queueMicrotask(() => { if (document.querySelector("place-in-line")?.page !== this.page) this.#leave(this.page); });
  }

  // The page has fetched itself anew, and waits in another place.
  attributeChangedCallback(name, before) {
    if (before === null || before === this.page) return;
    this.#leave(before);
    this.#hasLeft = false;
    this.#sayAt = 0;
  }

  get page() { return this.dataset.waiting; }

  async #tick() {
    if (this.#hasLeft || performance.now() < this.#sayAt) return;
    this.#sayAt = performance.now() + SAY_EVERY;
    const body = new URLSearchParams({ page: this.page, ...(!document.hidden && { "in-front": "yes" }) });
    try {
      const { status, headers } = await call(`${this.dataset.address}/queue/stay`, body, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
      if (status === 409 && this.isConnected) document.dispatchEvent(new CustomEvent("page:refresh"));
      const left = headers.get("X-Turn-Left");
      const turn = left && document.querySelector("[data-turn] seconds-left");
      if (turn) turn.left = left;
    } catch { /* it says so again */ }
  }

  #leave(page) {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    leaveWith(`${this.dataset.address}/queue/leave`, new URLSearchParams({ page }));
  }
}
customElements.define("place-in-line", PlaceInLine);

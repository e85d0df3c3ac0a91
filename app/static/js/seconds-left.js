// <seconds-left>: the seconds that there are for something, counted down. What a push says in their place counts from then.
const SECOND = 1000;

class SecondsLeft extends HTMLElement {
  connectedCallback() {
    this.timer = setInterval(() => { this.left = Math.max(0, this.left - 1); }, SECOND);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  get left() { return Number(this.textContent); }
  set left(seconds) { this.textContent = seconds; }
}
customElements.define("seconds-left", SecondsLeft);

// <saved-lines>: what one has saved. A line that is ticked keeps its place, so that the next press is not another line's:
// the page is sorted anew once pointer and focus have left it.
class SavedLines extends HTMLElement {
  #release = null;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("submit", () => this.#hold(), { capture: true, signal });
    for (const type of ["pointerover", "focusin", "focusout"]) document.addEventListener(type, () => setTimeout(() => this.#look()), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
    this.#end();
  }

  #hold() {
    if (this.#release) return;
    const until = new Promise((resolve) => { this.#release = resolve; });
    document.dispatchEvent(new CustomEvent("page:held", { detail: { until } }));
  }

  #look() {
    if (!this.querySelector(".saved:is(:hover, :focus-within)")) this.#end();
  }

  #end() {
    this.#release?.();
    this.#release = null;
  }
}
customElements.define("saved-lines", SavedLines);

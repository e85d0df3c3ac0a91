// <text-preview>: what is typed into a long text, as it will be shown. Without scripts it opens on a page of its own.
import { call } from "./page.js";

class TextPreview extends HTMLElement {
  connectedCallback() {
    this.button.addEventListener("click", (event) => {
      event.preventDefault();
      this.shown.hidden ? this.#show() : this.#hide();
    });
    this.area.addEventListener("input", () => this.#hide());
  }

  get area() { return this.querySelector("textarea"); }
  get button() { return this.querySelector("button"); }
  get shown() { return this.querySelector(".preview"); }

  #hide() {
    this.shown.hidden = true;
  }

  async #show() {
    const body = new URLSearchParams([[this.area.name, this.area.value]]);
    const response = await call(this.getAttribute("source"), body).catch(() => null);
    // Made by the server from what was typed, and cleaned there.
    if (response?.ok) this.shown.replaceChildren(...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes);
    else this.shown.textContent = this.dataset.failed;
    this.shown.hidden = false;
  }
}
customElements.define("text-preview", TextPreview);

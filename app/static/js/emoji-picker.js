// <emoji-picker>: the emoji that one gives to a message, above the button that asks for them.
import { act } from "./message-acts.js";

class EmojiPicker extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.addEventListener("click", ({ target }) => this.#give(target.closest("[data-emoji]")), { signal: this.stop.signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  openFor(button) {
    this.dataset.to = button.dataset.react;
    this.showPopover();
    const place = button.getBoundingClientRect();
    this.style.setProperty("left", `${Math.max(8, Math.min(place.left - 120, innerWidth - 310))}px`);
    this.style.setProperty("top", `${Math.max(8, Math.min(place.bottom + 4, innerHeight - 180))}px`);
    this.querySelector("button").focus();
  }

  #give(emoji) {
    if (!emoji) return;
    act(this.dataset.to, new URLSearchParams({ emoji: emoji.dataset.emoji }));
    this.hidePopover();
  }
}
customElements.define("emoji-picker", EmojiPicker);

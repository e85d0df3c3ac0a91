// <message-menu>: what else can be done with a message, at the button that asks for it, or where a finger rested on the
// message. It is loaded when it is first asked for (js/message-acts.js).
import { act, giveBack } from "./message-acts.js";

const EDGE = 8;

// Whether others have said something from a message on: what nobody else has said is not unread.
function isFollowedByOthers(message) {
  for (let each = message; each; each = each.nextElementSibling) if (each.matches(".message:not(.mine)")) return true;
  return Boolean(message.parentElement.dataset.newer);
}

class MessageMenu extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("click", ({ target }) => this.#choose(target.closest("button")), { signal });
    this.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    // Not by the browser: it would close what a finger has opened as soon as that is lifted.
    document.addEventListener("pointerdown", ({ target }) => { if (!this.contains(target)) this.hidePopover(); }, { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  get #buttons() { return [...this.querySelectorAll("button")].filter((each) => each.offsetParent !== null); }

  openFor(message, { left, right, bottom, top }) {
    this.message = message;
    this.address = message.querySelector("[data-react]").dataset.react.replace(/\/react$/, "");
    this.classList.toggle("of-mine", message.classList.contains("mine"));
    this.classList.toggle("of-pinned", message.querySelector(".pinned:not(.saved-mark)") !== null);
    this.classList.toggle("of-saved", message.querySelector(".saved-mark") !== null);
    this.querySelector("[data-mark=unread]").hidden = !isFollowedByOthers(message);
    this.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this;
    const below = bottom + 4 + height <= innerHeight - EDGE;
    this.style.setProperty("left", `${Math.max(EDGE, Math.min(right - width, innerWidth - width - EDGE, Math.max(left, right - width)))}px`);
    this.style.setProperty("top", `${Math.max(EDGE, below ? bottom + 4 : top - height - 4)}px`);
    this.#buttons[0]?.focus({ preventScroll: true });
  }

  #pressed(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#close();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = this.#buttons;
    buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
  }

  // The focus was in it: it goes back to the message, from where another part of the page may take it.
  #close() {
    this.hidePopover();
    giveBack(this.message.querySelector("[data-more]") ?? this.message);
  }

  async #choose(button) {
    if (!button) return;
    const { message, address } = this;
    this.#close();
    const { tool, mark, copy } = button.dataset;
    if (tool) message.querySelector(tool === "react" ? "[data-react]" : `[data-${tool}]`)?.click();
    const text = { link: () => message.querySelector("a.when").href, text: () => message.querySelector(".text")?.innerText ?? "" }[copy];
    if (text) await navigator.clipboard.writeText(text()).catch(() => {});
    if (mark) {
      const [what, ...words] = mark.split(" ");
      const done = await act(`${address}/${what}`, new URLSearchParams(words.map((word) => [word, "1"])));
      if (!done) return;
    }
    this.#say(button);
  }

  // What nobody sees otherwise is said as a toast.
  #say({ dataset }) {
    if (!dataset.said) return;
    const toast = this.querySelector("template").content.cloneNode(true);
    toast.querySelector("[data-text]").textContent = dataset.said;
    toast.querySelector("a").hidden = !dataset.leads;
    document.getElementById("toasts").append(toast);
  }
}
customElements.define("message-menu", MessageMenu);

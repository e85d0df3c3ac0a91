// <outbox-toasts>: a message that was refused while its room is not on the page: that is said as a toast, with its text,
// on any page, once.
import { outbox } from "./outbox.js";
import { keep, kept } from "./tab-store.js";

const said = new Set(kept("toasts", "dismissed") ?? []);          // keys; toasts stay when another page comes
const dismissed = new Set(said);

function noteDismissed(key) {
  dismissed.add(key);
  keep("toasts", "dismissed", [...dismissed]);
}

class OutboxToasts extends HTMLElement {
  // When the page has come as a whole, toasts and all.
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    outbox.addEventListener("change", () => this.#show(), { signal });
    document.addEventListener("page:refreshed", () => this.#show(), { signal });
    setTimeout(() => { if (this.isConnected) this.#show(); });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  #show() {
    const toasts = document.getElementById("toasts");
    const places = new Set([...document.querySelectorAll("message-outbox")].map((element) => element.dataset.place));
    const refused = new Map(outbox.queue.entries.filter((entry) => entry.state === "refused" && !places.has(entry.place)).map((entry) => [entry.key, entry]));
    for (const toast of toasts.querySelectorAll("[data-key]")) if (!refused.has(toast.dataset.key)) toast.remove();
    for (const key of said) if (!refused.has(key)) { said.delete(key); dismissed.delete(key); }
    for (const [key, entry] of refused) {
      if (said.has(key)) continue;
      said.add(key);
      const toast = this.#make(entry);
      toasts.append(toast);
    }
  }

  #make({ key, place, refusal, text }) {
    const toast = document.importNode(this.querySelector("template").content, true).firstElementChild;
    toast.dataset.key = key;
    toast.querySelector("[data-why]").textContent = refusal.words || "";
    toast.querySelector(".excerpt").textContent = text;
    toast.querySelector("a").setAttribute("href", place);
    toast.addEventListener("dismiss", () => noteDismissed(key));
    return toast;
  }
}
customElements.define("outbox-toasts", OutboxToasts);

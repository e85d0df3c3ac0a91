// <unsent-message>: what was typed into the box of a place where its member can't write by now. The server shows the
// draft; the tab may have typed on since, and it alone has rewrites.
import { allKept, forget, kept } from "./tab-store.js";

class UnsentMessage extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.place = this.dataset.place;
    this.addEventListener("submit", () => forget("typed", this.place), { signal });
    this.addEventListener("click", ({ target }) => this.#discard(target.closest("[data-discard]")?.closest("[data-rewrite]")), { signal });
    document.addEventListener("page:refreshed", () => this.#show(), { signal });
    this.#show();
  }

  disconnectedCallback() { this.stop.abort(); }

  #show() {
    const typed = this.querySelector("[data-typed]");
    const area = typed.querySelector("textarea");
    const here = kept("typed", this.place);
    const drafted = area.defaultValue;
    // What the server had, too, may have been gone on with in another tab.
    area.value = here?.text.trim() && !(here.drafted && drafted) ? here.text : drafted;
    typed.hidden = !area.value.trim();
    this.#showRewrites();
  }

  #showRewrites() {
    for (const shown of this.querySelectorAll("[data-rewrite]")) shown.remove();
    for (const { address, place, text } of allKept("rewrite")) {
      if (place !== this.place) continue;
      const shown = this.querySelector("template").content.firstElementChild.cloneNode(true);
      const area = shown.querySelector("textarea");
      shown.dataset.rewrite = address;
      area.id = `unsent${address.replaceAll("/", "-")}`;
      area.value = text;
      shown.querySelector("copy-text").setAttribute("from", area.id);
      this.append(shown);
    }
  }

  #discard(rewrite) {
    if (!rewrite) return;
    forget("rewrite", rewrite.dataset.rewrite);
    rewrite.remove();
  }
}
customElements.define("unsent-message", UnsentMessage);

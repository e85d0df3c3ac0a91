// <unsent-message>: what was typed into the box of a place where its member can't write by now. The server shows the
// draft; the tab may have typed on since, and it alone has rewrites.
import { allKept, forget, keep, kept } from "./tab-store.js";

const discarded = new WeakMap();  // element -> the rewrite that it showed

// What the tab knows better than the server: which message is answered, and which files are in the box.
function say(line, words) {
  line.hidden = !words;
  line.querySelector("span").textContent = words;
}

class UnsentMessage extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.place = this.dataset.place;
    this.addEventListener("submit", () => this.#bringAlong(), { capture: true, signal });
    // The tab has it until it is discarded: before the page that says so is there.
    document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
      if (this.contains(ctx.sourceElement) && ctx.response.raw.ok) forget("typed", this.place);
    }, { signal });
    this.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-discard], [data-undo]");
      if (button) this.#discard(button.closest("[data-rewrite]"), "discard" in button.dataset);
    }, { signal });
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
    const isHere = Boolean(here?.text.trim() && !(here.drafted && drafted));
    area.value = isHere ? here.text : drafted;
    typed.hidden = !area.value.trim();
    if (isHere) say(typed.querySelector("[data-answered]"), here.reply?.who ?? "");
    const files = kept("in box", this.place);
    if (files) say(typed.querySelector("[data-files]"), files.map(({ name }) => name).join(", "));
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

  // What the tab alone has can be had back as well.
  #bringAlong() {
    const here = kept("typed", this.place);
    const area = this.querySelector("[data-typed] textarea");
    if (!here || area.value === area.defaultValue) return;
    const { text, key, reply } = this.querySelector("form").elements;
    [text.value, key.value, reply.value] = [here.text, here.key, here.reply?.id ?? ""];
  }

  // Or brings it back, as long as the page is there.
  #discard(rewrite, isDiscarded) {
    const address = rewrite.dataset.rewrite;
    if (isDiscarded) {
      discarded.set(rewrite, kept("rewrite", address));
      forget("rewrite", address);
    } else keep("rewrite", address, discarded.get(rewrite));
    for (const part of rewrite.children) part.hidden = isDiscarded !== (part.role === "status");
    rewrite.querySelector(isDiscarded ? "[data-undo]" : "[data-discard]").focus();
  }
}
customElements.define("unsent-message", UnsentMessage);

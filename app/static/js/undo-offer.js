// <undo-offer>: what was just done, with the button that takes it back. With scripts it is a toast for ten seconds, whose
// time stands still while one points at it or has the focus in it (js/notifications.js); without, it stands in the page.
const STAYS = 10000;
const shown = new Set();       // a page that fetches itself anew brings its offer again

class UndoOffer extends HTMLElement {
  // When what brought it has been put into the page as a whole.
  connectedCallback() {
    setTimeout(() => this.show());
  }

  show() {
    if (!this.isConnected) return;
    this.remove();
    const { undo } = this.dataset;
    if (shown.has(undo)) return;
    shown.add(undo);
    const toast = document.createElement("div");
    toast.className = "toast";
    Object.assign(toast.dataset, { undo, stays: STAYS });
    toast.append(...this.children);
    toast.querySelector("[data-dismiss]").hidden = false;
    document.dispatchEvent(new CustomEvent("toast:show", { detail: toast }));
  }
}
customElements.define("undo-offer", UndoOffer);

// What can't be taken back any more is said in its place, and the page stays.
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response: { raw } } = event.detail.ctx;
  const toast = sourceElement?.closest?.(".toast[data-undo]");
  if (!toast || raw.ok || raw.status >= 500 || !raw.headers.has("X-Page")) return;
  event.preventDefault();
  raw.text().then((text) => {
    const why = new DOMParser().parseFromString(text, "text/html").querySelector("p:not(.code)");
    if (why) toast.querySelector("p").textContent = why.textContent;
    toast.querySelector("form").remove();
    toast.querySelector("[data-dismiss]").focus();
  });
});
// An answer to its form is the end of it, whatever it says; without one it stays, to be tried again.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const toast = ctx?.sourceElement?.closest?.(".toast[data-undo]");
  if (toast && ctx.response?.status < 500) document.dispatchEvent(new CustomEvent("toast:hide", { detail: toast }));
});

// <undo-offer>: what was just done, with the button that takes it back. With scripts it is a toast for ten seconds,
// without it stands in the page.
const OFFERED = 10000;
const offered = new Set();       // a page that fetches itself anew brings its offer again

class UndoOffer extends HTMLElement {
  // When what brought it has been put into the page as a whole.
  connectedCallback() {
    setTimeout(() => this.show());
  }

  show() {
    if (!this.isConnected) return;
    this.remove();
    const { undo } = this.dataset;
    if (offered.has(undo)) return;
    offered.add(undo);
    const toast = document.createElement("page-toast");
    toast.className = "toast";
    toast.id = `undo-${undo}`;                             // by which it goes when there is nothing to take back any more
    Object.assign(toast.dataset, { undo, stays: OFFERED });
    toast.append(...this.children);
    toast.querySelector("[data-dismiss]").hidden = false;
    toast.addEventListener("htmx:before:response", (event) => this.#sayRefused(event, toast));
    // An answer to its form is the end of it, whatever it says; without one it stays, to be tried again.
    toast.addEventListener("htmx:after:request", ({ detail: { ctx } }) => { if (ctx.response?.status < 500) toast.hide(); });
    document.getElementById("toasts").append(toast);
  }

  // What can't be taken back any more is said in its place, and the page stays.
  #sayRefused(event, toast) {
    const { response: { raw } } = event.detail.ctx;
    if (raw.ok || raw.status >= 500 || !raw.headers.has("X-Page")) return;
    event.preventDefault();
    raw.text().then((text) => {
      const why = new DOMParser().parseFromString(text, "text/html").querySelector("main [role=alert]");
      if (why) toast.querySelector("p").textContent = why.textContent;
      toast.classList.add("danger");
      const icon = toast.querySelector(".icon use");
      icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, "#circle-alert"));
      toast.querySelector("form").remove();
      toast.querySelector("[data-dismiss]").focus();
    });
  }
}
customElements.define("undo-offer", UndoOffer);

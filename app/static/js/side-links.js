// <side-links>: of the links in the sidebar, the one to where one is. The sidebar is pushed to everybody alike.

let top = null;                  // where it is scrolled to, through all pages

class SideLinks extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const { parentElement: box } = this;
    document.addEventListener("page:left", ({ detail }) => { detail.side = top = box.scrollTop; }, { signal });
    document.addEventListener("page:back", ({ detail }) => { box.scrollTop = top ??= detail.side; }, { signal });
    if (top) box.scrollTop = top;
    document.addEventListener("htmx:after:swap", () => this.#mark(), { signal });      // the page has another address
    this.observer = new MutationObserver(() => this.#mark());
    this.observer.observe(this, { childList: true, subtree: true, attributeFilter: ["aria-current", "href"] });
    this.#mark();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.observer.disconnect();
  }

  #mark() {
    const { pathname } = location;
    for (const link of this.querySelectorAll("li a[href], .more a[href]:not([href*='#'])")) {
      const here = pathname === link.pathname ? "page" : link.closest("li") && pathname.startsWith(`${link.pathname}/`) ? "true" : null;
      if (here) link.setAttribute("aria-current", here);
      else link.removeAttribute("aria-current");
    }
    this.observer.takeRecords();                       // of what was done here
  }
}
customElements.define("side-links", SideLinks);
if (matchMedia("(pointer: coarse)").matches) import("./swipe.js");
// What only a pointer, or who is about to go on, makes use of.
const pointing = new AbortController();
document.addEventListener("pointerover", () => {
  if (!navigator.onLine) return;
  pointing.abort();
  for (const script of ["./prefetch.js", "./transitions.js", "./at-once.js"]) import(script).catch(() => {});
}, { signal: pointing.signal });

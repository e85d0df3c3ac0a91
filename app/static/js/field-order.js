// <field-order library="…">: the fields of a collection are dragged into another order. Buttons do the same without it.
import { call, isStill } from "./page.js";

let library = null;

function load(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(globalThis.Sortable);
    script.onerror = () => { library = null; reject(new Error("fields can't be dragged")); };
    document.head.append(script);
  });
  return library;
}

// The page is not fetched anew (js/live.js) until what this returns is called.
function holdPage() {
  let letGo;
  const until = new Promise((resolve) => { letGo = resolve; });
  document.dispatchEvent(new CustomEvent("page:held", { detail: { until } }));
  return letGo;
}

class FieldOrder extends HTMLElement {
  async connectedCallback() {
    const Sortable = await load(this.getAttribute("library")).catch(() => null);
    const list = this.querySelector("ol");
    if (!Sortable || !list || !this.isConnected || this.sortable) return;
    this.show = () => this.classList.add("draggable");       // which a page that was fetched anew takes off
    this.show();
    document.addEventListener("page:refreshed", this.show);
    this.sortable = Sortable.create(list, {
      handle: ".handle", animation: isStill() ? 0 : 150, forceFallback: true,   // the same by mouse and by touch
      onChoose: () => { this.letGo = holdPage(); },
      onUnchoose: () => this.letGo(),
      onEnd: (event) => { if (event.newIndex !== event.oldIndex) this.place(list, event).finally(holdPage()); },
    });
  }

  disconnectedCallback() {
    document.removeEventListener("page:refreshed", this.show);
    this.sortable?.destroy();
    this.letGo?.();
    this.sortable = null;
  }

  // What it has become is pushed to all pages; where the server does not take it, it goes back to its place. Where records
  // are called by another field now, the answer offers to take that back (js/undo-offer.js; without it, in the page). Over another order than this
  // page has, it is moved as by a button, whose answer shows both.
  async place(list, { item, oldIndex, newIndex }) {
    const form = list.closest("form");
    const seen = form.elements["seen-order"];
    const body = new URLSearchParams({ action: "place", place: newIndex, "seen-order": seen.value });
    const answer = await call(item.dataset.address, body).catch(() => null);
    if (answer?.status === 204 || answer?.status === 200) seen.value = this.refs(list);
    if (answer?.status === 204) return;
    if (answer?.status === 200) {
      const offered = new DOMParser().parseFromString(await answer.text().catch(() => ""), "text/html").querySelector("undo-offer");
      if (!offered) return;
      const place = await import("./undo-offer.js").then(() => "append", () => "prepend");
      document.getElementById("main")[place](document.importNode(offered, true));
      return;
    }
    item.remove();
    list.insertBefore(item, list.children[oldIndex] ?? null);
    if (answer?.status !== 409) return;
    const button = Object.assign(document.createElement("button"), { name: "to-place", value: newIndex, formAction: item.dataset.address, hidden: true });
    form.append(button);
    form.requestSubmit(button);
    button.remove();
  }

  refs(list) { return [...list.children].map((item) => item.dataset.address.split("/").pop()).join(" "); }
}

customElements.define("field-order", FieldOrder);

// <field-news>: what has changed of a collection's fields while a form of its records is open (records/field_news.py). Each
// change is pushed into it as a <span>; it tells the newest of each field that is still true, on top (js/live.js reads it)
// and beside the field. What is taken back is told no more.
import { isTyped } from "./page.js";

const MOST_TOLD = 3;
const line = () => document.getElementById("stale");

class FieldNews extends HTMLElement {
  #fields = new Map();           // by what a field was first stored under: what has changed of it, by the kind of change
  #isTakenBack = false;          // whether the last change has left nothing to tell

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.observer = new MutationObserver(() => this.#take());
    this.observer.observe(this, { childList: true });
    document.addEventListener("page:refreshed", () => { if (this.#isTakenBack) line()?.replaceChildren(); }, { signal });
    document.addEventListener("input", () => this.#showBeside(), { signal });
    document.addEventListener("change", () => this.#showBeside(), { signal });
    this.#take();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.observer.disconnect();
  }

  #take() {
    const brought = [...this.querySelectorAll("[data-refs]")];
    if (!brought.length) return;
    for (const each of brought) this.#note(each.dataset, each.textContent.trim());
    const told = [...this.#fields.values()].filter(({ news }) => news.size).map(({ news }) => (news.get("there") ?? [...news.values()].at(-1)).said);
    const more = told.length - MOST_TOLD;
    const shown = told.slice(-MOST_TOLD);
    if (more > 0) shown.push(more === 1 ? this.dataset.one : this.dataset.more.replace("{}", more));
    this.textContent = shown.join(" ");
    this.#isTakenBack = !told.length;
    if (this.#isTakenBack) line()?.replaceChildren();
    this.#showBeside();
  }

  // What is again as it was when the page was opened is no news.
  #note({ refs, what, before = "", after = "", roles = "" }, said) {
    if (roles && !roles.split(" ").includes(document.body.dataset.role)) return;
    const all = refs.split(" ");
    const field = this.#fields.get(all[0]) ?? { news: new Map() };
    this.#fields.delete(all[0]);
    this.#fields.set(all[0], field);
    field.refs = all;
    const first = field.news.get(what)?.before ?? before;
    field.news.delete(what);
    if (first !== after || !after) field.news.set(what, { said, before: first });
  }

  #showBeside() {
    for (const field of this.#fields.values()) {
      const { refs, news } = field;
      const inputs = refs.flatMap((ref) => [...document.querySelectorAll(`#record-form [name="${ref}"]`)]);
      const place = inputs.find((each) => !each.hasAttribute("data-kept"))?.closest(".field");
      if (!place) continue;
      field.isKept ||= news.has("there") || news.has("kind");
      const isTouched = [...place.querySelectorAll("input, textarea, select")].some(isTyped);
      const words = [...news.values()].map(({ said }) => said);
      if (field.isKept && isTouched) words.push(this.dataset.kept);
      let told = place.querySelector(".news");
      if (!words.length) { told?.remove(); continue; }
      if (!told) {
        told = document.createElement("p");
        told.className = "help news";
        place.append(told);
      }
      if (told.textContent !== words.join(" ")) told.textContent = words.join(" ");
    }
  }
}

customElements.define("field-news", FieldNews);

// <ask-first>: the dialog in which a page that asks before an act is shown. A link with `data-ask-first` leads to that
// page; with scripts, its question is taken out of it and asked here. Cancelling has the focus, Escape closes, and the
// focus goes back to the link. When the page can't be had, it is opened.
import { fetchPage, me } from "./page.js";

const NAMED = { "aria-labelledby": "question-heading", "aria-describedby": "question-consequences" };

class AskFirst extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", this, true);                // before htmx, which would follow the link
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-cancel]") || event.target === this.dialog) {
        event.preventDefault();
        event.stopPropagation();
        this.dialog.close();
      }
    }, true);
    this.dialog.addEventListener("close", () => this.forget());
  }

  disconnectedCallback() {
    document.removeEventListener("click", this, true);
  }

  get dialog() {
    return this.querySelector("dialog");
  }

  handleEvent(event) {
    const link = event.target.closest?.("a[data-ask-first]");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.ask(link);
  }

  async ask(link) {
    const question = await this.find(link.href);
    if (!question) { location.assign(link.href); return; }
    if (this.dialog.open || !link.isConnected) return;
    this.link = link;
    this.before = document.activeElement;
    this.dialog.replaceChildren(question);
    for (const [name, value] of Object.entries(NAMED)) this.dialog.setAttribute(name, value);
    this.dialog.showModal();
    question.querySelector("[data-cancel]").focus({ preventScroll: true });
  }

  async find(address) {
    const response = await fetchPage(address).catch(() => null);
    if (!response?.ok || response.headers.get("X-Member") !== me) return null;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const question = page.querySelector("#main .question");
    return question && document.importNode(question, true);
  }

  forget() {
    this.dialog.replaceChildren();
    for (const name of Object.keys(NAMED)) this.dialog.removeAttribute(name);
    const back = [this.link, this.before, document.getElementById("main")].find((each) => each?.checkVisibility());
    if (this.link) back.focus({ preventScroll: true });
    this.link = this.before = null;
  }
}
customElements.define("ask-first", AskFirst);

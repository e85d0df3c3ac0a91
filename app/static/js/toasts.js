// Toasts: what has just happened, unless one is looking at it already, and what the page itself has to say. The bell is
// pushed as it is.
import { call } from "./page.js";

const MOST = 3;
const STAYS = 8000;
const FRESH = 60000;                                  // what is older was missed: the inbox has it

// The parts of the page that show a thing: all of it, or only what one kind tells. `member` is every `member-7`.
const shown = (subject, kind) => [...document.querySelectorAll("#main [data-subject]")].filter(({ dataset }) =>
  (dataset.subject === subject || subject.startsWith(`${dataset.subject}-`)) && (!dataset.kind || dataset.kind === kind));

// What is told of a thing is read by who looks at it.
function markRead(parts) {
  for (const { dataset } of parts) {
    if (!("reads" in dataset)) continue;
    const body = new URLSearchParams({ subject: dataset.subject, ...(dataset.kind && { kind: dataset.kind }) });
    call("/notifications/read", body).catch(() => {});
  }
}

const hidden = () => document.visibilityState !== "visible";
const missed = new Map();                             // what came while this page was hidden, each thing and kind once
const miss = (subject, kind) => missed.set(`${subject} ${kind ?? ""}`, [subject, kind]);

// <page-toast>: a notification has a `data-subject`, and is pushed to where it is shown; any other is of the page itself.
class PageToast extends HTMLElement {
  #begun = false;                                     // a page that comes in the place of this one takes it along
  #timer = 0;

  connectedCallback() {
    if (this.#begun) return;
    this.#begun = true;
    this.addEventListener("click", ({ target }) => setTimeout(() => {
      if (target.closest("[data-dismiss]")) this.dismiss();
      else if (target.closest("a")) this.hide();
    }));
    this.addEventListener("keydown", ({ key }) => { if (key === "Escape") this.dismiss(); });
    if ("subject" in this.dataset && !this.#isNews()) {
      this.remove();
      return;
    }
    notifications().slice(0, -MOST).forEach((other) => other.remove());
    if ("held" in this.dataset) return;
    // Its time stands still for whoever points at it or has the focus in it: both may be, and both have to end.
    for (const type of ["pointerenter", "pointerleave", "focusin"]) this.addEventListener(type, () => this.#go());
    this.addEventListener("focusout", () => setTimeout(() => this.#go()));       // when the focus is where it goes to
    this.#go();
  }

  // Whether it tells of what nobody is looking at on this page, and has just happened.
  #isNews() {
    const { subject, kind, at } = this.dataset;
    const parts = shown(subject, kind);
    if (hidden() && parts.length) miss(subject, kind);
    else markRead(parts);
    return !hidden() && !parts.length && Date.now() - new Date(at) < FRESH;
  }

  #go() {
    clearTimeout(this.#timer);
    const stays = this.matches(":hover") || this.contains(document.activeElement);
    if (!stays) this.#timer = setTimeout(() => this.remove(), Number(this.dataset.stays) || STAYS);
  }

  // By its reader. Who has made it may want to know ("dismiss").
  dismiss() {
    this.dispatchEvent(new Event("dismiss"));
    this.hide();
  }

  // The focus goes back to where it was before the toasts.
  hide() {
    const focused = this.contains(document.activeElement);
    this.remove();
    if (focused) (before?.isConnected ? before : document.getElementById("main")).focus({ preventScroll: true });
  }
}
const notifications = () => [...document.querySelectorAll("#toasts > [data-subject]")];
let before = null;                                    // what had the focus before the toasts
customElements.define("page-toast", PageToast);

// <toasts-gone>: what was told is taken back, or over.
class ToastsGone extends HTMLElement {
  connectedCallback() {
    const gone = this.dataset.activities.split(" ");
    for (const toast of notifications()) if (gone.includes(toast.dataset.activity)) toast.hide();
    this.remove();
  }
}
customElements.define("toasts-gone", ToastsGone);

// Nothing is unread any more, here or in another tab.
function takeAway() {
  if (document.querySelector("#bell [data-unread='0']")) notifications().forEach((toast) => toast.remove());
}
document.addEventListener("htmx:after:swap", takeAway);
document.addEventListener("htmx:ws:after:message:incoming", takeAway);

// A page that fetched itself anew while hidden may have got everything that it missed.
document.addEventListener("page:refreshed", () => {
  if (!hidden()) return;
  for (const { dataset } of document.querySelectorAll("#main [data-subject][data-reads]")) miss(dataset.subject, dataset.kind);
});
document.addEventListener("visibilitychange", () => {
  if (hidden()) return;
  markRead(new Set([...missed.values()].flatMap(([subject, kind]) => shown(subject, kind))));
  missed.clear();
});
document.addEventListener("focusin", ({ target, relatedTarget }) => {
  if (target.closest("#toasts") && !relatedTarget?.closest("#toasts")) before = relatedTarget;
});

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
    Object.assign(toast.dataset, { undo, stays: OFFERED });
    toast.append(...this.children);
    toast.querySelector("[data-dismiss]").hidden = false;
    toast.addEventListener("htmx:before:response", (event) => this.#sayRefused(event, toast));
    // An answer to its form is the end of it, whatever it says; without one it stays, to be tried again.
    toast.addEventListener("htmx:after:request", ({ detail: { ctx } }) => { if (ctx.response?.status < 500) toast.hide(); });
    document.getElementById("toasts").append(toast);
    htmx.process(toast);
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

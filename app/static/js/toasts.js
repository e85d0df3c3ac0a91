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
    const { subject, activity } = this.dataset;
    if (subject && (told.has(activity) || !this.#isNews())) {
      this.remove();
      return;
    }
    told.add(activity);
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
const told = new Set();                               // the log may tell it again, to a page that was made before
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

// What was done by a form is said in a toast where the page stays as it is, or is the one that was edited; on another page
// it stands at its beginning.
let sent = null;                                      // where the newest form was sent from

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { sent = ctx.request.method !== "GET" && location.pathname; });
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  const raw = ctx?.response?.raw;
  const { pathname } = new URL(raw?.url ?? location.href);
  if (!raw?.redirected || ![pathname, `${pathname}/edit`].includes(sent)) return;
  const done = tasks.map(({ fragment }) => fragment?.querySelector("main > .notice:has(> [data-dismiss]):not(:has(a, form))")).find(Boolean);
  if (!done) return;
  done.remove();
  const toast = document.createElement("page-toast");
  toast.className = "toast";
  toast.append(...done.children);
  toast.lastChild.hidden = false;
  for (const other of document.querySelectorAll("#toasts > *")) if (other.textContent === toast.textContent) other.remove();
  document.getElementById("toasts").append(toast);
});
// It is said once: the address would have it said again by Back and by a reload. What is still there comes again with a
// page that fetches itself anew.
let names = [];                                       // and values that the address had of it

function takeOut(address) {
  if (!address.searchParams.has("done")) return false;
  names = ["done", "about"].map((name) => [name, address.searchParams.get(name)]).filter(([, value]) => value !== null);
  for (const [name] of names) address.searchParams.delete(name);
  return true;
}
document.addEventListener("htmx:before:history:update", ({ detail: { history: change } }) => {
  const address = new URL(change.path, location.href);
  if (!takeOut(address)) return;
  change.path = address.pathname + address.search + address.hash;
  if (address.href === location.href) change.type = "replace";
});
document.addEventListener("page:refreshing", ({ detail: { address } }) => {
  if (document.querySelector("main > .notice > [data-dismiss]")) for (const [name, value] of names) address.searchParams.set(name, value);
});
const opened = new URL(location.href);
if (takeOut(opened)) history.replaceState(history.state, "", opened);

// Back, and a reload, lead to where one was in what scrolls within a page: it says so as the page is left (`page:left`),
// and goes there when one is back (`page:back`), as it does when a form is answered in its page's place, under the same
// entry of the history. That is kept in the tab for each entry of it. The address goes to another entry at once, and the
// page comes later: until then, what is shown is of the entry before.
import { me, workspace } from "./page.js";

const MOST = 100;
const NAME = `places ${workspace} ${me}`;        // who signs in next in this tab was not there
const { navigation } = window;   // a browser without it begins at the top
const current = () => navigation?.currentEntry.key;

let places = new Map();          // the newest is the last
try { places = new Map(JSON.parse(sessionStorage.getItem(NAME))); } catch { /* off */ }
let main = document.getElementById("main");
let shown = current();           // the entry whose page is shown

function leave() {
  const detail = {};
  document.dispatchEvent(new CustomEvent("page:left", { detail }));
  places.delete(shown);
  if (shown) places.set(shown, detail);
  if (places.size > MOST) places.delete(places.keys().next().value);
}

function arrive() {
  const detail = places.get(shown);
  if (detail) document.dispatchEvent(new CustomEvent("page:back", { detail }));
}

// All modules of the page are there. A link to the same address leads anew to where the page begins.
if (performance.getEntriesByType("navigation")[0]?.type !== "navigate") document.addEventListener("DOMContentLoaded", arrive);
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => { if (ctx?.target === document.body) leave(); });
document.addEventListener("htmx:after:swap", () => {
  const next = document.getElementById("main");
  if (next === main) return;
  main = next;
  shown = current();
  arrive();
});
addEventListener("pagehide", () => {
  leave();
  try { sessionStorage.setItem(NAME, JSON.stringify([...places])); } catch { /* off */ }
});

// Of something long, the part in which one was is asked for.
document.addEventListener("htmx:config:request", ({ detail: { ctx: { request } } }) => {
  const { search } = (request.headers["HX-History-Restore-Request"] && places.get(current())) || {};
  if (search) request.action = location.pathname + search;
});

// An entry that is new, or another part of the page, comes with what is shown.
navigation?.addEventListener("currententrychange", ({ navigationType }) => { if (navigationType !== "traverse") shown = current(); });
navigation?.addEventListener("navigate", ({ navigationType, hashChange, destination }) => {
  if (navigationType === "traverse" && hashChange) shown = destination.key;
});

// What is shown needs not come again. So the address is led back to it when the page that was asked for can't be had.
document.addEventListener("htmx:before:history:restore", (event) => { if (navigation && current() === shown) event.preventDefault(); });

export function leadBack(ctx) {
  if (ctx.target !== document.body || ctx.from === "left" || current() === shown) return;
  const { activeElement } = document;
  navigation.traverseTo(shown).finished.then(() => activeElement.focus({ preventScroll: true })).catch(() => {});
}

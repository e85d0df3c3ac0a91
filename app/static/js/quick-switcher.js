// The box of Ctrl+K, as a combobox: what is typed is asked for when a pause comes, what is found is its list.
import { addStyles } from "./late-styles.js";
import { fetchPage, isComposing, me, workspace } from "./page.js";

const PAUSE = 120;             // ms without a key until it is asked for
let asked = 0;
let waiting = 0;
let typed = null;              // what stands in the box while it is open
let going = false;             // Enter has come before the answer to what is typed: its first place is gone to
const styled = addStyles("quick-switcher");
const dialog = () => document.getElementById("quick-switcher");
const input = () => dialog().querySelector("input");
const list = () => dialog().querySelector(".quick-switcher-list");
// A list that is busy is of another text: nothing in it is marked or gone to by a key.
const places = () => [...list().querySelectorAll(":scope:not([aria-busy=true]) [role=option]")];
const marked = () => places().find((place) => place.ariaSelected === "true");

// What was open last, but for the page that is open.
function recent() {
  try {
    const [, ...kept] = JSON.parse(localStorage.getItem(`recent-${workspace}-${me}`) ?? "[]");
    return kept;
  } catch { return []; }
}

function findSoon() {
  clearTimeout(waiting);
  asked += 1;
  setBusy();
  waiting = setTimeout(find, PAUSE);
}

function setBusy() {
  list().ariaBusy = "true";
  input().removeAttribute("aria-activedescendant");
}

async function find() {
  clearTimeout(waiting);
  waiting = 0;
  const mine = ++asked;
  setBusy();
  const query = new URLSearchParams([["q", input().value], ...recent().map((key) => ["recent", key])]);
  const response = await fetchPage(`/quick-switcher?${query}`, { "X-Page": "1" }).catch(() => null);
  const text = response ? await response.text().catch(() => "") : "";
  await styled;
  if (mine !== asked) return;
  const found = response?.ok && new DOMParser().parseFromString(text, "text/html").querySelector(".quick-switcher-list");
  if (!found) { sayFailed(response?.status === 429 ? text : ""); return; }
  const fresh = document.importNode(found, true);
  list().replaceWith(fresh);
  const options = places();
  say(options.length > 0);
  dialog().querySelector("[role=status]").textContent = fresh.querySelector("[data-said]")?.dataset.said ?? fresh.textContent.trim();
  mark(0);
  if (going) options[0]?.click();
}

// Whether there is a list to choose from.
function say(isThere) {
  input().ariaExpanded = String(isThere);
  if (isThere) input().setAttribute("aria-controls", "quick-switcher-found");
  else input().removeAttribute("aria-controls");
}

// What is typed is asked for again by Enter, or when the network is back.
function sayFailed(why) {
  going = false;
  list().ariaBusy = "false";
  say(false);
  const said = Object.assign(document.createElement("p"), { className: "muted nothing", role: "alert" });
  said.textContent = why || input().dataset.failed;
  list().replaceChildren(said);
}

function mark(index) {
  const all = places();
  const now = all[(index + all.length) % all.length];
  for (const place of all) place.ariaSelected = String(place === now);
  if (!now) return;
  input().setAttribute("aria-activedescendant", now.id);
  if (now === all[0]) list().scrollTop = 0;            // with its heading
  else now.scrollIntoView({ block: "nearest" });
}

export function begin() {
  if (!dialog()?.open) return;
  typed = input().value;
  find();
}

// At once: a timer may run as late as when the box has been opened again.
function close() {
  forget();
  dialog().close();
}

function forget() {
  clearTimeout(waiting);
  asked += 1;
  typed = null;
  going = false;
}

document.addEventListener("keydown", (event) => {
  if (!dialog()?.open || isComposing(event)) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const now = places().indexOf(marked());
    mark(now + (event.key === "ArrowDown" ? 1 : -1));
  }
  if (event.key !== "Enter") return;
  event.preventDefault();
  going = true;
  if (marked()) marked().click();
  else if (list().ariaBusy !== "true" || waiting) find();
});
document.addEventListener("input", (event) => {
  if (!event.target.closest("#quick-switcher")) return;
  typed = event.target.value;
  going = false;
  findSoon();
});
document.addEventListener("click", (event) => {
  if (event.target === dialog() || event.target.closest("#quick-switcher .quick-switcher-list :is(a, button)")) close();
}, true);
document.addEventListener("close", (event) => { if (event.target === dialog()) forget(); }, true);   // by Escape
window.addEventListener("online", () => { if (typed !== null) find(); });
// A page that was on its way brings a box of its own.
document.addEventListener("htmx:before:settle", () => {
  if (typed === null || !dialog() || dialog().open) return;
  dialog().showModal();
  input().value = typed;
  input().focus();
  find();
});

// Ctrl+K, or the button at the top: a box over the page that leads to a room, a person or a record.
import { fetchPage, isComposing } from "./page.js";

let asked = 0;
let typed = null;              // what stands in the box while it is open
let going = false;             // Enter has come before the answer to what is typed: its first place is gone to
const dialog = () => document.getElementById("quick-switcher");
const list = () => dialog().querySelector(".quick-switcher-list");
// A list that is busy is of another text: nothing in it is marked or gone to by a key.
const places = () => [...list().querySelectorAll(":scope:not([aria-busy=true]) :is(a, button)")];

async function find() {
  const mine = ++asked;
  list().ariaBusy = "true";
  const response = await fetchPage(`/quick-switcher?q=${encodeURIComponent(dialog().querySelector("input").value)}`).catch(() => null);
  const text = response?.ok ? await response.text().catch(() => "") : "";
  if (mine !== asked) return;
  const found = new DOMParser().parseFromString(text, "text/html").getElementById("quick-switcher-list");
  if (!found) return sayFailed();
  const fresh = document.importNode(found, true);
  fresh.removeAttribute("id");
  list().replaceWith(fresh);
  htmx.process(fresh);
  mark(0);
  if (going) places()[0]?.click();
}
// What is typed is asked for again by Enter, or when the network is back.
function sayFailed() {
  going = false;
  list().ariaBusy = "false";
  const said = Object.assign(document.createElement("li"), { className: "muted nothing", role: "alert" });
  said.textContent = dialog().querySelector("input").dataset.failed;
  list().replaceChildren(said);
}
function mark(index) {
  const all = places();
  all.forEach((place, number) => place.classList.toggle("marked", number === (index + all.length) % all.length));
  all.find((place) => place.classList.contains("marked"))?.scrollIntoView({ block: "nearest" });
}
function open(text = "") {
  if (!dialog() || dialog().open) return;
  dialog().showModal();
  const input = dialog().querySelector("input");
  input.value = typed = text;
  input.focus();
  find();
}
// At once: a timer may run as late as when the box has been opened again.
function close() {
  forget();
  dialog().close();
}
function forget() {
  asked += 1;
  typed = null;
  going = false;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); open(); return; }
  if (!dialog()?.open || isComposing(event)) return;
  const now = places().findIndex((place) => place.classList.contains("marked"));
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(now + (event.key === "ArrowDown" ? 1 : -1)); }
  if (event.key !== "Enter") return;
  event.preventDefault();
  going = true;
  if (list().querySelector("[role=alert]")) find();
  else places()[now]?.click();
});
document.addEventListener("input", (event) => { if (event.target.closest("#quick-switcher")) { typed = event.target.value; going = false; find(); } });
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-quick-switcher]")) { event.preventDefault(); event.stopPropagation(); open(); }
  if (event.target === dialog() || event.target.closest("#quick-switcher .quick-switcher-list :is(a, button)")) close();
}, true);
document.addEventListener("close", (event) => { if (event.target === dialog()) forget(); }, true);   // by Escape
window.addEventListener("online", () => { if (typed !== null) find(); });
// A page that was on its way brings a box of its own.
document.addEventListener("htmx:before:settle", () => { if (typed !== null) open(typed); });

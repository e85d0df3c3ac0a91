// Ctrl+K, or the button at the top: a box over the page that leads to a room, a person or a record.
import { fetchPage, isComposing } from "./page.js";

let asked = 0;
let typed = null;              // what stands in the box while it is open
const dialog = () => document.getElementById("quick-switcher");
const places = () => [...dialog().querySelectorAll(".quick-switcher-list :is(a, button)")];

async function find() {
  const mine = ++asked;
  const response = await fetchPage(`/quick-switcher?q=${encodeURIComponent(dialog().querySelector("input").value)}`).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = page.getElementById("quick-switcher-list");
  if (!found || mine !== asked) return;
  const list = document.importNode(found, true);
  list.removeAttribute("id");
  dialog().querySelector(".quick-switcher-list").replaceWith(list);
  htmx.process(list);
  mark(0);
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
  asked += 1;
  typed = null;
  dialog().close();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); open(); return; }
  if (!dialog()?.open || isComposing(event)) return;
  const now = places().findIndex((place) => place.classList.contains("marked"));
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(now + (event.key === "ArrowDown" ? 1 : -1)); }
  if (event.key === "Enter") { event.preventDefault(); places()[now]?.click(); }
});
document.addEventListener("input", (event) => { if (event.target.closest("#quick-switcher")) { typed = event.target.value; find(); } });
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-quick-switcher]")) { event.preventDefault(); event.stopPropagation(); open(); }
  if (event.target === dialog() || event.target.closest("#quick-switcher .quick-switcher-list :is(a, button)")) close();
}, true);
document.addEventListener("close", (event) => { if (event.target === dialog()) typed = null; }, true);   // by Escape
// A page that was on its way brings a box of its own.
document.addEventListener("htmx:before:settle", () => { if (typed !== null) open(typed); });

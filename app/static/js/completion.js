// Completes @names in the box of a room, from those who can be mentioned there. They are asked for as one types.
import { fetchPage, isComposing } from "./page.js";

const known = new Map();       // names that were found, by what was asked for
let asked = 0;
const KEPT = 30000;            // ms for which names are known
const text = () => document.getElementById("composer-text");
const menu = () => document.getElementById("completion");
const items = () => [...menu().children];
const fold = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const begun = () => /(?:^|[\s(])@([^@\n]{0,40})$/.exec(text().value.slice(0, text().selectionStart))?.[1];

function close() {
  asked += 1;
  menu()?.remove();
  for (const name of ["aria-controls", "aria-activedescendant"]) text()?.removeAttribute(name);
}
function mark(index) {
  items().forEach((item, place, all) => item.setAttribute("aria-selected", String(place === (index + all.length) % all.length)));
  text().setAttribute("aria-activedescendant", marked().id);
}
function marked() { return menu().querySelector("[aria-selected=true]"); }

async function find(word) {
  const address = `/choices/mentions?${new URLSearchParams({ room: document.getElementById("mentionable").dataset.room, q: word })}`;
  if (!known.has(address)) {
    const response = await fetchPage(address, { Accept: "application/json" });
    if (!response.ok) return [];
    known.set(address, (await response.json()).map((choice) => choice.value));
    setTimeout(() => known.delete(address), KEPT);
  }
  return known.get(address);
}
async function complete() {
  close();
  const word = begun();
  if (word === undefined) return;
  const area = text();
  const mine = asked;
  const found = await find(word).catch(() => []);
  // What came late is about something that is not in the box any more.
  if (mine !== asked || area !== text() || word !== begun()) return;
  // The server looks for words. A space after a name that is complete leads to a longer one, or to no other.
  const names = found.filter((name) => fold(name) !== fold(word) && ` ${fold(name)}`.includes(` ${fold(word)}`));
  if (!names.length) return;
  const list = document.createElement("ul");
  list.id = "completion";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", document.getElementById("mentionable").dataset.label);
  names.forEach((name, index) => {
    const item = document.createElement("li");
    item.id = `completion-${index}`;
    item.setAttribute("role", "option");
    item.textContent = `@${name}`;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
    list.append(item);
  });
  area.closest("form").append(list);
  area.setAttribute("aria-controls", "completion");
  mark(0);
}
function take(name) {
  const area = text();
  const before = area.value.slice(0, area.selectionStart).replace(/@[^@\n]*$/, () => `@${name} `);
  area.setRangeText(before, 0, area.selectionStart, "end");
  close();
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("input", (event) => { if (event.target === text()) complete(); });
document.addEventListener("keydown", (event) => {
  if (event.target !== text() || !menu() || isComposing(event)) return;
  const now = items().indexOf(marked());
  const does = {
    ArrowDown: () => mark(now + 1),
    ArrowUp: () => mark(now - 1),
    Enter: () => take(marked().textContent.slice(1)),
    Tab: () => take(marked().textContent.slice(1)),
    Escape: close,
  }[event.key];
  if (!does || event.shiftKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  does();
}, true);
document.addEventListener("focusout", (event) => { if (event.target === text()) close(); });

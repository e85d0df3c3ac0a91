// An open list takes each pushed record to where it belongs under this page's search and order.
// A record that belongs on another page is told of by a pill; a page that got a gap fetches itself anew.
const points = (text) => Array.from(text, (character) => character.codePointAt(0));
function compareText(a, b) {
  if (a === b) return 0;
  const [left, right] = [points(a), points(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    if (left[i] !== right[i]) return left[i] - right[i];
  }
  return left.length - right.length;
}

function comparer(list) {
  const sorted = list.closest("table").querySelector("th:is([aria-sort=ascending], [aria-sort=descending])");
  const descending = sorted?.ariaSort === "descending";
  const key = (row) => row.cells[sorted?.cellIndex]?.dataset.key ?? "";       // the number has none
  return (a, b) => {
    const order = compareText(key(a), key(b)) || Number(a.dataset.number) - Number(b.dataset.number);
    return descending ? -order : order;
  };
}

const plural = new Intl.PluralRules(document.documentElement.lang);
const has = (text, words) => words.every((word) => text.includes(word));

function elsewhere(list) {
  const pill = document.getElementById("new-elsewhere");
  const count = Number(pill.dataset.count || 0) + 1;
  pill.dataset.count = count;
  pill.textContent = pill.dataset.label.replace("{}", count);
  pill.hidden = false;
}

function highlight(row) {
  if (!row) return;      // it has gone while it was on its way
  row.classList.remove("fresh");
  void row.offsetWidth;  // starts the animation anew
  row.classList.add("fresh");
}

function take(list, change) {
  const words = list.dataset.words ? list.dataset.words.split(" ") : [];
  const { what, search, before } = change.dataset;
  const old = document.getElementById(`record-${change.dataset.record}`);
  const wasIn = (what === "changed" || what === "deleted") && has(before, words);
  const isIn = what !== "deleted" && has(search, words);
  const page = Number(list.dataset.page);
  const total = document.getElementById("count");
  const count = Number(total.textContent) + Number(isIn) - Number(wasIn);
  total.textContent = count;
  const counted = document.getElementById("counted");
  counted.textContent = plural.select(count) === "one" ? counted.dataset.one : counted.dataset.other;
  const size = Number(list.dataset.size);
  list.dataset.pages = Math.max(1, Math.ceil(count / size));
  const last = page >= Number(list.dataset.pages);

  if (old && !isIn) old.remove();
  if (isIn) {
    const row = change.content.querySelector("tr").cloneNode(true);
    // What is ticked stays so: a morph goes by the attribute, and the property is that of a new node.
    if (old?.querySelector("input[form=ticked]")?.checked) row.querySelector("input[form=ticked]").setAttribute("checked", "");
    const order = comparer(list);
    const rows = [...list.rows].filter((other) => other !== old);
    const next = rows.find((other) => order(row, other) < 0);
    const before_first = next && next === rows[0] && page > 1;
    const after_last = !next && !last && rows.length >= size - 1;
    if ((before_first || after_last) && !(old && rows.length === 0)) {
      if (old) old.remove();
      if (!wasIn || old) elsewhere(list);
    } else if (old && old.nextElementSibling === (next ?? null)) {
      const { id } = row;
      morph(old, row).then(() => {
        const shown = document.getElementById(id);   // unless it has gone meanwhile
        if (shown) highlight(shown);
      });
    } else {
      if (old) old.remove();
      list.insertBefore(row, next ?? null);
      htmx.process(row);
      highlight(row);
    }
  }
  while (list.rows.length > size) list.rows[list.rows.length - 1].remove();
  // A row has left, and others would move up from the next page.
  const short = list.rows.length < Math.min(size, count - (page - 1) * size);
  const left = old && !document.getElementById(old.id);
  if (left && (short || (list.rows.length === 0 && page > 1))) {
    document.dispatchEvent(new CustomEvent("page:refresh"));
  }
  list.closest(".table").hidden = list.rows.length === 0;
  const empty = document.getElementById("empty");
  if (empty) empty.hidden = list.rows.length > 0;
}

function takeAll() {
  const list = document.querySelector("[data-record-list]");
  const changes = document.querySelectorAll("[id^='collection-'][id$='-changes'] > template");
  for (const change of changes) {
    change.remove();
    if ("mark" in change.dataset) document.getElementById(change.dataset.mark)?.replaceWith(change.content.firstElementChild);
    else if (list) take(list, change);
  }
  if (changes.length) document.dispatchEvent(new CustomEvent("list:changed"));
}
document.addEventListener("htmx:after:swap", takeAll);
document.addEventListener("htmx:ws:after:message:incoming", takeAll);
takeAll();

// Ticked rows: how many, all of the page at once, and a range with Shift. Without it they are ticked one by one.
const ticks = () => [...document.querySelectorAll("#rows input[form=ticked]")];
let last = null;

function showTicked() {
  const all = document.querySelector("[data-tick-all]");
  if (!all) return;
  const list = ticks();
  const count = list.filter((tick) => tick.checked).length;
  all.hidden = false;
  all.checked = count > 0 && count === list.length;
  all.indeterminate = count > 0 && count < list.length;
  const said = document.querySelector("[data-ticked]");
  said.textContent = count ? (plural.select(count) === "one" ? said.dataset.one : said.dataset.other).replace("{}", count) : "";
}

document.addEventListener("click", (event) => {
  const tick = event.target.closest("#rows input[form=ticked]");
  if (!tick) return;
  const list = ticks();
  const [from, to] = [list.indexOf(last), list.indexOf(tick)];
  if (event.shiftKey && from >= 0) {
    for (const other of list.slice(Math.min(from, to), Math.max(from, to) + 1)) other.checked = tick.checked;
  }
  last = tick;
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-tick-all]")) for (const tick of ticks()) tick.checked = event.target.checked;
  if (event.target.matches("[data-tick-all], #rows input[form=ticked]")) showTicked();
});
document.addEventListener("reset", (event) => { if (event.target.id === "ticked") setTimeout(showTicked); });
document.addEventListener("list:changed", showTicked);
document.addEventListener("htmx:after:swap", showTicked);
window.addEventListener("pageshow", showTicked);
showTicked();

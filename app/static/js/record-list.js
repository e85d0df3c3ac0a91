// <record-list>: an open list. What happens to records comes into its table: a new one as a row, what the page alone can
// place or take away as a template. Each is taken to where it belongs under this page's search and order; one that
// belongs on another page is told of by a pill, and a page that got a gap fetches itself anew.
import { morph, placesOf, slide } from "./page.js";
import { compareRows, isFound } from "./record-order.js";

// A workspace may get another language while the page is open.
const isOne = (count) => new Intl.PluralRules(document.documentElement.lang).select(count) === "one";

function highlight(row) {
  row.classList.remove("fresh");
  void row.offsetWidth;  // starts the animation anew
  row.classList.add("fresh");
}

function tellOfElsewhere() {
  const pill = document.getElementById("new-elsewhere");
  const count = Number(pill.dataset.count || 0) + 1;
  pill.dataset.count = count;
  pill.textContent = pill.dataset.label.replace("{}", count);
  pill.hidden = false;
}

class RecordList extends HTMLElement {
  #lastTick = null;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("click", (event) => this.#clicked(event), { signal });
    this.addEventListener("change", (event) => this.#changed(event), { signal });
    document.addEventListener("reset", (event) => { if (event.target.id === "ticked") setTimeout(() => this.#showTicked()); }, { signal });
    document.addEventListener("page:refreshed", () => this.#showTicked(), { signal });
    document.addEventListener("page:left", ({ detail }) => { detail.list = [this.scrollLeft, this.scrollTop]; }, { signal });
    document.addEventListener("page:back", ({ detail }) => this.scrollTo(...detail.list ?? []), { signal });
    window.addEventListener("pageshow", () => this.#showTicked(), { signal });
    this.observer = new MutationObserver(() => this.#takeAll());       // before the next frame is drawn
    this.observer.observe(this, { childList: true, subtree: true });
    this.#takeAll();
    this.#showTicked();
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.stop.abort();
  }

  get body() {
    return this.querySelector("tbody");
  }

  // The heading of the column that the list is sorted by: a fresh page compares no other.
  get sorted() {
    return this.querySelector("th:is([aria-sort=ascending], [aria-sort=descending])");
  }

  #takeAll() {
    const pushed = [...this.body.querySelectorAll(":scope > :is(template, tr[data-what])")];
    for (const each of pushed) each.remove();
    const before = placesOf(pushed.length && !this.scrollTop && !scrollY ? this.body.rows : []);
    const { pages } = this.dataset;
    for (const each of pushed) {
      const { mark } = each.dataset;
      if (mark) document.getElementById(mark)?.replaceWith(each.content.firstElementChild);
      else if (each.matches("tr")) this.#take({ ...each.dataset, record: each.id.replace("record-", "") }, each);
      else this.#take(each.dataset, each.content.querySelector("tr"));
    }
    if (!pushed.length) return;
    if (this.dataset.pages !== pages) document.dispatchEvent(new CustomEvent("page:refresh"));   // the pager says how many
    slide(before);
    document.dispatchEvent(new CustomEvent("list:changed"));
    this.#showTicked();
  }

  // `row` is how the record is now.
  #take(change, row) {
    const { body } = this;
    const words = this.dataset.words ? this.dataset.words.split(" ") : [];
    const old = document.getElementById(`record-${change.record}`);
    const [wasIn, isIn] = isFound(change, words);
    const count = this.#countOneMore(Number(isIn) - Number(wasIn));
    const page = Number(this.dataset.page);
    const size = Number(this.dataset.size);
    const isLast = page >= Number(this.dataset.pages);
    if (old && !isIn) old.remove();
    if (isIn) {
      for (const name of ["what", "search", "before"]) delete row.dataset[name];
      const { sorted } = this;
      this.#rearrange(row);
      for (const cell of row.cells) if (cell.cellIndex !== sorted?.cellIndex) delete cell.dataset.key;
      // What is ticked stays so: a morph goes by the attribute, and the property is that of a new node.
      if (old?.querySelector("input[form=ticked]")?.checked) row.querySelector("input[form=ticked]").setAttribute("checked", "");
      const rows = [...body.rows].filter((other) => other !== old);
      const next = this.#nextOf(row, rows);
      const isBeforeFirst = next && next === rows[0] && page > 1;
      const isAfterLast = !next && !isLast && rows.length >= size - 1;
      if ((isBeforeFirst || isAfterLast) && !(old && rows.length === 0)) {
        if (old) old.remove();
        if (!wasIn || old) tellOfElsewhere();
      } else if (old && old.nextElementSibling === (next ?? null)) {
        const { id } = row;
        morph(old, row).then(() => {
          const shown = document.getElementById(id);   // unless it has gone meanwhile
          if (shown) highlight(shown);
        });
      } else {
        if (old) old.remove();
        body.insertBefore(row, next ?? null);
        highlight(row);
      }
    }
    while (body.rows.length > size) body.rows[body.rows.length - 1].remove();
    // A row has left, and others would move up from the next page.
    const isShort = body.rows.length < Math.min(size, count - (page - 1) * size);
    const hasLeft = old && !document.getElementById(old.id);
    if (hasLeft && (isShort || (body.rows.length === 0 && page > 1))) {
      document.dispatchEvent(new CustomEvent("page:refresh"));
    }
    this.hidden = body.rows.length === 0;
    const empty = document.getElementById("empty");
    if (empty) empty.hidden = body.rows.length > 0;
  }

  // What is pushed has all columns: the page takes those that its reader has chosen, after the tick and the number.
  #rearrange(row) {
    const { columns } = this.dataset;
    const cells = [...row.cells];
    if (columns) row.replaceChildren(...["-2", "-1", ...columns.split(" ")].flatMap((at) => cells[Number(at) + 2] ?? []));
  }

  #countOneMore(more) {
    const total = document.getElementById("count");
    const count = (total.dataset.count = Number(total.dataset.count) + more);
    total.textContent = count.toLocaleString(document.documentElement.lang);
    const counted = document.getElementById("counted");
    counted.textContent = isOne(count) ? counted.dataset.one : counted.dataset.other;
    this.dataset.pages = Math.max(1, Math.ceil(count / Number(this.dataset.size)));
    return count;
  }

  // The row that comes after another in this list's order.
  #nextOf(row, rows) {
    const { sorted } = this;
    const place = (each) => ({
      key: each.cells[sorted?.cellIndex]?.dataset.key ?? "",       // the number has none
      number: Number(each.dataset.number),
    });
    return rows.find((other) => compareRows(place(row), place(other), sorted?.ariaSort === "descending") < 0);
  }

  // Ticked rows: how many, all of the page at once, and a range with Shift. Without it they are ticked one by one.
  get #ticks() {
    return [...this.body.querySelectorAll("input[form=ticked]")];
  }

  #showTicked() {
    const all = this.querySelector("[data-tick-all]");
    const ticks = this.#ticks;
    const count = ticks.filter((tick) => tick.checked).length;
    all.hidden = false;
    all.checked = count > 0 && count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
    const said = document.querySelector("[data-ticked]");
    const text = count ? (isOne(count) ? said.dataset.one : said.dataset.other).replace("{}", count) : "";
    if (said.textContent !== text) said.textContent = text;
  }

  #clicked(event) {
    const tick = event.target.closest("tbody input[form=ticked]");
    if (!tick) return;
    const ticks = this.#ticks;
    const [from, to] = [ticks.indexOf(this.#lastTick), ticks.indexOf(tick)];
    if (event.shiftKey && from >= 0) {
      for (const other of ticks.slice(Math.min(from, to), Math.max(from, to) + 1)) other.checked = tick.checked;
    }
    this.#lastTick = tick;
  }

  #changed({ target }) {
    if (target.matches("[data-tick-all]")) for (const tick of this.#ticks) tick.checked = target.checked;
    if (target.matches("[data-tick-all], tbody input[form=ticked]")) this.#showTicked();
  }
}
customElements.define("record-list", RecordList);

// <emoji-picker>: all emoji, searched by name, short name and what belongs to them: for a message, or for the box. It is
// loaded, and what it chooses from too, when it is first opened (js/message-acts.js). The focus stays in its search; the
// arrows lead through the grid, and Enter takes.
import { chooseTone, chosenTone, fetchEmoji, recentEmoji, rememberEmoji } from "./emoji-kept.js";
import { findEmoji, inTone, TONES } from "./emoji-search.js";
import { act, giveBack } from "./message-acts.js";

const COLUMNS = 8;
const EDGE = 8;
const SAMPLE = { emoji: "✋", light: "✋🏻" };

class EmojiPicker extends HTMLElement {
  #rows = [];                    // of the grid, each its cells
  #active = null;
  #groups = null;                // each a list of emoji (js/emoji-search.js)
  #button = null;                // that it was opened for

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.search = this.querySelector("input");
    this.grid = this.querySelector("[role=grid]");
    this.usual = [...this.grid.querySelectorAll("[data-emoji]")].map(({ dataset }) => dataset.emoji);
    this.addEventListener("click", ({ target }) => this.#choose(target.closest("[data-emoji]")), { signal });
    this.addEventListener("mousedown", (event) => { if (event.target !== this.search) event.preventDefault(); }, { signal });
    this.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    this.search.addEventListener("input", () => this.#show(), { signal });
    this.addEventListener("change", ({ target }) => { if (target.name === "tone") this.#chooseTone(target.value); }, { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  // The tone of skin of those that have one, below the grid.
  #offerTones() {
    const [label, ...names] = this.dataset.tones.split("|");
    const choices = names.map((ariaLabel, place) => {
      const value = TONES[place];
      const choice = Object.assign(document.createElement("label"), { title: ariaLabel });
      choice.append(Object.assign(document.createElement("input"), { type: "radio", name: "tone", value, ariaLabel, checked: value === chosenTone() }), inTone(SAMPLE, value));
      return choice;
    });
    this.querySelector(".tones")?.remove();
    const tones = Object.assign(document.createElement("div"), { className: "tones", role: "radiogroup", ariaLabel: label });
    tones.append(Object.assign(document.createElement("span"), { textContent: label, ariaHidden: "true" }), ...choices);
    this.append(tones);
  }

  #chooseTone(tone) {
    const { scrollTop } = this.grid;
    chooseTone(tone);
    this.#show();
    this.grid.scrollTop = scrollTop;
  }

  // Above or below a button; `to` is the address that takes an emoji, else it goes into the box. Which emoji have tones is
  // known when all are there: whoever has chosen a tone is shown none without it.
  async openFor(button, to = "") {
    if (chosenTone()) await this.#load();
    this.dataset.to = to;
    this.#button = button;
    this.search.value = "";
    this.#offerTones();
    this.#show();
    this.showPopover();
    const place = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this;
    const top = place.bottom + 4 + height <= innerHeight - EDGE ? place.bottom + 4 : place.top - height - 4;
    this.style.setProperty("left", `${Math.max(EDGE, Math.min(place.left - 120, innerWidth - width - EDGE))}px`);
    this.style.setProperty("top", `${Math.max(EDGE, Math.min(top, innerHeight - height - EDGE))}px`);
    this.search.focus({ preventScroll: true });
    this.#load();
  }

  async #load() {
    if (this.#groups) return;
    this.#groups = await fetchEmoji(this.dataset.source).catch(() => null);      // what was there stays
    if (!this.#groups) return;
    this.#show();
  }

  #show() {
    const asked = this.search.value.trim();
    const known = new Map((this.#groups ?? []).flat().map((each) => [each.emoji, each]));
    const named = (emoji) => known.get(emoji) ?? { emoji, name: emoji };
    const recent = recentEmoji();
    const usual = this.usual.filter((emoji) => !recent.includes(emoji));
    const found = asked
      ? [["", findEmoji([...known.values()], asked)]]
      : [[this.dataset.recent, recent.map(named)], [this.dataset.usual, usual.map(named)], ...this.dataset.groups.split("|").map((name, place) => [name, this.#groups?.[place] ?? []])];
    this.#rows = [];
    this.grid.replaceChildren(...found.filter(([, items]) => items.length).map(([name, items]) => this.#group(name, items)));
    this.querySelector("[role=status]").textContent = asked && !this.#rows.length ? this.dataset.none : "";
    this.#activate(asked ? this.#rows[0]?.[0] : null);
    this.grid.scrollTop = 0;
  }

  #group(name, items) {
    const group = document.createElement("div");
    group.setAttribute("role", "rowgroup");
    if (name) {
      group.setAttribute("aria-label", name);
      group.dataset.name = name;
    }
    for (let start = 0; start < items.length; start += COLUMNS) {
      const row = document.createElement("div");
      row.setAttribute("role", "row");
      const cells = items.slice(start, start + COLUMNS).map((each, place) => this.#cell(each, `emoji-${this.#rows.length}-${place}`));
      row.append(...cells);
      this.#rows.push(cells);
      group.append(row);
    }
    return group;
  }

  #cell(each, id) {
    const { emoji, name, code } = each;
    const shown = inTone(each, chosenTone());
    const cell = document.createElement("span");
    cell.setAttribute("role", "gridcell");
    cell.id = id;
    cell.dataset.emoji = emoji;
    cell.title = code ? `${name} :${code}:` : name;
    cell.setAttribute("aria-label", name === emoji ? emoji : `${shown} ${name}`);
    cell.textContent = shown;
    return cell;
  }

  #activate(cell) {
    this.#active?.removeAttribute("aria-selected");
    this.#active = cell ?? null;
    if (cell) {
      cell.setAttribute("aria-selected", "true");
      cell.scrollIntoView({ block: "nearest" });
      this.search.setAttribute("aria-activedescendant", cell.id);
    } else this.search.removeAttribute("aria-activedescendant");
  }

  #pressed(event) {
    if (event.isComposing) return;
    const isSearch = event.target === this.search;
    const row = this.#rows.findIndex((cells) => cells.includes(this.#active));
    const column = row < 0 ? 0 : this.#rows[row].indexOf(this.#active);
    const at = (there, place) => this.#rows[there]?.[Math.min(place, this.#rows[there].length - 1)];
    const next = {
      ArrowDown: () => at(row + 1, column),
      ArrowUp: () => at(row - 1, column),
      ArrowRight: () => this.#active && (this.#rows[row][column + 1] ?? at(row + 1, 0)),
      ArrowLeft: () => this.#active && (this.#rows[row][column - 1] ?? at(row - 1, COLUMNS)),
    }[event.key];
    if (next && isSearch && (this.#active || event.key === "ArrowDown")) {
      event.preventDefault();
      const cell = next();
      if (cell) this.#activate(cell);
    } else if (event.key === "Enter" && isSearch) {
      event.preventDefault();
      if (this.#choose(this.#active) && this.dataset.to) giveBack(this.#button);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.hidePopover();
      giveBack(this.#button);
    }
  }

  #choose(cell) {
    if (!cell) return false;
    const emoji = cell.textContent;
    rememberEmoji(cell.dataset.emoji);
    this.hidePopover();
    if (this.dataset.to) act(this.dataset.to, new URLSearchParams({ emoji, on: "1" }));
    else document.querySelector("message-composer")?.insert(emoji);
    return true;
  }
}
customElements.define("emoji-picker", EmojiPicker);

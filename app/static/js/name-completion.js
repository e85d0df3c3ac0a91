// <name-completion>: completes @names in the box of a room, from those who can be mentioned there, and short names of
// emoji (`:ta`). Both are asked for as one types.
import { fetchPage, isComposing } from "./page.js";

const known = new Map();       // names that were found, by what was asked for
const KEPT = 30000;            // ms for which names are known
const STROKED = { "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i" };
const fold = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[łøđħŧı]/g, (letter) => STROKED[letter]);

// Emoji as the picker has them (js/emoji-picker.js), in the language of the page.
const picker = () => document.getElementById("emoji");
let emoji = null;

async function findEmojiOf(word) {
  emoji ??= import("./emoji-kept.js").then(({ loadEmoji }) => loadEmoji(picker().dataset.source));
  try {
    return (await emoji)(word);
  } catch {
    emoji = null;                // asked for again by the next letter
    return [];
  }
}

class NameCompletion extends HTMLElement {
  #asked = 0;
  #menu = null;

  // The box stays as it is when the page fetches itself anew, and this beside it.
  connectedCallback() {
    this.area = document.getElementById("composer-text");
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.area?.addEventListener("input", () => this.#complete(), { signal });
    this.area?.addEventListener("focusout", () => this.#close(), { signal });
    // Before the box takes the key.
    this.area?.form.addEventListener("keydown", (event) => this.#pressed(event), { capture: true, signal });
  }

  disconnectedCallback() {
    this.#close();
    this.stop.abort();
  }

  // What is to be completed: a short name with its colon, or a name without its @, which may have spaces in it.
  get #begun() {
    const before = this.area.value.slice(0, this.area.selectionStart);
    // One of numbers is longer than those of a time of day.
    return /(?:^|[\s(])(:(?:[\p{L}+-][\p{L}\p{N}_+-]{1,30}|\p{N}[\p{L}\p{N}_]{2,30}))$/u.exec(before)?.[1] ?? /(?:^|[\s(])@([^@\n]{0,40})$/.exec(before)?.[1];
  }

  get #marked() { return this.#menu.querySelector("[aria-selected=true]"); }

  #close() {
    this.#asked += 1;
    this.#menu?.remove();
    this.#menu = null;
    for (const name of ["aria-controls", "aria-activedescendant"]) this.area?.removeAttribute(name);
  }

  #mark(index) {
    [...this.#menu.children].forEach((item, place, all) => item.setAttribute("aria-selected", String(place === (index + all.length) % all.length)));
    this.area.setAttribute("aria-activedescendant", this.#marked.id);
  }

  async #find(word) {
    if (word.startsWith(":")) return findEmojiOf(word);
    const address = `/choices/mentions?${new URLSearchParams({ room: this.dataset.room, about: this.dataset.about, q: word })}`;
    if (!known.has(address)) {
      const response = await fetchPage(address, { Accept: "application/json" });
      if (!response.ok) return [];
      known.set(address, (await response.json()).map(({ value, note }) => ({ name: value, note })));
      setTimeout(() => known.delete(address), KEPT);
    }
    return known.get(address);
  }

  async #complete() {
    this.#close();
    const word = this.#begun;
    if (word === undefined) return;
    const mine = this.#asked;
    const found = await this.#find(word).catch(() => []);
    // What came late is about something that is not in the box any more.
    if (mine !== this.#asked || word !== this.#begun) return;
    // The server looks for words. A space after a name that is complete leads to a longer one, or to no other.
    if (word.startsWith(":")) { if (found.length) this.#offer(found, picker().ariaLabel); return; }
    const names = found.filter(({ name }) => fold(name) !== fold(word) && ` ${fold(name)}`.includes(` ${fold(word)}`));
    if (names.length) this.#offer(names.map(({ name, note }) => ({ text: `@${name}`, shown: `@${name}`, note })), this.dataset.label);
  }

  #offer(places, label) {
    const list = document.createElement("ul");
    list.id = "completion";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", label);
    places.forEach(({ text, shown, note }, index) => {
      const item = document.createElement("li");
      item.id = `completion-${index}`;
      item.setAttribute("role", "option");
      item.textContent = shown;
      item.dataset.text = text;
      if (note) {
        const mark = document.createElement("small");
        mark.className = "tag";
        mark.textContent = note;
        item.append(" ", mark);
      }
      item.addEventListener("mousedown", (event) => { event.preventDefault(); this.#take(text); });
      list.append(item);
    });
    this.#menu = list;
    this.area.form.append(list);
    this.area.setAttribute("aria-controls", "completion");
    this.#mark(0);
  }

  #take(text) {
    const { area } = this;
    const begun = this.#begun;
    this.#close();
    if (begun === undefined) return;
    const signs = begun.startsWith(":") ? 0 : 1;   // the @, which is no part of the name
    area.setRangeText(`${text} `, area.selectionStart - begun.length - signs, area.selectionStart, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #pressed(event) {
    if (event.target !== this.area || !this.#menu || isComposing(event)) return;
    const now = [...this.#menu.children].indexOf(this.#marked);
    const take = () => this.#take(this.#marked.dataset.text);
    const close = () => this.#close();
    const does = { ArrowDown: () => this.#mark(now + 1), ArrowUp: () => this.#mark(now - 1), Enter: take, Tab: take, Escape: close }[event.key];
    if (!does || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    does();
  }
}
customElements.define("name-completion", NameCompletion);

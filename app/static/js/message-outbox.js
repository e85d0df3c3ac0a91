// <message-outbox>: what was sent from the box of a place and is not among its messages yet, each in its turn, plainly.
// It goes when the real one is there: that is for the server to say, as another page may have sent something else with
// the same key. Until it has, what the page shows already is not shown twice.
import { isNearEnd } from "./message-position.js";
import { outbox } from "./outbox.js";
import { me } from "./page.js";

// What stays of a text when it is rendered.
const letters = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");

class MessageOutbox extends HTMLElement {
  #sent = new Map();             // key -> entry: the server has it, and the page does not show it yet
  #items = new Map();            // key -> what is shown of it
  #drawn = new WeakMap();        // item -> what it was drawn from
  #said = new Map();             // key -> what was said of it aloud
  #newest = "";                  // the key of which it was said last
  #asked = new Set();            // keys of entries that were sent again as the page shows a message with their key
  #due = false;

  connectedCallback() {
    this.list = this.querySelector("ol");
    this.status = this.querySelector("[role=status]");
    this.stop = new AbortController();
    const { signal } = this.stop;
    outbox.addEventListener("change", () => this.#soon(), { signal });
    outbox.addEventListener("sent", (event) => {
      const { entry } = event.detail;
      if (entry.place === this.dataset.place && !entry.edited) this.#sent.set(entry.key, entry);
    }, { signal });
    this.addEventListener("click", (event) => this.#act(event), { signal });
    // Before the next frame, so that nobody sees both.
    this.observer = new MutationObserver(() => this.#meet());
    this.observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-key"] });
    this.#meet();
    this.show();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.observer.disconnect();
  }

  // The member's own messages in the page, by their keys.
  #there() {
    return new Map([...document.querySelectorAll(`ol.messages > .message[data-author="${me}"]`)].map((item) => [item.dataset.key, item]));
  }

  // A message with the key of one that waits has come into the page: what it is to that one is asked at once.
  #meet() {
    const waiting = outbox.at(this.dataset.place).filter((entry) => !entry.edited);
    if (!waiting.length && !this.#sent.size) return;
    const there = this.#there();
    const met = [...this.#sent.keys()].filter((key) => there.has(key));
    for (const key of met) this.#sent.delete(key);
    const fresh = waiting.filter(({ key, state }) => state === "waiting" && there.has(key) && !this.#asked.has(key));
    for (const { key } of fresh) this.#asked.add(key);
    if (fresh.length) outbox.wake();
    if (met.length || fresh.length) this.show();
  }

  // Once for all that happens at the same moment; before the next frame.
  #soon() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => { this.#due = false; this.show(); });
  }

  show() {
    const entries = [...this.#sent.values(), ...outbox.at(this.dataset.place)].sort((one, other) => one.number - other.number);
    const keys = new Set(entries.map((entry) => entry.key));
    for (const [key, item] of this.#items) if (!keys.has(key)) { item.remove(); this.#items.delete(key); this.#said.delete(key); }
    for (const key of this.#asked) if (!keys.has(key)) this.#asked.delete(key);
    const box = this.closest(".room .scroller");
    const atEnd = box && isNearEnd(box);
    const there = this.#there();
    let added = false;
    for (const [index, entry] of entries.entries()) {
      let item = this.#items.get(entry.key);
      if (!item) {
        item = this.#make(entry);
        this.#items.set(entry.key, item);
        added = true;
      }
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
      this.#update(item, entry);
      const real = entry.state === "waiting" && !entry.edited && there.get(entry.key);
      item.hidden = Boolean(real) && letters(real.querySelector(".text")?.textContent ?? "") === letters(entry.text);
    }
    // What was said holds no more: it is sent, under way again, or taken back.
    if (this.#newest && !this.#said.get(this.#newest)) {
      this.status.textContent = "";
      this.#newest = "";
    }
    if (box && (atEnd || added)) box.scrollTop = box.scrollHeight;
  }

  #make(entry) {
    const item = this.querySelector("template").content.firstElementChild.cloneNode(true);
    item.dataset.key = entry.key;
    const avatar = document.querySelector(".bar .person .avatar")?.cloneNode(true);
    if (avatar) item.prepend(avatar);
    item.classList.toggle("edited", Boolean(entry.edited));
    item.querySelector(".quote").textContent = entry.reply?.who ?? "";
    item.querySelector(".quote").hidden = !entry.reply;
    item.querySelector(".text").textContent = entry.text;
    item.querySelector(".files").append(...(entry.files ?? []).map((file) => {
      const name = document.createElement("li");
      name.className = "file";
      name.textContent = file.name;
      return name;
    }));
    return item;
  }

  // What is said of an entry, and what can be done with it.
  #update(item, entry) {
    const texts = this.dataset;
    const { refusal } = entry;
    const sent = this.#sent.has(entry.key);
    const failed = entry.state === "refused" || entry.tries > 0;
    const underWay = outbox.sending?.entry === entry;
    const box = Boolean(document.querySelector("message-composer"));
    const from = JSON.stringify([entry.state, entry.tries, refusal, sent, underWay, outbox.signedOut, box]);
    if (this.#drawn.get(item) === from) return;
    this.#drawn.set(item, from);
    let state = entry.edited ? texts.saving : texts.sending;
    let why = "";
    if (sent) state = "";
    else if (entry.state === "files") state = texts.bringing;
    else if (failed && !underWay) state = entry.edited ? texts.notSaved : texts.notSent;
    if (outbox.signedOut && entry.state !== "refused") why = outbox.signedOut === true ? texts.signedOut : outbox.signedOut;
    const signIn = item.querySelector("[data-sign-in]");
    signIn.hidden = !outbox.signedOut || entry.state === "refused";
    signIn.href = `/login?why=again&next=${encodeURIComponent(location.pathname + location.search)}`;
    if (refusal) {
      const stored = refusal.stored?.text || texts.deleted;
      why = refusal.what === "stored" ? (entry.edited ? texts.changed : texts.stored).replace("{}", () => stored)
        : refusal.words || (refusal.what === "files" ? texts.lostFiles : "");
      if (refusal.goesOn) why = `${why} ${texts.goesOn}`;
    }
    item.classList.toggle("failed", failed && !sent);
    item.classList.toggle("sent", sent);
    for (const [place, text] of [["[data-state]", state], ["[data-why]", why]]) {
      const line = item.querySelector(place);
      if (line.textContent !== text) line.textContent = text;
    }
    const gone = refusal?.what === "gone";
    const again = item.querySelector("[data-again]");
    const lost = refusal?.lost ?? [];
    const label = !refusal || refusal.what === "words" ? texts.tryAgain
      : refusal.what === "files" ? texts.withoutFiles.replace("{}", () => lost.join(", ")) : gone ? texts.withoutQuote : entry.edited ? texts.replace : texts.anotherMessage;
    if (again.textContent !== label) again.textContent = label;
    const nothingLeft = lost.length > 0 && lost.length === entry.files.length && !entry.text.trim();
    again.hidden = !failed || nothingLeft || (gone && Boolean(entry.edited));
    const stays = failed || entry.state === "files";
    item.querySelector("[data-back]").hidden = !stays || !box;
    item.querySelector("[data-discard]").hidden = !stays || box;
    const said = failed && !sent && (!underWay || refusal) ? `${entry.edited ? texts.notSaved : texts.notSent}. ${why}` : "";
    if (said && this.#said.get(entry.key) !== said) {
      this.status.textContent = `${said} ${entry.text.slice(0, 80)}`;
      this.#newest = entry.key;
    }
    this.#said.set(entry.key, said);
  }

  #act(event) {
    const button = event.target.closest("button");
    const key = button?.closest("li")?.dataset.key;
    const entry = key && outbox.queue.find(key);
    if (!entry) return;
    const box = document.querySelector("message-composer");
    if ("discard" in button.dataset) outbox.discard(key);
    else if ("back" in button.dataset) box?.takeBack(key);
    else if (box) outbox.sendAgain(entry);
    else outbox.tryAgain(entry);
  }
}
customElements.define("message-outbox", MessageOutbox);

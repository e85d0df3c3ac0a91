// What is read of a list of messages. What was on screen in a visible tab is read, from the first to the last of it: not
// what lies before, and was never shown. Who goes to the end on purpose has done with what is between.
import { numberOf } from "./message-lines.js";
import { call, me } from "./page.js";

const PAUSE = 250;

export class Reading {
  #low = Infinity;               // the first and the last one that were on screen
  #seen;
  #said = "";
  #telling = null;
  #ended = false;
  #held;

  constructor(list, held) {
    this.list = list;
    this.#held = held;
    this.#seen = this.told = Number(list.dataset.read);
  }

  see(item) {
    this.#seen = Math.max(this.#seen, numberOf(item));
    this.#low = Math.min(this.#low, numberOf(item));
  }

  #since() {
    let item = this.list.querySelector(`:scope > .message[data-number="${this.#low}"]`)?.previousElementSibling;
    for (; item?.dataset.author === me; item = item.previousElementSibling) this.#low = numberOf(item);
    return new URLSearchParams(location.search).get("at") === "end" ? 0 : this.#low;
  }

  // For js/sidebar-rooms.js: whether what comes now is read in a moment.
  note(stuck) {
    const reading = stuck && !this.#held && this.#since() <= this.told + 1 ? "yes" : "";
    if (this.list.dataset.reading !== reading) this.list.dataset.reading = reading;
  }

  tell() {
    if (this.#held || document.hidden || this.#seen <= this.told || this.#telling) return;
    this.#telling = setTimeout(() => {
      this.#telling = null;
      if (this.#held || document.hidden) return;
      const [number, from] = [this.#seen, this.#since()];
      if (this.#said === `${from} ${number}`) return;
      this.#said = `${from} ${number}`;
      call(`/chat/${this.list.dataset.slug}/read`, new URLSearchParams({ number, since: from })).then((response) => {
        if (!response.ok) throw new Error(response.statusText);
        if (this.#ended) return;
        if (from <= this.told + 1) this.told = Math.max(this.told, number);
        this.tell();
      }).catch(() => { this.#said = ""; });
    }, PAUSE);
  }

  // What comes after a message is to be unread, though it is on screen.
  hold(number) {
    this.#held = true;
    this.told = number;
  }

  // Another page has come.
  end() {
    this.#ended = true;
    clearTimeout(this.#telling);
  }
}

// What comes is said to those to whom the page is read. Messages of one moment are said together: one with its words,
// several as a number.
const MOMENT = 1000;
const MOST_SAID = 200;

export class Spoken {
  #waiting = [];

  constructor(element) { this.element = element; }

  say(item) {
    if (this.#waiting.push(item) === 1) setTimeout(() => this.#tell(), MOMENT);
  }

  #tell() {
    const [first, ...others] = this.#waiting.splice(0);
    const place = this.element.querySelector(":scope > [data-spoken]");
    if (!place) return;
    const words = [".meta b", ".text"].map((part) => first.querySelector(part)?.textContent.trim().slice(0, MOST_SAID));
    place.textContent = others.length ? place.dataset.spoken.replace("{}", others.length + 1) : words.filter(Boolean).join(": ");
  }
}

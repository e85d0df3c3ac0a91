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

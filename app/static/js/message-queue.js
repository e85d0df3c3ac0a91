// What a tab has to send, and in which order. No page, no store, no network: those are in
// outbox.js. An entry never changes its text, answered message and files: what is taken back becomes another one.

const SHORTEST = 1000;           // ms until the second try; each further wait is twice as long
const LONGEST = 30000;

export function delay(tries, chance = Math.random()) {
  return Math.min(LONGEST, SHORTEST * 2 ** (tries - 1)) * (0.7 + 0.6 * chance);
}

// Whether two entries say the same. A key alone does not tell: pages that show one draft begin with the same.
export function isSame(one, other) {
  const said = ({ key, place, edited, text, reply, files }) =>
    JSON.stringify([key, place, edited ?? "", text.trim(), reply?.id ?? 0, (files ?? []).map((file) => file.id).sort((a, b) => a - b)]);
  return said(one) === said(other);
}

// What a message says while files of it are missing: why those did not come that failed so far (null: it is on its
// way), a line each. It `goesOn` as long as all of them may come.
export function sayMissing(errors) {
  const failed = errors.filter(Boolean);
  return {
    words: failed.map(({ message }) => message).join("\n"),
    goesOn: errors.length > 0 && failed.every(({ goesOn }) => goesOn),
  };
}

export class MessageQueue {
  entries = [];                  // by `number`, which grows

  add(entry) {
    const last = this.entries.at(-1);
    entry.number = Math.max(entry.number ?? 0, last ? last.number + 1 : 1);
    this.entries.push({ tries: 0, state: "waiting", ...entry });
    return this.entries.at(-1);
  }

  find(key) { return this.entries.find((entry) => entry.key === key); }

  at(place) { return this.entries.filter((entry) => entry.place === place); }

  // The next one to be sent. One that waits for its files holds up those behind it in its place; one that was refused
  // holds up nothing.
  next() {
    const held = new Set();
    for (const entry of this.entries) {
      if (entry.state === "files") held.add(entry.place);
      if (entry.state === "waiting" && !held.has(entry.place)) return entry;
    }
    return undefined;
  }

  failed(entry) { entry.tries += 1; }

  // Its files are here.
  ready(entry) { Object.assign(entry, { state: "waiting", refusal: null }); }

  refused(entry, refusal) { Object.assign(entry, { state: "refused", refusal }); }

  again(entry) {
    if (entry.state === "refused") this.ready(entry);
  }

  remove(key) {
    const entry = this.find(key);
    this.entries = this.entries.filter((each) => each !== entry);
    return entry;
  }
}

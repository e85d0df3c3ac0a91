// The lease of a lock, as the page that edits knows it: whether it certainly runs, and when it is to be renewed. The server
// decides everything; docs/live.md tells the calls. Needs no page.
import { RETRY_AFTER } from "./tries.js";

const RENEW_EVERY = 6000;        // well within the lease, so that a blip of 20 s keeps the lock

// The page's own clock, which nobody sets. It stands still while the machine sleeps, so a lease asks the other one, too.
const readClocks = () => [performance.now(), Date.now()];

// A proof is the lock's token, which everybody may know, and what only the page that has taken it knows.
export const tokenOf = (proof) => proof.split("-")[0];

// For so many seconds the edit page, opened again in this tab, goes on with the lock.
export function keepLockFor({ address, proof }, seconds) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `editing=${tokenOf(proof)}; path=${address}/edit; max-age=${seconds}; samesite=strict${secure}`;
}

// What the answer to a renewal means.
export function verdictOf(status) {
  if (status === 204) return "held";
  return [403, 404, 409].includes(status) ? "lost" : "again";
}

export class Lease {
  #confirmed;                    // what the clocks said when it was asked for that was given last
  #renewAt = 0;                  // the first renewal is at once: it makes the lease of a page without scripts a short one

  constructor(duration, clocks = readClocks) {
    this.duration = duration;
    this.clocks = clocks;
    this.#confirmed = clocks();
  }

  get isRunning() {
    return this.clocks().every((now, index) => now >= this.#confirmed[index] && now - this.#confirmed[index] < this.duration);
  }

  get isDue() {
    return this.clocks()[0] >= this.#renewAt || !this.isRunning;
  }

  // It runs from when it was asked for, as nobody knows how long the answer took.
  confirm(asked) {
    this.#confirmed = asked;
    this.#renewAt = this.clocks()[0] + RENEW_EVERY;
  }

  tryAgain() {
    this.#renewAt = this.clocks()[0] + RETRY_AFTER;
  }
}

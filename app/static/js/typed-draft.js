// What is typed and not saved: when it is sent to be kept as a draft, and whether the server has it. Needs no page. Whoever
// has one asks every moment whether it `isDue`: so no try has to plan the next one.
import { RETRY_AFTER } from "./tries.js";

const PAUSE = 1000;              // it is sent this long after the last key …
const REFUSED = [413, 422];      // what is not taken, however often it is sent
const AT_MOST = 4000;            // … or this long after the first one that was not sent

// Whether the server has it: null when a newer page has settled the draft or has written its own, false when it has to be
// sent again.
export function isKept(status) {
  if (status === 204) return true;
  return [403, 404, 409, 422].includes(status) ? null : false;
}

export class TypedDraft {
  #unsent = 0;                   // when the first key was typed that was not sent, or had no answer
  #under = 0;                    // when the first of those was that are on their way
  #changed = 0;                  // when the last one was
  #sending = null;
  #stop = null;
  #restsUntil = 0;               // after a try that failed
  #isLate = false;               // a part of what was overdue has come, and not yet what was typed since
  #isTooLong = false;            // the server does not take what is typed, however often it is sent

  // `send(late, signal)` gives the status of the answer.
  constructor(send, clock = () => performance.now()) {
    this.send = send;
    this.clock = clock;
  }

  note() {
    this.#changed = this.clock();
    this.#unsent ||= this.#changed;
    this.#isTooLong = false;
  }

  // The page came as an answer, with what was typed before: the server keeps that itself.
  beginKept() {
    this.#changed = this.clock();
  }

  get isTyped() {
    return this.#changed > 0;
  }

  // Whether something is typed that the server has not confirmed.
  get isPending() {
    return Boolean(this.#unsent || this.#sending);
  }

  get isTooLong() {
    return this.#isTooLong;
  }

  // The try that is on its way.
  get sending() {
    return this.#sending;
  }

  get isDue() {
    const now = this.clock();
    return this.#unsent > 0 && !this.#isTooLong && !this.#sending && now >= this.#restsUntil && (now - this.#changed >= PAUSE || now - this.#unsent >= AT_MOST);
  }

  // From then on until the server has all of it, also while it is on its way once more.
  get isOverdue() {
    const since = this.#under || this.#unsent;
    return since > 0 && (this.#isLate || this.clock() - since >= AT_MOST + RETRY_AFTER);
  }

  // One at a time. Whether the server has all of it, as `isKept` says.
  async flush(late = false) {
    while (this.#sending) await this.#sending;
    if (!this.#unsent) return true;
    this.#under = this.#unsent;
    this.#unsent = 0;
    this.#sending = this.#ask(late).then((kept) => {
      this.#isLate = this.isOverdue;
      if (!kept) {
        this.#unsent = this.#under;
        this.#restsUntil = this.clock() + RETRY_AFTER;
      } else if (!this.#unsent) this.#isLate = false;
      this.#under = 0;
      this.#sending = null;
      return kept;
    });
    return this.#sending;
  }

  // What is on its way: something else takes all of it along, or can't wait for it.
  giveUp() {
    this.#stop?.abort();
  }

  async #ask(late) {
    const changed = this.#changed;
    this.#stop = new AbortController();
    try {
      const status = await this.send(late, this.#stop.signal);
      this.#isTooLong = REFUSED.includes(status) && changed === this.#changed;
      return isKept(status);
    } catch { return false; }
  }
}

// What is typed and not saved: when it is sent to be kept as a draft, and whether the server has it. Needs no page.
import { RETRY_AFTER } from "./editing-lease.js";

const PAUSE = 1000;              // it is sent this long after the last key …
const TOO_LONG = 413;
const AT_MOST = 4000;            // … or this long after the first one that was not sent

// Whether the server has it: null when a newer page has settled the draft or has written its own, false when it has to be
// sent again.
export function isKept(status) {
  if (status === 204) return true;
  return [403, 404, 409, 422].includes(status) ? null : false;
}

export class TypedDraft {
  #unsent = 0;                   // when the first key was typed that the server does not have
  #changed = 0;                  // when the last one was
  #sending = null;
  #isTooLong = false;            // the server does not take what is typed, however often it is sent

  // `send(late)` gives the status of the answer.
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

  get isDue() {
    const now = this.clock();
    return this.#unsent > 0 && !this.#isTooLong && !this.#sending && (now - this.#changed >= PAUSE || now - this.#unsent >= AT_MOST);
  }

  get isOverdue() {
    return this.#unsent > 0 && this.clock() - this.#unsent >= AT_MOST + RETRY_AFTER;
  }

  // One at a time. Whether the server has all of it, as `isKept` says.
  async flush(late = false) {
    while (this.#sending) await this.#sending;
    if (!this.#unsent) return true;
    const since = this.#unsent;
    this.#unsent = 0;
    this.#sending = this.#ask(late).then((kept) => {
      if (!kept) this.#unsent = since;
      this.#sending = null;
      return kept;
    });
    return this.#sending;
  }

  async #ask(late) {
    const changed = this.#changed;
    try {
      const status = await this.send(late);
      this.#isTooLong = status === TOO_LONG && changed === this.#changed;
      return isKept(status);
    } catch { return false; }
  }
}

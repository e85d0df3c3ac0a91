// What is typed on an edit page and the server has not confirmed, as the page keeps it in its tab; and what an earlier
// page has left there.
import { askBeforeClosing } from "./leaving.js";
import { isKept } from "./typed-draft.js";
import { forgetUnsent, keepUnsent, sendUnsent, unsentOf } from "./unsent.js";

const PAUSE = 300;               // what is typed is in the tab after this long

export class KeptTyping {
  #timer = null;
  #kept = null;
  #sent = "";                    // what the form had as it was sent …
  #answered = "";                // … and that there was an answer to

  // `read` gives what is typed and not confirmed: its address, token and body; null when there is nothing.
  constructor(read) { this.read = read; }

  note() { this.#timer ??= setTimeout(() => this.keep(), PAUSE); }

  // Whether it outlives the page.
  keep() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const before = this.#kept;
    this.#kept = this.read();
    const isThere = !this.#kept || keepUnsent(this.#kept);
    if (before && before.token !== this.#kept?.token) forgetUnsent(before);
    return isThere;
  }

  // The page that came in this one's place goes on with it.
  end() { clearTimeout(this.#timer); }

  send(body) { this.#sent = body; }

  // What was sent is in the answer: it is saved, kept as a draft, or shown again.
  hear({ request, response }) {
    if (request.method === "GET" || !this.#sent || response.status >= 500 || !response.raw.headers.has("X-Page")) return;
    this.#answered = this.#sent;
    this.keep();
  }

  isAnswered(body) { return this.#answered !== "" && this.#answered === body; }

  hasMoreThanSent(body) { return this.#sent !== "" && this.#sent !== body; }

  // The last call has an answer: whether the server has it now.
  settle(status) {
    if (this.#kept && isKept(status)) forgetUnsent(this.#kept);
  }
}

// What no beacon takes along is in the tab, and goes with it.
askBeforeClosing(() => [...document.querySelectorAll("record-editor")].some((editor) => editor.isTooLongToLeave));

// What earlier pages have left of a record is sent: the bodies that the server has now; null when there was no answer to
// some, false when there was nothing to send.
export async function bringUnsent(address, token) {
  const left = unsentOf(address).filter((typed) => typed.token !== token);
  if (!left.length) return false;
  const sent = await Promise.all(left.map((typed) => sendUnsent(typed).catch(() => false)));
  return sent.includes(false) ? null : left.filter((_, index) => sent[index]).map(({ body }) => body);
}

// Whether two bodies have the same in the fields of a record. Beside a moment stands in which zone it was typed, and what
// the record had, which is not what was typed.
export function areSame(one, other) {
  const read = (body) => String([...new URLSearchParams(body)].filter(([name, value], index, all) => (
    /^f\d+$/.test(name) && !(value.startsWith("@") && all[index - 1]?.[0] === name)
  )));
  return read(one) === read(other);
}

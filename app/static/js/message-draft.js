// What is being typed in a box, as a draft on the server, a second after the last key. There a place has one draft, and
// the tab that typed last has it.
import { askBeforeClosing } from "./leaving.js";
import { outbox } from "./outbox.js";
import { call } from "./page.js";
import { allKept, keep, kept } from "./tab-store.js";
import { MESSAGE_WITHIN, patienceFor } from "./tries.js";

const AFTER = 1000;
const AGAIN_AFTER = 5000;
const KEPT_ALIVE = 30000;        // bytes that a browser sends on when the page is left

export class MessageDraft {
  #timer = null;
  #turn = Promise.resolve();     // drafts go one after another: the last one typed is the last one kept

  constructor(composer) { this.composer = composer; }

  soon(delay = AFTER) { this.#timer ??= setTimeout(() => this.now(), delay); }

  drop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  now() {
    if (this.#timer === null) return;
    this.drop();
    const { draft } = this.composer;
    if (draft) this.#turn = this.#turn.then(() => this.#keep(draft));
  }

  async #keep(draft) {
    const { composer } = this;
    const body = new URLSearchParams(draft);
    const same = () => composer.draft?.key === draft.key;
    if (outbox.queue.find(draft.key)) return;              // sent meanwhile
    try {
      const response = await call(`${composer.place}/draft`, body, {
        signal: AbortSignal.timeout(patienceFor(body, MESSAGE_WITHIN)),
        keepalive: body.toString().length < KEPT_ALIVE,
      });
      if (!same()) return;
      if (response.status === 409) composer.sentElsewhere(await response.json());
      else if (!response.ok) this.#miss(draft, response.status === 429 || response.status >= 500);
      else if (new URLSearchParams(composer.draft).toString() === body.toString()) composer.keepHere(true);
    } catch {
      if (same()) this.#miss(draft, true);
    }
  }

  // The tab alone has it, for good or until the next try.
  #miss({ text, key }, again) {
    const here = kept("typed", this.composer.place);
    if (here?.key === key && here.text === text) keep("typed", this.composer.place, { ...here, missed: true });
    if (again && this.composer.isConnected) this.soon(AGAIN_AFTER);
  }
}

askBeforeClosing(() => allKept("typed").some(({ text, missed }) => missed && text.trim()));

// The message of one's own that is rewritten in a box. What was in the box comes back afterwards. A rewrite that is neither
// saved nor cancelled is kept in the tab.
import { askBeforeClosing } from "./leaving.js";
import { outbox } from "./outbox.js";
import { fetchPage } from "./page.js";
import { allKept, forget, keep, kept } from "./tab-store.js";
import { makeKey } from "./tries.js";

const KIND = "rewrite";

// Whether a message was deleted, as far as the page shows it; else undefined.
function isShownDeleted(address) {
  const shown = document.querySelector(`ol.messages > .message[data-number="${address.split("/").at(-1)}"]`);
  return shown ? shown.querySelector(".deleted") !== null : undefined;
}

async function isGone(address) {
  try {
    return isShownDeleted(address) ?? (await fetchPage(`${address}/edit`)).status === 404;
  } catch {
    return false;
  }
}

// One whose message was deleted: nobody can ask for it by rewriting that again.
async function findOrphan(place) {
  for (const rewrite of allKept(KIND)) if (rewrite.place === place && await isGone(rewrite.address)) return rewrite;
  return null;
}

const addressOf = (message) => message.querySelector("[data-edit]").getAttribute("href").replace(/\/edit$/, "");

export class MessageRewriting {
  #message = null;               // { address, edits, named, stored, before, withFiles }: by which names it mentions, its text, and what was in the box
  #awaited = null;               // the key of a message that is to be rewritten as soon as it is there

  constructor(composer) { this.composer = composer; }

  // The address of the message, if one is rewritten.
  get address() { return this.#message?.address; }

  // A rewrite stays in the box until it is saved or cancelled: nothing else takes its place. Says so.
  holds() {
    const { composer } = this;
    if (!this.#message || composer.area.value === this.#message.stored) return false;
    composer.say(composer.form.dataset.editFirst);
    composer.focusEnd();
    return true;
  }

  async open(address) {
    const { composer } = this;
    if (this.address === address) return composer.area.focus();
    if (this.holds()) return;
    const waiting = outbox.at(composer.place).find((entry) => entry.edited === address);
    if (waiting) return composer.takeBack(waiting.key);
    try {
      const response = await fetchPage(`${address}/edit`);
      if (!response.ok || response.redirected) throw new Error(response.status);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!composer.isConnected || this.holds()) return;
      const stored = Object.fromEntries(["text", "edits", "named"].map((name) => [name, page.querySelector(`.form [name=${name}]`).value]));
      this.start(address, { ...stored, ...kept(KIND, address), stored: stored.text }, page.querySelector("h1").textContent);
      composer.focusEnd();
    } catch {
      composer.say(composer.form.dataset.notDone);
    }
  }

  // The last message of one's own. One that is on its way can be rewritten when it is there.
  openLast() {
    const { composer } = this;
    const waiting = outbox.at(composer.place).filter((entry) => !entry.edited).at(-1);
    if (waiting?.tries || waiting?.state === "refused") return composer.takeBack(waiting.key);
    const own = [...document.querySelectorAll("ol.messages > .mine:has(.text)")].pop();
    const key = waiting?.key ?? [...document.querySelectorAll("message-outbox .outgoing.sent")].at(-1)?.dataset.key;
    if (key) this.#awaited = key;
    else if (own) this.open(addressOf(own));
  }

  openAwaited() {
    const own = this.#awaited && document.querySelector(`ol.messages > .mine[data-key="${CSS.escape(this.#awaited)}"]`);
    if (!own) return;
    this.#awaited = null;
    this.open(addressOf(own));
  }

  awaitNone() { this.#awaited = null; }

  start(address, { text, edits, named, stored }, heading = this.composer.form.dataset.editing) {
    const { composer } = this;
    const before = this.#message?.before ?? composer.content;
    composer.drafts.now();
    const item = [...document.querySelectorAll(".message [data-edit]")].find((link) => link.getAttribute("href") === `${address}/edit`);
    this.#message = { address, edits, named, stored, before, withFiles: Boolean(item?.closest(".message").querySelector(".files")) };
    composer.answering.show({ id: "", who: heading });
    composer.write(text);
    composer.say("");
    this.lookForDeleted();
  }

  stop() {
    const { address, before } = this.#message;
    this.#message = null;
    forget(KIND, address);
    this.composer.put(before);
  }

  send(text) {
    const { composer } = this;
    const { address, edits, named, withFiles } = this.#message;
    if (!text.trim() && !withFiles) return composer.say(composer.form.dataset.empty);
    outbox.add({ key: makeKey(), place: composer.place, edited: address, edits, named, text, files: [], instead: [] });
    this.stop();
  }

  keepHere(text) {
    const { address, edits, named, stored } = this.#message;
    if (text === stored) forget(KIND, address);
    else keep(KIND, address, { address, place: this.composer.place, text, edits, named });
  }

  // One that was left here, and whose message was deleted meanwhile.
  async bringOrphan() {
    const { composer } = this;
    const rewrite = await findOrphan(composer.place);
    if (!rewrite || !composer.isConnected || this.#message || composer.touched) return;
    this.start(rewrite.address, rewrite);
    composer.say(composer.form.dataset.editedGone);
  }

  // Its message was deleted meanwhile: that is said, and nothing typed goes.
  lookForDeleted() {
    const { composer } = this;
    if (this.#message && isShownDeleted(this.address)) composer.say(composer.form.dataset.editedGone);
  }
}

askBeforeClosing(() => allKept(KIND).length > 0);

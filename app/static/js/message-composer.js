// <message-composer>: the box of a room or a discussion. Enter empties it at once and gives what was in it to the
// outbox. What is being typed is kept in the tab until it is sent or emptied, and on the server as a draft.
import { MessageDraft } from "./message-draft.js";
import { MessageFiles, filesOnTheirWay } from "./message-files.js";
import { findOrphan, forgetRewrite, isShownDeleted, keepRewrite, rewriteOf } from "./message-rewrites.js";
import { makeKey, outbox } from "./outbox.js";
import { call, fetchPage, isComposing } from "./page.js";
import { forget, keep, kept } from "./tab-store.js";

const NEAR_THE_END = 500;        // characters left when the counter shows
const lengthOf = (value) => [...value.trim()].length;     // as the server counts: an emoji of one code point is one

class MessageComposer extends HTMLElement {
  #editing = null;               // { address, edits, named, stored, before }: the message that is edited, by which names it mentions, its text, and what was in the box
  #instead = [];                 // keys of what was taken back into the box, and may have been sent all the same
  #drafts = new MessageDraft(this);
  #typedAt = 0;
  #touched = false;              // whether anything was typed since the box was opened or emptied
  #opened = false;
  #editNext = null;              // the key of a message that is to be edited as soon as it is there

  connectedCallback() {
    this.form = this.querySelector("form");
    this.area = this.querySelector("textarea");
    this.place = new URL(this.form.action).pathname;
    this.files ??= new MessageFiles(this);
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.files.listen(signal);
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.send();
    }, { capture: true, signal });
    this.area.addEventListener("input", () => this.#typed(), { signal });
    this.area.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    document.addEventListener("click", (event) => this.#clicked(event), { capture: true, signal });
    document.addEventListener("composer:say", (event) => this.say(event.detail), { signal });
    document.addEventListener("list:changed", () => { this.#lookForDeleted(); this.#editWaited(); }, { signal });
    document.addEventListener("page:refreshed", () => this.#lookForDeleted(), { signal });
    document.addEventListener("htmx:before:request", () => this.#drafts.now(), { signal });
    window.addEventListener("pagehide", () => this.#drafts.now(), { signal });
    if (!this.#opened) this.#open();
    this.#opened = true;
  }

  disconnectedCallback() {
    this.#drafts.now();
    this.stop.abort();
  }

  // What this tab has typed here comes first, unless it was gone on with elsewhere. What is being sent is not in the box.
  #open() {
    const here = kept("typed", this.place);
    const drafted = this.area.value;
    if (here && !(here.drafted && this.#goesOnFrom(here.text))) this.#put(here);
    const waiting = outbox.queue.find(this.key);
    if (waiting && this.#goesOnFrom(waiting.text)) this.#anotherKey();
    else if (waiting) this.#empty();
    else if (here && (!here.drafted || !drafted)) this.#drafts.soon(0);      // another tab's is not replaced unasked
    this.files.leaveOut(filesOnTheirWay(this.place));
    this.area.setSelectionRange(this.area.value.length, this.area.value.length);
    this.#grow();
    this.#lookForDeleted();
    this.#bringOrphan();
  }

  // What the server keeps for the member. A rewrite is none: it is this tab's alone.
  get draft() {
    return this.#editing ? null : { text: this.area.value, key: this.key, reply: this.form.elements.reply.value };
  }

  // The address of the message that is edited, if one is.
  get rewriting() { return this.#editing?.address; }

  get key() { return this.form.elements.key.value; }

  get reply() {
    const id = Number(this.form.elements.reply.value);
    return id ? { id, who: this.querySelector("[data-answered]").textContent } : null;
  }

  say(words) {
    const line = this.querySelector("[data-error]");
    line.hidden = !words;
    line.textContent = words || "";
    this.querySelector("#composer-error")?.remove();
  }

  #grow() {
    const { area } = this;
    area.rows = Math.min(10, Math.max(1, area.value.split("\n").length, Math.ceil(area.value.length / Math.max(20, area.clientWidth / 9))));
    const left = Number(this.form.dataset.limit) - lengthOf(area.value);
    const counter = this.querySelector(".counter");
    counter.textContent = left >= NEAR_THE_END ? "" : (left < 0 ? this.form.dataset.over : this.form.dataset.left).replace("{}", Math.abs(left));
    counter.classList.toggle("over", left < 0);
  }

  #write(text) {
    this.area.value = text;
    this.#grow();
  }

  #answer(reply) {
    this.form.elements.reply.value = reply?.id || "";
    this.querySelector(".answering").hidden = !reply && !this.#editing;
    this.querySelector("[data-reply-to]").hidden = Boolean(this.#editing);
    this.querySelector("[data-answered]").textContent = reply?.who || "";
    this.querySelector("[data-answered-gone]").hidden = true;
    if (reply) this.#lookForDeleted();
  }

  #put({ text, key, reply, instead }) {
    this.form.elements.key.value = key;
    this.#instead = instead ?? [];
    this.#answer(reply);
    this.#write(text);
  }

  #empty() {
    forget("typed", this.place);
    this.#put({ text: "", key: makeKey(), reply: null });
    this.#touched = false;
    this.#typedAt = 0;           // whoever goes on typing is said to, at once
  }

  // `drafted` is whether the server had it, too. It knows nothing of what was taken back.
  keepHere(drafted = false) {
    const { place, reply } = this;
    const text = this.area.value;
    if (this.#editing) {
      const { address, edits, named, stored } = this.#editing;
      if (text === stored) forgetRewrite(address);
      else keepRewrite({ address, place, text, edits, named });
    } else if (drafted && !text.trim() && !reply && !this.#instead.length) forget("typed", place);
    else keep("typed", place, { text, key: this.key, reply, instead: this.#instead, drafted });
  }

  // From another page of the same member, which had the draft: what was typed here since is another message. What
  // the tab had kept may be the beginning of what was sent. Of one that was deleted nobody knows what it said.
  sentElsewhere(stored) {
    const here = this.area.value.trim();
    if (!stored.deleted && (stored.text === here || (!this.#touched && stored.text.startsWith(here)))) this.#empty();
    else this.#anotherKey();
  }

  // Whether the box has words after a text.
  #goesOnFrom(text) {
    const here = this.area.value.trim();
    return here !== text.trim() && here.startsWith(text.trim());
  }

  #anotherKey() {
    this.form.elements.key.value = makeKey();
    this.keepHere();
    this.#drafts.soon(0);
  }

  send() {
    const text = this.area.value;
    const length = lengthOf(text);
    if (length > Number(this.form.dataset.limit)) return this.say(this.form.dataset.tooLong.replace("{}", length));
    this.say("");
    if (this.#editing) this.#sendEdit(text);
    else {
      const { files, arrivals } = this.files.take();
      if (!text.trim() && !files.length) return;
      outbox.add({ key: this.key, place: this.place, text, reply: this.reply, files, instead: this.#instead }, arrivals);
      this.#drafts.drop();
      this.#empty();
      if (location.search) history.replaceState(history.state, "", location.pathname);
    }
    this.area.focus();
  }

  #sendEdit(text) {
    const { address, edits, named, withFiles } = this.#editing;
    if (!text.trim() && !withFiles) return this.say(this.form.dataset.empty);
    outbox.add({ key: makeKey(), place: this.place, edited: address, edits, named, text, files: [], instead: [] });
    this.#stopEditing();
  }

  // A rewrite stays in the box until it is saved or cancelled: nothing else takes its place.
  #isRewriting() {
    if (!this.#editing || this.area.value === this.#editing.stored) return false;
    this.say(this.form.dataset.editFirst);
    this.#focusEnd();
    return true;
  }

  // An entry of the outbox comes back into the box, before what is in it.
  takeBack(key) {
    if (this.#isRewriting()) return;
    const entry = outbox.takeBack(key);
    if (!entry) return;
    if (entry.edited && entry.refusal?.what !== "gone") {
      this.#startEditing(entry.edited, { text: entry.text, edits: entry.refusal?.stored?.edits ?? entry.edits, named: entry.named });
    } else {
      if (this.#editing) this.#stopEditing();
      const stored = entry.refusal?.what === "stored";    // what is there instead was said already
      const instead = [...(stored ? [] : entry.instead), ...(entry.edited || stored ? [] : [entry.key])];
      const text = [entry.text, this.area.value].filter((each) => each.trim()).join("\n");
      this.files.put(entry.files);
      // A file that was refused for what it is would be refused again.
      const { attachAgain, notSent } = this.form.dataset;
      const { lost = [], words = "" } = entry.refusal ?? {};
      const refused = words.endsWith(notSent) ? "" : words;
      const missing = lost.filter((name) => !refused.startsWith(`${name}: `));
      const again = missing.length ? attachAgain.replace("{}", () => missing.join(", ")) : "";
      if (lost.length) this.say(`${refused} ${again}`.trim());
      this.#put({ text, key: makeKey(), reply: this.reply ?? entry.reply, instead: [...new Set([...this.#instead, ...instead])] });
      this.#drafts.soon();
    }
    this.keepHere();
    this.#focusEnd();
  }

  // What was refused is not changed: it becomes another entry, as what was refused of it was.
  sendAgain(entry) {
    const { refusal } = entry;
    if (entry.edited && refusal?.what === "stored") outbox.tryAgain(entry, { edits: refusal.stored.edits });
    else if (refusal && refusal.what !== "words") {
      outbox.takeBack(entry.key);
      const files = entry.files.filter((file) => file.id);
      const { place, text } = entry;
      const before = refusal.what === "stored" ? [] : entry.instead;
      const instead = refusal.stored?.key === entry.key ? [] : [...before, entry.key];     // so that their drafts go with it
      outbox.add({ key: makeKey(), place, text, files, reply: refusal.what === "gone" ? null : entry.reply, instead });
    } else outbox.tryAgain(entry);
    return true;
  }

  // Editing one's own message. What was in the box comes back afterwards.
  async #edit(address) {
    if (this.#editing?.address === address) return this.area.focus();
    if (this.#isRewriting()) return;
    const waiting = outbox.at(this.place).find((entry) => entry.edited === address);
    if (waiting) return this.takeBack(waiting.key);
    try {
      const response = await fetchPage(`${address}/edit`);
      if (!response.ok || response.redirected) throw new Error(response.status);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!this.isConnected || this.#isRewriting()) return;
      const stored = Object.fromEntries(["text", "edits", "named"].map((name) => [name, page.querySelector(`.form [name=${name}]`).value]));
      this.#startEditing(address, { ...stored, ...rewriteOf(address), stored: stored.text }, page.querySelector("h1").textContent);
      this.#focusEnd();
    } catch {
      this.say(this.form.dataset.notDone);
    }
  }

  #startEditing(address, { text, edits, named, stored }, heading = this.form.dataset.editing) {
    const before = this.#editing?.before ?? { text: this.area.value, key: this.key, reply: this.reply, instead: this.#instead };
    this.#drafts.now();
    const item = [...document.querySelectorAll(".message [data-edit]")].find((link) => link.getAttribute("href") === `${address}/edit`);
    this.#editing = { address, edits, named, stored, before, withFiles: Boolean(item?.closest(".message").querySelector(".files")) };
    this.#answer({ id: "", who: heading });
    this.#write(text);
    this.say("");
    this.#lookForDeleted();
  }

  // One that was left here, and whose message was deleted meanwhile.
  async #bringOrphan() {
    const rewrite = await findOrphan(this.place);
    if (!rewrite || !this.isConnected || this.#editing || this.#touched) return;
    this.#startEditing(rewrite.address, rewrite);
    this.say(this.form.dataset.editedGone);
  }

  #stopEditing() {
    const { address, before } = this.#editing;
    this.#editing = null;
    forgetRewrite(address);
    this.#put(before);
  }

  #focusEnd() {
    this.area.focus();
    this.area.setSelectionRange(this.area.value.length, this.area.value.length);
  }

  // The message that is answered or edited is deleted meanwhile: that is said, and nothing typed goes.
  #lookForDeleted() {
    const answered = document.getElementById(`message-${this.form.elements.reply.value}`);
    if (answered?.querySelector(".deleted")) this.querySelector("[data-answered-gone]").hidden = false;
    if (this.#editing && isShownDeleted(this.#editing.address)) this.say(this.form.dataset.editedGone);
  }

  #typed() {
    this.#touched = true;
    this.say("");
    this.#editNext = null;
    this.#grow();
    this.keepHere();
    if (this.#editing) return;
    this.#drafts.soon();
    if (Date.now() - this.#typedAt > 3000 && this.area.value) {
      this.#typedAt = Date.now();
      call(`${this.place}/typing`).catch(() => {});
    }
  }

  #pressed(event) {
    if (event.defaultPrevented) return;
    const composing = isComposing(event);
    // A touch keyboard has no Shift+Enter: there Enter is a line, and the button sends.
    const isLine = event.shiftKey || (matchMedia("(hover: none) and (pointer: coarse)").matches && !event.ctrlKey && !event.metaKey);
    if (event.key === "Enter" && !isLine && !composing) {
      event.preventDefault();
      this.send();
    }
    if (event.key === "Escape" && !composing) this.#stopAnswering();
    if (event.key === "ArrowUp" && !this.area.value && !this.#editing) {
      event.preventDefault();
      this.#editLast();
    }
  }

  // The last one of one's own. One that is on its way can be edited when it is there.
  #editLast() {
    const waiting = outbox.at(this.place).filter((entry) => !entry.edited).at(-1);
    if (waiting?.tries || waiting?.state === "refused") return this.takeBack(waiting.key);
    const own = [...document.querySelectorAll("ol.messages > .mine:has(.text)")].pop();
    const key = waiting?.key ?? [...document.querySelectorAll("message-outbox .outgoing.sent")].at(-1)?.dataset.key;
    if (key) this.#editNext = key;
    else if (own) this.#edit(own.querySelector("[data-edit]").getAttribute("href").replace(/\/edit$/, ""));
  }

  #editWaited() {
    const own = this.#editNext && document.querySelector(`ol.messages > .mine[data-key="${CSS.escape(this.#editNext)}"]`);
    if (!own) return;
    this.#editNext = null;
    this.#edit(own.querySelector("[data-edit]").getAttribute("href").replace(/\/edit$/, ""));
  }

  #stopAnswering() {
    if (this.#editing) return this.#stopEditing();
    if (!this.reply) return;
    this.#answer(null);
    this.keepHere();
    this.#drafts.soon();
  }

  #clicked(event) {
    const reply = event.target.closest("[data-reply]");
    const change = event.target.closest("[data-edit]");
    if (reply || change) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (reply && !this.#isRewriting()) {
      if (this.#editing) this.#stopEditing();
      const message = reply.closest(".message");
      const name = message.querySelector(".meta b")?.textContent;
      const said = (message.querySelector(".text, .files") ?? message).textContent.trim().slice(0, 80);
      this.#answer({ id: Number(reply.dataset.reply), who: `${name}: ${said}` });
      this.keepHere();
      this.#drafts.soon();
      this.area.focus();
    }
    if (change) this.#edit(change.getAttribute("href").replace(/\/edit$/, ""));
    if (event.target.closest("[data-answer-off]")) {
      this.#stopAnswering();
      this.area.focus();
    }
  }
}
customElements.define("message-composer", MessageComposer);

// <message-composer>: the box of a room or a discussion. Enter empties it at once and gives what was in it to the
// outbox. What is being typed is kept in the tab until it is sent or emptied, and on the server as a draft.
import { openEmoji } from "./message-acts.js";
import { MessageAnswering } from "./message-answering.js";
import { MessageDraft } from "./message-draft.js";
import { MessageFiles } from "./message-files.js";
import { lengthOf, showLength } from "./message-length.js";
import { MessageRewriting } from "./message-rewriting.js";
import { outbox } from "./outbox.js";
import { call, isComposing, me } from "./page.js";
import { forget, keep, kept } from "./tab-store.js";
import { makeKey } from "./tries.js";

class MessageComposer extends HTMLElement {
  #rewriting = new MessageRewriting(this);
  #instead = [];                 // keys of what was taken back into the box, and may have been sent all the same
  #typedAt = 0;
  #opened = false;
  #formatting = null;
  answering = new MessageAnswering(this);
  drafts = new MessageDraft(this);
  touched = false;               // whether anything was typed since the box was opened or emptied

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
    this.area.addEventListener("focus", () => this.#startFormatting(), { signal });
    this.area.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    document.addEventListener("click", (event) => this.#clicked(event), { capture: true, signal });
    document.addEventListener("composer:say", (event) => this.say(event.detail), { signal });
    document.addEventListener("list:changed", () => { this.#lookForDeleted(); this.#lookForSent(); this.#rewriting.openAwaited(); }, { signal });
    document.addEventListener("page:refreshed", () => { this.#lookForDeleted(); this.#lookForSent(); }, { signal });
    document.addEventListener("htmx:before:request", () => this.drafts.now(), { signal });
    window.addEventListener("pagehide", () => this.drafts.now(), { signal });
    if (!this.#opened) this.#open();
    this.#opened = true;
  }

  disconnectedCallback() {
    this.drafts.now();
    this.stop.abort();
    this.#formatting = null;
  }

  // What this tab has typed here comes first, unless it was gone on with elsewhere. What is being sent is not in the box.
  #open() {
    const here = kept("typed", this.place);
    const { value, defaultValue: drafted } = this.area;
    const served = this.key;
    const isEarly = value !== drafted;                     // somebody was faster than this script
    this.touched = isEarly;
    if (here && !(here.drafted && this.#goesOnFrom(here.text))) this.put(isEarly ? { ...here, text: this.#afterKept(here.text) } : here);
    const waiting = outbox.queue.find(this.key);
    if (waiting && (isEarly || this.#goesOnFrom(waiting.text))) this.#anotherKey();
    else if (waiting) this.#empty();
    else if (isEarly) this.#keepSoon();
    else if (here && (!here.drafted || !drafted)) this.drafts.soon(0);      // another tab's is not replaced unasked
    this.files.open(this.key === served);
    if (!isEarly) this.area.setSelectionRange(this.area.value.length, this.area.value.length);
    this.#grow();
    this.#lookForDeleted();
    this.#rewriting.bringOrphan();
  }

  // What the server keeps for the member. A rewrite is none: it is this tab's alone.
  get draft() {
    return this.rewriting ? null : { text: this.area.value, key: this.key, reply: this.form.elements.reply.value };
  }

  // The address of the message that is edited, if one is.
  get rewriting() { return this.#rewriting.address; }

  get key() { return this.form.elements.key.value; }

  get reply() { return this.answering.reply; }

  get content() { return { text: this.area.value, key: this.key, reply: this.reply, instead: this.#instead }; }

  say(words) {
    const line = this.querySelector("[data-error]");
    line.hidden = !words;
    line.textContent = words || "";
    this.querySelector("#composer-error")?.remove();
  }

  // What is not so any more.
  unsay(words) {
    if (this.querySelector("[data-error]").textContent === words) this.say("");
  }

  #grow() { showLength(this.area, this.querySelector(".counter"), this.form.dataset); }

  write(text) {
    this.area.value = text;
    this.#grow();
  }

  put({ text, key, reply, instead }) {
    this.form.elements.key.value = key;
    this.#instead = instead ?? [];
    this.answering.show(reply);
    this.write(text);
  }

  #empty() {
    forget("typed", this.place);
    this.put({ text: "", key: makeKey(), reply: null });
    this.files.belongTo(this.key);
    this.touched = false;
    this.#typedAt = 0;           // whoever goes on typing is said to, at once
  }

  // `drafted` is whether the server had it, too. It knows nothing of what was taken back.
  keepHere(drafted = false) {
    const { place, reply } = this;
    const text = this.area.value;
    if (this.rewriting) this.#rewriting.keepHere(text);
    else if (drafted && !text.trim() && !reply && !this.#instead.length) forget("typed", place);
    else keep("typed", place, { ...this.content, drafted });
  }

  // From another page of the same member, which had the draft: what was typed here since is another message. What
  // the tab had kept may be the beginning of what was sent. Of one that was deleted nobody knows what it said.
  sentElsewhere(stored) {
    const here = this.area.value.trim();
    this.files.leaveOut(stored.files);
    if (!stored.deleted && (stored.text === here || (!this.touched && stored.text.startsWith(here)))) this.#empty();
    else this.#anotherKey();
  }

  // Another page has sent what is in the box: the server says whether it is the same (js/message-draft.js).
  #lookForSent() {
    const { key } = this;
    const sent = !outbox.queue.find(key) && document.querySelector(`.message[data-author="${me}"][data-key="${CSS.escape(key)}"]`);
    if (sent && this.draft) this.drafts.soon(0);
  }

  // Whether the box has words after a text.
  #goesOnFrom(text) {
    const here = this.area.value.trim();
    return here !== text.trim() && here.startsWith(text.trim());
  }

  // What the tab had kept, and what was typed into the box before that was in it.
  #afterKept(text) {
    const { value, defaultValue } = this.area;
    if (value.startsWith(text)) return value;
    const typed = value.startsWith(defaultValue) ? value.slice(defaultValue.length) : value;
    return [text, typed].filter((each) => each.trim()).join("\n");
  }

  #anotherKey() {
    this.form.elements.key.value = makeKey();
    this.files.belongTo(this.key);
    this.#keepSoon();
  }

  #keepSoon() {
    this.keepHere();
    this.drafts.soon(0);
  }

  send() {
    const text = this.area.value;
    const length = lengthOf(text);
    if (length > Number(this.form.dataset.limit)) return this.say(this.form.dataset.tooLong.replace("{}", length.toLocaleString(document.documentElement.lang)));
    this.say("");
    if (this.rewriting) this.#rewriting.send(text);
    else {
      const { files, going } = this.files.take();
      if (!text.trim() && !files.length) return;
      outbox.add({ ...this.content, place: this.place, files }, going);
      this.drafts.drop();
      this.#empty();
      if (location.search) history.replaceState(history.state, "", location.pathname);
    }
    this.area.focus();
  }

  // An entry of the outbox comes back into the box, before what is in it.
  takeBack(key) {
    if (this.#rewriting.holds()) return;
    const entry = outbox.takeBack(key);
    if (!entry) return;
    const { edited, refusal } = entry;
    if (edited && refusal?.what !== "gone") this.#rewriting.start(edited, { ...entry, edits: refusal?.stored?.edits ?? entry.edits });
    else {
      if (this.rewriting) this.#rewriting.stop();
      const stored = refusal?.what === "stored";          // what is there instead was said already
      const instead = [...(stored ? [] : entry.instead), ...(edited || stored ? [] : [key])];
      const text = [entry.text, this.area.value].filter((each) => each.trim()).join("\n");
      this.files.put(entry.files);
      if (refusal?.lost?.length) this.files.sayLost(refusal.lost, refusal.words ?? "");
      this.put({ text, key: makeKey(), reply: this.reply ?? entry.reply, instead: [...new Set([...this.#instead, ...instead])] });
      this.files.belongTo(this.key);
      this.drafts.soon();
    }
    this.keepHere();
    this.focusEnd();
  }

  // The bar and its keys come when the box is first used.
  #startFormatting() {
    const { signal } = this.stop;
    this.#formatting ??= import("./message-format.js").then(({ startFormatting }) => startFormatting(this, signal), () => {
      this.#formatting = null; // the network may be back by the next time
      return null;
    });
    return this.#formatting;
  }

  // In the place of what is selected, as if it were typed.
  insert(text) {
    this.area.focus();
    this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    this.area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  focusEnd() {
    this.area.focus();
    this.area.setSelectionRange(this.area.value.length, this.area.value.length);
  }

  #lookForDeleted() {
    this.answering.lookForDeleted();
    this.#rewriting.lookForDeleted();
  }

  #typed() {
    this.touched = true;
    this.say("");
    this.#rewriting.awaitNone();
    this.#grow();
    this.keepHere();
    if (this.rewriting) return;
    this.drafts.soon();
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
    if (event.key === "ArrowUp" && !this.area.value && !this.rewriting) {
      event.preventDefault();
      this.#rewriting.openLast();
    }
  }

  #stopAnswering() {
    if (this.rewriting) this.#rewriting.stop();
    else this.answering.stop();
  }

  #clicked(event) {
    const reply = event.target.closest("[data-reply]");
    const change = event.target.closest("[data-edit]");
    if (reply || change) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (reply && !this.#rewriting.holds()) {
      if (this.rewriting) this.#rewriting.stop();
      this.answering.begin(reply);
      this.area.focus();
    }
    const emoji = event.target.closest("[data-insert-emoji]");
    if (emoji) openEmoji(emoji);
    if (event.target.closest("[data-toggle-format]")) this.#startFormatting().then((toggle) => toggle?.());
    if (change) this.#rewriting.open(change.getAttribute("href").replace(/\/edit$/, ""));
    if (event.target.closest("[data-answer-off]")) {
      this.#stopAnswering();
      this.area.focus();
    }
  }
}
customElements.define("message-composer", MessageComposer);

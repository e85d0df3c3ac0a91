// <kept-form>: a form that takes a while to fill in. What is typed is kept in the tab's own store, of this workspace
// (its host), this member and the address that the form is sent to, until a post to there has succeeded; it is put back
// when the form is shown again (form-state.js). What would be too long for the server is not sent.
//
// A form that makes something has a key (accounts/form_answers.py). Once it was sent, and as long as there is no answer,
// its key is kept with the text: sent again, also after a reload, it is the same form, and makes nothing twice.
//
// One with `data-draft` is kept on the server, too, at that address: then the tab has what the server has not got yet, or
// what it refused because another tab has gone on with the draft. What it has (`drafted`) stays for the next page, which
// may have been made just before. Each call says how many changes were typed, as one may arrive after another that was
// made later.
import { askFor, watchKeys } from "./copied-tab.js";
import { showDraftState } from "./draft-state.js";
import { keptForms, keptNameOf, wasRefused } from "./form-answers.js";
import { addHidden, emptyOut, giveBack, isTypedInto, plainFieldsOf, statesOf } from "./form-state.js";
import { OUTLIVES, askBeforeClosing } from "./leaving.js";
import { call, leaveWith } from "./page.js";
import { erase, read, write } from "./tab-store.js";
import { showTooLong } from "./too-long.js";
import { ANSWER_WITHIN, patienceFor } from "./tries.js";
import { TypedDraft } from "./typed-draft.js";

const PAUSE = 300;
const TICK = 500;
const TOO_LONG = 413;

class KeptForm extends HTMLElement {
  typed = new TypedDraft((late, signal) => this.sendDraft(signal));      // nothing, where the server keeps none

  connectedCallback() {
    this.addEventListener("input", ({ target }) => this.note({ field: target, value: target.value }));
    this.addEventListener("change", ({ target }) => { if (!this.isNoted(target)) this.note(); });
    this.addEventListener("submit", (event) => this.send(event), true);
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-afresh]")) this.startAfresh();
      else if (event.target.closest(".actions a") && !this.draft) this.forget();          // cancelled
    });
    this.draft = this.dataset.draft;
    const address = new URL(this.form.getAttribute("action"), location.href).pathname;
    this.name = keptNameOf(address);
    // Whether the page is the answer to this very form: then what it shows is the server's word.
    this.answer = document.getElementById("main").dataset.answered === address;
    const isEarly = isTypedInto(this.form);                // somebody was faster than this script
    this.putBack(isEarly);
    if (isEarly && !this.typed.isPending) this.note();
    if (this.draft) this.timer = setInterval(() => this.tick(), TICK);
  }

  // The answer to this form has come in its place: what was typed on since it was sent goes on there.
  disconnectedCallback() {
    clearInterval(this.timer);
    queueMicrotask(() => {
      if (this.isConnected) return;
      const next = [...keptForms()].find(({ name, answer }) => name === this.name && answer);
      if (!next || !this.sent) return this.leave();
      clearTimeout(this.pending);
      this.noteLeft();
      if (this.sent !== JSON.stringify(statesOf(this.form))) next.goOn(statesOf(this.form));
    });
  }

  // The page is left: what is typed goes along, or after it, where the tab goes on.
  leave() {
    if (this.pending) this.keep();
    if (!this.isConnected) this.noteLeft();
    if (!this.typed.isPending || this.isAlone || this.gone) return;
    if (String(this.body()).length < OUTLIVES) leaveWith(this.draft, this.body());
    else if (!this.isConnected) this.flush();
  }

  // What the tab has as this form goes. An answer to its draft may come later than another one of the same form.
  noteLeft() {
    this.left = JSON.stringify(read(this.name));
  }

  // Whether that is still this form's to write and to erase.
  get isOurs() {
    if (this.left === undefined || this.isConnected) return true;
    return this.left === JSON.stringify(read(this.name)) && ![...keptForms()].some(({ name }) => name === this.name);
  }

  get isTooLongToLeave() {
    return this.typed.isPending && !this.isAlone && String(this.body()).length > OUTLIVES;
  }

  // Whether the server does not take what is typed here as the draft.
  get isAlone() {
    return Boolean(this.stranded || this.refused);
  }

  get form() {
    return this.querySelector("form:not([data-discard])");
  }

  get changes() {
    return Number(this.form.elements["draft-changes"].value);
  }

  set changes(count) {
    this.form.elements["draft-changes"].value = count;
  }

  get key() {
    return this.form.elements["form-key"];
  }

  // Another page of the form has another key; this form was sent, or its draft was, with its own.
  useKey() {
    if (!this.ownKey || !this.key || this.key.value === this.ownKey) return;
    this.freshKey = this.key.value;
    this.key.value = this.ownKey;
    if (this.begun) this.nameDraft(this.begun);
  }

  // On which form the draft was begun that this one goes on with. What becomes of it is pushed to there.
  nameDraft(begun) {
    const field = this.form.elements["draft-begun"];
    if (!field) return;
    const place = document.getElementById(`draft-${field.value}`);
    if (place && this.contains(place)) place.id = `draft-${begun}`;
    field.value = begun;
  }

  // This tab is a copy of one that is open: its form is another one, which goes on from what the page shows.
  giveUpKey() {
    this.key.value = this.freshKey;
    this.ownKey = "";
    this.isUnanswered = false;
    if (this.pending || this.typed.isPending) this.keep();
  }

  // A field that is left says once more what was typed into it.
  isNoted(field) { return this.noted?.field === field && this.noted.value === field.value; }

  note(noted) {
    this.noted = noted;
    this.pending ??= setTimeout(() => {
      this.keep();
      showTooLong(this, this.isTooLong);
    }, PAUSE);
    if (!this.draft) return;
    this.asksAgain = true;
    this.typed.note();
    this.changes += 1;
    this.showState();
  }

  // Of the form as it is now.
  body() {
    return new URLSearchParams(new FormData(this.form));
  }

  get isTooLong() {
    return String(this.body()).length > Number(this.dataset.limit);
  }

  // None beside the form itself. The draft that another tab has gone on with may be settled meanwhile: it is asked once
  // for each pause in typing, so that a tab that nobody types in takes no draft away.
  tick() {
    if (this.typed.isDue && !this.sending && !this.refused && !this.gone && (!this.stranded || this.asksAgain)) this.flush();
    this.showState();
  }

  async flush() {
    const isThere = await this.typed.flush();
    if (isThere && !this.typed.isPending) this.keep({ drafted: !this.isUnanswered });
    if (this.typed.isTooLong) showTooLong(this, true);
    this.showState();
  }

  // The status of the answer. What is longer than the server takes is sent when it has become shorter.
  async sendDraft(stopped) {
    if (this.isTooLong) return TOO_LONG;
    const body = this.body();
    const { changes } = this;
    const { status, headers } = await call(this.draft, body, { signal: AbortSignal.any([stopped, AbortSignal.timeout(patienceFor(body))]) });
    if (status === 409) this.asksAgain = this.changes > changes;
    const state = headers.get("X-Draft-State");
    if (status === 204) this.goOnFrom(headers.get("X-Draft"), headers.get("X-Draft-Begun"));
    else if (status === 409) this.strand(state === "too old" ? "data-too-old" : headers.has("X-Draft-Made") ? "data-made" : "data-stranded", headers.get("X-Draft-Made"));
    if (status === 204 && state === "ended" && this.changes === this.putBackAt) this.empty();
    else if ([403, 404].includes(status)) this.refuse();
    return status;
  }

  // `begun` is told where this form did not know it: after it was behind, it begins a draft of its own.
  goOnFrom(version, begun) {
    this.form.elements["draft-version"].value = version;
    if (begun) this.nameDraft(begun);
    this.stranded = false;
    this.say(null);
  }

  // Why this text stays in this tab alone: one of these notices.
  say(name, made = null) {
    for (const each of ["data-stranded", "data-made", "data-too-old"]) this.querySelector(`[${each}]`).hidden = each !== name;
    if (made) this.querySelector("[data-made] a").href = made;
  }

  // Another tab has gone on with the draft, until that draft is settled; or it has made the record.
  strand(why = "data-stranded", made = null) {
    this.stranded = true;
    this.say(why, made);
    // Saving this text does not end the other's draft. By the version of long ago the server knows what to ask.
    if (why !== "data-too-old") this.form.elements["draft-version"].value = "";
    this.nameDraft("");
    this.keep();
  }

  // It is stored here no more: this text stays in this tab.
  refuse() {
    this.refused = true;
    this.say(null);
    this.querySelector("[data-closed]").hidden = false;
    this.keep();
  }

  showState() {
    showDraftState(this.form, this.typed, this.isAlone);
  }

  keep({ drafted = false } = {}) {
    clearTimeout(this.pending);
    this.pending = null;
    if (this.gone || !this.isOurs) return;
    if (!this.answer && !drafted && !this.typed.isPending && !this.isUnanswered && !isTypedInto(this.form)) return erase(this.name);
    write(this.name, { drafted, values: statesOf(this.form), stranded: this.stranded, key: (this.draft || this.isUnanswered) && this.key?.value, isUnanswered: this.isUnanswered, ...(this.draft && { changes: this.changes, version: this.form.elements["draft-version"].value, begun: this.form.elements["draft-begun"].value }) });
  }

  forget() {
    clearTimeout(this.pending);
    this.pending = null;
    if (this.isOurs) erase(this.name);
  }

  // What was typed before this script was there stays, and what was kept comes into the other fields.
  putBack(isEarly) {
    const kept = read(this.name);
    if (!kept) return;
    const same = JSON.stringify(kept.values) === JSON.stringify(statesOf(this.form));
    if (this.answer) {                                     // which has a key of its own, as good as unsent
      if (same || wasRefused()) this.keep();
      else this.forget();
      return;
    }
    if (kept.drafted && Number(this.form.elements["draft-version"].value) >= Number(kept.version)) return this.forget();
    this.isUnanswered = kept.isUnanswered;
    this.ownKey = kept.key;
    this.begun = kept.begun;
    if (this.draft) this.changes = kept.changes;
    this.useKey();
    if (this.draft && this.ownKey) askFor(this.ownKey);
    if (same && !isEarly) {
      if (this.draft && !this.isUnanswered) this.forget();      // the server has it
      return;
    }
    // It goes on from what this tab had seen: what another has written since is not written over.
    if (this.draft && kept.version !== undefined && !kept.stranded) this.form.elements["draft-version"].value = kept.version;
    const left = giveBack(this.form, kept.values);
    if (this.draft) addHidden(this.form, left);                // of fields that are gone, the server says what becomes of it
    if (!left.length && !isTypedInto(this.form)) return;
    const notice = this.querySelector("[data-put-back]");
    const isDrafted = !notice.hidden;                      // the server has one, which another tab has gone on with
    notice.hidden = false;
    if (kept.stranded && isDrafted) this.strand();
    else if (this.draft && isEarly) this.note();
    else if (this.draft) {
      this.putBackAt = this.changes;                       // nothing was typed since it was kept
      this.typed.note();
      this.showState();
    }
  }

  goOn(values) {
    giveBack(this.form, values);
    this.note();
  }

  // What was put back had been saved or discarded elsewhere when this page came.
  empty() {
    this.forget();
    emptyOut(this.form);
    this.querySelector("[data-put-back]").hidden = true;
  }

  startAfresh() {
    this.forget();
    this.gone = Boolean(this.draft);                       // its button discards the draft on the server, and opens a new form
    if (this.gone) {
      const { elements } = this.querySelector("form[data-discard]");
      for (const name of ["form-key", "draft-changes"]) elements[name].value = this.form.elements[name].value;
      return;
    }
    emptyOut(this.form);
    this.isUnanswered = false;
    this.ownKey = "";
    if (this.freshKey) this.key.value = this.freshKey;
    this.querySelector("[data-put-back]").hidden = true;
    plainFieldsOf(this.form).find(({ type }) => type !== "hidden")?.focus();
  }

  send(event) {
    if (event.target !== this.form || event.submitter?.name === "cancel") return;
    // A draft on its way tells which version of it this form goes on with.
    if (this.typed.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (this.held) return;
      const { submitter } = event;
      this.held = setTimeout(() => this.typed.giveUp(), ANSWER_WITHIN);
      this.typed.sending.then(() => {
        clearTimeout(this.held);
        this.held = null;
        if (this.isConnected) this.form.requestSubmit(submitter);
      });
      return;
    }
    if (this.isTooLong) {
      event.preventDefault();
      event.stopImmediatePropagation();
      showTooLong(this, true)?.focus();
    } else if (this.key) {
      this.isUnanswered = true;
      this.ownKey = this.key.value;
    }
    this.keep();
  }
}
customElements.define("kept-form", KeptForm);

watchKeys(
  (key) => [...keptForms()].some((form) => form.key?.value === key),
  (key) => keptForms().forEach((form) => { if (form.ownKey === key && form.freshKey) form.giveUpKey(); }),
);
const keepAll = () => keptForms().forEach((form) => { if (form.pending) form.keep(); });
askBeforeClosing(() => [...keptForms()].some((form) => form.isTooLongToLeave));
window.addEventListener("pagehide", () => keptForms().forEach((form) => form.leave()));
document.addEventListener("visibilitychange", keepAll);
document.addEventListener("htmx:before:request", keepAll);
document.addEventListener("page:refreshed", () => keptForms().forEach((form) => form.useKey()));
document.addEventListener("page:refused", () => keptForms().forEach((form) => { if (form.draft && !form.isAlone) form.refuse(); }));

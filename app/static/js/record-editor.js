// <record-editor>: the page on which a record is edited, around its form. It keeps the lock and what is typed, ends when
// idle, hands over, and lets go when the page goes. A key is taken only while the lease certainly runs.
// What the server has not confirmed is in the tab, too.
import { EditingCalls } from "./editing-calls.js";
import { KeptTyping, areSame, bringUnsent } from "./editing-kept.js";
import { Lease, keepLockFor, tokenOf, verdictOf } from "./editing-lease.js";
import { showSigns } from "./editing-signs.js";
import { giveBack, isTypedInto, statesOf } from "./form-state.js";
import { OUTLIVES } from "./leaving.js";
import { leaveWith } from "./page.js";
import { RETRY_AFTER } from "./tries.js";
import { TypedDraft } from "./typed-draft.js";
import { sendAllUnsent } from "./unsent.js";

const TICK = 500;
const COUNTDOWN = 60000;
const LEAVING = 5000;            // what a form has that was sent, and will end this page

const clock = () => performance.now();

class RecordEditor extends HTMLElement {
  #renewing = null;
  #ended = false;
  #isEnding = false;             // keys are not taken any more, and what was typed is on its way
  #leavingUntil = 0;
  #saving = null;                // the request that the form goes with: no draft goes beside it
  #acted = clock();              // when somebody last showed that they are there
  #isBringing = false;           // what this tab has of an earlier page is on its way to the server
  #calls = new EditingCalls(this);

  connectedCallback() {
    this.lease ??= new Lease(Number(this.dataset.lease) * 1000);
    this.draft ??= new TypedDraft((late, signal) => this.#calls.sendDraft(late, signal));
    this.kept ??= new KeptTyping(() => this.#unsent);
    this.late ??= this.requests.dataset.late;
    keepLockFor(this, 0);
    if ("answer" in document.getElementById("main").dataset) this.draft.beginKept();
    if (this.form && isTypedInto(this.form)) this.#note();          // somebody was faster than this script
    if (location.search) history.replaceState(history.state, "", location.pathname);
    this.#listen();
    this.#bring();
    this.#tick();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.observer.disconnect();
    clearInterval(this.timer);
    // What came in this page's place may go on with the lock, as after a save that was refused; else saving or cancelling
    // has freed it already, or this does.
    queueMicrotask(() => {
      if (this.isConnected) return;
      const next = document.querySelector("record-editor");
      if (next?.proof !== this.proof) this.#leave();
      else {
        this.#ended = true;
        this.kept.end();
        if (this.kept.hasMoreThanSent(String(this.#calls.fields()))) next.goOn(statesOf(this.form));
      }
    });
  }

  get address() { return this.dataset.address; }
  get proof() { return this.dataset.lock; }
  get form() { return this.querySelector("#record-form"); }
  get requests() { return this.querySelector(".requests"); }
  get #isLeaving() { return clock() < this.#leavingUntil; }
  get #isHeld() { return !this.#ended && !this.#isBringing && this.lease.isRunning; }
  // Whether something is typed that the server may not have.
  get #isPending() { return this.draft.isPending && !this.kept.isAnswered(String(this.#calls.fields())); }
  get #unsent() {
    return this.form && this.#isPending ? { address: this.address, token: tokenOf(this.proof), body: String(this.#calls.fields({ "sent-late": "yes" })) } : null;
  }
  get isTooLongToLeave() { return !this.#ended && this.#isPending && String(this.#calls.fields()).length > OUTLIVES; }

  #listen() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const early = { capture: true, signal };
    for (const type of ["beforeinput", "paste", "drop"]) this.addEventListener(type, (event) => this.#guard(event), early);
    for (const type of ["mousedown", "keydown", "click"]) {
      this.addEventListener(type, (event) => { if (event.target.closest("select, [type=checkbox]")) this.#guard(event); }, early);
    }
    for (const type of ["input", "change"]) {
      this.addEventListener(type, ({ target }) => { if (this.form?.contains(target)) this.#note(); }, { signal });
    }
    this.addEventListener("click", ({ target }) => { if (target.closest("[data-countdown] button")) this.#stay(); }, { signal });
    this.addEventListener("bringing", () => this.#stay(), { signal });          // a file on its way
    document.addEventListener("submit", (event) => this.#submitted(event), early);
    document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { if (this.form?.contains(ctx.sourceElement)) this.#saving = ctx; }, { signal });
    document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => { if (ctx === this.#saving) this.#saving = null; }, { signal });
    document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => { if (this.form?.contains(ctx.sourceElement)) this.kept.hear(ctx); }, { signal });
    document.addEventListener("page:cut", ({ detail }) => { if (this.#cut()) detail.kept = true; }, { signal });
    document.addEventListener("page:refused", () => this.#renew(), { signal });
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.#flushUnasked(); else this.#tick(); }, { signal });
    window.addEventListener("blur", () => this.#flushUnasked(), { signal });
    window.addEventListener("beforeunload", () => this.#part(), { signal });
    window.addEventListener("pagehide", () => this.#leave(), { signal });
    this.observer = new MutationObserver(() => this.#readRequests());
    this.observer.observe(this, { subtree: true, childList: true, attributeFilter: ["data-token", "data-late"] });
    // Timers of hidden tabs run late; what the server says does not.
    document.addEventListener("htmx:ws:before:message:incoming", () => this.#tick(), { signal });
    this.timer = setInterval(() => this.#tick(), TICK);
  }

  #tick() {
    if (this.requests) this.querySelector("[data-ending]").hidden = !this.#isEnding;     // not before: it may take no time
    if (this.#ended || this.#isLeaving) return;
    if (this.lease.isDue) this.#renew();
    if (this.draft.isDue) this.#flushUnasked();
    if (this.#idleFor && this.#left <= 0) this.#endIdle();
    this.#show();
  }

  #note() {
    this.draft.note();
    this.kept.note();
    this.#stay();
  }

  // A page in whose place this one came had more, typed while it was on its way.
  goOn(states) {
    if (!this.form) return;
    giveBack(this.form, states);
    this.#note();
  }

  #stay() {
    this.#acted = clock();
    this.#show();
  }

  // What woke from sleep asks first.
  #guard(event) {
    if (!this.form?.contains(event.target) || this.#isHeld) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#renew();
  }

  // The server tells at once when the lock has changed hands, and when what was typed on the page before arrived after
  // this one was made. Where nothing tells any more, only what was typed stayed of a page that is not for its reader
  // (js/live.js): there is no lock to keep.
  #readRequests() {
    if (!this.requests) { this.#ended = true; return; }
    const { token, late } = this.requests.dataset;
    if (token !== tokenOf(this.proof)) this.#renew();
    if (late && late !== this.late && !this.draft.isTyped && !this.#isLeaving) {
      this.#leavingUntil = clock() + LEAVING;
      location.reload();
    }
  }

  // Handing over waits for the draft, and signing out for the lock.
  #submitted(event) {
    const form = event.target;
    const before = (done) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      done.then((kept) => { if (kept !== false) form.requestSubmit(event.submitter); });
    };
    if (form.matches("[data-release]")) {
      if (!this.#ended) before(this.#release());
    } else if (form.getAttribute("hx-swap") === "none") return;
    else if (form.matches("[data-flush]") && this.draft.isPending) before(this.#flush());
    else if (document.getElementById("main").contains(form)) {
      this.#leavingUntil = clock() + LEAVING;
      if (form === this.form) {
        this.kept.send(String(this.#calls.fields()));
        this.draft.giveUp();     // what is sent has all of it
      }
    }
  }

  #renew() {
    if (this.#ended || this.#isLeaving) return;
    this.#renewing ??= this.#askToRenew().finally(() => { this.#renewing = null; this.#show(); });
  }

  async #askToRenew() {
    const asked = this.lease.clocks();
    let response;
    try {
      response = await this.#calls.renewLock();
    } catch {
      this.lease.tryAgain();
      return;
    }
    if (this.#isLeaving) return;
    const verdict = verdictOf(response.status);
    if (verdict === "held") {
      this.lease.confirm(asked);
      this.dataset.lock = response.headers.get("X-Lock");
      for (const input of this.querySelectorAll("input[name=lock-token]")) input.value = this.proof;
    } else if (verdict === "lost") await this.#lose();
    else this.lease.tryAgain();
  }

  #flushUnasked() {
    if (!this.#saving) this.#flush();
  }

  async #flush(late = false) {
    const kept = await this.draft.flush(late);
    if (kept) this.kept.keep();
    this.#show();
    return kept;
  }

  // What an earlier page has left in this tab is the server's first, before anything is typed over it.
  async #bring() {
    if (this.draft.isTyped) return;
    this.#isBringing = true;
    const bodies = await bringUnsent(this.address, tokenOf(this.proof));
    this.#isBringing = false;
    this.#show();
    if (bodies === false || !this.isConnected || this.#ended || this.#isLeaving || this.draft.isTyped) return;
    if (!bodies) setTimeout(() => { if (this.isConnected) this.#bring(); }, RETRY_AFTER);
    else if (bodies.some((body) => !areSame(body, this.#calls.fields()))) {
      this.#leavingUntil = clock() + LEAVING;
      location.reload();
    }
  }

  // The ends.

  // The lock is gone: keep what is typed, then show the record as everybody sees it. What is not to be kept beside a
  // newer text of the same person's stays here to be copied, and so does all of it where the record can't be seen any more.
  async #lose() {
    if (this.#ended) return;
    this.#ended = this.#isEnding = true;
    this.#show();
    const kept = (await this.#flush()) ?? (await this.#flush(true));
    const isShown = kept ? await this.#calls.askWhetherShown() : null;
    if (kept === false || isShown === false) setTimeout(() => { this.#ended = false; this.#lose(); }, RETRY_AFTER);
    else if (!this.isConnected) return;              // another page was opened meanwhile, and stays
    else if (isShown) location.assign(`${this.address}?done=lost`);
    else this.querySelector(kept || this.#calls.isRefused ? "[data-closed]" : "[data-stranded]").hidden = this.#isEnding = false;
  }

  // The lock is freed and what is typed kept; what the page goes on to is asked for then.
  async #release() {
    this.#ended = this.#isEnding = true;
    this.#show();
    await this.#renewing;        // it may bring another proof
    this.kept.keep();
    this.draft.giveUp();
    return this.#calls.post("lock/release", this.#calls.fields({ "page-left": "yes" })).then(({ status }) => { this.kept.settle(status); return true; }, () => null);
  }

  async #endIdle() {
    if (!(await this.#release())) this.#ended = this.#isEnding = false;
    else if (this.isConnected) location.assign(`${this.address}?done=idle`);
  }

  // The session is over, and so is the lock: what the server does not have stays in the tab. Whether anything was typed
  // here, and is kept.
  #cut() {
    let isThere = this.draft.isTyped;
    if (!this.#ended) isThere &&= this.kept.keep();
    this.#ended = true;
    return isThere;
  }

  // The page is about to be left, perhaps for itself: what comes next asks for what is typed.
  #part() {
    if (this.#ended) return;
    keepLockFor(this, 10);
    this.kept.keep();
    if (this.#isPending) leaveWith(`${this.address}/draft`, this.#calls.fields());
  }

  // The page is being left, for another in its place or for good: then only a beacon survives it, of which nobody tells
  // whether it has arrived. What is typed goes along, and stays in the tab until the server is known to have it.
  #leave() {
    if (this.#calls.isSignedOut) this.#cut();
    if (this.#ended) return;
    this.#ended = true;
    this.kept.keep();
    const short = new URLSearchParams({ "lock-token": this.proof, "page-left": "yes" });
    const body = this.#isPending ? this.#calls.fields({ "page-left": "yes" }) : short;
    this.draft.giveUp();
    if (this.isConnected) this.#calls.releaseWith(body, short);
    else this.#calls.releaseLock(body).then(({ status }) => this.kept.settle(status), () => {}).then(sendAllUnsent);
  }

  // What is shown of it.

  get #idleFor() { return Number(this.dataset.idle) * 1000; }
  get #left() { return this.#acted + this.#idleFor + COUNTDOWN - clock(); }

  #show() {
    const long = this.querySelector("[data-too-long]");
    if (long) long.hidden = !this.draft.isTooLong;
    if (!this.requests) return;
    const isIdle = Boolean(this.#idleFor) && this.#left <= COUNTDOWN;
    showSigns(this, { isHeld: this.#isHeld, isOver: this.#ended, left: isIdle ? this.#left : null, draft: this.draft });
  }
}
customElements.define("record-editor", RecordEditor);

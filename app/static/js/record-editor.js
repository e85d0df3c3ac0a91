// <record-editor>: the page on which a record is edited, around its form. It keeps the lock and what is typed, ends when
// idle, hands over, and lets go when the page goes. A key is taken only while the lease certainly runs.
import { TypedDraft } from "./editing-draft.js";
import { Lease, RETRY_AFTER, tokenOf, verdictOf } from "./editing-lease.js";
import { call, isTyped, leaveWith } from "./page.js";
import { keepUnsent } from "./unsent.js";

const TICK = 500;
const ANSWER_WITHIN = 4000;
const COUNTDOWN = 60000;
const LEAVING = 5000;            // what a form has that was sent, and will end this page

const clock = () => performance.now();

class RecordEditor extends HTMLElement {
  #renewing = null;
  #ended = false;
  #isSignedOut = false;          // the server takes nothing from this page: somebody else, or nobody, is signed in
  #leavingUntil = 0;
  #acted = clock();              // when somebody last showed that they are there

  connectedCallback() {
    this.lease ??= new Lease(Number(this.dataset.lease) * 1000);
    this.draft ??= new TypedDraft((late) => this.#sendDraft(late));
    this.late ??= this.requests.dataset.late;
    this.#keepLockFor(0);
    if ("answer" in document.getElementById("main").dataset) this.draft.beginKept();
    if (this.#isTypedAlready()) this.#note();
    if (location.search) history.replaceState(history.state, "", location.pathname);

    this.#listen();
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
      if (document.querySelector("record-editor")?.proof === this.proof) this.#ended = true;
      else this.#leave();
    });
  }

  get address() { return this.dataset.address; }
  get proof() { return this.dataset.lock; }
  get form() { return this.querySelector("#record-form"); }
  get requests() { return this.querySelector(".requests"); }
  get #isLeaving() { return clock() < this.#leavingUntil; }
  get #isHeld() { return !this.#ended && this.lease.isRunning; }

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
    document.addEventListener("submit", (event) => this.#submitted(event), early);
    document.addEventListener("page:cut", ({ detail }) => { if (this.#cut()) detail.kept = true; }, { signal });
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.#flush(); else this.#tick(); }, { signal });
    window.addEventListener("blur", () => this.#flush(), { signal });
    window.addEventListener("beforeunload", () => this.#part(), { signal });
    window.addEventListener("pagehide", () => this.#leave(), { signal });
    this.observer = new MutationObserver(() => this.#readRequests());
    this.observer.observe(this, { subtree: true, childList: true, attributeFilter: ["data-token", "data-late"] });
    // Timers of hidden tabs run late; what the server says does not.
    document.addEventListener("htmx:ws:before:message:incoming", () => this.#tick(), { signal });
    this.timer = setInterval(() => this.#tick(), TICK);
  }

  #tick() {
    if (this.#ended || this.#isLeaving) return;
    if (this.lease.isDue) this.#renew();
    if (this.draft.isDue) this.#flush();
    if (this.#idleFor && this.#left <= 0) this.#endIdle();
    this.#show();
  }

  // Whether somebody was faster than this script.
  #isTypedAlready() {
    return [...(this.form?.querySelectorAll("input, textarea, select") ?? [])].some(isTyped);
  }

  #note() {
    this.draft.note();
    this.#stay();
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
    else if (document.getElementById("main").contains(form)) this.#leavingUntil = clock() + LEAVING;
  }

  // The calls.

  #post(path, body) {
    return call(`${this.address}/${path}`, body, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
  }

  #fields(more = {}) {
    const body = this.form ? new URLSearchParams(new FormData(this.form)) : new URLSearchParams();
    for (const [name, value] of Object.entries({ "lock-token": this.proof, version: this.dataset.version, ...more })) body.set(name, value);
    return body;
  }

  #renew() {
    if (this.#ended || this.#isLeaving) return;
    this.#renewing ??= this.#askToRenew().finally(() => { this.#renewing = null; this.#show(); });
  }

  async #askToRenew() {
    const asked = this.lease.clocks();
    let response;
    try {
      response = await this.#post("lock/renew", new URLSearchParams({ "lock-token": this.proof, version: this.dataset.version }));
    } catch {
      this.lease.tryAgain();
      return;
    }
    this.#isSignedOut = response.status === 401;
    if (this.#isLeaving) return;
    const verdict = verdictOf(response.status);
    if (verdict === "held") {
      this.lease.confirm(asked);
      this.dataset.lock = response.headers.get("X-Lock");
      for (const input of this.querySelectorAll("input[name=lock-token]")) input.value = this.proof;
    } else if (verdict === "lost") await this.#lose();
    else this.lease.tryAgain();
  }

  async #sendDraft(late) {
    const { status } = await this.#post("draft", this.#fields(late ? { "sent-late": "yes" } : {}));
    this.#isSignedOut = status === 401;
    return status;
  }

  async #flush(late = false) {
    const kept = await this.draft.flush(late);
    this.#show();
    return kept;
  }

  // The ends.

  // The lock is gone: keep what is typed, then show the record as everybody sees it. What is not to be kept beside a
  // newer text of the same person's stays here to be copied.
  async #lose() {
    if (this.#ended) return;
    this.#ended = true;
    this.#show();
    const kept = (await this.#flush()) ?? (await this.#flush(true));
    if (kept === false) setTimeout(() => { this.#ended = false; this.#lose(); }, RETRY_AFTER);
    else if (!this.isConnected) return;              // another page was opened meanwhile, and stays
    else if (kept) location.assign(`${this.address}?done=lost`);
    else this.querySelector("[data-stranded]").hidden = false;
  }

  // The lock is freed and what is typed kept; what the page goes on to is asked for then.
  async #release() {
    this.#ended = true;
    this.#show();
    await this.#renewing;        // it may bring another proof
    return this.#post("lock/release", this.#fields({ "page-left": "yes" })).then(() => true, () => null);
  }

  async #endIdle() {
    if (!(await this.#release())) this.#ended = false;
    else if (this.isConnected) location.assign(`${this.address}?done=idle`);
  }

  // The session is over, and so is the lock: what the server does not have stays in the tab. Whether anything was typed
  // here, and is kept.
  #cut() {
    let isKept = this.draft.isTyped;
    if (!this.#ended && this.draft.isPending) isKept &&= keepUnsent(this.address, String(this.#fields({ "sent-late": "yes" })));
    this.#ended = true;
    return isKept;
  }

  // The page is about to be left, perhaps for itself: what comes next asks for what is typed.
  #part() {
    if (this.#ended) return;
    this.#keepLockFor(10);
    if (this.draft.isPending) leaveWith(`${this.address}/draft`, this.#fields());
  }

  // For so many seconds the edit page, opened again in this tab, goes on with the lock.
  #keepLockFor(seconds) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `editing=${tokenOf(this.proof)}; path=${this.address}/edit; max-age=${seconds}; samesite=strict${secure}`;
  }

  // The page is being left. What is typed goes along; a beacon survives the page.
  #leave() {
    if (this.#isSignedOut) this.#cut();
    if (this.#ended) return;
    this.#ended = true;
    const short = new URLSearchParams({ "lock-token": this.proof, "page-left": "yes" });
    const body = this.draft.isPending ? this.#fields({ "page-left": "yes" }) : short;
    // A browser takes 64 KiB; more than that was kept as a draft some seconds ago.
    if (!leaveWith(`${this.address}/lock/release`, body)) leaveWith(`${this.address}/lock/release`, short);
  }

  // What is shown of it.

  get #idleFor() { return Number(this.dataset.idle) * 1000; }
  get #left() { return this.#acted + this.#idleFor + COUNTDOWN - clock(); }

  #show() {
    if (!this.requests) return;
    this.querySelector("[data-paused]:not(form)").hidden = this.#isHeld || this.#ended;
    const countdown = this.querySelector("[data-countdown]");
    countdown.hidden = !this.#idleFor || this.#left > COUNTDOWN || this.#ended;
    const seconds = String(Math.max(0, Math.ceil(this.#left / 1000)));
    const said = countdown.querySelector("[data-left]");
    if (said.textContent !== seconds) said.textContent = seconds;
    if (!this.form) return;
    this.form.toggleAttribute("data-paused", !this.#isHeld);
    const state = this.form.querySelector(".draft-state");
    state.querySelector("[data-kept]").hidden = !this.draft.isTyped || this.draft.isPending;
    state.querySelector("[data-unsent]").hidden = !this.draft.isOverdue;
  }
}
customElements.define("record-editor", RecordEditor);

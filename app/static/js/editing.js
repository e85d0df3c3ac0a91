// Keeps the lock of an open edit page: renews its lease, keeps drafts, ends when idle, and lets go when the page goes.
// A key is accepted only while the lease certainly runs. docs/live.md tells the calls; the server decides everything.
(() => {
  "use strict";
  const RENEW_EVERY = 6000;      // well within the lease, so that a blip of 20 s keeps the lock
  const RETRY_AFTER = 2000;
  const ANSWER_WITHIN = 4000;
  const PAUSE = 1000;            // a draft is kept this long after the last key …
  const AT_MOST = 4000;          // … or this long after the first one that was not kept
  const COUNTDOWN = 60000;
  const LEAVING = 5000;

  // The page's own clock, which nobody sets. It stands still while the machine sleeps, so a lease asks the other one, too.
  const clock = () => performance.now();
  const post = (path, body) => call(path, body, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
  // A proof is the lock's token, which everybody may know, and what only the page that has taken it knows.
  const tokenOf = (proof) => proof.split("-")[0];
  const cookie = (address, proof, seconds) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `editing=${tokenOf(proof)}; path=${address}/edit; max-age=${seconds}; samesite=strict${secure}`;
  };

  class Editor {
    constructor(element) {
      this.element = element;
      this.address = element.dataset.address;
      this.proof = element.dataset.lock;
      this.lease = Number(element.dataset.lease) * 1000;
      this.idle = Number(element.dataset.idle) * 1000;
      this.form = document.getElementById("record-form");
      this.confirmed = this.now();
      this.typed = clock();
      this.renewing = null;
      this.tryAt = 0;            // the first renewal is at once: it makes the lease a short one
      this.unsent = 0;           // when the first key was typed that the server does not have
      this.changed = 0;          // when the last one was
      this.late = document.querySelector("#editor .requests").dataset.late;
      this.sending = null;
      this.ended = false;
      this.signedOut = false;    // the server takes nothing from this page: somebody else, or nobody, is signed in
      this.leavingUntil = 0;     // a form was sent that will end this page, and has its time for that
      cookie(this.address, "", 0);
      if (this.typedAlready()) this.input();
      if (location.search) history.replaceState(history.state, "", location.pathname);
    }

    // Whether somebody was faster than this script.
    typedAlready() {
      return [...(this.form?.querySelectorAll("input, textarea") ?? [])].some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
    }

    now() {
      return [clock(), Date.now()];
    }

    get valid() {
      return !this.ended && this.now().every((now, index) => now >= this.confirmed[index] && now - this.confirmed[index] < this.lease);
    }

    // Whether something is typed that the server has not confirmed.
    get pending() {
      return Boolean(this.unsent || this.sending);
    }

    fields() {
      const body = this.form ? new URLSearchParams(new FormData(this.form)) : new URLSearchParams();
      body.set("lock-token", this.proof);
      body.set("version", this.element.dataset.version);
      return body;
    }

    renew() {
      if (this.ended || clock() < this.leavingUntil) return this.renewing;
      const asked = this.now();
      const body = new URLSearchParams({ "lock-token": this.proof, version: this.element.dataset.version });
      this.renewing ??= post(`${this.address}/lock/renew`, body)
        .then((response) => {
          this.signedOut = response.status === 401;
          if (clock() < this.leavingUntil) return;
          if (response.status === 204) {
            this.confirmed = asked;
            this.proof = response.headers.get("X-Lock");
            this.element.dataset.lock = this.proof;
            for (const input of document.querySelectorAll("#main input[name=lock-token]")) input.value = this.proof;
          } else if (response.status === 409 || response.status === 404) return this.lose("lost");
          this.tryAt = clock() + (response.status === 204 ? RENEW_EVERY : RETRY_AFTER);
        })
        .catch(() => { this.tryAt = clock() + RETRY_AFTER; })
        .finally(() => { this.renewing = null; this.show(); });
      return this.renewing;
    }

    // Keeps what is typed as the draft: true when the server has all of it, null when a newer page has settled it or has
    // written its own, false when it has to be tried again.
    async flush(late = false) {
      await this.sending;
      if (!this.unsent) return true;
      const since = this.unsent;
      const body = this.fields();
      if (late) body.set("sent-late", "yes");
      this.unsent = 0;
      this.sending = post(`${this.address}/draft`, body)
        .then(({ status }) => {
          this.signedOut = status === 401;
          return status === 204 ? true : [404, 409, 422].includes(status) ? null : false;
        })
        .catch(() => false)
        .then((kept) => {
          if (!kept) this.unsent = since;
          this.sending = null;
          this.show();
          return kept;
        });
      return this.sending;
    }

    input() {
      this.typed = this.changed = clock();
      this.unsent ||= this.changed;
      this.show();
    }

    // The lock is gone: keep what is typed, then show the record as everybody sees it. What is not to be kept beside a
    // newer text of the same person's stays here to be copied.
    async lose(why) {
      if (this.ended) return;
      this.ended = true;
      this.show();
      const kept = (await this.flush()) ?? (await this.flush(true));
      if (kept) location.assign(`${this.address}?done=${why}`);
      else if (kept === null) this.element.querySelector("[data-stranded]").hidden = false;
      else setTimeout(() => { this.ended = false; this.lose(why); }, RETRY_AFTER);
    }

    async stop() {
      if (this.ended) return;
      this.ended = true;
      this.show();
      await this.renewing;       // it may bring another proof
      const body = this.fields();
      body.set("page-left", "yes");   // the page that is shown next is asked for below
      try {
        await post(`${this.address}/lock/release`, body);
        location.assign(`${this.address}?done=idle`);
      } catch {
        this.ended = false;
      }
    }

    // Somebody signs out: what is typed is kept and the lock freed while the session still can.
    async release() {
      this.ended = true;
      await this.renewing;
      const body = this.fields();
      body.set("page-left", "yes");
      await post(`${this.address}/lock/release`, body).catch(() => {});
    }

    // The session is over, and so is the lock: what the server does not have stays in the tab (js/unsent.js). Whether
    // anything was typed here, and is kept.
    cut() {
      let kept = Boolean(this.changed);
      if (!this.ended && this.pending) {
        const body = this.fields();
        body.set("sent-late", "yes");
        const unsent = new CustomEvent("editing:unsent", { detail: { address: this.address, body: String(body), kept: false } });
        document.dispatchEvent(unsent);
        kept &&= unsent.detail.kept;
      }
      this.ended = true;
      return kept;
    }

    // The page is about to be left, perhaps for itself: what comes next asks for what is typed.
    part() {
      if (this.ended) return;
      cookie(this.address, this.proof, 10);
      if (this.pending) leaveWith(`${this.address}/draft`, this.fields());
    }

    // The page is being left. What is typed goes along; a beacon survives the page.
    leave() {
      if (this.signedOut) this.cut();
      if (this.ended) return;
      this.ended = true;
      const short = new URLSearchParams({ "lock-token": this.proof, "page-left": "yes" });
      const body = this.pending ? this.fields() : short;
      body.set("page-left", "yes");
      // A browser takes 64 KiB; more than that was kept as a draft some seconds ago.
      if (!leaveWith(`${this.address}/lock/release`, body)) leaveWith(`${this.address}/lock/release`, short);
    }

    tick() {
      const now = clock();
      if (this.ended || now < this.leavingUntil) return;
      if (now >= this.tryAt || !this.valid) this.renew();
      if (this.unsent && (now - this.changed >= PAUSE || now - this.unsent >= AT_MOST) && !this.sending) this.flush();
      if (this.idle && this.left <= 0) this.stop();
      this.show();
    }

    get left() {
      return this.typed + this.idle + COUNTDOWN - clock();
    }

    show() {
      const paused = !this.valid;
      const { left } = this;
      this.element.querySelector("[data-paused]").hidden = !paused || this.ended;
      const countdown = this.element.querySelector("[data-countdown]");
      countdown.hidden = !this.idle || left > COUNTDOWN || this.ended;
      countdown.querySelector("[data-left]").textContent = Math.max(0, Math.ceil(left / 1000));
      if (!this.form) return;
      this.form.toggleAttribute("data-paused", paused);
      const state = this.form.querySelector(".draft-state");
      state.querySelector("[data-kept]").hidden = !this.changed || this.pending;
      state.querySelector("[data-unsent]").hidden = !this.unsent || clock() - this.unsent < AT_MOST + RETRY_AFTER;
    }
  }

  // A page that waits in line says so as long as it is open, and whether it is in front: then a turn is prolonged.
  class Waiting {
    constructor(element) {
      this.address = element.dataset.address;
      this.page = element.dataset.waiting;
      this.tryAt = 0;
    }

    tick() {
      if (clock() < this.tryAt) return;
      this.tryAt = clock() + RENEW_EVERY;
      const body = new URLSearchParams({ page: this.page });
      if (!document.hidden) body.set("in-front", "yes");
      post(`${this.address}/queue/stay`, body)
        .then((response) => {
          if (response.status === 409) document.dispatchEvent(new CustomEvent("page:refresh"));
          const left = response.headers.get("X-Turn-Left");
          const seconds = left && document.querySelector("[data-turn] [data-seconds]");
          if (seconds) seconds.textContent = seconds.dataset.left = left;
        })
        .catch(() => {});
    }

    leave() {
      leaveWith(`${this.address}/queue/leave`, new URLSearchParams({ page: this.page }));
    }
  }

  let editor = null;
  let waiting = null;

  function look() {
    const element = document.getElementById("editor");
    if (editor && (!element || element.dataset.lock !== editor.proof)) {
      // The page has another lock now, or none; saving or cancelling has freed this one already.
      editor.leave();
      editor = null;
    }
    if (!editor && element) editor = new Editor(element);
    else if (editor && editor.element !== element) {     // the same lock on a new page: a refused save
      editor.leavingUntil = 0;
      editor.element = element;
      editor.form = document.getElementById("record-form");
    }
    const mark = document.querySelector("[data-waiting]");
    if (waiting && (!mark || mark.dataset.waiting !== waiting.page)) {
      waiting.leave();
      waiting = null;
    }
    if (!waiting && mark) waiting = new Waiting(mark);
    // The server tells at once when the lock has changed hands.
    const requests = editor && document.querySelector("#editor .requests");
    if (requests && requests.dataset.token !== tokenOf(editor.proof)) editor.renew();
    // What was typed on the page before arrived after this one was made.
    if (requests?.dataset.late && requests.dataset.late !== editor.late && !editor.changed && clock() >= editor.leavingUntil) {
      editor.leavingUntil = clock() + LEAVING;
      location.reload();
    }
    tick();
  }

  let ticked = clock();
  function tick() {
    const second = clock() - ticked >= 900;
    if (second) {
      ticked = clock();
      for (const element of document.querySelectorAll("[data-seconds]")) {
        const left = Math.max(0, Number(element.dataset.left ?? element.dataset.seconds) - 1);
        element.dataset.left = left;
        element.textContent = left;
      }
    }
    if (editor) editor.tick();
    if (waiting) waiting.tick();
  }

  // A key, a paste or a choice is taken only with a running lease; what woke from sleep asks first.
  function guard(event) {
    if (!editor || !editor.form || !editor.form.contains(event.target) || editor.valid) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    editor.renew();
  }
  for (const type of ["beforeinput", "paste", "drop"]) document.addEventListener(type, guard, true);
  for (const type of ["mousedown", "keydown", "click"]) {
    document.addEventListener(type, (event) => { if (event.target.closest?.("select, [type=checkbox]")) guard(event); }, true);
  }
  document.addEventListener("input", (event) => { if (editor?.form?.contains(event.target)) editor.input(); });
  document.addEventListener("change", (event) => { if (editor?.form?.contains(event.target)) editor.input(); });
  document.addEventListener("click", (event) => {
    if (editor && event.target.closest("[data-countdown] button")) { editor.typed = clock(); editor.show(); }
  });
  // Handing over waits for the draft, and signing out for the lock.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const before = (done) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      done.then((kept) => { if (kept !== false) form.requestSubmit(event.submitter); });
    };
    if (form.matches("[data-release]")) {
      waiting?.leave();
      waiting = null;
      if (editor && !editor.ended) before(editor.release());
    } else if (!editor || form.getAttribute("hx-swap") === "none") return;
    else if (form.matches("[data-flush]") && editor.pending) before(editor.flush());
    else if (document.getElementById("main").contains(form)) editor.leavingUntil = clock() + LEAVING;
  }, true);

  document.addEventListener("page:cut", (event) => { if (editor?.cut()) event.detail.kept = true; });
  document.addEventListener("visibilitychange", () => { if (document.hidden) editor?.flush(); else tick(); });
  window.addEventListener("blur", () => editor?.flush());
  window.addEventListener("beforeunload", () => editor?.part());
  window.addEventListener("pagehide", () => { editor?.leave(); waiting?.leave(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", look);
  else look();
  document.addEventListener("htmx:after:swap", look);
  document.addEventListener("page:refreshed", look);
  // Timers of hidden tabs run late; what the server says does not.
  document.addEventListener("htmx:ws:before:message:incoming", tick);
  setInterval(tick, 500);
})();

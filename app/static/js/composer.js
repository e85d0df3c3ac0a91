// The box of a room: sends once, keeps what was not sent, answers, edits.
(() => {
  "use strict";
  const NEAR_THE_END = 500;      // characters left when the counter shows
  const PATIENCE = 20000;        // ms until a try counts as failed; the next one has the same key
  const box = () => document.getElementById("composer");
  const text = () => document.getElementById("composer-text");
  const lengthOf = (value) => [...value.trim()].length;     // as the server counts: an emoji of one code point is one
  let shown = null;              // the form that is in the page
  let sending = false;
  let next = [];                 // where messages end that were sent with Enter while another one was on its way
  let editing = null;            // { address, before }: the message that is being edited, and what was in the box
  let drafting = null;
  let typedAt = 0;

  const call = (path, body, options = {}) =>
    fetch(path, { method: "POST", body, headers: { "X-Page": "1" }, signal: AbortSignal.timeout(PATIENCE), ...options });

  function say(message) {
    const line = box()?.querySelector("[data-error]");
    if (!line) return;
    line.hidden = !message;
    line.textContent = message || "";
    box().querySelector("#composer-error")?.remove();
  }
  // What a refusal says of itself; other answers are no words for people.
  async function wordsOf(response) {
    return response.headers.get("content-type")?.startsWith("text/plain") ? response.text() : box().dataset.notSent;
  }
  document.addEventListener("composer:say", (event) => say(event.detail));

  function grow() {
    const area = text();
    area.rows = Math.min(10, Math.max(1, area.value.split("\n").length, Math.ceil(area.value.length / Math.max(20, area.clientWidth / 9))));
    const left = Number(box().dataset.limit) - lengthOf(area.value);
    const counter = box().querySelector(".counter");
    counter.textContent = left >= NEAR_THE_END ? "" : (left < 0 ? box().dataset.over : box().dataset.left).replace("{}", Math.abs(left));
    counter.classList.toggle("over", left < 0);
  }
  function put(value) {
    text().value = value;
    grow();
  }
  function answer(id, who) {
    box().elements.reply.value = id || "";
    box().querySelector(".answering").hidden = !id && !editing;
    box().querySelector("[data-reply-to]").hidden = Boolean(editing);
    box().querySelector("[data-answered]").textContent = who || "";
  }

  // What the server may not have yet is kept in the tab, with the key that it is sent with.
  function place(address) { return `typed ${document.body.dataset.member} ${address || new URL(box().action).pathname}`; }
  function keepHere(sent) {
    const entry = { text: text().value, key: box().elements.key.value };
    if (sent !== undefined) entry.sent = sent;
    try { sessionStorage.setItem(place(editing?.address), JSON.stringify(entry)); } catch { /* the tab's store is full or off */ }
  }
  function kept(address) {
    try { return JSON.parse(sessionStorage.getItem(place(address))); } catch { return null; }
  }
  function forget(address) {
    try { sessionStorage.removeItem(place(address)); } catch { /* there is no store */ }
  }

  function draftSoon(delay = 1000) { drafting ??= setTimeout(keepDraft, delay); }
  async function keepDraft() {
    clearTimeout(drafting);
    drafting = null;
    const form = box();
    if (!form || editing) return;
    const typed = text().value;
    const key = form.elements.key.value;
    const body = new URLSearchParams({ text: typed, key });
    try {
      const response = await call(`${form.action}/draft`, body, { keepalive: body.toString().length < 60000 });
      if (form !== box() || editing || form.elements.key.value !== key) return;
      if (response.status === 409) wasSent(await response.text());
      else if (response.ok && text().value === typed) forget();
    } catch {
      if (form === box()) draftSoon(5000);
    }
  }
  // The message with the box's key is posted, though the answer was lost: what was typed since is another one.
  function wasSent(key) {
    const sent = kept()?.sent;
    box().elements.key.value = key;
    if (sent !== undefined && text().value.startsWith(sent)) afterSending(sent);
    say("");
    if (text().value) { keepHere(); draftSoon(0); }
  }

  // What is left in the box when something of it was posted.
  function afterSending(sent) {
    const rest = text().value.startsWith(sent) ? text().value.slice(sent.length) : text().value;
    typedAt = 0;                 // whoever goes on typing is said to, at once
    answer("");
    box().querySelectorAll("[data-files] > li:not(:has(progress))").forEach((file) => file.remove());
    put(rest);
    if (rest) keepHere(); else forget();
  }
  function stopEditing() {
    const { address, before } = editing;
    editing = null;
    forget(address);
    answer(before.reply, before.who);
    put(before.text);
  }

  async function send(end = Infinity) {
    const form = box();
    if (sending) {
      if (text().value.length > (next.at(-1) ?? 0)) next.push(text().value.length);
      return;
    }
    if (form.querySelector("[data-files] progress")) {
      say(form.dataset.bringing);
      document.addEventListener("files:settled", () => { if (form === box()) send(); }, { once: true });
      return;
    }
    const sent = text().value.slice(0, end);
    if (!sent.trim() && !form.querySelector("[name=file]")) return;
    sending = true;
    clearTimeout(drafting);
    drafting = null;
    const edited = editing;
    keepHere(sent);
    say("");
    let done = false;
    try {
      const body = new URLSearchParams(new FormData(form));
      body.set("text", sent);
      const response = await call(edited ? `${edited.address}/edit` : form.action, body);
      if (form !== box()) return;
      if (response.status === 409 && !edited) wasSent(await response.text());
      else if (!response.ok) say(await wordsOf(response));
      else if (edited) {
        done = true;
        if (editing === edited) stopEditing();
      } else {
        form.elements.key.value = await response.text();
        done = true;
        afterSending(sent);
        if (location.search) history.replaceState(history.state, "", location.pathname);
      }
    } catch {
      if (form === box()) say(form.dataset.notSent);   // the same key goes with the next try, so that it is posted once
    } finally {
      sending = false;
      const ends = next.map((each) => each - sent.length).filter((each) => each > 0);
      next = [];
      if (form === box()) {
        if (text().value && !editing) draftSoon();
        if (document.activeElement === document.body || form.contains(document.activeElement)) text().focus();
        if (done && ends.length) { send(ends[0]); next = ends.slice(1); }
      }
    }
  }

  // Editing the last message of one's own, or the one asked for. What was in the box comes back afterwards.
  async function edit(address) {
    if (editing?.address === address) return text().focus();
    try {
      const response = await fetch(`${address}/edit`);
      if (!response.ok || response.redirected) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const form = box();
      if (!form) return;
      const before = editing?.before ?? { text: text().value, reply: form.elements.reply.value, who: form.querySelector("[data-answered]").textContent };
      if (drafting) keepDraft();
      editing = { address, before };
      answer("", page.querySelector("h1").textContent);
      put(kept(address)?.text ?? page.getElementById("field-text").value);
      say("");
      text().focus();
      text().setSelectionRange(text().value.length, text().value.length);
    } catch {
      say(box()?.dataset.notSent);
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target !== box()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    send();
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target !== text()) return;
    if (box().querySelector("[data-error]").textContent !== box().dataset.notSent) say("");
    grow();
    keepHere();
    if (!editing) draftSoon();
    if (Date.now() - typedAt > 3000 && !editing && text().value) {
      typedAt = Date.now();
      call(`${box().action}/typing`).catch(() => {});
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== text() || event.defaultPrevented) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === "Escape") { if (editing) stopEditing(); else if (box().elements.reply.value) answer(""); }
    if (event.key === "ArrowUp" && !text().value && !editing) {
      const own = [...document.querySelectorAll("ol.messages > .mine:has(.text)")].pop();
      if (own) { event.preventDefault(); edit(own.querySelector("[data-edit]").getAttribute("href").replace(/\/edit$/, "")); }
    }
  });
  document.addEventListener("click", (event) => {
    if (!box()) return;
    const reply = event.target.closest("[data-reply]");
    if (reply) {
      event.preventDefault();
      event.stopPropagation();
      if (editing) stopEditing();
      const message = reply.closest(".message");
      const name = (message.querySelector(".meta b") || {}).textContent;
      answer(reply.dataset.reply, `${name}: ${(message.querySelector(".text, .files") || message).textContent.trim().slice(0, 80)}`);
      text().focus();
    }
    const change = event.target.closest("[data-edit]");
    if (change) {
      event.preventDefault();
      event.stopPropagation();
      edit(change.getAttribute("href").replace(/\/edit$/, ""));
    }
    if (event.target.closest("[data-answer-off]")) { if (editing) stopEditing(); else answer(""); text().focus(); }
  }, true);
  window.addEventListener("pagehide", () => { if (drafting) keepDraft(); });
  document.addEventListener("htmx:before:request", () => { if (drafting) keepDraft(); });

  // Another page, or this one anew: what it has not got from this tab is put back.
  function open() {
    const form = box();
    if (form === shown) return;
    shown = form;
    editing = null;
    next = [];
    clearTimeout(drafting);
    drafting = null;
    if (!form) return;
    const entry = kept();
    if (entry) {
      text().value = entry.text;
      form.elements.key.value = entry.key;
      draftSoon(0);
    }
    text().setSelectionRange(text().value.length, text().value.length);
    grow();
  }
  document.addEventListener("DOMContentLoaded", open);
  document.addEventListener("htmx:after:swap", open);
})();

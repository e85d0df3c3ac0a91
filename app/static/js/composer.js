// The box of a room: sends once, keeps what was not sent, answers, edits, completes names, brings files.
(() => {
  "use strict";
  const NEAR_THE_END = 500;      // characters left when the counter shows
  const box = () => document.getElementById("composer");
  const text = () => document.getElementById("composer-text");
  const call = (path, body) => fetch(path, { method: "POST", body, headers: { "X-Page": "1" } });
  let sending = false;
  let editing = null;            // the address of the message that is being edited
  let drafting = null;
  let typedAt = 0;

  function say(message) {
    const line = box().querySelector("[data-error]");
    line.hidden = !message;
    line.textContent = message || "";
    box().querySelector("#composer-error")?.remove();
  }
  function grow() {
    const area = text();
    area.rows = Math.min(10, Math.max(1, area.value.split("\n").length, Math.ceil(area.value.length / Math.max(20, area.clientWidth / 9))));
    const left = Number(box().dataset.limit) - area.value.length;
    box().querySelector(".counter").textContent = left < NEAR_THE_END ? `${left} ${box().dataset.tooLong}` : "";
    box().querySelector(".counter").classList.toggle("over", left < 0);
  }
  function answer(id, who) {
    box().elements.reply.value = id || "";
    box().querySelector(".answering").hidden = !id && !editing;
    box().querySelector("[data-answered]").textContent = who || "";
  }
  function clear() {
    text().value = "";
    editing = null;
    typedAt = 0;                 // whoever goes on typing is said to, at once
    answer("");
    box().querySelector("[data-files]").replaceChildren();
    grow();
  }

  async function send() {
    const form = box();
    if (sending || (!text().value.trim() && !form.querySelector("[name=file]"))) return;
    sending = true;
    clearTimeout(drafting);
    drafting = null;
    const sent = text().value;
    say("");
    try {
      const body = new URLSearchParams(new FormData(form));
      const response = await call(editing ? `${editing}/edit` : form.action, body);
      if (response.ok) {
        if (!editing && response.status === 200) form.elements.key.value = await response.text();
        if (text().value === sent) clear();
        if (location.search) history.replaceState(history.state, "", location.pathname);
      } else if (response.status === 422) say(await response.text());
      else say(form.dataset.notSent);
    } catch {
      say(form.dataset.notSent);         // the same key goes with the next try, so that it is posted once
    } finally {
      sending = false;
      if (text()?.value) draftSoon();
      text()?.focus();
    }
  }

  function draftSoon() { drafting ??= setTimeout(keepDraft, 1000); }
  function keepDraft() {
    drafting = null;
    if (!box() || editing) return;
    const body = new URLSearchParams({ text: text().value });
    navigator.sendBeacon(`${box().action}/draft`, body);
  }

  // Completing @names from those who are in the room.
  let options = [];
  function complete() {
    close();
    const area = text();
    const before = area.value.slice(0, area.selectionStart);
    const found = /(?:^|\s)@([^@\n]{0,40})$/.exec(before);
    if (!found) return;
    const begun = found[1].toLowerCase();
    options = [...document.querySelectorAll("#mentionable option")].map((option) => option.value)
      .filter((name) => name.toLowerCase().startsWith(begun) && name.toLowerCase() !== begun).slice(0, 6);
    if (!options.length) return;
    const menu = document.createElement("ul");
    menu.id = "completion";
    menu.setAttribute("role", "listbox");
    options.forEach((name, index) => {
      const item = document.createElement("li");
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === 0));
      item.textContent = `@${name}`;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
      menu.append(item);
    });
    box().append(menu);
    area.setAttribute("aria-controls", "completion");
  }
  function close() { document.getElementById("completion")?.remove(); text()?.removeAttribute("aria-controls"); }
  function take(name) {
    const area = text();
    const before = area.value.slice(0, area.selectionStart).replace(/@[^@\n]*$/, `@${name} `);
    area.setRangeText(before, 0, area.selectionStart, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function choose(step) {
    const items = [...document.querySelectorAll("#completion li")];
    const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === (now + step + items.length) % items.length)));
  }

  // Editing the last message of one's own, or the one asked for.
  async function edit(address) {
    const response = await fetch(`${address}/edit`);
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    editing = address;
    text().value = page.getElementById("field-text").value;
    answer("", page.querySelector("h1").textContent);
    text().focus();
    grow();
  }

  // Files by button, drop and paste.
  function bring(files) {
    for (const file of files) {
      const item = document.createElement("li");
      item.className = "file";
      const name = document.createElement("span");
      name.textContent = file.name;
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = 0;
      item.append(name, " ", bar);
      box().querySelector("[data-files]").append(item);
      const request = new XMLHttpRequest();
      request.open("POST", `${box().action}/files`);
      request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
      request.addEventListener("load", () => {
        if (request.status === 200) item.outerHTML = request.responseText;
        else { item.remove(); say(request.responseText.length < 300 ? request.responseText : box().dataset.notSent); }
      });
      request.addEventListener("error", () => { item.remove(); say(box().dataset.notSent); });
      const body = new FormData();
      body.append("file", file, file.name);
      request.send(body);
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
    grow();
    complete();
    draftSoon();
    if (Date.now() - typedAt > 3000 && !editing && /^\/chat\//.test(new URL(box().action).pathname)) {
      typedAt = Date.now();
      call(`${box().action}/typing`).catch(() => {});
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== text()) return;
    if (document.getElementById("completion")) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(event.key === "ArrowDown" ? 1 : -1); return; }
      if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(document.querySelector("#completion [aria-selected=true]").textContent.slice(1)); return; }
      if (event.key === "Escape") { event.stopPropagation(); close(); return; }
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === "Escape" && (editing || box().elements.reply.value)) { if (editing) clear(); else answer(""); }
    if (event.key === "ArrowUp" && !text().value) {
      const own = [...document.querySelectorAll("ol.messages > .mine:has(.text)")].pop();
      if (own) { event.preventDefault(); edit(own.querySelector("[data-edit]").getAttribute("href").replace(/\/edit$/, "")); }
    }
  });
  document.addEventListener("click", (event) => {
    const reply = event.target.closest("[data-reply]");
    if (reply && box()) {
      event.preventDefault();
      event.stopPropagation();
      const message = reply.closest(".message");
      const name = (message.querySelector(".meta b") || {}).textContent;
      answer(reply.dataset.reply, `${name}: ${(message.querySelector(".text") || message).textContent.trim().slice(0, 80)}`);
      text().focus();
    }
    const change = event.target.closest("[data-edit]");
    if (change && box()) {
      event.preventDefault();
      event.stopPropagation();
      edit(change.getAttribute("href").replace(/\/edit$/, ""));
    }
    if (event.target.closest("[data-answer-off]")) { if (editing) clear(); else answer(""); }
    event.target.closest("[data-drop-file]")?.closest("li").remove();
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-attach]")) { bring(event.target.files); event.target.value = ""; }
  });
  document.addEventListener("paste", (event) => {
    if (event.target === text() && event.clipboardData.files.length) { event.preventDefault(); bring(event.clipboardData.files); }
  });
  document.addEventListener("dragover", (event) => { if (box() && event.dataTransfer.types.includes("Files")) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (box() && event.dataTransfer.files.length) { event.preventDefault(); bring(event.dataTransfer.files); }
  });
  document.addEventListener("focusout", (event) => { if (event.target === text()) close(); });
  window.addEventListener("pagehide", () => { if (drafting) keepDraft(); });
  document.addEventListener("htmx:before:request", () => { if (drafting) keepDraft(); });
  const ready = () => { if (text()) grow(); };
  document.addEventListener("DOMContentLoaded", ready);
  document.addEventListener("htmx:after:swap", ready);
})();

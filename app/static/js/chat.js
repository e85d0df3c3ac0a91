// A room's messages: takes what is pushed, groups and dates them, loads older ones, and tells what was read.
(() => {
  "use strict";
  const NEAR = 80;               // px from the end that still count as being there
  const TOGETHER = 5 * 60000;    // messages of one author within this time stand together
  const me = () => document.body.dataset.member;
  const list = () => document.querySelector("ol.messages");
  const scroller = () => list()?.closest(".scroller");
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full" });
  const call = (path, body) => fetch(path, { method: "POST", body, headers: { "X-Page": "1" } });

  function atEnd() {
    const box = scroller();
    return !box || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  }
  function toEnd() {
    const box = scroller();
    if (box) box.scrollTop = box.scrollHeight;
    jump(false);
  }
  function openEnd() { location.assign(`${location.pathname}?at=end`); }
  function jump(shown) {
    const button = document.querySelector("[data-jump]");
    if (button) button.hidden = !shown;
  }

  // Days, grouping, what is mine: shown by the page, as the message itself is the same for everybody.
  function separator(className, text, id) {
    const line = document.createElement("li");
    line.className = className;
    line.id = id;
    line.setAttribute("role", "separator");
    line.textContent = text;
    return line;
  }
  function dayOf(element) {
    const when = new Date(element.dataset.at);
    const [today, yesterday] = list().dataset.labels.split("|");
    const now = new Date();
    if (when.toDateString() === now.toDateString()) return today;
    now.setDate(now.getDate() - 1);
    return when.toDateString() === now.toDateString() ? yesterday : day.format(when);
  }
  let firstUnread = 0;
  function decorate() {
    const messages = list();
    if (!messages) return;
    messages.querySelectorAll(":scope > .day, :scope > .unread-line").forEach((line) => line.remove());
    let before = null;
    for (const item of [...messages.children]) {
      item.classList.toggle("mine", item.dataset.author === me());
      const date = dayOf(item);
      const newDay = !before || dayOf(before) !== date;
      if (newDay) messages.insertBefore(separator("day", date, `day-${item.dataset.number}`), item);
      const isFirst = firstUnread && Number(item.dataset.number) === firstUnread;
      if (isFirst) messages.insertBefore(separator("unread-line", messages.dataset.unreadLabel, "unread-line"), item);
      item.classList.toggle("follows", Boolean(before && !newDay && !isFirst && before.dataset.author === item.dataset.author
        && new Date(item.dataset.at) - new Date(before.dataset.at) < TOGETHER && !item.querySelector(".quote")));
      for (const button of item.querySelectorAll(".reactions button")) {
        button.setAttribute("aria-pressed", String(button.dataset.people.split(" ").includes(me())));
      }
      before = item;
    }
    const nothing = document.querySelector(".nothing-yet");
    if (nothing) nothing.hidden = messages.children.length > 0;
  }

  function put(item) {
    const messages = list();
    if (document.getElementById(item.id)) return false;
    const number = Number(item.dataset.number);
    const next = [...messages.querySelectorAll(":scope > .message")].reverse().find((other) => Number(other.dataset.number) < number);
    if (next) next.after(item); else messages.prepend(item);
    htmx.process(item);
    return true;
  }

  // A message that is shown already; one in which somebody is at a button keeps its nodes.
  function change(item) {
    const old = document.getElementById(item.id);
    if (!old) return;
    if (old.contains(document.activeElement)) {
      const partial = `<hx-partial hx-target="#${item.id}" hx-swap="outerMorph">${item.outerHTML}</hx-partial>`;
      htmx.swap({ sourceElement: document.body, swap: "none", text: partial }).then(decorate);
    } else {
      old.replaceWith(item);
      htmx.process(item);
    }
  }

  function takeIncoming() {
    const messages = list();
    if (!messages) return;
    const incoming = document.getElementById(`room-${messages.dataset.room}-incoming`);
    const templates = [...incoming.querySelectorAll("template")];
    if (!templates.length) return;
    const stay = atEnd();
    let mine = false;
    for (const template of templates) {
      template.remove();
      if (messages.dataset.newer && !("change" in template.dataset)) {   // the end is elsewhere
        if (template.content.querySelector("li").dataset.author === me()) openEnd(); else jump(true);
        continue;
      }
      const item = template.content.querySelector("li").cloneNode(true);
      if ("change" in template.dataset) { change(item); continue; }
      if (put(item) && item.dataset.author === me()) mine = true;
      typing.delete(item.dataset.author);
    }
    decorate();
    document.dispatchEvent(new CustomEvent("list:changed"));
    if (stay || mine) toEnd(); else jump(true);
    watch();
    showTyping();
  }

  // Older messages come above, newer ones below, without a jump.
  async function load(link) {
    if (link.dataset.loading) return;
    link.dataset.loading = "yes";
    const box = scroller();
    const which = link.closest(".older") ? ".older" : ".newer";
    try {
      const response = await fetch(link.href);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const [top, below] = [box.scrollTop, box.scrollHeight - box.scrollTop];
      for (const item of page.querySelectorAll("ol.messages > .message")) put(document.importNode(item, true));
      const next = page.querySelector(`.scroller > ${which}`);
      link.closest(which).replaceWith(next ? document.importNode(next, true) : "");
      if (which === ".newer") list().dataset.newer = next ? "yes" : "";
      decorate();
      document.dispatchEvent(new CustomEvent("list:changed"));
      box.scrollTop = which === ".older" ? box.scrollHeight - below : top;
      watch();
    } catch { delete link.dataset.loading; }
  }

  // What was on screen in a visible tab is read.
  let observer = null;
  let seen = 0;
  let told = 0;
  let telling = null;
  function watch() {
    observer?.disconnect();
    const messages = list();
    if (!messages || !messages.dataset.slug) return;
    observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting || document.hidden) continue;
        if (entry.target.matches(".older, .newer")) load(entry.target.querySelector("a"));
        else seen = Math.max(seen, Number(entry.target.dataset.number));
      }
      tell();
    }, { root: scroller().scrollHeight > scroller().clientHeight ? scroller() : null });
    for (const item of messages.querySelectorAll(":scope > .message")) {
      if (Number(item.dataset.number) > told) observer.observe(item);
    }
    for (const more of document.querySelectorAll(".scroller > :is(.older:has([data-older]), .newer)")) observer.observe(more);
  }
  function tell() {
    const messages = list();
    if (!messages || document.hidden || seen <= told || telling) return;
    telling = setTimeout(() => {
      telling = null;
      if (document.hidden || list() !== messages) return;
      const number = seen;
      call(`/chat/${messages.dataset.slug}/read`, new URLSearchParams({ number })).then((response) => { if (response.ok) told = Math.max(told, number); }).catch(() => {});
    }, 250);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { watch(); tell(); } });

  // Counts in the sidebar and in the title, from marks that are the same for everybody.
  function takeNews() {
    for (const mark of document.querySelectorAll("[id^='room-'][id$='-news'] > i")) {
      const count = document.getElementById(mark.parentElement.id.replace("-news", "-unread"));
      const { number, author, mentions } = mark.dataset;
      mark.remove();
      if (!count || author === me() || Number(number) <= Number(count.dataset.read)) continue;
      const step = "deleted" in mark.dataset ? -1 : 1;
      count.dataset.count = Math.max(0, Number(count.dataset.count) + step);
      if (mentions.split(" ").some((id) => id === me() || id === "0")) count.dataset.mentions = Math.max(0, Number(count.dataset.mentions) + step);
    }
    showCounts();
  }
  function showCounts() {
    let sum = 0;
    for (const count of document.querySelectorAll(".unread[data-count]")) {
      const number = Number(count.dataset.count);
      count.textContent = number > 99 ? "99+" : number;
      count.hidden = number === 0;
      const shown = { everything: number, mentions: Number(count.dataset.mentions), nothing: 0 }[count.dataset.notify];
      sum += shown;
    }
    document.documentElement.dataset.unread = sum;
    document.dispatchEvent(new CustomEvent("title:changed"));
  }

  // Who is typing; gone after five seconds.
  const typing = new Map();
  function takeTyping() {
    for (const mark of document.querySelectorAll("[id^='room-'][id$='-typing'] > i")) {
      if (mark.dataset.member !== me()) typing.set(mark.dataset.member, { name: mark.dataset.name, until: Date.now() + 5000 });
      mark.remove();
    }
    showTyping();
  }
  function showTyping() {
    for (const [id, person] of typing) if (person.until < Date.now()) typing.delete(id);
    const line = document.querySelector("[data-typing]");
    if (!line) return;
    const names = [...typing.values()].map((person) => person.name);
    const text = names.length > 2 ? line.dataset.typingMany : names.map((name) => line.dataset.typing.replace("{}", name)).join(" ");
    if (line.textContent !== text) line.textContent = text;
  }
  setInterval(showTyping, 1000);

  // A page was opened.
  let opened = null;
  function open() {
    const messages = list();
    if (messages === opened) return;
    opened = messages;
    seen = told = messages ? Number(messages.dataset.read) : 0;
    typing.clear();
    if (!messages) return;
    const unread = [...messages.querySelectorAll(":scope > .message")].find((item) => Number(item.dataset.number) > told && item.dataset.author !== me());
    firstUnread = unread ? Number(unread.dataset.number) : 0;
    decorate();
    const end = new URLSearchParams(location.search).get("at") === "end";
    const at = messages.dataset.at !== "0" && messages.querySelector(`[data-number="${messages.dataset.at}"]`);
    const target = at || document.getElementById("unread-line");
    if (messages.closest(".room")) {
      if (target && !end) { target.scrollIntoView({ block: at ? "center" : "start" }); if (at) at.classList.add("fresh"); }
      else toEnd();
    }
    scroller().addEventListener("scroll", () => { if (atEnd()) jump(false); }, { passive: true });
    watch();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-jump]")) {
      if (list()?.dataset.newer) openEnd(); else toEnd();
    }
    const react = event.target.closest("[data-react]");
    const picker = document.getElementById("emoji");
    if (react && picker) {
      picker.dataset.to = react.dataset.react;
      picker.showPopover();
      const place = react.getBoundingClientRect();
      picker.style.setProperty("left", `${Math.max(8, Math.min(place.left - 120, innerWidth - 310))}px`);
      picker.style.setProperty("top", `${Math.max(8, Math.min(place.bottom + 4, innerHeight - 180))}px`);
      picker.querySelector("button").focus();
    }
    const emoji = event.target.closest("[data-emoji]");
    if (emoji && picker) {
      call(picker.dataset.to, new URLSearchParams({ emoji: emoji.dataset.emoji }));
      picker.hidePopover();
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".reactions form, .message .delete")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    call(form.action, new URLSearchParams(new FormData(form)));
  }, true);

  function takeAll() { open(); takeIncoming(); takeNews(); takeTyping(); if (list()) decorate(); }
  document.addEventListener("DOMContentLoaded", takeAll);
  document.addEventListener("htmx:after:swap", takeAll);
  document.addEventListener("htmx:ws:after:message:incoming", takeAll);
  document.addEventListener("page:refreshed", () => { opened = null; takeAll(); });
})();

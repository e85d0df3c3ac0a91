// A room's messages: takes what is pushed, groups and dates them, loads older ones, and tells what was read.
(() => {
  "use strict";
  const NEAR = 80;               // px from the end that still count as being there
  const TOGETHER = 5 * 60000;    // messages of one author within this time stand together
  const me = () => document.body.dataset.member;
  const list = () => document.querySelector("ol.messages");
  const scroller = () => list()?.closest(".scroller");
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full" });
  const numberOf = (item) => Number(item.dataset.number);
  const find = (number) => list()?.querySelector(`:scope > .message[data-number="${number}"]`);

  let stuck = true;              // the end is in view, and stays there when what is around it grows
  function atEnd() {
    const box = scroller();
    return !box || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  }
  function toEnd() {
    const box = scroller();
    if (box) box.scrollTop = box.scrollHeight;
    stuck = true;
    jump(false);
  }
  // While nobody looks, it goes on only until the first message that was not seen is at the top.
  function follow() {
    const line = document.getElementById("unread-line");
    const box = scroller();
    if (!document.hidden || !line || firstUnread <= told) return toEnd();
    stuck = false;
    box.scrollTop = Math.min(box.scrollHeight, box.scrollTop + line.getBoundingClientRect().top - box.getBoundingClientRect().top - 8);
    stuck = atEnd();
    if (!stuck) jump(true);
  }
  function show(item) {
    item.scrollIntoView({ block: "center" });
    item.classList.remove("fresh");
    void item.offsetWidth;       // so that the highlight begins anew
    item.classList.add("fresh");
  }
  function openEnd() { location.assign(`${location.pathname}?at=end`); }
  function jump(shown) {
    const button = document.querySelector("[data-jump]");
    if (button) button.hidden = !shown;
  }

  // Days, grouping, what is mine: shown by the page, as the message itself is the same for everybody.
  function dayOf(element, today, yesterday) {
    const when = new Date(element.dataset.at);
    const date = when.toDateString();
    const labels = list().dataset.labels.split("|");
    return date === today ? labels[0] : date === yesterday ? labels[1] : day.format(when);
  }
  let firstUnread = 0;
  function decorate() {
    const messages = list();
    if (!messages) return;
    const now = new Date();
    const today = now.toDateString();
    now.setDate(now.getDate() - 1);
    const yesterday = now.toDateString();
    const lines = new Map([...messages.querySelectorAll(":scope > :is(.day, .unread-line)")].map((line) => [line.id, line]));
    function line(className, id, text, item) {
      let found = lines.get(id);
      lines.delete(id);
      if (!found) {
        found = document.createElement("li");
        found.className = className;
        found.id = id;
        found.setAttribute("role", "separator");
      }
      if (found.textContent !== text) found.textContent = text;
      if (found.nextElementSibling !== item) messages.insertBefore(found, item);
      return found;
    }
    let before = null;
    let dateBefore = "";
    for (const item of [...messages.querySelectorAll(":scope > .message")]) {
      item.classList.toggle("mine", item.dataset.author === me());
      const date = dayOf(item, today, yesterday);
      const isFirst = firstUnread && numberOf(item) === firstUnread;
      let top = item;
      if (isFirst) top = line("unread-line", "unread-line", messages.dataset.unreadLabel, item);
      if (date !== dateBefore) line("day", `day-${item.dataset.number}`, date, top);
      item.classList.toggle("follows", Boolean(before && date === dateBefore && !isFirst && before.dataset.author === item.dataset.author
        && new Date(item.dataset.at) - new Date(before.dataset.at) < TOGETHER && !item.querySelector(".quote")));
      for (const button of item.querySelectorAll(".reactions button")) {
        button.setAttribute("aria-pressed", String(button.dataset.people.split(" ").includes(me())));
      }
      [before, dateBefore] = [item, date];
    }
    lines.forEach((old) => old.remove());
    const nothing = document.querySelector(".nothing-yet");
    if (nothing) nothing.hidden = messages.children.length > 0;
  }

  function put(item) {
    const messages = list();
    if (document.getElementById(item.id)) return false;
    const number = numberOf(item);
    let before = messages.lastElementChild;      // new ones come last, so the search begins there
    while (before && !(before.matches(".message") && numberOf(before) < number)) before = before.previousElementSibling;
    if (before) before.after(item); else messages.prepend(item);
    htmx.process(item);
    return true;
  }

  // A message that is shown already; one in which somebody is at a button keeps its nodes.
  function change(item) {
    const old = document.getElementById(item.id);
    if (!old) return false;
    if (old.contains(document.activeElement)) {
      morph(old, item).then(() => {
        decorate();              // a message that was deleted has no buttons any more
        if (document.activeElement === document.body) document.getElementById(item.id)?.focus({ preventScroll: true });
      });
    } else {
      old.replaceWith(item);
      htmx.process(item);
    }
    return true;
  }

  // The card of a record, in each message that has it. The nodes around it stay, and the link keeps the focus.
  function changeCards(card) {
    const shown = list().querySelectorAll(`.record-card[data-card="${CSS.escape(card.dataset.card)}"]`);
    for (const old of shown) old.replaceChildren(...card.cloneNode(true).childNodes);
  }

  let loading = 0;               // how many stretches are on their way
  let late = [];                 // what came meanwhile and belongs to what is on its way: [item, what to do with it]
  function takeIncoming() {
    const messages = list();
    if (!messages) return false;
    const incoming = document.getElementById(`room-${messages.dataset.room}-incoming`);
    const templates = [...incoming.querySelectorAll("template")];
    if (!templates.length) return false;
    let mine = false;
    let added = false;
    for (const template of templates) {
      template.remove();
      if ("card" in template.dataset) {
        const card = template.content.firstElementChild;
        changeCards(card);
        if (loading) late.push([card, changeCards]);
        continue;
      }
      const item = template.content.querySelector("li").cloneNode(true);
      const own = item.dataset.author === me();
      if ("change" in template.dataset) {
        if (!change(item) && loading) late.push([item, change]);
      } else if (messages.dataset.newer) {         // the end is elsewhere
        if (loading) late.push([item, putLate]);
        if (own) openEnd(); else jump(true);
      } else if (put(item)) {
        added = true;
        if (own) mine = true;
        else if (document.hidden && firstUnread <= told) firstUnread = numberOf(item);
      }
      document.dispatchEvent(new CustomEvent("message:shown", { detail: item.dataset.author }));
    }
    decorate();
    document.dispatchEvent(new CustomEvent("list:changed"));
    if (mine) stuck = true;
    if (!stuck && added) jump(true); else if (document.hidden) follow();   // what is visible follows as it grows (sizes)
    watch();
    return true;
  }

  function putLate(item) { if (!list().dataset.newer) put(item); }

  // Older messages come above, newer ones below, without a jump.
  async function load(link) {
    if (link.dataset.loading) return;
    link.dataset.loading = "yes";
    const box = scroller();
    const messages = list();
    const which = link.closest(".older") ? ".older" : ".newer";
    loading += 1;
    try {
      const response = await fetchPage(link.href);
      if (!response.ok || response.redirected) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (list() !== messages) return;
      const [top, below] = [box.scrollTop, box.scrollHeight - box.scrollTop];
      for (const item of page.querySelectorAll("ol.messages > .message")) put(document.importNode(item, true));
      const next = page.querySelector(`.scroller > ${which}`);
      link.closest(which).replaceWith(next ? document.importNode(next, true) : "");
      if (which === ".newer") messages.dataset.newer = next ? "yes" : "";
      for (const [item, take] of late) take(item);
      decorate();
      document.dispatchEvent(new CustomEvent("list:changed"));
      box.scrollTop = which === ".older" ? box.scrollHeight - below : top;
      watch();
    } catch {                    // the network is away: it is tried again
      setTimeout(() => { delete link.dataset.loading; if (list() === messages) watch(); }, 2000);
    } finally {
      loading -= 1;
      if (!loading) late = [];
    }
  }

  // What was on screen in a visible tab is read, from the first to the last of it: not what lies before, and was never
  // shown. Who goes to the end on purpose has done with what is between.
  let observer = null;
  let low = Infinity;
  let seen = 0;
  let told = 0;
  let said = "";
  let telling = null;
  function since() {
    for (let item = find(low)?.previousElementSibling; item?.dataset.author === me(); item = item.previousElementSibling) low = numberOf(item);
    return new URLSearchParams(location.search).get("at") === "end" ? 0 : low;
  }
  // For js/unread.js: whether what comes now is read in a moment.
  function noteReading() { list().dataset.reading = stuck && since() <= told + 1 ? "yes" : ""; }
  function look(entries) {
    for (const entry of entries) {
      if (!entry.isIntersecting || document.hidden) continue;
      if (entry.target.matches(".older, .newer")) load(entry.target.querySelector("a"));
      else {
        seen = Math.max(seen, numberOf(entry.target));
        low = Math.min(low, numberOf(entry.target));
      }
    }
    tell();
  }
  function watch(anew) {
    const messages = list();
    if (!messages?.dataset.slug) return;
    if (anew || !observer) {
      observer?.disconnect();
      observer = new IntersectionObserver(look, { root: messages.closest(".room") ? scroller() : null });
    }
    // What is watched already is not told again.
    for (const item of document.querySelectorAll(".scroller > ol.messages > .message, .scroller > :is(.older:has([data-older]), .newer)")) observer.observe(item);
  }
  function tell() {
    const messages = list();
    if (!messages) return;
    noteReading();
    if (document.hidden || seen <= told || telling) return;
    telling = setTimeout(() => {
      telling = null;
      if (document.hidden || list() !== messages) return;
      const [number, from] = [seen, since()];
      if (said === `${from} ${number}`) return;
      said = `${from} ${number}`;
      call(`/chat/${messages.dataset.slug}/read`, new URLSearchParams({ number, since: from })).then((response) => {
        if (!response.ok) throw new Error(response.statusText);
        if (from <= told + 1 && list() === messages) told = Math.max(told, number);
        tell();
      }).catch(() => { said = ""; });
    }, 250);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) watch(true); });

  // A page was opened.
  let opened = null;
  function open() {
    const messages = list();
    if (messages === opened) return;
    opened = messages;
    clearTimeout(telling); // of the page before; this one would wait for it, and then not be told of
    telling = null;
    seen = told = messages ? Number(messages.dataset.read) : 0;
    low = Infinity;
    said = "";
    if (!messages) return;
    const unread = [...messages.querySelectorAll(":scope > .message")].find((item) => Number(item.dataset.number) > told && item.dataset.author !== me());
    firstUnread = unread ? Number(unread.dataset.number) : 0;
    decorate();
    const end = new URLSearchParams(location.search).get("at") === "end";
    const at = messages.dataset.at !== "0" && find(messages.dataset.at);
    const line = document.getElementById("unread-line");
    if (messages.closest(".room")) {
      if (at && !end) show(at);
      else if (line && !end) line.scrollIntoView({ block: "start" });
      else toEnd();
    }
    const box = scroller();
    stuck = atEnd() && !messages.dataset.newer;
    box.addEventListener("scroll", () => {
      stuck = atEnd() && !messages.dataset.newer;
      noteReading();
      if (stuck) jump(false);
    }, { passive: true });
    sizes.disconnect();
    if (messages.closest(".room")) [box, messages].forEach((each) => sizes.observe(each));
    watch(true);
  }
  const sizes = new ResizeObserver(() => { if (stuck && list()?.closest(".room")) toEnd(); });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-jump]")) { if (list()?.dataset.newer) openEnd(); else toEnd(); }
  });
  // A quote leads to what it quotes; where that is in the page, without leaving it.
  document.addEventListener("click", (event) => {
    const quote = event.target.closest(".message a.quote");
    const item = quote && !event.ctrlKey && !event.metaKey && find(new URL(quote.href).searchParams.get("at"));
    if (!item) return;
    event.preventDefault();
    event.stopPropagation();
    show(item);
    item.focus({ preventScroll: true });
  }, true);
  function takeAll() { open(); takeIncoming(); }
  document.addEventListener("DOMContentLoaded", takeAll);
  document.addEventListener("htmx:after:swap", takeAll);
  document.addEventListener("htmx:ws:after:message:incoming", takeAll);
  document.addEventListener("page:refreshed", () => { opened = null; takeAll(); });
  document.addEventListener("day:changed", decorate);
})();

// A room's messages: takes what is pushed, groups and dates them, loads older ones, and tells what was read. What a
// message costs does not grow with how many there are: its neighbours alone are looked at, and what is far from where
// one reads is let go. It comes back when one scrolls there.
import { isMessage, linesBefore, me, nextMessage, numberOf, settle } from "./message-lines.js";
import { Reading } from "./message-reading.js";
import { letGo } from "./message-window.js";
import { fetchPage, morph } from "./page.js";

const NEAR = 80;               // px from the end that still count as being there
const PATIENCE = 20000;        // ms until a stretch that is asked for counts as lost
const list = () => document.querySelector("ol.messages");
const scroller = () => list()?.closest(".scroller");
const find = (number) => list()?.querySelector(`:scope > .message[data-number="${number}"]`);

let stuck = true;              // the end is in view, and stays there when what is around it grows
let lastTop = 0;               // where the scroller was when that was told
function atEnd() {
  const box = scroller();
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
}
function toEnd() {
  const box = scroller();
  if (box) {
    box.scrollTop = box.scrollHeight;
    lastTop = box.scrollTop;
  }
  stuck = true;
  jump(false);
}
// While nobody looks, it goes on only until the first message that was not seen is at the top.
function follow() {
  const line = document.getElementById("unread-line");
  const box = scroller();
  if (!document.hidden || !line || firstUnread <= reading.told) return toEnd();
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

let firstUnread = 0;
const putRight = (item) => settle(item, firstUnread);
function decorate() {
  const messages = list();
  if (!messages) return;
  messages.querySelectorAll(":scope > :not(.message)").forEach((line) => line.remove());
  messages.querySelectorAll(":scope > .message").forEach(putRight);
  showWhetherEmpty();
}
function showWhetherEmpty() {
  const nothing = document.querySelector(".nothing-yet");
  if (nothing) nothing.hidden = list().firstElementChild !== null;
}
function markUnread(item) {
  const line = document.getElementById("unread-line");
  const before = line && nextMessage(line);
  firstUnread = numberOf(item);
  line?.remove();
  if (before) putRight(before);
  putRight(item);
}

function put(item) {
  const messages = list();
  if (document.getElementById(item.id)) return false;
  const number = numberOf(item);
  const first = messages.querySelector(":scope > .message");
  let before = messages.lastElementChild;      // new ones come last, so the search begins there
  if (first && number < numberOf(first)) before = null;
  while (before && !(isMessage(before) && numberOf(before) < number)) before = before.previousElementSibling;
  if (before) before.after(item); else messages.prepend(item);
  htmx.process(item);
  putRight(item);
  const next = nextMessage(item);
  if (next) putRight(next);
  if (!first) showWhetherEmpty();
  observer?.observe(item);
  return true;
}

// A message that is shown already; one in which somebody is at a button keeps its nodes.
function change(item) {
  const old = document.getElementById(item.id);
  if (!old) return false;
  if (old.contains(document.activeElement)) {
    morph(old, item).then(() => {
      const shown = document.getElementById(item.id);
      if (!shown) return;      // another page has come meanwhile
      putRight(shown);
      if (document.activeElement === document.body) shown.focus({ preventScroll: true });   // a deleted one has no buttons
    });
  } else {
    observer?.unobserve(old);
    old.replaceWith(item);
    htmx.process(item);
    putRight(item);
    observer?.observe(item);
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
      else if (document.hidden && firstUnread <= reading.told) markUnread(item);
    }
    document.dispatchEvent(new CustomEvent("message:shown", { detail: item.dataset.author }));
  }
  document.dispatchEvent(new CustomEvent("list:changed"));
  if (mine) stuck = true;
  if (!stuck && added) jump(true); else if (document.hidden) follow();   // what is visible follows as it grows (sizes)
  if (added) shorten();
  return true;
}

function putLate(item) { if (!list().dataset.newer) put(item); }

// What is far from where one reads comes back when one scrolls there.
function shorten() {
  const isShorter = letGo(list(), stuck, { remove, link: linkTo });
  if (list().dataset.newer) stuck = false;
  if (isShorter && stuck) toEnd();
}
function remove(items) {
  const beside = new Set();
  for (const item of items) {
    beside.add(nextMessage(item));
    linesBefore(item)[0].forEach((line) => line.remove());
    observer?.unobserve(item);
    item.remove();
  }
  for (const item of beside) if (item?.isConnected) putRight(item);
}

// Where what was let go comes back from: what is on its way from elsewhere does not fit any more. The older messages of
// a discussion are in its room, as below a record one would never come to the end of them.
function linkTo(which, item) {
  const messages = list();
  const box = scroller();
  const isOlder = which === ".older";
  let line = box.querySelector(`:scope > ${which}`);
  if (!line) {
    line = document.createElement("p");
    line.className = which.slice(1);
    line.append(document.createElement("a"));
    box[isOlder ? "prepend" : "append"](line);
    htmx.process(line);
  }
  const link = line.querySelector("a");
  link.textContent = messages.dataset[isOlder ? "olderLabel" : "newerLabel"];
  link.href = `/chat/${messages.dataset.slug}?${isOlder ? "before" : "after"}=${numberOf(item)}`;
  if (!isOlder) messages.dataset.newer = "yes";
  else if (messages.closest(".room")) link.dataset.older = "";
  delete link.dataset.loading;
  watchAnew(line);
}

// There are no more in that direction.
function unlink(line) {
  if (line.contains(document.activeElement)) scroller().focus({ preventScroll: true });
  if (line.matches(".newer")) list().dataset.newer = "";
  observer?.unobserve(line);
  line.remove();
}

// Older messages come above, newer ones below, without a jump.
async function load(link) {
  if (link.dataset.loading) return;
  link.dataset.loading = "yes";
  const box = scroller();
  const messages = list();
  const line = link.closest(".older, .newer");
  const which = line.matches(".older") ? ".older" : ".newer";
  const address = link.href;
  const fits = () => list() === messages && line.isConnected && link.href === address;
  loading += 1;
  try {
    const response = await fetchPage(address, {}, AbortSignal.timeout(PATIENCE));
    if (!response.ok || response.redirected) throw new Error(response.statusText);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!fits()) return;
    const [top, below] = [box.scrollTop, box.scrollHeight - box.scrollTop];
    const items = [...page.querySelectorAll("ol.messages > .message")].map((item) => document.importNode(item, true));
    (which === ".older" ? items.reverse() : items).forEach(put);
    if (page.querySelector(`.scroller > ${which}`)) linkTo(which, items.at(-1));
    else unlink(line);
    for (const [item, take] of late) take(item);
    document.dispatchEvent(new CustomEvent("list:changed"));
    box.scrollTop = which === ".older" ? box.scrollHeight - below : top;
    stuck = atEnd() && !messages.dataset.newer;
    shorten();
  } catch {                    // the network is away: it is tried again
    setTimeout(() => {
      if (!fits()) return;
      delete link.dataset.loading;
      watchAnew(line);
    }, 2000);
  } finally {
    loading -= 1;
    if (!loading) late = [];
  }
}

let observer = null;
let reading = null;            // of the list that is open
function look(entries) {
  for (const entry of entries) {
    if (!entry.isIntersecting || document.hidden) continue;
    if (entry.target.matches(".older, .newer")) load(entry.target.querySelector("a"));
    else reading.see(entry.target);
  }
  reading.note(stuck);
  reading.tell();
}
function watch() {
  const messages = list();
  observer?.disconnect();
  if (!messages?.dataset.slug) return;
  observer = new IntersectionObserver(look, { root: messages.closest(".room") ? scroller() : null });
  for (const item of document.querySelectorAll(".scroller > ol.messages > .message, .scroller > :is(.older:has([data-older]), .newer)")) observer.observe(item);
}
// What is in sight already is told once more.
function watchAnew(line) {
  observer?.unobserve(line);
  if (line.matches(".newer, :has([data-older])")) observer?.observe(line);
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) watch(); });

// A page was opened.
let opened = null;
function open() {
  const messages = list();
  if (messages === opened) return;
  opened = messages;
  observer?.disconnect();
  reading?.end();
  reading = messages && new Reading(messages);
  if (!messages) return;
  const unread = [...messages.querySelectorAll(":scope > .message")].find((item) => numberOf(item) > reading.told && item.dataset.author !== me());
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
  lastTop = box.scrollTop;
  box.addEventListener("scroll", scrolled, { passive: true });   // the same one, so once for a box that stays
  sizes.disconnect();
  if (messages.closest(".room")) [box, messages].forEach((each) => sizes.observe(each));
  watch();
}
function scrolled() {
  if (list() !== opened) return;      // another page is about to be opened
  // This is told late: who was at the end and has not moved up is still there, though the page has grown meanwhile.
  const { scrollTop } = scroller();
  if (!stuck || scrollTop < lastTop) stuck = atEnd() && !list().dataset.newer;
  lastTop = scrollTop;
  reading.note(stuck);
  if (stuck) jump(false);
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
document.addEventListener("htmx:after:swap", takeAll);
document.addEventListener("htmx:ws:after:message:incoming", takeAll);
document.addEventListener("page:refreshed", () => { opened = null; takeAll(); });
document.addEventListener("day:changed", decorate);
takeAll();

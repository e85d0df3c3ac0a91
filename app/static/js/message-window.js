// Which messages of a long page are let go: those furthest from where one reads. Nothing moves under the eyes by it, and
// what somebody is at stays.
const MOST = 300;              // a page with more messages and lines than this lets go of some …
const KEPT = 200;              // … and keeps so many messages

// The messages with the focus, an open menu or a part of the selection, and those that are answered or rewritten. A
// selection of everything counts for nothing, as it would grow with the page.
function findHeld(list, items) {
  const composer = document.querySelector("message-composer");
  const picker = document.querySelector("#emoji:popover-open");
  const rewritten = composer?.rewriting?.split("/").at(-1);
  const held = new Set([
    document.activeElement,
    ...list.querySelectorAll("details[open]"),
    picker && list.querySelector(`[data-react="${CSS.escape(picker.dataset.to)}"]`),
    composer?.reply && document.getElementById(`message-${composer.reply.id}`),
    rewritten && list.querySelector(`:scope > .message[data-number="${rewritten}"]`),
  ].map((element) => element?.closest("ol.messages > .message")).filter(Boolean));
  const selection = getSelection();
  const selected = selection.isCollapsed ? [] : items.filter((item) => selection.containsNode(item, true));
  if (selected.length < MOST) selected.forEach((item) => held.add(item));
  return held;
}

// Lets go of what is too much: `remove` is called with the messages, then `link` with ".older" or ".newer" and the message
// beside which they have to come back. `stuck` is whether the end is what one reads. The answer is whether any went.
//
// What is held above stays alone, until what was between comes back. Below, nothing is let go before it: what lies in a
// hole there would count as read.
export function letGo(list, stuck, { remove, link }) {
  if (list.childElementCount <= MOST) return false;
  const items = [...list.querySelectorAll(":scope > .message")];
  const excess = items.length - KEPT;
  if (excess <= 0) return false;
  const box = list.closest(".room > .scroller");       // else the page itself is scrolled
  if (box && stuck) box.scrollTop = box.scrollHeight;  // what came in this moment lies below what is on screen
  const view = box ? box.getBoundingClientRect() : { top: 0, bottom: innerHeight };
  const topOf = (item) => item.getBoundingClientRect().top;
  const above = view.top - topOf(items[excess]);
  const below = topOf(items.at(-excess)) - view.bottom;
  const isAhead = topOf(items[0]) > view.bottom;       // a discussion that one has not come to
  const held = findHeld(list, items);
  if (isAhead || (above > 0 && (stuck || above >= below))) {
    const next = items[excess];
    const was = topOf(next);
    const gone = items.slice(0, excess).filter((item) => !held.has(item));
    if (!gone.length) return false;
    remove(gone);
    link(".older", next);
    if (!isAhead && !(box && stuck)) (box ?? document.scrollingElement).scrollTop += topOf(next) - was;
    return true;
  }
  const from = Math.max(items.length - excess, items.findLastIndex((item) => held.has(item)) + 1);
  if (below <= 0 || from === items.length) return false;
  remove(items.slice(from));
  link(".newer", items[from - 1]);
  return true;
}

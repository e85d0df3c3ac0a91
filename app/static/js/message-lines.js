// What a message shows because of who reads it and of what is before it: whose it is, its day, whether it follows on the
// one before. The message itself is the same for everybody. A message is told by itself and the one before it alone.
import { me } from "./page.js";

export const numberOf = (item) => Number(item.dataset.number);
export const isMessage = (element) => element.classList.contains("message");

const TOGETHER = 5 * 60000;    // messages of one author within this time stand together
let language, full;

export function nextMessage(element) {
  let next = element.nextElementSibling;
  while (next && !isMessage(next)) next = next.nextElementSibling;
  return next;
}

// The days and lines between a message and the one before it, and that one, if there is one.
export function linesBefore(item) {
  const lines = [];
  let before = item.previousElementSibling;
  for (; before && !isMessage(before); before = before.previousElementSibling) lines.push(before);
  return [lines, before];
}

function makeLine(className, id) {
  const line = document.createElement("li");
  Object.assign(line, { className, id });
  return line;
}

// A day leads to others, in a room.
function write(line, text) {
  const jump = line.className === "day" && document.getElementById("jump-to-date");
  if (!jump) {
    line.textContent = text;
    return;
  }
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "btn quiet", textContent: text, title: jump.getAttribute("aria-label") });
  button.setAttribute("popovertarget", jump.id);
  line.replaceChildren(button);
}

// A workspace may get another language while the page is open.
function inFull(when) {
  if (language !== document.documentElement.lang) {
    language = document.documentElement.lang;
    full = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  }
  return full.format(when);
}

function dayOf(item, today, yesterday) {
  const when = new Date(item.dataset.at);
  const date = when.toDateString();
  const labels = item.parentElement.dataset.labels.split("|");
  return date === today ? labels[0] : date === yesterday ? labels[1] : inFull(when);
}

// That its reader has saved it, which the list knows by numbers.
function markSaved(item) {
  const isSaved = item.parentElement.dataset.saved.split(" ").includes(item.dataset.number);
  const mark = item.querySelector(".saved-mark");
  if (!isSaved) mark?.remove();
  else if (!mark) item.querySelector(".tools") && item.querySelector(".meta").after(document.getElementById("saved-mark").content.cloneNode(true));
}

// `firstUnread` is the number of the message that the line of new ones is above, or 0.
export function settle(item, firstUnread) {
  const [lines, before] = linesBefore(item);
  const now = new Date();
  const today = now.toDateString();
  now.setDate(now.getDate() - 1);
  const yesterday = now.toDateString();
  const date = dayOf(item, today, yesterday);
  const isSameDay = before !== null && dayOf(before, today, yesterday) === date;
  const isFirst = firstUnread > 0 && numberOf(item) === firstUnread;
  const wanted = [];               // from the message upwards
  if (isFirst) wanted.push(["unread-line", "unread-line", item.parentElement.dataset.unreadLabel]);
  if (!isSameDay) wanted.push(["day", `day-${item.dataset.number}`, date]);
  let top = item;
  for (const [className, id, text] of wanted) {
    const line = lines.find((each) => each.id === id) ?? makeLine(className, id);
    if (line.textContent !== text) write(line, text);
    if (line.nextElementSibling !== top) top.before(line);
    top = line;
  }
  for (const line of lines) if (!wanted.some(([, id]) => id === line.id)) line.remove();
  item.classList.toggle("mine", item.dataset.author === me);
  item.classList.toggle("follows", isSameDay && !isFirst && before.dataset.author === item.dataset.author
    && before.dataset.program === item.dataset.program && new Date(item.dataset.at) - new Date(before.dataset.at) < TOGETHER && !item.querySelector(".quote"));
  markSaved(item);
  for (const button of item.querySelectorAll(".reactions button")) {
    button.setAttribute("aria-pressed", String(button.value.split(" ").includes(me)));
  }
}

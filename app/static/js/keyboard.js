// Single keys, for who likes to keep their hands there; /keys lists them, and turns them off: programs that are spoken to
// send keys, too (WCAG 2.1.4). They do what a link or a button of the page does, by pressing it. It is loaded with the
// first of them (keys.js).
const OFF = "single-keys";
const WITHIN = 1500;                                   // between the two keys of a pair
const PLACES = { h: "/", c: "/collections", r: "/chat", n: "/notifications" };
const LINES = "#main :is(tbody > tr, li)";
const BUTTONS = {
  e: ":is([data-edit], a[href$='/edit'])",
  r: "[data-reply]",
  n: "a.primary[href$='/new']",
};
let begun = -Infinity;                                 // when the first key of a pair was pressed

const isOff = () => localStorage.getItem(OFF) === "off";
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
const isInView = (line) => {
  const [{ top, bottom }, view] = [line, line.closest(".scroller")].map((each) => each.getBoundingClientRect());
  return (top + bottom) / 2 > view.top && (top + bottom) / 2 < view.bottom;
};
const handleOf = (line) => (line.matches("[tabindex='-1']") ? line : line.querySelector("a[href]"));

function go(address) {
  const link = [...document.querySelectorAll(`:is(.bar, .side) a[href="${address}"]`)].find(isSeen);
  if (link) link.click(); else location.assign(address);
}

// To the next line that leads somewhere, from the one with the focus: in a room, whose newest come last, first to the
// newest that is in view.
function step(by) {
  const lines = [...document.querySelectorAll(LINES)].filter((line) => isSeen(line) && handleOf(line));
  const own = lines.filter((line) => !lines.some((other) => other !== line && other.contains(line)));
  const now = own.findIndex((line) => line.contains(document.activeElement));
  const newest = own.findLast((line) => line.matches(".room > .scroller .message") && isInView(line));
  const next = now < 0 ? newest ?? own.at(by > 0 ? 0 : -1) : own[now + by];
  if (!next) return;
  handleOf(next).focus();
  next.scrollIntoView({ block: "nearest" });
}

// Of the line with the focus, else of the page, else of the last of its messages: beside a record there is its discussion.
function press(selector) {
  const page = document.getElementById("main");
  const messages = [...page.querySelectorAll(".message")];
  for (const place of [document.activeElement.closest(LINES), page, messages.at(-1)]) {
    if (place?.matches(".message") && place.querySelector(selector)) place.focus({ preventScroll: true });           // its buttons are there then
    const found = [...(place?.querySelectorAll(selector) ?? [])];
    const button = found.find((each) => each.checkVisibility() && (place !== page || !each.closest(".message")));
    if (button) { button.click(); return; }
  }
}

function write() {
  const box = document.getElementById("composer-text");
  if (box?.checkVisibility()) box.focus();
}

function search() {
  const field = [...document.querySelectorAll("#main input[type=search]")].find(isSeen);
  if (field) field.focus(); else document.querySelector("[data-quick-switcher]")?.click();
}

export function take({ key, timeStamp }) {
  if (isOff()) return;
  const isSecond = timeStamp - begun < WITHIN;
  begun = key === "g" && !isSecond ? timeStamp : -Infinity;
  if (isSecond && key in PLACES) go(PLACES[key]);
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "/") search();
  else if (key === "m") write();
  else if (key === "?") document.getElementById("keys").click();
  else if (key in BUTTONS) press(BUTTONS[key]);
}

// <key-choice>: whether this browser takes single keys.
class KeyChoice extends HTMLElement {
  connectedCallback() {
    const tick = this.querySelector("input");
    tick.checked = !isOff();
    tick.addEventListener("change", () => localStorage.setItem(OFF, tick.checked ? "on" : "off"));
    this.hidden = false;
  }
}
customElements.define("key-choice", KeyChoice);

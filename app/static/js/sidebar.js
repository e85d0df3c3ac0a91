// What the sidebar and the title say of where one is and of what waits. The sidebar and the marks of what is new are pushed
// to everybody alike.
import { me } from "./page.js";

const list = () => document.querySelector("ol.messages");

const news = () => document.getElementById("room-news");

function takeNews() {
  for (const mark of document.querySelectorAll("#room-news > i")) {
    const { room, number, author, mentions } = mark.dataset;
    mark.remove();
    if (author === me) continue;
    const isNew = !("named" in mark.dataset);
    let count = document.getElementById(`room-${room}-unread`);
    if (!count && isNew && !("deleted" in mark.dataset)) count = bringIn(mark);
    if (!count || Number(number) <= Number(count.dataset.read)) continue;
    if (isNew && isRead(count.id, number)) continue;
    const add = (name, step) => { count.dataset[name] = Math.max(0, Number(count.dataset[name]) + step); };
    const names = (ids) => Number((ids ?? "").split(" ").some((id) => id === me || id === "0"));
    add("count", isNew ? 1 : "deleted" in mark.dataset ? -1 : 0);
    add("mentions", names(mentions) - names(mark.dataset.named));
  }
  showCounts();
}

// What is known of rooms that the sidebar does not show: `room.notify.count.mentions`, of most of them nothing.
const keptRooms = () => (news()?.dataset.kept ?? "").split(" ").filter(Boolean).map((kept) => kept.split("."));
const NOTIFY = { e: "everything", m: "mentions", n: "nothing" };

// As people sort names, whatever their accents and case.
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// A room that the sidebar did not show has something new: it comes in, and the one that was used least goes out.
function bringIn(mark) {
  const list = document.querySelector("#rooms > ul");
  const kept = keptRooms();
  const [, notify, count, mentions] = kept.find(([room]) => room === mark.dataset.room) ?? ["", "e", 0, 0];
  const link = mark.querySelector("a");
  const others = [...link.querySelectorAll("[data-person]")].filter(({ dataset }) => dataset.person !== me);
  const name = others.map(({ textContent }) => textContent).join(", ");
  if (name) link.querySelector(".name").textContent = name;
  const item = document.createElement("li");
  const unread = document.createElement("span");
  unread.className = "unread";
  unread.id = `room-${mark.dataset.room}-unread`;
  Object.assign(unread.dataset, { read: mark.dataset.number - 1 - count, count, mentions, notify: NOTIFY[notify] });
  const order = name ? mark.dataset.order.replace(/ .* /s, ` ${fold(name)} `) : mark.dataset.order;
  Object.assign(item.dataset, { order, seen: 0 });
  link.append(unread);
  item.append(link);
  list.insertBefore(item, [...list.children].find((other) => other.dataset.order > item.dataset.order) ?? null);
  news().dataset.kept = [...kept.filter(([room]) => room !== mark.dataset.room), ...letGo(list, item)].map((each) => each.join(".")).join(" ");
  markPlace();
  return unread;
}
function letGo(list, newest) {
  const gone = [];
  const rank = (item) => {
    const { mentions, count, notify } = item.querySelector(".unread").dataset;
    const told = notify !== "nothing";
    return [item.querySelector("[aria-current]") ? 1 : 0, told && Number(mentions) ? 1 : 0, told && Number(count) ? 1 : 0, Number(item.dataset.seen)];
  };
  const before = (one, other) => { const place = one.findIndex((value, index) => value !== other[index]); return place < 0 ? 0 : one[place] - other[place]; };
  while (list.children.length > Number(list.parentElement.dataset.most)) {
    const least = [...list.children].reverse().filter((item) => item !== newest).sort((one, other) => before(rank(one), rank(other)))[0];
    const { id, dataset: { notify, count, mentions } } = least.querySelector(".unread");
    if (Number(count) || notify !== "everything") gone.push([id.split("-")[1], notify[0], count, mentions]);
    least.remove();
  }
  return gone;
}
// What comes in sight of the reader is read in a moment, and does not blink in the sidebar before.
function isRead(id, number) {
  const messages = list();
  return messages?.dataset.reading && !document.hidden && id === `room-${messages.dataset.room}-unread`
    && messages.querySelector(`:scope > .message[data-number="${number}"]`);
}
const told = (notify, count, mentions) => Number({ everything: count, mentions, nothing: 0 }[notify]);
function showCounts() {
  let sum = 0;
  for (const count of document.querySelectorAll(".unread[data-count]")) {
    const number = Number(count.dataset.count);
    count.textContent = number > 99 ? "99+" : number;
    count.hidden = number === 0;
    sum += told(count.dataset.notify, number, count.dataset.mentions);
  }
  for (const [, notify, number, mentions] of keptRooms()) sum += told(NOTIFY[notify], number, mentions);
  document.documentElement.dataset.unread = sum;
  writeTitle();
}

// The link to where one is.
function markPlace() {
  for (const link of document.querySelectorAll(".side li a[href]")) {
    const here = location.pathname === link.pathname || location.pathname.startsWith(`${link.pathname}/`);
    if (here) link.setAttribute("aria-current", location.pathname === link.pathname ? "page" : "true");
    else link.removeAttribute("aria-current");
  }
}

// The number of unread messages, and that it is one's turn to edit.
const MARK = /^(?:\(\d+\) )?(?:● )?/;
function writeTitle() {
  const unread = Number(document.documentElement.dataset.unread || 0);
  const turn = document.querySelector("[data-turn]") ? "● " : "";
  const title = `${unread ? `(${unread}) ` : ""}${turn}${document.title.replace(MARK, "")}`;
  if (document.title !== title) document.title = title;
}

function takePage() {
  markPlace();
  takeNews();
}
for (const name of ["htmx:after:swap", "page:refreshed"]) document.addEventListener(name, takePage);
document.addEventListener("htmx:ws:after:message:incoming", takeNews);
takePage();

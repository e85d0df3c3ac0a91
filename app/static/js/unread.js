// Counts of unread messages in the sidebar and in the title, from marks that are the same for everybody.
const me = () => document.body.dataset.member;
const list = () => document.querySelector("ol.messages");

function takeNews() {
  for (const mark of document.querySelectorAll("[id^='room-'][id$='-news'] > i")) {
    const count = document.getElementById(mark.parentElement.id.replace("-news", "-unread"));
    const { number, author, mentions } = mark.dataset;
    mark.remove();
    if (!count || author === me() || Number(number) <= Number(count.dataset.read)) continue;
    const isNew = !("named" in mark.dataset);
    if (isNew && isRead(count.id, number)) continue;
    const add = (name, step) => { count.dataset[name] = Math.max(0, Number(count.dataset[name]) + step); };
    const names = (ids) => Number((ids ?? "").split(" ").some((id) => id === me() || id === "0"));
    add("count", isNew ? 1 : "deleted" in mark.dataset ? -1 : 0);
    add("mentions", names(mentions) - names(mark.dataset.named));
  }
  showCounts();
}
// What comes in sight of the reader is read in a moment, and does not blink in the sidebar before.
function isRead(id, number) {
  const messages = list();
  return messages?.dataset.reading && !document.hidden && id === `room-${messages.dataset.room}-unread`
    && messages.querySelector(`:scope > .message[data-number="${number}"]`);
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

for (const name of ["DOMContentLoaded", "htmx:after:swap", "htmx:ws:after:message:incoming", "page:refreshed"]) {
  document.addEventListener(name, takeNews);
}

// <sidebar-rooms>: the rooms of the sidebar, and how much in each is unread. Marks of what is new are pushed into the
// counts of their rooms, to everybody alike. With a mark in a room that is not shown comes its link, at the end of the
// list: it goes to its place, and what is used least goes, as on a fresh page.
import { me } from "./page.js";
import { chooseLeast, fold, keptOf, told, unknown, wordsOf } from "./room-counts.js";

class SidebarRooms extends HTMLElement {
  connectedCallback() {
    this.observer = new MutationObserver(() => this.#take());
    this.observer.observe(this, { childList: true, subtree: true, attributeFilter: ["data-count", "data-kept", "data-mentions", "data-notify"] });
    this.#take();
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  // The lines that are in their places.
  get shown() { return [...this.querySelectorAll("li[data-seen]")]; }

  // Whether the reader is in a room, by the newest list that has come: a mark that was sent before it may come with it.
  #isIn(room) { return this.dataset.follow.split(" ").includes(`news.${room}`); }

  // What is known of rooms that are not shown; of most of them nothing.
  get kept() { return keptOf(this.dataset.kept, this.dataset.seen); }

  set kept(rooms) { [this.dataset.kept, this.dataset.seen] = wordsOf(rooms); }

  #take() {
    for (const mark of this.querySelectorAll(".unread > i")) this.#takeMark(mark);
    this.#keepOpen();
    this.#letGo();
    this.#show();
    this.observer.takeRecords();                       // of what was done here
  }

  #takeMark(mark) {
    const { number, author, mentions, named } = mark.dataset;
    const isNew = named === undefined;
    const isDeleted = "deleted" in mark.dataset;
    const item = mark.closest("li");
    const { id } = mark.parentElement;
    const room = roomOf(id);
    let counts = mark.parentElement.dataset;
    let { kept } = this;
    mark.remove();
    if (author === me && isNew) document.getElementById(`room-${room}-draft`)?.replaceChildren();   // it was sent
    // Of what comes in one frame, htmx looks for all places first: the room may have come with what is before.
    if (!("seen" in item.dataset)) {
      counts = this.querySelector(`li[data-seen] #${id}`)?.dataset;
      const isComing = !counts && author !== me && isNew && !isDeleted && this.#isIn(room);
      if (isComing) counts = this.#bringIn(item, number);
      else item.remove();
    }
    counts ??= kept.find((each) => each.room === room && Number(each.count));
    if (!counts || author === me || Number(number) <= Number(counts.read)) return;
    if (isNew && isRead(id, number)) return;
    const add = (name, step) => { counts[name] = Math.max(0, Number(counts[name]) + step); };
    const names = (ids) => Number((ids ?? "").split(" ").some((each) => each === me || each === "0"));
    add("count", isNew || "restored" in mark.dataset ? 1 : isDeleted ? -1 : 0);
    add("mentions", names(mentions) - names(named));
    if (kept.includes(counts)) this.kept = kept;
  }

  // A room that the list did not show. What is known of it is not kept any more.
  #bringIn(item, number) {
    const unread = item.querySelector(".unread");
    item.querySelector(`.avatar[data-person="${me}"]`)?.remove();
    const others = [...item.querySelectorAll(".name [data-person]")].filter(({ dataset }) => dataset.person !== me);
    const name = others.map(({ textContent }) => textContent).join(", ");
    if (name) rename(item, name);
    this.#putIn(item, number - 1);
    return unread.dataset;
  }

  #putIn(item, read) {
    const unread = item.querySelector(".unread");
    const { kept, shown } = this;
    const known = kept.find(({ room }) => room === roomOf(unread.id)) ?? unknown();
    const { notify, count, mentions, seen } = known;
    Object.assign(unread.dataset, { read: count > 0 ? known.read : read, count, mentions, notify });
    const next = shown.find((other) => other.dataset.order > item.dataset.order);
    if (next) next.before(item);
    else this.querySelector("ul").append(item);
    item.dataset.seen = seen;
    this.kept = kept.filter((each) => each !== known);
  }

  // What is pushed to all pages of a member can't know which room this one has open: its line stays, or comes back.
  #keepOpen() {
    const open = this.shown.find(isOpen);
    if (open) this.open = open.cloneNode(true);
    else if (this.open && isOpen(this.open) && this.#isIn(roomOf(this.open.querySelector(".unread").id))) {
      const item = this.open.cloneNode(true);
      const unread = item.querySelector(".unread");
      const heading = document.querySelector(`#room-${roomOf(unread.id)}-name h1`)?.textContent.replace(/^# /, "");
      if (heading) rename(item, heading);
      this.#putIn(item, unread.dataset.read);
    }
  }

  #letGo() {
    const gone = [];
    while (this.shown.length > Number(this.dataset.most)) {
      const least = chooseLeast(this.shown.map((item) => {
        const unread = item.querySelector(".unread");
        return { item, room: roomOf(unread.id), open: isOpen(item), seen: item.dataset.seen, ...unread.dataset };
      }));
      gone.push(least);
      least.item.remove();
    }
    if (gone.length) this.kept = [...this.kept, ...gone];
  }

  #show() {
    let sum = 0;
    for (const count of this.querySelectorAll(".unread")) {
      const { count: number, notify, mentions } = count.dataset;
      const text = number > 99 ? "99+" : String(Number(number));
      if (count.textContent !== text) count.textContent = text;
      count.hidden = Number(number) === 0;
      sum += told(notify, number, mentions);
    }
    for (const { notify, count, mentions } of this.kept) sum += told(notify, count, mentions);
    document.documentElement.dataset.unread = sum;
  }
}
customElements.define("sidebar-rooms", SidebarRooms);

const roomOf = (id) => id.split("-")[1];

// Whether the page is of a line's room, as app/chat/sidebar.py has it.
function isOpen(item) {
  const { pathname } = item.querySelector("a");
  return pathname.startsWith("/chat/") && `${location.pathname}/`.startsWith(`${pathname}/`);
}

function rename(item, name) {
  item.querySelector(".name").textContent = name;
  item.dataset.order = item.dataset.order.replace(/ .* /s, ` ${fold(name)} `);
}

// What comes in sight of the reader is read in a moment, and does not blink in the sidebar before.
function isRead(id, number) {
  const messages = document.querySelector("ol.messages");
  return messages?.dataset.reading && !document.hidden && id === `room-${messages.dataset.room}-unread`
    && messages.querySelector(`:scope > .message[data-number="${number}"]`);
}

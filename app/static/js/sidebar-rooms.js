// <sidebar-rooms>: the rooms of the sidebar, and how much in each is unread. Marks of what is new are pushed into the
// counts of their rooms, to everybody alike. With a mark in a room that is not shown comes its link, at the end of the
// list: it goes to its place, and what was used least goes.
import { me } from "./page.js";
import { chooseLeast, fold, keptOf, told, wordsOf } from "./room-counts.js";

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
  get kept() { return keptOf(this.dataset.kept); }

  #take() {
    for (const mark of this.querySelectorAll(".unread > i")) this.#takeMark(mark);
    this.#show();
    this.observer.takeRecords();                       // of what was done here
  }

  #takeMark(mark) {
    const { number, author, mentions, named } = mark.dataset;
    const isNew = named === undefined;
    const isDeleted = "deleted" in mark.dataset;
    const item = mark.closest("li");
    let count = mark.parentElement;
    const room = roomOf(count);
    mark.remove();
    // Of what comes in one frame, htmx looks for all places first: the room may have come with what is before.
    if (!("seen" in item.dataset)) {
      count = this.querySelector(`li[data-seen] #${count.id}`);
      if (count) item.remove();
      else if (author === me || !isNew || isDeleted || !this.#isIn(room)) return item.remove();
      else count = this.#bringIn(item, number);
    }
    if (author === me || Number(number) <= Number(count.dataset.read)) return;
    if (isNew && isRead(count.id, number)) return;
    const add = (name, step) => { count.dataset[name] = Math.max(0, Number(count.dataset[name]) + step); };
    const names = (ids) => Number((ids ?? "").split(" ").some((id) => id === me || id === "0"));
    add("count", isNew || "restored" in mark.dataset ? 1 : isDeleted ? -1 : 0);
    add("mentions", names(mentions) - names(named));
  }

  #bringIn(item, number) {
    const { shown, kept } = this;
    const unread = item.querySelector(".unread");
    const room = roomOf(unread);
    const [, notify, count, mentions] = kept.find(([other]) => other === room) ?? [room, "everything", 0, 0];
    const others = [...item.querySelectorAll("[data-person]")].filter(({ dataset }) => dataset.person !== me);
    const name = others.map(({ textContent }) => textContent).join(", ");
    if (name) {
      item.querySelector(".name").textContent = name;
      item.dataset.order = item.dataset.order.replace(/ .* /s, ` ${fold(name)} `);
    }
    Object.assign(unread.dataset, { read: number - 1 - count, count, mentions, notify });
    const next = shown.find((other) => other.dataset.order > item.dataset.order);
    if (next) next.before(item);
    else shown.at(-1)?.after(item);
    item.dataset.seen = 0;
    this.dataset.kept = wordsOf([...kept.filter(([other]) => other !== room), ...this.#letGo(item)]);
    return unread;
  }

  #letGo(newest) {
    const gone = [];
    while (this.shown.length > Number(this.dataset.most)) {
      const least = chooseLeast(this.shown.filter((item) => item !== newest).map((item) => {
        const unread = item.querySelector(".unread");
        return { item, room: roomOf(unread), open: Boolean(item.querySelector("[aria-current]")), seen: item.dataset.seen, ...unread.dataset };
      }));
      gone.push([least.room, least.notify, least.count, least.mentions]);
      least.item.remove();
    }
    return gone;
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
    for (const [, notify, number, mentions] of this.kept) sum += told(notify, number, mentions);
    document.documentElement.dataset.unread = sum;
  }
}
customElements.define("sidebar-rooms", SidebarRooms);

const roomOf = (unread) => unread.id.split("-")[1];

// What comes in sight of the reader is read in a moment, and does not blink in the sidebar before.
function isRead(id, number) {
  const messages = document.querySelector("ol.messages");
  return messages?.dataset.reading && !document.hidden && id === `room-${messages.dataset.room}-unread`
    && messages.querySelector(`:scope > .message[data-number="${number}"]`);
}

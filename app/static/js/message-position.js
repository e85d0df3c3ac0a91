// Where somebody reads in a list of messages. Who reads at the end stays there when more comes, and who reads elsewhere is
// led there by a button, and stays where they are while the page fetches itself anew: as the log no longer reaches back to
// what it shows, say. Then the stretch around the message at the top is asked for, and put where it was.
import { numberOf } from "./message-lines.js";

const NEAR = 80;               // px from the end that still count as being there

export function isNearEnd(box) { return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR; }

export class ListEnd {
  stuck = true;                  // the end is in view, and stays there when what is around it grows
  #lastTop = 0;                  // where the box was scrolled to when that was told

  constructor(messages) { this.messages = messages; }     // the <room-messages>, which is scrolled

  // Whether the end is in view.
  look() {
    this.stuck = isNearEnd(this.messages) && !this.messages.list.dataset.newer;
    this.#lastTop = this.messages.scrollTop;
  }

  // This is told late: who was at the end and has not moved up is still there, though the page has grown meanwhile.
  scrolled() {
    const { scrollTop } = this.messages;
    if (!this.stuck || scrollTop < this.#lastTop) this.look();
    this.#lastTop = scrollTop;
    if (this.stuck) this.offer(false);
  }

  go() {
    const { messages } = this;
    messages.scrollTop = messages.scrollHeight;
    this.#lastTop = messages.scrollTop;
    this.stuck = true;
    this.offer(false);
  }

  // While nobody looks, it goes on only until the first message that was not seen is at the top.
  goOnTo(line) {
    const { messages } = this;
    messages.scrollTop = Math.min(messages.scrollHeight, messages.scrollTop + line.getBoundingClientRect().top - messages.getBoundingClientRect().top - 8);
    this.stuck = isNearEnd(messages);
    if (!this.stuck) this.offer(true);
  }

  // The end of the room, where this page shows another stretch of it.
  open() { location.assign(`${location.pathname}?at=end`); }

  // The button that leads to the end is beside what is scrolled.
  offer(shown) {
    const button = this.messages.room?.querySelector("[data-to-end]");
    if (button) button.hidden = !shown;
  }
}

const all = (list) => [...list.querySelectorAll(":scope > .message")];

// The message at the top, how far from it, and the newest one; nothing for who reads at the end.
export function findPlace(messages) {
  const { list } = messages;
  if (isNearEnd(messages) && !list.dataset.newer) return null;
  const edge = messages.getBoundingClientRect().top;
  const item = all(list).find((each) => each.getBoundingClientRect().bottom > edge + 2);
  return item ? { number: numberOf(item), top: item.getBoundingClientRect().top - edge, last: numberOf(all(list).at(-1)) } : null;
}

// One is led back there from a page that was opened meanwhile, and by a reload where it has that message.
export function keepPlace(messages, signal) {
  document.addEventListener("page:left", ({ detail }) => {
    const place = findPlace(messages);
    if (place) Object.assign(detail, { room: place, search: `?at=${place.number}` });
  }, { signal });
  document.addEventListener("page:back", ({ detail: { room } }) => {
    if (!room) return;
    if (putBack(messages, room)) messages.end.offer(true);
    messages.end.look();
  }, { signal });
}

// The answer is whether more has come below.
export function putBack(messages, place) {
  const { list } = messages;
  const item = all(list).find((each) => numberOf(each) === place.number);
  if (!item) return false;
  item.classList.remove("fresh");
  messages.scrollTop += item.getBoundingClientRect().top - messages.getBoundingClientRect().top - place.top;
  return Boolean(list.dataset.newer) || numberOf(all(list).at(-1)) > place.last;
}

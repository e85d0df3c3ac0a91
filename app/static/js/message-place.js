// The place of somebody who reads further up in a room, while the page fetches itself anew: as the log no longer reaches
// back to what it shows, say. The stretch around the message at the top is asked for, and put where it was.
import { isNearEnd } from "./message-end.js";
import { numberOf } from "./message-lines.js";

const all = (list) => [...list.querySelectorAll(":scope > .message")];

// The message at the top, how far from it, and the newest one; nothing for who reads at the end.
export function findPlace(messages) {
  const { list } = messages;
  if (isNearEnd(messages) && !list.dataset.newer) return null;
  const edge = messages.getBoundingClientRect().top;
  const item = all(list).find((each) => each.getBoundingClientRect().bottom > edge + 2);
  return item ? { number: numberOf(item), top: item.getBoundingClientRect().top - edge, last: numberOf(all(list).at(-1)) } : null;
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

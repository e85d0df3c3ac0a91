// Keeps the place of somebody who reads further up in a room, when the page fetches itself anew: as the log no longer
// reaches back to what it shows, say. The stretch around the message at the top is asked for, and put where it was.
const NEAR = 80;               // px from the end that still count as being there, as in js/chat.js
const list = () => document.querySelector(".room ol.messages");
const all = () => [...list().querySelectorAll(":scope > .message")];
const numberOf = (item) => Number(item?.dataset.number);
let place = null;              // { room, number, top, last }: the message at the top, how far from it, the newest one

document.addEventListener("page:refreshing", (event) => {
  place = null;
  const messages = list();
  const box = messages?.closest(".scroller");
  const below = box && box.scrollHeight - box.scrollTop - box.clientHeight;
  if (!messages || (below < NEAR && !messages.dataset.newer)) return;
  const edge = box.getBoundingClientRect().top;
  const item = all().find((each) => each.getBoundingClientRect().bottom > edge + 2);
  if (!item) return;
  place = { room: messages.dataset.room, number: numberOf(item), top: item.getBoundingClientRect().top - edge, last: numberOf(all().at(-1)) };
  event.detail.address.search = new URLSearchParams({ at: place.number });
});
// After js/chat.js has opened the page.
document.addEventListener("page:refreshed", () => {
  const messages = list();
  const item = place && place.room === messages?.dataset.room && all().find((each) => numberOf(each) === place.number);
  if (item) {
    item.classList.remove("fresh");
    const box = messages.closest(".scroller");
    box.scrollTop += item.getBoundingClientRect().top - box.getBoundingClientRect().top - place.top;
    const more = messages.dataset.newer || numberOf(all().at(-1)) > place.last;
    if (more) document.querySelector("[data-jump]").hidden = false;
  }
  place = null;
});

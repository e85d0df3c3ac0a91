// <room-messages>: the messages of a room or discussion, and what one scrolls through them in. htmx appends what is pushed
// to the list; before the next frame is drawn each has found its place by its number, its group and its day, and what has
// changed stands in the place of what was shown. What a message costs does not grow with how many there are: its
// neighbours alone are looked at, and what is far from where one reads is let go. It comes back when one scrolls there.
import { listenForActs } from "./message-acts.js";
import { ListEnd, findPlace, keepPlace, putBack } from "./message-position.js";
import { isMessage, linesBefore, nextMessage, numberOf, settle } from "./message-lines.js";
import { Reading, Spoken } from "./message-reading.js";
import { Sliding } from "./message-sliding.js";
import { Stretches } from "./message-stretches.js";
import { letGo } from "./message-window.js";
import { outbox } from "./outbox.js";
import { me, morph } from "./page.js";

function highlight(item) {
  item.classList.remove("fresh");
  void item.offsetWidth;         // so that it begins anew
  item.classList.add("fresh");
}

class RoomMessages extends HTMLElement {
  #firstUnread = 0;              // the number of the message that the line of new ones is above
  #held = false;                 // whether its reader wants something unread: then nothing is read until it is opened again
  #place = null;                 // where one reads, while the page fetches itself anew

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.room = this.closest(".room");                     // else it is a discussion, and the page itself is scrolled
    this.end = new ListEnd(this);
    this.spoken = new Spoken(this);
    this.sliding = new Sliding(this);
    this.stretches = new Stretches(this);
    this.sight = new IntersectionObserver((entries) => this.#look(entries), { root: this.room ? this : null });
    this.sizes = new ResizeObserver(() => { if (this.end.stuck) this.end.go(); });
    this.pushed = new MutationObserver((records) => this.#takeAll(records.flatMap(({ addedNodes }) => [...addedNodes])));
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    this.addEventListener("click", (event) => this.#followQuote(event), { capture: true, signal });
    this.room?.addEventListener("click", (event) => this.#goToEnd(event), { signal });
    listenForActs(this, signal);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#watchAll(); }, { signal });
    document.addEventListener("page:refreshing", (event) => this.#leavePlace(event), { signal });
    document.addEventListener("page:refreshed", () => this.#open(), { signal });
    if (this.room) keepPlace(this, signal);
    document.addEventListener("day:changed", () => this.#settleAll(), { signal });
    this.#open();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.reading.end();
    for (const observer of [this.sight, this.sizes, this.pushed]) observer.disconnect();
  }

  get list() { return this.querySelector(":scope > ol.messages"); }

  get #items() { return [...this.list.querySelectorAll(":scope > .message")]; }

  #find(number) { return this.list.querySelector(`:scope > .message[data-number="${number}"]`); }

  // What the server shows, when the page has come or has fetched itself anew.
  #open() {
    const { list } = this;
    const pushed = [...list.querySelectorAll(":scope > [data-pushed]")];       // before this script was here
    pushed.forEach((each) => each.remove());
    this.reading?.end();
    this.reading = new Reading(list, this.#held);
    const unread = this.#items.find((item) => numberOf(item) > this.reading.told && item.dataset.author !== me);
    this.#firstUnread = unread ? numberOf(unread) : 0;
    this.#settleAll();
    if (this.room) this.#goToStart();
    this.end.look();
    this.sizes.disconnect();
    if (this.room) [this, list].forEach((each) => this.sizes.observe(each));
    this.#watchAll();
    this.pushed.disconnect();
    this.pushed.observe(list, { childList: true });
    this.#takeAll(pushed);
    if (this.#place && putBack(this, this.#place)) this.end.offer(true);
    this.#place = null;
  }

  #goToStart() {
    const isEnd = new URLSearchParams(location.search).get("at") === "end";
    const { at } = this.list.dataset;
    const named = at !== "0" && this.#find(at);
    const line = document.getElementById("unread-line");
    if (isEnd || !(named || line)) this.end.go();
    else if (named) this.#show(named);
    else line.scrollIntoView({ block: "start" });
  }

  #leavePlace(event) {
    this.#place = this.room && findPlace(this);
    if (this.#place) event.detail.address.search = new URLSearchParams({ at: this.#place.number });
  }

  #show(item) {
    item.scrollIntoView({ block: "center" });
    highlight(item);
  }

  #settle(item) { settle(item, this.#firstUnread); }

  #settleAll() {
    this.list.querySelectorAll(":scope > :not(.message)").forEach((line) => line.remove());
    this.#items.forEach((item) => this.#settle(item));
  }

  #markUnread(item) {
    const line = document.getElementById("unread-line");
    const before = line && nextMessage(line);
    this.#firstUnread = numberOf(item);
    line?.remove();
    if (before) this.#settle(before);
    this.#settle(item);
  }

  // As its reader wants it, on whichever page they have said so.
  #leaveUnread(number) {
    this.#held = true;
    this.reading.hold(number - 1);
    const item = this.#find(number);
    if (item) this.#markUnread(item);
  }

  #save({ number, on }) {
    const { dataset } = this.list;
    const others = dataset.saved.split(" ").filter((each) => each && each !== number);
    dataset.saved = (on ? [...others, number] : others).join(" ");
    const item = this.#find(number);
    if (item) this.#settle(item);
  }

  // Where it belongs, unless it is there.
  put(item) {
    const { list } = this;
    if (document.getElementById(item.id)) return false;
    const number = numberOf(item);
    const first = list.querySelector(":scope > .message");
    let before = list.lastElementChild;        // new ones come last, so the search begins there
    if (first && number < numberOf(first)) before = null;
    while (before && !(isMessage(before) && numberOf(before) < number)) before = before.previousElementSibling;
    if (before) before.after(item); else list.prepend(item);
    this.#settle(item);
    const next = nextMessage(item);
    if (next) this.#settle(next);
    this.watch(item);
    return true;
  }

  // A message that is shown already; one in which somebody is at a button keeps its nodes.
  #change(item) {
    const old = document.getElementById(item.id);
    if (!old) return false;
    if (old.contains(document.activeElement)) {
      morph(old, item).then(() => {
        const shown = document.getElementById(item.id);
        if (!shown || !this.contains(shown)) return;       // another page has come meanwhile
        this.#settle(shown);
        if (document.activeElement === document.body) shown.focus({ preventScroll: true });   // a deleted one has no buttons
      });
    } else {
      this.unwatch(old);
      old.replaceWith(item);
      this.#settle(item);
      this.watch(item);
    }
    return true;
  }

  // The card of a record, in each message that has it. The nodes around it stay, and the link keeps the focus. One that
  // is not for everybody here comes as a place, which asks for what its reader may see.
  #changeCards(card) {
    const isPlace = (each) => each.classList.contains("record-card-place");
    for (const old of this.list.querySelectorAll(`[data-card="${CSS.escape(card.dataset.card)}"]`)) {
      if (isPlace(card) || isPlace(old)) morph(old, card.cloneNode(true));
      else old.replaceChildren(...card.cloneNode(true).childNodes);
    }
  }

  #takeAll(nodes) {
    const pushed = nodes.filter((each) => each.dataset?.pushed);
    if (!pushed.length) return;
    pushed.forEach((each) => each.remove());               // they are placed among what has its place, one after another
    const before = this.sliding.places();
    let added = false;
    for (const each of pushed) added = this.#take(each) || added;
    document.dispatchEvent(new CustomEvent("list:changed"));
    if (!this.end.stuck && added) this.end.offer(true);
    else if (document.hidden && this.end.stuck) this.#goOn();   // what is visible follows as it grows (sizes)
    if (added) this.shorten();
    this.sliding.from(before);
  }

  // Whether it is a message that was not shown.
  #take(pushed) {
    const what = pushed.dataset.pushed;
    if (what === "card") {
      const card = pushed.content.firstElementChild;
      this.#changeCards(card);
      this.stretches.remember(() => this.#changeCards(card));
      return false;
    }
    if (what === "unread") {
      this.#leaveUnread(Number(pushed.dataset.number));
      return false;
    }
    if (what === "saved") {
      this.#save(pushed.dataset);
      return false;
    }
    const { author, key } = pushed.dataset;
    const isFromHere = author === me && outbox.isFromHere(key);     // what another tab has sent leads nobody away here
    delete pushed.dataset.pushed;
    let isAdded = false;
    if (what === "changed") {
      if (!this.#change(pushed)) this.stretches.remember(() => this.#change(pushed));
    } else if (this.list.dataset.newer) {                  // the end is elsewhere
      this.stretches.remember(() => { if (!this.list.dataset.newer) this.put(pushed); });
      if (isFromHere) this.end.open(); else this.end.offer(true);
    } else if (this.put(pushed)) {
      isAdded = true;
      if (author !== me) this.spoken.say(pushed);
      if (isFromHere) this.end.stuck = true;
      else if (author !== me && document.hidden && this.#firstUnread <= this.reading.told) this.#markUnread(pushed);
    }
    document.dispatchEvent(new CustomEvent("message:shown", { detail: author }));
    return isAdded;
  }

  #goOn() {
    const line = document.getElementById("unread-line");
    if (line && this.#firstUnread > this.reading.told) this.end.goOnTo(line);
    else this.end.go();
  }

  // What is far from where one reads comes back when one scrolls there.
  shorten() {
    const link = (which, item) => this.stretches.link(which, item);
    const isShorter = letGo(this.list, this.end.stuck, { remove: (items) => this.#remove(items), link });
    if (this.list.dataset.newer) this.end.stuck = false;
    if (isShorter && this.end.stuck) this.end.go();
  }

  #remove(items) {
    const beside = new Set();
    for (const item of items) {
      beside.add(nextMessage(item));
      linesBefore(item)[0].forEach((line) => line.remove());
      this.unwatch(item);
      item.remove();
    }
    for (const item of beside) if (item?.isConnected) this.#settle(item);
  }

  watch(element) { this.sight.observe(element); }

  unwatch(element) { this.sight.unobserve(element); }

  #watchAll() {
    this.sight.disconnect();
    const links = this.querySelectorAll(":scope > :is(.older:has([data-older]), .newer)");
    for (const each of [...this.#items, ...links]) this.watch(each);
  }

  #look(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || document.hidden) continue;
      if (target.matches(".older, .newer")) this.stretches.load(target);
      else this.reading.see(target);
    }
    this.reading.note(this.end.stuck);
    this.reading.tell();
  }

  #scrolled() {
    this.end.scrolled();
    this.reading.note(this.end.stuck);
  }

  #goToEnd({ target }) {
    if (!target.closest("[data-to-end]")) return;
    if (this.list.dataset.newer) this.end.open(); else this.end.go();
  }

  // A quote leads to what it quotes; where that is in the page, without leaving it.
  #followQuote(event) {
    const quote = event.target.closest("a.quote");
    const item = quote && !event.ctrlKey && !event.metaKey && this.#find(new URL(quote.href).searchParams.get("at"));
    if (!item) return;
    event.preventDefault();
    event.stopPropagation();
    this.#show(item);
    item.focus({ preventScroll: true });
  }
}
customElements.define("room-messages", RoomMessages);

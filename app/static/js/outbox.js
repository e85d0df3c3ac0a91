// Sends what was typed in boxes, from whatever page is open: in order, each after the answer to the one before, again
// by itself when the network is back. What is not acknowledged stays in the tab's store. Tells of changes by "change"
// and "sent" events.
import { askBeforeClosing } from "./leaving.js";
import { MessageQueue, delay, isSame, sayMissing } from "./message-queue.js";
import { call } from "./page.js";
import { allKept, forget, keep, whose } from "./tab-store.js";
import { takeOut } from "./taken-out.js";
import { MESSAGE_WITHIN, makeKey, patienceFor, verdict } from "./tries.js";

const KEPT_ALIVE = 30000;        // bytes that a browser sends on when the page is left
const PROMPT = 2000;             // ms after which a try may not come through

function bodyOf(entry) {
  if (entry.edited) return new URLSearchParams({ text: entry.text, edits: entry.edits, named: entry.named ?? "" });
  const body = new URLSearchParams({ text: entry.text, key: entry.key, reply: entry.reply?.id ?? "" });
  for (const file of entry.files) if (file.id) body.append("file", file.id);
  for (const key of entry.instead) body.append("instead", key);
  for (const key of new Set(entry.files.flatMap(({ held }) => held ?? []))) body.append("held", key);
  return body;
}

class Outbox extends EventTarget {
  queue = new MessageQueue();
  sending = null;                // { entry, stop, alive, since }
  signedOut = false;
  #keys = new Set();             // of what this page has begun to send
  #going = new WeakMap();        // entry -> uploads of its files that have not come
  #running = false;
  #paused = 0;                   // until when nothing is tried
  #timer = null;
  #others = "BroadcastChannel" in window ? new BroadcastChannel(`outbox ${whose}`) : null;

  constructor() {
    super();
    for (const entry of allKept("outbox").sort((one, other) => one.number - other.number)) {
      if (entry.state === "files" || entry.refusal?.goesOn) this.#lose(entry);
      this.#keys.add(entry.key);
      this.queue.add(entry);
    }
    // Another tab, which began with a copy of this one, has sent it or taken it back.
    this.#others?.addEventListener("message", ({ data }) => {
      const entry = this.queue.find(data.key);
      if (entry && isSame(entry, data)) this.drop(entry.key, false);
    });
    for (const name of ["online", "pageshow"]) window.addEventListener(name, () => this.wake());
    new MutationObserver(() => { if (document.documentElement.dataset.live === "on") this.wake(); })
      .observe(document.documentElement, { attributeFilter: ["data-live"] });
    this.#run();
  }

  at(place) { return this.queue.at(place); }

  // Whether something would not be sent if the tab was closed. What was given to the browser just now goes on its way.
  get holds() {
    const { entry, alive, since } = this.sending ?? {};
    const goes = alive && !entry.tries && performance.now() - since < PROMPT;
    return this.queue.entries.some((each) => !(goes && each === entry));
  }

  // `going` are uploads of files that are still on their way (js/message-upload.js).
  add(entry, going = []) {
    this.#keys.add(entry.key);
    const added = this.queue.add({ ...entry, number: Date.now(), state: going.length ? "files" : "waiting" });
    this.#going.set(added, new Set(going));
    for (const upload of going) {
      upload.addEventListener("came", () => this.#bring(added, upload));
      upload.addEventListener("missed", () => this.#miss(added, upload));
      if (upload.error) this.#miss(added, upload);
    }
    this.#keep(added);
    this.#run();
  }

  // Whether a message was sent in this tab, or is about to be.
  isFromHere(key) { return this.#keys.has(key); }

  // A file has come, however late: with the last of them the message goes, unless it was taken back meanwhile.
  #bring(entry, upload) {
    if (this.queue.find(entry.key) !== entry) return;
    this.#going.get(entry).delete(upload);
    const came = upload.stored;
    const file = entry.files.find(({ upload: key }) => key === came.upload);
    Object.assign(file, came, { held: [...new Set([...came.held, ...file.held])] });
    entry.files.sort((one, other) => (one.id || Infinity) - (other.id || Infinity));
    const missing = entry.files.some(({ id }) => !id);
    if (!missing) this.queue.ready(entry);
    else if (entry.refusal) this.#lose(entry);
    this.#keep(entry);
    this.#run();
  }

  // One has not come so far. Others are not held up by that.
  #miss(entry, { key, error }) {
    if (this.queue.find(entry.key) !== entry) return;
    const file = entry.files.find(({ upload }) => upload === key);
    if (error.refused && file) file.upload = null;       // it is not in the store
    this.#lose(entry);
    this.#keep(entry);
    this.#run();
  }

  // Not all of its files came: without them it goes only when its author says so. It `goesOn` as long as the page tries
  // to bring them.
  #lose(entry) {
    const lost = entry.files.filter((file) => !file.id).map((file) => file.name);
    const errors = [...(this.#going.get(entry) ?? [])].map(({ error }) => error);
    this.queue.refused(entry, { what: "files", ...sayMissing(errors), lost });
  }

  // It is there, or not wanted any more.
  drop(key, tell = true) {
    const entry = this.queue.remove(key);
    if (this.sending?.entry.key === key && !tell) this.sending.stop.abort();
    if (!entry) return null;
    forget("outbox", entry.number);
    if (tell) this.#others?.postMessage(entry);
    this.dispatchEvent(new Event("change"));
    return entry;
  }

  // To be typed anew. A try that is under way may have come through: what is sent instead says instead of what.
  takeBack(key) {
    if (this.sending?.entry.key === key) this.sending.stop.abort();
    return this.drop(key);
  }

  // It goes no more, and what has not come of its files is not wanted.
  discard(key) {
    for (const { id, upload } of this.takeBack(key)?.files ?? []) if (!id && upload) takeOut(upload);
  }

  tryAgain(entry, change = {}) {
    this.queue.again(entry);
    Object.assign(entry, change);
    this.#keep(entry);
    this.wake();
  }

  // What was refused is not changed: it becomes another entry, as what was refused of it was.
  sendAgain(entry) {
    const { refusal } = entry;
    if (entry.edited && refusal?.what === "stored") this.tryAgain(entry, { edits: refusal.stored.edits });
    else if (refusal && refusal.what !== "words") {
      this.discard(entry.key);
      const files = entry.files.filter((file) => file.id);
      const { place, text } = entry;
      const before = refusal.what === "stored" ? [] : entry.instead;
      const instead = refusal.stored?.key === entry.key ? [] : [...before, entry.key];     // so that their drafts go with it
      this.add({ key: makeKey(), place, text, files, reply: refusal.what === "gone" ? null : entry.reply, instead });
    } else this.tryAgain(entry);
  }

  wake() {
    this.signedOut = false;
    this.#paused = 0;
    this.#run();
  }

  #keep(entry) {
    keep("outbox", entry.number, entry);
    this.dispatchEvent(new Event("change"));
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    const work = async () => {
      for (let entry = this.#next(); entry; entry = this.#next()) await this.#send(entry);
    };
    try {
      // One tab at a time: a copy of this one would send the same.
      if (this.#next()) await (navigator.locks?.request(`outbox ${whose}`, work) ?? work());
    } catch { /* the page is being left */
    } finally {
      this.#running = false;
    }
    if (this.#next()) this.#run();           // it came while the loop was about to end
  }

  #next() {
    return this.signedOut || Date.now() < this.#paused ? undefined : this.queue.next();
  }

  #pause(delay) {
    this.#paused = Date.now() + delay;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), delay + 10);
  }

  async #send(entry) {
    const body = bodyOf(entry);
    const stop = new AbortController();
    const alive = body.toString().length < KEPT_ALIVE;
    this.sending = { entry, stop, alive, since: performance.now() };
    this.dispatchEvent(new Event("change"));
    let status = 0;
    let answer = {};
    let words = "";
    let wait = 0;
    try {
      const response = await call(entry.edited ? `${entry.edited}/edit` : entry.place, body, {
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(patienceFor(body, MESSAGE_WITHIN))]),
        keepalive: alive,
      });
      const type = response.headers.get("content-type") ?? "";
      if (type.startsWith("application/json")) answer = await response.json();
      else if (type.startsWith("text/plain")) words = await response.text();
      // Only that very message is acknowledged.
      const ours = entry.edited ? response.status !== 200 : !response.ok || answer.key === entry.key;
      if (ours) status = response.status;
      wait = 1000 * (Number(response.headers.get("retry-after")) || 1);
    } catch { /* no answer */ }
    this.sending = null;
    if (this.queue.find(entry.key) !== entry) return;     // taken back meanwhile, or seen in the page
    switch (verdict(status)) {
      case "sent":
        this.dispatchEvent(new CustomEvent("sent", { detail: { entry, id: answer.id } }));
        this.drop(entry.key);
        return;
      case "slower":
        this.#pause(wait);
        break;
      case "signed out":
        this.signedOut = words || true;      // who is signed in instead, in the server's words
        this.queue.failed(entry);
        break;
      case "again":
        this.queue.failed(entry);
        this.#pause(delay(entry.tries));
        break;
      default:
        this.queue.refused(entry, { what: status === 409 ? "stored" : status === 410 ? "gone" : "words", words, stored: answer });
    }
    this.#keep(entry);
  }
}

export const outbox = new Outbox();

askBeforeClosing(() => outbox.holds);

// Older messages come above, newer ones below, without a jump, when one scrolls to the link that leads to them.
import { numberOf } from "./message-lines.js";
import { fetchPage } from "./page.js";

const PATIENCE = 20000;        // ms until a stretch that is asked for counts as lost
const AGAIN_AFTER = 2000;

export class Stretches {
  #loading = 0;                  // how many are on their way
  #late = [];                    // what came meanwhile and belongs to them

  constructor(messages) { this.messages = messages; }     // the <room-messages>

  // What has happened to a message may belong to a stretch that is on its way: it is done again when that is here.
  remember(again) { if (this.#loading) this.#late.push(again); }

  // Where what was let go comes back from: what is on its way from elsewhere does not fit any more. The older messages of
  // a discussion are in its room, as below a record one would never come to the end of them.
  link(which, item) {
    const { messages } = this;
    const { dataset } = messages.list;
    const isOlder = which === ".older";
    let line = messages.querySelector(`:scope > ${which}`);
    if (!line) {
      line = document.createElement("p");
      line.className = which.slice(1);
      line.append(document.createElement("a"));
      messages[isOlder ? "prepend" : "append"](line);
    }
    const link = line.querySelector("a");
    link.textContent = dataset[isOlder ? "olderLabel" : "newerLabel"];
    link.href = `/chat/${dataset.slug}?${isOlder ? "before" : "after"}=${numberOf(item)}`;
    if (!isOlder) dataset.newer = "yes";
    else if (messages.room) link.dataset.older = "";
    delete link.dataset.loading;
    this.#watchAnew(line);
  }

  // There are no more in that direction.
  #unlink(line) {
    const { messages } = this;
    if (line.contains(document.activeElement)) messages.focus({ preventScroll: true });
    if (line.matches(".newer")) messages.list.dataset.newer = "";
    messages.unwatch(line);
    line.remove();
  }

  // What is in sight already is told once more.
  #watchAnew(line) {
    this.messages.unwatch(line);
    if (line.matches(".newer, :has([data-older])")) this.messages.watch(line);
  }

  async load(line) {
    const { messages } = this;
    const link = line.querySelector("a");
    if (link.dataset.loading) return;
    link.dataset.loading = "yes";
    const which = line.matches(".older") ? ".older" : ".newer";
    const address = link.href;
    const fits = () => messages.isConnected && line.isConnected && link.href === address;
    this.#loading += 1;
    try {
      const response = await fetchPage(address, {}, AbortSignal.timeout(PATIENCE));
      if (!response.ok || response.redirected) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!fits()) return;
      const [top, below] = [messages.scrollTop, messages.scrollHeight - messages.scrollTop];
      const items = [...page.querySelectorAll("ol.messages > .message")].map((item) => document.importNode(item, true));
      for (const item of which === ".older" ? items.reverse() : items) if (messages.put(item)) htmx.process(item);
      if (page.querySelector(`.scroller > ${which}`)) this.link(which, items.at(-1));
      else this.#unlink(line);
      for (const again of this.#late) again();
      document.dispatchEvent(new CustomEvent("list:changed"));
      messages.scrollTop = which === ".older" ? messages.scrollHeight - below : top;
      messages.end.look();
      messages.shorten();
    } catch {                    // the network is away: it is tried again
      setTimeout(() => {
        if (!fits()) return;
        delete link.dataset.loading;
        this.#watchAnew(line);
      }, AGAIN_AFTER);
    } finally {
      this.#loading -= 1;
      if (!this.#loading) this.#late = [];
    }
  }
}

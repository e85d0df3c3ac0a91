// A file on its way from a box to the server. One without an answer, or of which no byte moves any more, is sent again by
// itself, with the key by which the server knows what it has already. Tells by "progress", "missed" and "came" events.
import { verdict } from "./message-queue.js";
import { makeKey } from "./outbox.js";
import { me } from "./page.js";
import { giveUp, hasCome, want } from "./taken-out.js";

const PATIENCE = 20000;          // ms without a byte until a try counts as failed
const AGAIN_AFTER = 20000;       // ms until the next try, unless the network or the socket is back before
const REFUSED = [413, 422];      // a file for what it is: it would be again

const failing = new Set();       // what waits for its next try

export const heldBy = (item) => [...item.querySelectorAll("[name=held]")].map(({ value }) => value);

// A file as an item of a box has it.
export function fileOf(item) {
  return {
    id: Number(item.querySelector("[name=file]").value),
    upload: item.dataset.upload,
    held: heldBy(item),
    name: item.querySelector(".name").textContent,
    src: item.querySelector("img")?.getAttribute("src") ?? null,
    size: item.querySelector("small")?.textContent ?? "",
  };
}

export class MessageUpload extends EventTarget {
  #request = null;
  #timer = null;
  #stopped = false;
  #came = false;
  key = makeKey();
  error = null;                  // why it has not come so far

  constructor(file, address, box, notSent) {
    super();
    Object.assign(this, { file, address, box, notSent });
  }

  get refused() { return Boolean(this.error?.refused); }

  // One try. It ends with the answer, or without one.
  bring() {
    if (this.#stopped || this.#request || this.#came) return Promise.resolve();
    clearTimeout(this.#timer);
    failing.delete(this);
    want(this.key, () => this.stop());
    return new Promise((done) => {
      const request = this.#request = new XMLHttpRequest();
      let silent = null;
      const heard = () => {
        clearTimeout(silent);
        silent = setTimeout(() => request.abort(), PATIENCE);
      };
      request.open("POST", `${this.address}/files`);
      request.setRequestHeader("X-Page", "1");
      request.setRequestHeader("X-Member", me);
      request.addEventListener("progress", heard);
      request.upload.addEventListener("progress", (event) => {
        heard();
        if (event.lengthComputable) this.#tell("progress", event.loaded / event.total);
      });
      request.addEventListener("loadend", () => {
        clearTimeout(silent);
        this.#request = null;
        if (!this.#stopped) this.#answered(request);
        done();
      });
      const body = new FormData();
      body.append("upload", this.key);
      body.append("box", this.box);
      body.append("file", this.file, this.file.name);
      heard();
      request.send(body);
    });
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    failing.delete(this);
    this.#request?.abort();
  }

  #answered(request) {
    const answer = request.status === 200 && new DOMParser().parseFromString(request.responseText, "text/html");
    const item = answer && answer.querySelector("li:has([name=file])");
    if (item) {
      this.error = null;
      this.#came = true;
      hasCome(this.key);
      return this.#tell("came", { item: document.importNode(item, true), file: fileOf(item) });
    }
    const words = request.getResponseHeader("content-type")?.startsWith("text/plain") && request.responseText;
    const error = new Error(`${this.file.name}: ${words || this.notSent}`);
    const goesOn = verdict(request.status) !== "refused";
    this.error = Object.assign(error, { goesOn, refused: Boolean(words) && REFUSED.includes(request.status) });
    if (this.refused) hasCome(this.key);     // what the server has refused for what it is, it has not stored
    else {
      giveUp(this.key);                      // for when the page is left before it comes
      if (goesOn) {
        failing.add(this);
        this.#timer = setTimeout(() => this.bring(), AGAIN_AFTER);
      }
    }
    this.#tell("missed", this.error);
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}

function bringAll() { for (const upload of [...failing]) upload.bring(); }
window.addEventListener("online", bringAll);
new MutationObserver(() => { if (document.documentElement.dataset.live === "on") bringAll(); })
  .observe(document.documentElement, { attributeFilter: ["data-live"] });

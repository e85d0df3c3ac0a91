// A file on its way from a box to the server. One without an answer, or of which no byte moves any more, is sent again by
// itself, with the key by which the server knows what it has already. Tells by "progress", "missed", "came" and
// "stopped" events.
import { verdict } from "./message-queue.js";
import { makeKey } from "./outbox.js";
import { me } from "./page.js";
import { hasCome, noteTakenOut, want } from "./taken-out.js";
import { fileAgainAfter } from "./tries.js";

const PATIENCE = 20000;          // ms without a byte until a try counts as failed
const STORED_WITHIN = 120000;    // ms after the last byte: so long the server may take to store it
const REFUSED = [413, 422];      // a file for what it is: it would be again

const failing = new Set();       // what waits for its next try
const turns = new Map();         // address -> the last try there: one after another, so that files come in their order

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
  #isInTurn = false;
  #tries = 0;
  #notBefore = 0;                // Infinity until somebody is signed in again
  key = makeKey();
  error = null;                  // why it has not come so far

  constructor(file, address, box, notSent) {
    super();
    Object.assign(this, { file, address, box, notSent });
    want(this.key, () => this.stop());
  }

  get refused() { return Boolean(this.error?.refused); }

  // Tries once, when it is its turn.
  bring() {
    if (this.#stopped || this.#isInTurn || this.#came) return;
    clearTimeout(this.#timer);
    failing.delete(this);
    want(this.key, () => this.stop());
    this.#isInTurn = true;
    turns.set(this.address, Promise.resolve(turns.get(this.address)).then(() => this.#try()));
  }

  // What hinders it may be over: the network is back, or (`live`) the socket, which is for who is signed in.
  bringIfDue(live) {
    if (this.#notBefore <= Date.now() || (live && this.#notBefore === Infinity)) this.bring();
  }

  // The server has it, as a page shows.
  isThere(item) {
    if (this.#stopped || this.#came) return;
    this.#arrived(item);
    this.#leave();
  }

  // It ends with the answer, or without one.
  #try() {
    if (this.#stopped || this.#came) return Promise.resolve();
    this.#tries += 1;
    return new Promise((done) => {
      const request = this.#request = new XMLHttpRequest();
      let silent = null;
      const heard = (patience = PATIENCE) => {
        clearTimeout(silent);
        silent = setTimeout(() => request.abort(), patience);
      };
      request.open("POST", `${this.address}/files`);
      request.setRequestHeader("X-Page", "1");
      request.setRequestHeader("X-Member", me);
      request.addEventListener("progress", () => heard());
      request.upload.addEventListener("load", () => heard(STORED_WITHIN));
      request.upload.addEventListener("progress", (event) => {
        heard();
        if (event.lengthComputable) this.#tell("progress", event.loaded / event.total);
      });
      request.addEventListener("loadend", () => {
        clearTimeout(silent);
        this.#request = null;
        this.#isInTurn = false;
        if (!this.#stopped && !this.#came) this.#answered(request);
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
    this.#leave();
    this.#tell("stopped");
  }

  #leave() {
    clearTimeout(this.#timer);
    failing.delete(this);
    this.#request?.abort();
  }

  #arrived(item) {
    this.error = null;
    this.#came = true;
    hasCome(this.key);
    this.#tell("came", { item, file: fileOf(item) });
  }

  #answered(request) {
    const answer = request.status === 200 && new DOMParser().parseFromString(request.responseText, "text/html");
    const item = answer && answer.querySelector("li:has([name=file])");
    if (item) return this.#arrived(document.importNode(item, true));
    const words = request.getResponseHeader("content-type")?.startsWith("text/plain") && request.responseText;
    const error = new Error(`${this.file.name}: ${words || this.notSent}`);
    const goesOn = verdict(request.status) !== "refused";
    this.error = Object.assign(error, { goesOn, refused: Boolean(words) && REFUSED.includes(request.status) });
    if (this.refused) hasCome(this.key);     // what the server has refused for what it is, it has not stored
    else if (goesOn) this.#goOn(request);
    else noteTakenOut(this.key);             // the server may have it of an earlier try
    this.#tell("missed", this.error);
  }

  // Where there was an answer, the next try waits for its time also when the network is back.
  #goOn(request) {
    const after = fileAgainAfter(this.#tries, Number(request.getResponseHeader("retry-after")) || 0);
    const isSignedOut = verdict(request.status) === "signed out";
    this.#notBefore = isSignedOut ? Infinity : request.status ? Date.now() + after : 0;
    failing.add(this);
    if (!isSignedOut) this.#timer = setTimeout(() => this.bring(), after);
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}

function bringAll(live = false) { for (const upload of [...failing]) upload.bringIfDue(live); }
window.addEventListener("online", () => bringAll());
new MutationObserver(() => { if (document.documentElement.dataset.live === "on") bringAll(true); })
  .observe(document.documentElement, { attributeFilter: ["data-live"] });

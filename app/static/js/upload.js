// A file on its way to the server. One without an answer, or of which no byte moves any more, is sent again by itself,
// with the key by which the server knows what it has already. Tells by "begun", "progress", "missed", "came" (with
// the item that the server shows of it) and "stopped" events.
import { me } from "./page.js";
import { fileAgainAfter, makeKey, verdict } from "./tries.js";

const PATIENCE = 20000;          // ms without a byte until a try counts as failed
const STORED_WITHIN = 120000;    // ms after the last byte: so long the server may take to store it
const REFUSED = [413, 422];      // a file for what it is: it would be again

const failing = new Set();       // what waits for its next try
const turns = new Map();         // address -> the last try there: one after another, so that files come in their order

export class Upload extends EventTarget {
  #request = null;
  #timer = null;
  #stopped = false;
  #came = false;
  #isInTurn = false;
  #tries = 0;
  #notBefore = 0;                // Infinity until somebody is signed in again
  key = makeKey();
  error = null;                  // why it has not come so far

  // `failed` is said where the server says nothing, and `goesOn` when it is tried again by itself.
  constructor(file, address, { failed, goesOn }) {
    super();
    Object.assign(this, { file, address, failed, goesOn });
  }

  get refused() { return Boolean(this.error?.refused); }

  // What is sent beside the file.
  get fields() { return {}; }

  // Tries once, when it is its turn.
  bring() {
    if (this.#stopped || this.#isInTurn || this.#came) return;
    this.#rest();
    this.#isInTurn = true;
    this.#tell("begun");
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
      request.open("POST", this.address);
      request.setRequestHeader("X-Page", "1");
      request.setRequestHeader("X-Member", me);
      request.setRequestHeader("X-Upload", this.key);        // known before the file is read
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
      for (const [name, value] of Object.entries({ upload: this.key, ...this.fields })) body.append(name, value);
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

  #rest() {
    clearTimeout(this.#timer);
    failing.delete(this);
  }

  #leave() {
    this.#rest();
    this.#request?.abort();
  }

  #arrived(item) {
    this.error = null;
    this.#came = true;
    this.#tell("came", item);
  }

  #answered(request) {
    const answer = request.status === 200 && new DOMParser().parseFromString(request.responseText, "text/html");
    const item = answer && answer.querySelector("li.file");
    if (item) return this.#arrived(document.importNode(item, true));
    const said = request.getResponseHeader("content-type")?.startsWith("text/plain") && request.responseText;
    const goesOn = verdict(request.status) !== "refused";
    const words = said || (goesOn ? this.goesOn : this.failed);
    const error = new Error(`${this.file.name}: ${words}`);
    this.error = Object.assign(error, { words, goesOn, refused: Boolean(said) && REFUSED.includes(request.status) });
    if (goesOn) this.#goOn(request);
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

// What an item shows of its file's upload, before its button: how far it is, or that it has not come so far.
export function showUpload(upload, item, { failed, tryAgain }) {
  const state = document.createElement("span");
  item.querySelector("button").before(state);
  const going = (loaded = 0) => {
    item.classList.remove("failed");
    state.replaceChildren(Object.assign(document.createElement("progress"), { max: 1, value: loaded, ariaLabel: upload.file.name }));
  };
  const missed = () => {
    const words = Object.assign(document.createElement("small"), { textContent: failed });
    const again = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: tryAgain });
    again.dataset.bringAgain = "";
    item.classList.add("failed");
    state.replaceChildren(" ", words, " ", again, " ");
  };
  if (upload.error) missed();
  else going();
  upload.addEventListener("begun", () => going());
  upload.addEventListener("progress", ({ detail }) => going(detail));
  upload.addEventListener("missed", missed);
}

function bringAll(live = false) { for (const upload of [...failing]) upload.bringIfDue(live); }
window.addEventListener("online", () => bringAll());
// Every hello that is answered says "on" once more, which is no reason to try.
new MutationObserver((changes) => { if (document.documentElement.dataset.live === "on" && changes.some(({ oldValue }) => oldValue !== "on")) bringAll(true); })
  .observe(document.documentElement, { attributeFilter: ["data-live"], attributeOldValue: true });

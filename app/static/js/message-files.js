// The files in a box: brought by button, drop and paste, with progress, and taken out again. The server knows which box
// has a file, and which message that was sent from it: no other box shows it, and no other message gets it.
import { askBeforeLeaving } from "./leaving.js";
import { findHeldElsewhere, holdHere } from "./files-of-tabs.js";
import { MessageUpload, fileOf, heldBy, hidden, itemOf } from "./message-upload.js";
import { outbox } from "./outbox.js";
import { call, fetchPage } from "./page.js";
import { forget, keep, kept } from "./tab-store.js";
import { isTakenOut, takeOut } from "./taken-out.js";
import { makeKey } from "./tries.js";
import { showUpload } from "./upload.js";

const KIND = "in box";           // uploads that this tab has in the box of a place: key, name, whether it is `coming`

const LOOKED_FOR = [0, 4000];    // ms: the server may be about to store what had arrived when the page was made

const uploads = new Map();       // key -> upload: what this page is bringing

// Says who has files, and which keys this tab has them by. When that is not heard, the keys are still good, as long as
// nobody else takes the files.
function tell(files, whose) {
  const body = new URLSearchParams(whose);
  for (const { upload, held } of files) {
    body.append("upload", upload);
    for (const key of held) body.append("held", key);
  }
  call("/files/hold", body, { keepalive: true }).catch(() => {});
}

export class MessageFiles {
  #opened = false;
  #missing = [];                 // what this tab had when the page was made, and the page has not

  constructor(composer) {
    this.composer = composer;
    this.list = composer.querySelector("[data-files]");
    new MutationObserver(() => this.#keep()).observe(this.list, { childList: true });
  }

  listen(signal) {
    const { composer } = this;
    composer.addEventListener("click", (event) => {
      const button = event.target.closest("[data-drop-file], [data-bring-again]");
      if (!button) return;
      event.preventDefault();
      event.stopPropagation();
      const item = button.closest("li");
      if ("bringAgain" in button.dataset) this.#bringAgain(item);
      else this.#takeOut(item);
      composer.area.focus();
    }, { capture: true, signal });
    composer.addEventListener("change", (event) => {
      if (event.target.matches("[data-attach]")) { this.bring(event.target.files); event.target.value = ""; }
    }, { signal });
    // Spreadsheets and word processors put a picture of the text beside it.
    composer.area.addEventListener("paste", (event) => {
      const data = event.clipboardData;
      if (data.files.length && !data.types.includes("text/plain")) { event.preventDefault(); this.bring(data.files); }
    }, { signal });
    const over = (shown) => composer.form.classList.toggle("dropping", shown);
    document.addEventListener("dragover", (event) => {
      if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); over(true); }
    }, { signal });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); }, { signal });
    document.addEventListener("drop", (event) => {
      over(false);
      if (event.dataTransfer.files.length) { event.preventDefault(); this.bring(event.dataTransfer.files); }
    }, { signal });
  }

  get count() { return this.list.children.length; }

  // What is in the box when it comes: what this tab had there; and what was left in the box of the draft that is shown,
  // unless another tab has it. Files of messages that are on their way are not in the box any more, nor those that were
  // taken out, though the server does not know.
  open(showsDraft) {
    const { place } = this.composer;
    const had = kept(KIND, place) ?? [];
    const own = new Set(had.map(({ upload }) => upload));
    for (const other of this.composer.querySelectorAll("[data-other-files]")) {
      this.list.append(...[...other.content.children].filter((item) => own.has(item.dataset.upload)));
      other.remove();
    }
    const { ids, keys } = filesOnTheirWay(place);
    const others = [];
    for (const item of [...this.list.children]) {
      const { id, upload } = fileOf(item);
      uploads.get(upload)?.isThere(item);    // its answer was lost, or is still to come
      if (ids.has(id) || keys.has(upload) || !(showsDraft || own.has(upload))) item.remove();
      else if (isTakenOut(upload)) this.#takeOut(item);
      else if (!own.has(upload)) {
        item.remove();
        others.push(item);
      }
    }
    for (const key of own) if (uploads.has(key)) this.list.append(this.#follow(uploads.get(key)));
    for (const key of keys) holdHere(key);
    const there = new Set([...this.list.children].map((item) => item.dataset.upload));
    this.#missing = had.filter(({ upload }) => !there.has(upload) && !keys.has(upload) && !isTakenOut(upload));
    this.#opened = true;
    this.#keep();
    if (others.length) this.#takeOver(others);
    this.#lookForMissing();
  }

  // What was left behind, by tabs that are there no more.
  async #takeOver(items) {
    const elsewhere = await findHeldElsewhere();
    this.list.prepend(...items.filter((item) => !elsewhere.has(item.dataset.upload)));
  }

  // It may have come since the page was made. What was still coming, and whose page was left, does not come any more.
  async #lookForMissing() {
    for (const wait of LOOKED_FOR) {
      if (!this.#missing.length) return;
      await new Promise((done) => setTimeout(done, wait));
      if (!this.composer.isConnected) return;
      const text = await fetchPage(this.composer.place, { Purpose: "prefetch" }).then((response) => response.text(), () => "");
      const page = new DOMParser().parseFromString(text, "text/html");
      const boxes = [page.querySelector("[data-files]"), page.querySelector("[data-other-files]")?.content];
      for (const item of boxes.flatMap((box) => [...box?.children ?? []])) {
        const key = item.dataset.upload;
        if (!this.#missing.some(({ upload }) => upload === key)) continue;
        this.#missing = this.#missing.filter(({ upload }) => upload !== key);
        if (!isTakenOut(key)) this.list.append(document.importNode(item, true));
      }
    }
    const lost = this.#missing.filter(({ coming }) => coming).map(({ name }) => name);
    if (lost.length) this.sayLost(lost, "");
    this.#missing = [];
    this.#keep();
  }

  #keep() {
    if (!this.#opened) return;
    const there = [...this.list.children].map((item) => (
      { upload: item.dataset.upload, name: item.querySelector(".name").textContent, coming: uploads.has(item.dataset.upload) }
    ));
    const had = [...there, ...this.#missing];
    if (had.length) keep(KIND, this.composer.place, had);
    else forget(KIND, this.composer.place);
    for (const { upload } of had) holdHere(upload);
  }

  // They went with a message from elsewhere.
  leaveOut(ids) {
    for (const input of this.list.querySelectorAll("[name=file]")) if (ids.includes(Number(input.value))) input.closest("li").remove();
  }

  // The box has another key by now, and its files go with that.
  belongTo(key) {
    if (!this.#opened) return;
    const brought = [];
    for (const item of this.list.children) {
      const upload = uploads.get(item.dataset.upload);
      if (upload) upload.box = key;
      else if (!heldBy(item).includes(key)) {
        brought.push(fileOf(item));
        item.append(hidden("held", key));
      }
    }
    if (brought.length) tell(brought, { box: key });
  }

  // Takes all out of the box, to go with a message: those that are there, and uploads of the others.
  take() {
    const by = makeKey();
    const files = [];
    const going = [];
    for (const item of [...this.list.children]) {
      const upload = uploads.get(item.dataset.upload);
      if (upload) {
        upload.takenBy = by;
        files.push({ id: null, name: upload.file.name, upload: upload.refused ? null : upload.key, held: [upload.box, by] });
        going.push(upload);
        if (upload.refused) uploads.delete(upload.key);
      } else {
        const file = fileOf(item);
        files.push({ ...file, held: [...file.held, by] });
      }
      item.remove();
    }
    const brought = files.filter((file) => file.id);
    if (brought.length) tell(brought, { "taken-by": by });
    return { files, going };
  }

  // Back into the box. What is still being brought goes on there; of what is not, nothing is known any more.
  put(files) {
    for (const { id, upload: key, ...file } of files) {
      const upload = uploads.get(key);
      if (id) this.list.append(itemOf({ id, upload: key, ...file }, this.composer.form));
      else if (upload) {
        upload.takenBy = null;
        this.list.append(this.#follow(upload));
      } else if (key) takeOut(key);
    }
  }

  // Says which did not come with what was sent, and in a line each why. One that was refused for what it is would be
  // refused again.
  sayLost(lost, words) {
    const { attachAgain, failed, goesOn } = this.composer.form.dataset;
    const refused = words.split("\n").filter((line) => ![failed, goesOn].some((said) => line.endsWith(said)));
    const here = new Set([...this.list.children].map((item) => item.querySelector(".name").textContent));
    const missing = lost.filter((name) => !refused.some((line) => line.startsWith(`${name}: `)) && !here.has(name));
    const again = missing.length ? attachAgain.replace("{}", () => missing.join(", ")) : "";
    this.composer.say(`${refused.join(" ")} ${again}`.trim());
  }

  bring(chosen) {
    const { fileLimit, tooLarge, mostFiles, tooMany } = this.composer.form.dataset;
    this.composer.say("");
    for (const file of chosen) {
      if (file.size > Number(fileLimit) * 1e6) this.composer.say(`${file.name}: ${tooLarge}`);
      else if (this.count >= Number(mostFiles)) this.composer.say(tooMany);
      else this.#upload(file);
    }
  }

  #upload(file) {
    const { place, key } = this.composer;
    const upload = new MessageUpload(file, place, key, this.composer.form.dataset);
    uploads.set(upload.key, upload);
    upload.addEventListener("came", ({ detail: item }) => {
      uploads.delete(upload.key);
      const { takenBy, box } = upload;       // they may have changed while it was on its way
      const whose = takenBy ? { "taken-by": takenBy } : { box };
      const holder = takenBy ?? box;
      if (heldBy(item).includes(holder)) return;
      tell([upload.stored], whose);
      item.append(hidden("held", holder));
    });
    upload.addEventListener("missed", () => { if (upload.refused && upload.takenBy) uploads.delete(upload.key); });
    upload.addEventListener("stopped", () => uploads.delete(upload.key));
    this.list.append(this.#follow(upload));
    upload.bring();
  }

  // The item of a file that is being brought, until it is there.
  #follow(upload) {
    const item = itemOf({ name: upload.file.name, upload: upload.key }, this.composer.form);
    showUpload(upload, item, this.composer.form.dataset);
    // It stays until it is taken out: a message that is sent with it says that it is missing.
    upload.addEventListener("missed", () => {
      if (!item.isConnected) return;
      if (!upload.said) this.composer.say(upload.error.message);
      upload.said = upload.error.message;
    });
    const unsay = () => { if (upload.said) this.composer.unsay(upload.said); };
    upload.addEventListener("stopped", unsay);
    upload.addEventListener("came", ({ detail }) => {
      unsay();
      if (item.isConnected) item.replaceWith(detail);
    });
    return item;
  }

  // With the same key: what had come after all is not there twice.
  #bringAgain(item) {
    const upload = uploads.get(item.dataset.upload);
    this.composer.say("");
    Object.assign(upload, { error: null, said: "" });
    upload.bring();
  }

  #takeOut(item) {
    item.remove();
    const upload = uploads.get(item.dataset.upload);
    upload?.stop();
    if (!upload?.refused) takeOut(item.dataset.upload);
  }
}

function filesOnTheirWay(place) {
  const files = outbox.at(place).flatMap((entry) => entry.files ?? []);
  return { ids: new Set(files.map((file) => file.id)), keys: new Set(files.map((file) => file.upload)) };
}

// Of what goes with a message that was sent, outbox.js asks.
askBeforeLeaving(() => [...uploads.values()].some(({ takenBy, refused }) => !takenBy && !refused));

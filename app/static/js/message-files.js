// The files in a box: brought by button, drop and paste, with progress, and taken out again. Each upload has a key, by
// which the server knows it when it comes again, and by which it is taken out whether or not it has come.
import { makeKey, outbox } from "./outbox.js";
import { me } from "./page.js";
import { giveUp, isTakenOut, takeOut, wantAgain } from "./taken-out.js";

const REFUSED = [413, 422];      // a file for what it is: it would be again

export class MessageFiles {
  #turn = Promise.resolve();     // one after another: a message has its files in the order in which they came
  #uploads = new WeakMap();      // item -> { file, key, request, arrival, stopped, refused }

  constructor(composer) {
    this.composer = composer;
    this.list = composer.querySelector("[data-files]");
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

  // Files of messages that are on their way are not in the box any more, nor those that were taken out, though the
  // server does not know.
  leaveOut({ ids, uploads }) {
    for (const item of [...this.list.children]) {
      const { id, upload } = fileOf(item);
      if (ids.has(id) || uploads.has(upload)) item.remove();
      else if (isTakenOut(upload)) this.#takeOut(item);
    }
  }

  // Takes all out of the box, to go with a message: those that are there, and arrivals of the others. Of those that did
  // not come, these fail.
  take() {
    const files = [];
    const arrivals = [];
    for (const item of [...this.list.children]) {
      const upload = this.#uploads.get(item);
      if (upload?.arrival) {
        files.push({ id: null, name: upload.file.name, upload: upload.refused ? null : upload.key });
        arrivals.push(upload.arrival);
      } else files.push(fileOf(item));
      item.remove();
    }
    return { files, arrivals };
  }

  put(files) {
    for (const file of files) if (file.id) this.list.append(this.#item(file));
  }

  // Says which did not come with what was sent. One that was refused for what it is would be refused again.
  sayLost(lost, words) {
    const { attachAgain, notSent } = this.composer.form.dataset;
    const refused = words.endsWith(notSent) ? "" : words;
    const missing = lost.filter((name) => !refused.startsWith(`${name}: `));
    const again = missing.length ? attachAgain.replace("{}", () => missing.join(", ")) : "";
    this.composer.say(`${refused} ${again}`.trim());
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

  #item({ id, name, src, size, upload }) {
    const item = document.createElement("li");
    item.className = "file";
    item.dataset.upload = upload;
    const label = document.createElement("span");
    label.className = "name";
    label.textContent = name;
    const stop = document.createElement("button");
    stop.type = "button";
    stop.className = "link";
    stop.dataset.dropFile = "";
    stop.textContent = "✕";
    stop.setAttribute("aria-label", this.composer.form.dataset.takeOut.replace("{}", () => name));
    if (id) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: "file", value: id });
      item.append(input);
    }
    if (src) {
      const image = document.createElement("img");
      Object.assign(image, { src, alt: "", height: 40 });
      item.append(image);
    } else if (id) item.append(this.composer.form.querySelector(".attach .icon").cloneNode(true));
    item.append(label, " ");
    if (size) {
      const line = document.createElement("small");
      line.className = "muted";
      line.textContent = size;
      item.append(line, " ");
    }
    item.append(stop);
    return item;
  }

  #upload(file, key = makeKey()) {
    const item = this.#item({ name: file.name, upload: key });
    const bar = document.createElement("progress");
    Object.assign(bar, { max: 1, value: 0 });
    item.querySelector("button").before(bar);
    this.list.append(item);
    const upload = { file, key, request: new XMLHttpRequest(), stopped: false, refused: false };
    this.#uploads.set(item, upload);
    upload.arrival = this.#turn.then(() => this.#send(upload, bar));
    this.#turn = upload.arrival.catch(() => {});
    upload.arrival.then((fresh) => {
      upload.arrival = null;
      if (item.isConnected) item.replaceWith(fresh.item);
    }, (error) => {
      if (upload.stopped) return;
      // What the server has refused for what it is, it has not stored.
      upload.refused = Boolean(error.refused);
      if (!upload.refused) giveUp(key);
      // It stays until it is taken out: a message that is sent with it says that it is missing.
      const words = document.createElement("small");
      words.textContent = this.composer.form.dataset.failed;
      const again = document.createElement("button");
      Object.assign(again, { type: "button", className: "link", textContent: this.composer.form.dataset.tryAgain });
      again.dataset.bringAgain = "";
      bar.replaceWith(" ", words, " ", again, " ");
      item.classList.add("failed");
      if (item.isConnected) this.composer.say(error.message);
    });
  }

  // With the same key: what had come after all is not there twice.
  #bringAgain(item) {
    const { file, key } = this.#uploads.get(item);
    this.composer.say("");
    wantAgain(key);
    item.remove();
    this.#upload(file, key);
  }

  #send(upload, bar) {
    const { file, key, request } = upload;
    const { notSent } = this.composer.form.dataset;
    return new Promise((done, fail) => {
      if (upload.stopped) return fail(new Error(file.name));
      request.open("POST", `${this.composer.form.action}/files`);
      request.setRequestHeader("X-Page", "1");
      request.setRequestHeader("X-Member", me);
      request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
      request.addEventListener("loadend", () => {
        const answer = request.status === 200 && new DOMParser().parseFromString(request.responseText, "text/html");
        const item = answer && answer.querySelector("li:has([name=file])");
        const words = request.getResponseHeader("content-type")?.startsWith("text/plain") && request.responseText;
        if (item) done({ ...fileOf(item), item: document.importNode(item, true) });
        else fail(Object.assign(new Error(`${file.name}: ${words || notSent}`), { refused: Boolean(words) && REFUSED.includes(request.status) }));
      });
      const body = new FormData();
      body.append("upload", key);
      body.append("file", file, file.name);
      request.send(body);
    });
  }

  #takeOut(item) {
    item.remove();
    const upload = this.#uploads.get(item);
    if (upload) {
      upload.stopped = true;
      upload.request.abort();
    }
    if (!upload?.refused) takeOut(item.dataset.upload);
  }
}

function fileOf(item) {
  return {
    id: Number(item.querySelector("[name=file]").value),
    upload: item.dataset.upload,
    name: item.querySelector(".name").textContent,
    src: item.querySelector("img")?.getAttribute("src") ?? null,
    size: item.querySelector("small")?.textContent ?? "",
  };
}

export function filesOnTheirWay(place) {
  const files = outbox.at(place).flatMap((entry) => entry.files ?? []);
  return { ids: new Set(files.map((file) => file.id)), uploads: new Set(files.map((file) => file.upload)) };
}

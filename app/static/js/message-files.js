// The files in a box: brought by button, drop and paste, with progress, and taken out again.
import { outbox } from "./outbox.js";
import { me } from "./tab-store.js";

export class MessageFiles {
  #turn = Promise.resolve();     // one after another: a message has its files in the order in which they came
  #uploads = new WeakMap();      // item -> { request, arrival }

  constructor(composer) {
    this.composer = composer;
    this.list = composer.querySelector("[data-files]");
  }

  listen(signal) {
    const { composer } = this;
    composer.addEventListener("click", (event) => {
      const item = event.target.closest("[data-drop-file]")?.closest("li");
      if (!item) return;
      event.preventDefault();
      event.stopPropagation();
      this.#takeOut(item);
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

  // Files of messages that are on their way are not in the box any more, though the server does not know.
  leaveOut(ids) {
    for (const input of this.list.querySelectorAll("[name=file]")) if (ids.has(Number(input.value))) input.closest("li").remove();
  }

  // Takes all out of the box, to go with a message: those that are there, and arrivals of the others. Of those that did
  // not come, these fail.
  take() {
    const files = [];
    const arrivals = [];
    for (const item of [...this.list.children]) {
      const upload = this.#uploads.get(item);
      if (upload?.arrival) {
        files.push({ id: null, name: item.querySelector(".name").textContent });
        arrivals.push(upload.arrival);
      } else files.push(fileOf(item));
      item.remove();
    }
    return { files, arrivals };
  }

  put(files) {
    for (const file of files) if (file.id) this.list.append(this.#item(file));
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

  #item({ id, name, src, size }) {
    const item = document.createElement("li");
    item.className = "file";
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
      stop.dataset.dropFile = `/files/${id}/take-out`;
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

  #upload(file) {
    const item = this.#item({ name: file.name });
    const bar = document.createElement("progress");
    Object.assign(bar, { max: 1, value: 0 });
    item.querySelector("button").before(bar);
    this.list.append(item);
    const upload = { request: new XMLHttpRequest(), stopped: false };
    this.#uploads.set(item, upload);
    upload.arrival = this.#turn.then(() => this.#send(file, bar, upload));
    this.#turn = upload.arrival.catch(() => {});
    upload.arrival.then((fresh) => {
      upload.arrival = null;
      if (item.isConnected) item.replaceWith(fresh.item);
    }, (error) => {
      if (upload.stopped || !item.isConnected) return item.remove();
      // It stays until it is taken out: a message that is sent with it says that it is missing.
      const words = document.createElement("small");
      words.textContent = this.composer.form.dataset.failed;
      bar.replaceWith(" ", words, " ");
      item.classList.add("failed");
      this.composer.say(error.message);
    });
  }

  #send(file, bar, upload) {
    const { request } = upload;
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
        else fail(new Error(`${file.name}: ${words || notSent}`));
      });
      const body = new FormData();
      body.append("file", file, file.name);
      request.send(body);
    });
  }

  // What can't be taken out on the server comes back: it would be there again after a reload.
  async #takeOut(item) {
    const [list, next] = [item.parentElement, item.nextSibling];
    const button = item.querySelector("[data-drop-file]");
    const address = button.dataset.dropFile || button.getAttribute("formaction");
    item.remove();
    const upload = this.#uploads.get(item);
    if (upload) { upload.stopped = true; upload.request.abort(); }
    if (!address) return;
    const response = await call(address).catch(() => null);
    if (response?.ok || response?.status === 404) return;
    list.insertBefore(item, next?.parentElement === list ? next : null);
    if (list.isConnected) this.composer.say(this.composer.form.dataset.notDone);
  }
}

function fileOf(item) {
  return {
    id: Number(item.querySelector("[name=file]").value),
    name: item.querySelector(".name").textContent,
    src: item.querySelector("img")?.getAttribute("src") ?? null,
    size: item.querySelector("small")?.textContent ?? "",
  };
}

export function filesOnTheirWay(place) {
  return new Set(outbox.at(place).flatMap((entry) => (entry.files ?? []).map((file) => file.id)));
}

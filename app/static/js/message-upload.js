// A file on its way from a box to the server. The tab knows whether it is still wanted.
import { hasCome, noteTakenOut, want } from "./taken-out.js";
import { Upload } from "./upload.js";

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

export function hidden(name, value) { return Object.assign(document.createElement("input"), { type: "hidden", name, value }); }

// The other way round: as templates/chat/_brought.html has it, with the texts of the box.
export function itemOf({ id, name, src, size, upload, held }, form) {
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
  stop.setAttribute("aria-label", form.dataset.takeOut.replace("{}", () => name));
  if (id) item.append(hidden("file", id), ...(held ?? []).map((key) => hidden("held", key)));
  if (src) {
    const image = document.createElement("img");
    Object.assign(image, { src, alt: "", height: 40 });
    item.append(image);
  } else if (id) item.append(form.querySelector(".attach .icon").cloneNode(true));
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

export class MessageUpload extends Upload {
  stored = null;                 // the file, when it has come

  constructor(file, place, box, { failed, goesOn }) {
    super(file, `${place}/files`, { failed, goesOn });
    this.box = box;
    this.addEventListener("begun", () => want(this.key, () => this.stop()));
    this.addEventListener("came", ({ detail }) => {
      this.stored = fileOf(detail);
      hasCome(this.key);
    });
    this.addEventListener("missed", () => {
      if (this.refused) hasCome(this.key);                   // what the server has refused for what it is, it has not stored
      else if (!this.error.goesOn) noteTakenOut(this.key);   // it may have it of an earlier try
    });
  }

  get fields() { return { box: this.box }; }
}

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

export class MessageUpload extends Upload {
  stored = null;                 // the file, when it has come

  constructor(file, place, box, failed) {
    super(file, `${place}/files`, { failed });
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

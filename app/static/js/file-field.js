// <file-field>: files of a record go to the server as soon as they are chosen, and come back as lines of the form, to be
// saved with it. A form that is sent meanwhile waits for them, until they are here or taken out. Without scripts a button
// sends them, with the whole form.
import { CompositeInput } from "./composite-input.js";
import { askBeforeLeaving } from "./leaving.js";
import { Upload, showUpload } from "./upload.js";

// What stands for a file in the form: its number, whether there is a picture of it, its name.
const LINE = /^(\d+) ([pf]) (.+)$/;

class FileField extends CompositeInput {
  #uploads = new Map();          // item -> upload: what has not come yet
  #tooLarge = [];                // names of what was chosen last
  #held = null;                  // the event by which the form was sent that waits for files
  #isCancelled = false;

  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.button.hidden = true;
    // The form has the lines of files alone: a file that is still to be brought would be sent as no more than a name.
    this.sentAs = this.input.name || this.sentAs;
    this.input.removeAttribute("name");
    this.input.addEventListener("change", () => this.#choose(), { signal });
    this.addEventListener("click", ({ target }) => this.#press(target.closest("[data-drop-file], [data-bring-again]")), { signal });
    // What is on its way belongs to the form: it waits.
    document.addEventListener("submit", (event) => this.#wait(event), { capture: true, signal });
    // A form that is still there was not cancelled after all.
    document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
      if (this.input.form.contains(ctx.sourceElement)) this.#isCancelled = false;
    }, { signal });
    if (this.input.files.length) this.#choose();
    if (this.served) return;
    this.served = { files: this.ticks.map(({ value, defaultChecked }) => ({ line: value, ticked: defaultChecked })) };
    this.takeGiven();
  }

  disconnectedCallback() {
    this.stop.abort();
    queueMicrotask(() => { if (!this.isConnected) this.#leave(); });
  }

  get input() { return this.querySelector("[type=file]"); }
  get button() { return this.querySelector("[formenctype]"); }
  get list() { return this.querySelector(".kept-files"); }
  get coming() { return this.querySelector(".brought"); }
  get ticks() { return [...this.list.querySelectorAll("[type=checkbox]")]; }
  get isBringing() { return this.#uploads.size > 0; }

  get state() {
    return { files: this.ticks.map(({ value, checked }) => ({ line: value, ticked: checked })) };
  }

  set state({ files }) {
    const there = new Map(this.ticks.map((tick) => [tick.value, tick.closest("li")]));
    this.list.replaceChildren(...files.map(({ line, ticked }) => {
      const item = there.get(line) ?? this.#make(line);
      item.querySelector("input").checked = ticked;
      return item;
    }));
  }

  // Files that were brought or unticked already stay so.
  withTyped({ files }) {
    const served = new Map(this.served.files.map(({ line, ticked }) => [line, ticked]));
    const all = new Map(files.map((file) => [file.line, file]));
    for (const file of this.state.files) if (served.get(file.line) !== file.ticked) all.set(file.line, file);
    return { files: [...all.values()] };
  }

  // As templates/records/_file.html has it.
  #make(line) {
    const [, number, picture, text] = LINE.exec(line);
    const [item, label, tick, name] = ["li", "label", "input", "span"].map((tag) => document.createElement(tag));
    item.className = "file";
    label.className = "check";
    Object.assign(tick, { type: "checkbox", name: this.sentAs.replace(/^file-/, ""), value: line });
    name.className = "name";
    name.textContent = text;
    label.append(tick, " ");
    if (picture === "p") label.append(Object.assign(document.createElement("img"), { className: "thumbnail", src: `/record-files/${number}/preview`, alt: "" }), " ");
    label.append(name);
    item.append(label);
    return item;
  }

  // Nothing puts a file back into another page.
  #leave() {
    const uploads = [...this.#uploads.values()];
    for (const upload of uploads) upload.stop();
    if (!uploads.length || this.#isCancelled) return;
    const toast = document.createElement("page-toast");
    toast.className = "toast";
    toast.append(document.createElement("p"));
    toast.firstElementChild.textContent = this.dataset.left.replace("{}", () => uploads.map(({ file }) => file.name).join(", "));
    document.getElementById("toasts").append(toast);
  }

  #choose() {
    const files = [...this.input.files];
    const isTooLarge = ({ size }) => size > Number(this.dataset.fileLimit) * 1e6;
    this.input.value = "";
    this.#tooLarge = files.filter(isTooLarge).map(({ name }) => name);
    for (const file of files) if (!isTooLarge(file)) this.#bring(file);
    this.#show();
  }

  #bring(file) {
    const { dataset } = this;
    const upload = new Upload(file, this.getAttribute("source"), { failed: dataset.notBrought, goesOn: dataset.goesOn });
    const item = this.#makeComing(file.name);
    this.#uploads.set(item, upload);
    showUpload(upload, item, dataset);
    this.coming.append(item);
    // Whoever waits for it is there, also between two tries.
    for (const name of ["begun", "progress", "missed"]) upload.addEventListener(name, () => this.dispatchEvent(new Event("bringing", { bubbles: true })));
    upload.addEventListener("came", ({ detail }) => {
      this.list.append(detail);
      this.dispatchEvent(new Event("change", { bubbles: true }));
      this.#leaveOut(item);
    });
    upload.addEventListener("missed", () => {
      if (!upload.error.goesOn) this.#held = null;
      this.#show();
    });
    upload.bring();
  }

  #makeComing(name) {
    const [item, label, stop] = ["li", "span", "button"].map((tag) => document.createElement(tag));
    item.className = "file";
    Object.assign(label, { className: "name", textContent: name });
    Object.assign(stop, { type: "button", className: "link", textContent: "✕" });
    stop.dataset.dropFile = "";
    stop.setAttribute("aria-label", this.dataset.takeOut.replace("{}", () => name));
    item.append(label, " ", stop);
    return item;
  }

  #press(button) {
    const item = button?.closest("li");
    const upload = this.#uploads.get(item);
    if (!upload) return;
    if ("bringAgain" in button.dataset) {
      upload.error = null;
      upload.bring();
      this.#show();
      item.querySelector("[data-drop-file]").focus();
      return;
    }
    upload.stop();
    this.#leaveOut(item);
    if (!this.#uploads.size) this.input.focus();
  }

  // It has come, or is not wanted. With the last of them the form goes on that waited for it.
  #leaveOut(item) {
    this.#uploads.delete(item);
    item.remove();
    this.#show();
    if (this.#uploads.size || !this.#held) return;
    const { target, submitter } = this.#held;
    this.#held = null;
    target.requestSubmit(submitter);
  }

  // One that was refused does not come: who saves says first that it goes without it.
  #wait(event) {
    if (!this.#uploads.size || event.target !== this.input.form) return;
    this.#held = null;
    this.#isCancelled = Boolean(event.submitter?.formNoValidate);
    if (this.#isCancelled) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const [lost] = [...this.#uploads].find(([, { error }]) => error && !error.goesOn) ?? [];
    if (!lost) this.#held = event;
    this.#show();
    lost?.querySelector("[data-drop-file]").focus();
  }

  // What it waits for, and why: what hinders several files is said once.
  #show() {
    const { going, tooLarge, waits, without } = this.dataset;
    const uploads = [...this.#uploads.values()];
    const why = new Map(this.#tooLarge.length ? [[tooLarge, this.#tooLarge]] : []);
    for (const { error, file } of uploads) if (error) why.set(error.words, [...why.get(error.words) ?? [], file.name]);
    const hindered = uploads.some(({ error }) => error);
    this.querySelector("[role=status]").textContent = [
      ...[...why].map(([words, names]) => `${names.join(", ")}: ${words}`),
      ...(uploads.length && !hindered ? [going] : []),
      ...(this.#held ? [waits] : []),
      ...(hindered ? [without] : []),
    ].join(" ");
  }
}
customElements.define("file-field", FileField);

askBeforeLeaving(() => [...document.querySelectorAll("file-field")].some(({ isBringing }) => isBringing));

// <export-progress>: a long export says how far it is, and can be cancelled. The server makes the file, and says after
// each of its batches how many records it has; then the browser takes it, as any other download. So nothing of it is in
// the page, however large it is. A short one is a plain link.
import { call } from "./page.js";

const SPOKEN = 10;              // after so many per cent it is said again
const STAYS = 8000;

const fill = (text, ...values) => values.reduce((filled, value) => filled.replace("{}", value), text);
const count = (number) => number.toLocaleString(document.documentElement.lang);

class ExportProgress extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    document.addEventListener("click", (event) => this.#click(event), { signal: this.stop.signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  #click(event) {
    const link = event.target.closest("a[data-export]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    link.closest(".popup").open = false;
    take(link.href, link.textContent, this.#show(), { ...this.dataset });
  }

  #show() {
    const toast = document.importNode(this.querySelector("template").content, true).firstElementChild;
    document.getElementById("toasts").append(toast);
    toast.querySelector("button").focus({ preventScroll: true });
    return toast;
  }
}

// It goes on when another page is put into this one: the toast stays.
async function take(address, format, toast, texts) {
  const control = new AbortController();
  const bar = toast.querySelector("progress");
  const say = (text) => { toast.querySelector("[data-text]").textContent = text; };
  const end = (text) => { say(text); bar.remove(); toast.querySelector("[data-dismiss]").textContent = texts.dismiss; };
  toast.addEventListener("dismiss", () => control.abort());
  toast.querySelector("b").textContent = format;
  try {
    const answer = await call(address, undefined, { method: "GET", signal: control.signal });
    if (!answer.ok) return end(await answer.text());
    let [total, key, spoken] = [0, "", -SPOKEN];
    for await (const line of lines(answer.body)) {
      const done = total ? Number(line) : 0;
      if (line.length > 16) key = line;
      else if (!total) total = Number(line);
      bar.value = key ? 100 : (100 * done) / Math.max(1, total);
      if (key || bar.value < spoken + SPOKEN) continue;
      spoken = bar.value;
      say(fill(texts.going, count(done), count(total)));
    }
    if (!key) return end(texts.failed);
    const file = Object.assign(document.createElement("a"), { href: new URL(`exports/${key}`, address).href, download: "" });
    file.click();
    end(texts.ready);
    setTimeout(() => toast.hide(), STAYS);
  } catch {
    if (!control.signal.aborted) end(texts.failed);
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}

customElements.define("export-progress", ExportProgress);

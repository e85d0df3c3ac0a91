// A message that was refused while its room is not on the page: that is said as a toast, with its text, on any page.
import { outbox } from "./outbox.js";
import { keep, kept } from "./tab-store.js";

const said = new Set(kept("toasts", "dismissed") ?? []);          // keys
const dismissed = new Set(said);

function note(toast) {
  const key = toast?.dataset.key;
  if (!key) return;
  dismissed.add(key);
  keep("toasts", "dismissed", [...dismissed]);
}

function show() {
  const toasts = document.getElementById("toasts");
  const template = document.getElementById("outbox-toast");
  if (!toasts || !template) return;
  const places = new Set([...document.querySelectorAll("message-outbox")].map((element) => element.dataset.place));
  const refused = new Map(outbox.queue.entries.filter((entry) => entry.state === "refused" && !places.has(entry.place)).map((entry) => [entry.key, entry]));
  for (const toast of toasts.querySelectorAll("[data-key]")) if (!refused.has(toast.dataset.key)) toast.remove();
  for (const key of said) if (!refused.has(key)) { said.delete(key); dismissed.delete(key); }
  for (const entry of refused.values()) {
    if (said.has(entry.key)) continue;
    said.add(entry.key);
    const toast = document.importNode(template.content, true).firstElementChild;
    toast.dataset.key = entry.key;
    toast.querySelector("[data-why]").textContent = entry.refusal.words || "";
    toast.querySelector(".excerpt").textContent = entry.text;
    toast.querySelector("a").setAttribute("href", entry.place);
    toasts.append(toast);
    htmx.process(toast);
  }
}
outbox.addEventListener("change", show);
document.addEventListener("click", ({ target }) => note(target.closest("[data-dismiss]")?.closest("#toasts .toast")));
document.addEventListener("keydown", ({ key, target }) => { if (key === "Escape") note(target.closest?.("#toasts .toast")); }, true);
document.addEventListener("htmx:after:swap", show);
show();

// Emoji under messages, and deleting: asked for without leaving the page.
// What was done can be taken back (js/toasts.js).
import { call } from "./page.js";

async function offer(response) {
  const page = new DOMParser().parseFromString(response.status === 200 ? await response.text() : "", "text/html");
  const offered = page.querySelector("undo-offer");
  if (offered) document.getElementById("main").append(document.importNode(offered, true));
  return "";
}

// What is refused, or did not get through, is said in the box.
async function ask(path, body) {
  const words = document.getElementById("composer")?.dataset.notDone;
  const said = await call(path, body).then(
    async (response) => response.ok ? offer(response) : response.headers.get("content-type")?.startsWith("text/plain") ? response.text() : words,
    () => words,
  );
  if (said) document.dispatchEvent(new CustomEvent("composer:say", { detail: said }));
}

document.addEventListener("click", (event) => {
  const picker = document.getElementById("emoji");
  const react = event.target.closest("[data-react]");
  if (react && picker) {
    picker.dataset.to = react.dataset.react;
    picker.showPopover();
    const place = react.getBoundingClientRect();
    picker.style.setProperty("left", `${Math.max(8, Math.min(place.left - 120, innerWidth - 310))}px`);
    picker.style.setProperty("top", `${Math.max(8, Math.min(place.bottom + 4, innerHeight - 180))}px`);
    picker.querySelector("button").focus();
  }
  const emoji = event.target.closest("[data-emoji]");
  if (emoji && picker) {
    ask(picker.dataset.to, new URLSearchParams({ emoji: emoji.dataset.emoji }));
    picker.hidePopover();
  }
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".reactions form, .message .delete form")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(form.action, new URLSearchParams(new FormData(form)));
}, true);

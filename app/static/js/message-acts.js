// What is done to a message without leaving the page: an emoji is given, it is deleted. What is refused, or did not get
// through, is said in the box of the room.
import { call } from "./page.js";

// What was done can be taken back (js/toasts.js).
async function offer(response) {
  const page = new DOMParser().parseFromString(response.status === 200 ? await response.text() : "", "text/html");
  const offered = page.querySelector("undo-offer");
  if (offered) document.getElementById("main").append(document.importNode(offered, true));
  return "";
}

export async function act(path, body) {
  const words = document.getElementById("composer")?.dataset.notDone;
  const said = await call(path, body).then(
    async (response) => response.ok ? offer(response) : response.headers.get("content-type")?.startsWith("text/plain") ? response.text() : words,
    () => words,
  );
  if (said) document.dispatchEvent(new CustomEvent("composer:say", { detail: said }));
}

// By the buttons and forms of the messages in an element.
export function listenForActs(messages, signal) {
  messages.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-react]");
    if (button) document.querySelector("emoji-picker")?.openFor(button);
  }, { signal });
  messages.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".reactions form, .delete form")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act(form.action, new URLSearchParams(new FormData(form)));
  }, { capture: true, signal });
}

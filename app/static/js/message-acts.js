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

let isSaid = false;              // whether the box says what went wrong

export async function act(path, body) {
  const words = document.getElementById("composer")?.dataset.notDone;
  const said = await call(path, body).then(
    async (response) => response.ok ? offer(response) : response.headers.get("content-type")?.startsWith("text/plain") ? response.text() : words,
    () => words,
  );
  if (said || isSaid) document.dispatchEvent(new CustomEvent("composer:say", { detail: said }));
  isSaid = Boolean(said);
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
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const given = event.submitter?.getAttribute("aria-pressed");
    if (given) body.set("on", given === "true" ? "" : "1");
    act(form.action, body);
  }, { capture: true, signal });
}

// <emoji-picker>: the emoji that one gives to a message, above the button that asks for them.
class EmojiPicker extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.addEventListener("click", ({ target }) => this.#give(target.closest("[data-emoji]")), { signal: this.stop.signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  openFor(button) {
    this.dataset.to = button.dataset.react;
    this.showPopover();
    const place = button.getBoundingClientRect();
    this.style.setProperty("left", `${Math.max(8, Math.min(place.left - 120, innerWidth - 310))}px`);
    this.style.setProperty("top", `${Math.max(8, Math.min(place.bottom + 4, innerHeight - 180))}px`);
    this.querySelector("button").focus();
  }

  #give(emoji) {
    if (!emoji) return;
    act(this.dataset.to, new URLSearchParams({ emoji: emoji.dataset.emoji, on: "1" }));
    this.hidePopover();
  }
}
customElements.define("emoji-picker", EmojiPicker);

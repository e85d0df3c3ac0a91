// What is done to a message without leaving the page: an emoji is given, it is deleted. What is refused, or did not get
// through, is said in the box of the room.
import { call, me } from "./page.js";

// What was done can be taken back (js/undo-offer.js), without that script by what stands in the page.
async function offer(response) {
  const page = new DOMParser().parseFromString(response.status === 200 ? await response.text().catch(() => "") : "", "text/html");
  const offered = page.querySelector("undo-offer");
  if (!offered) return "";
  const place = await import("./undo-offer.js").then(() => "append", () => "prepend");
  document.getElementById("main")[place](document.importNode(offered, true));
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
  return !said;
}

// That something did not get through is said until something else does, or the network is back.
function takeBackFailed() {
  const box = document.getElementById("composer");
  if (box && box.querySelector("[data-error]").textContent === box.dataset.notDone) document.dispatchEvent(new CustomEvent("composer:say", { detail: "" }));
}
new MutationObserver(() => { if (document.documentElement.dataset.live === "on") takeBackFailed(); }).observe(document.documentElement, { attributeFilter: ["data-live"] });
addEventListener("online", takeBackFailed);
document.addEventListener("list:changed", takeBackFailed);

// The focus goes back to a button of a message, or to the message where that has none: its buttons are there when the
// focus is in it. It may stand there anew.
export function giveBack(button) {
  const old = button.closest(".message");
  const message = old && (document.getElementById(old.id) ?? old);
  message?.focus({ preventScroll: true });
  const part = ["data-more", "data-react"].find((name) => button.hasAttribute(name));
  (message && part ? message.querySelector(`[${part}]`) : button)?.focus({ preventScroll: true });
}

// What is seldom asked for is loaded then, with its styles.
const addStyles = async () => (await import("./late-styles.js")).addStyles("message-tools");

async function openMenu(message, place) {
  await Promise.all([import("./message-menu.js"), addStyles()]).catch(() => {});
  document.querySelector("message-menu")?.openFor?.(message, place);
}

// A finger that rests on a message asks for its menu.
const RESTS = 500;
const MOVED = 10;

function listenForRest(messages, signal) {
  let timer = 0;
  let place = null;
  const end = () => clearTimeout(timer);
  messages.addEventListener("pointerdown", ({ pointerType, target, clientX: x, clientY: y }) => {
    end();
    const message = target.closest(".message");
    if (pointerType !== "touch" || !message?.querySelector("[data-react]") || target.closest("a, button, summary, form")) return;
    place = { left: x, right: x, top: y, bottom: y };
    timer = setTimeout(() => openMenu(message, place), RESTS);
  }, { signal });
  messages.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (place && Math.hypot(clientX - place.left, clientY - place.top) > MOVED) end();
  }, { signal });
  for (const type of ["pointerup", "pointercancel"]) messages.addEventListener(type, end, { signal });
  messages.addEventListener("contextmenu", (event) => {
    if (event.pointerType === "touch" && !event.target.closest("a")) event.preventDefault();
  }, { signal });
}

export async function openEmoji(button, to) {
  await Promise.all([import("./emoji-picker.js"), addStyles()]).catch(() => {});
  document.querySelector("emoji-picker")?.openFor?.(button, to);
}

// An emoji is shown as given, or as taken back, at once; what was refused is put back, unless the message has come anew.
function showGiven(button, on) {
  const { form } = button;
  const before = [button.value, button.textContent, button.getAttribute("aria-pressed")];
  const others = button.value.split(" ").filter((each) => each && each !== me);
  const people = on ? [...others, me] : others;
  const put = (value, text, isPressed) => {
    [button.value, button.textContent] = [value, text];
    button.setAttribute("aria-pressed", isPressed);
    if (!value && form.contains(document.activeElement)) form.closest(".message").focus({ preventScroll: true });
    form.hidden = !value;
  };
  put(people.join(" "), `${form.elements.emoji.value} ${people.length}`, String(on));
  button.dataset.expected = "";
  return () => {
    if ("expected" in button.dataset) put(...before);
    delete button.dataset.expected;
  };
}

// What is done with one emoji of a message goes in its order.
const going = new Map();

function give(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const on = button.getAttribute("aria-pressed") !== "true";
  body.set("on", on ? "1" : "");
  const putBack = showGiven(button, on);
  const what = `${form.action} ${body.get("emoji")}`;
  const done = (going.get(what) ?? Promise.resolve()).then(() => act(form.action, body)).then((isDone) => { if (!isDone) putBack(); });
  going.set(what, done);
  done.finally(() => { if (going.get(what) === done) going.delete(what); });
}

// The tools of a message are one stop of Tab, and arrows lead from one to the next: there may be many messages.
const toolsOf = (bar) => [...bar.querySelectorAll(":scope > :is(button, a), :scope > details > summary")].filter((each) => each.checkVisibility());

function stopAt(bar, one) {
  for (const each of toolsOf(bar)) each.tabIndex = each === one ? 0 : -1;
}

function listenForArrows(messages, signal) {
  messages.addEventListener("focusin", ({ target }) => {
    const bar = target.closest(".message")?.querySelector(".tools");
    if (!bar || bar.role) return;
    bar.role = "toolbar";
    bar.ariaLabel = document.querySelector("message-menu").ariaLabel;
    stopAt(bar, toolsOf(bar)[0]);
  }, { signal });
  messages.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const bar = event.target.closest(".tools");
    const tools = step && bar ? toolsOf(bar) : [];
    if (!tools.includes(event.target)) return;
    event.preventDefault();
    const next = tools.at((tools.indexOf(event.target) + step) % tools.length);
    stopAt(bar, next);
    next.focus();
  }, { signal });
}

// By the buttons and forms of the messages in an element.
export function listenForActs(messages, signal) {
  listenForRest(messages, signal);
  listenForArrows(messages, signal);
  messages.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-react]");
    if (button) openEmoji(button, button.dataset.react);
    const more = target.closest("[data-more]");
    if (more) openMenu(more.closest(".message"), more.getBoundingClientRect());
  }, { signal });
  messages.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".reactions form, .delete form")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.submitter?.hasAttribute("aria-pressed")) give(form, event.submitter);
    else act(form.action, new URLSearchParams(new FormData(form, event.submitter)));
  }, { capture: true, signal });
}

// What scripts share: who is looking, what they ask the server for, and what several ask of fields and keys.
// The calls and `morph` are made by classic scripts, which are there before htmx's first event; here they have names.
export const { ahead, call, fetchPage, leaveWith, morph } = globalThis.mutirao;
export const { member: me, workspace } = document.body.dataset;

// Whether a key belongs to an input method, such as the Enter that takes a word: browsers tell in one of two ways.
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

export const TICKED = ["checkbox", "radio"];

// What a field had when the page came: one for dates or numbers shows nothing of another text.
function valueAtFirst({ tagName, type, defaultValue }) {
  return tagName === "INPUT" ? Object.assign(document.createElement("input"), { type, defaultValue }).value : defaultValue;
}

// Inputs that are made of several fields (js/composite-input.js).
export const COMPOSITE = "choice-field, file-field";

// Whether somebody has changed it since.
export function isTyped(field) {
  const whole = field.closest(COMPOSITE);
  if (whole?.isTyped !== undefined) return whole.isTyped;
  if (field.type === "file") return field.files.length > 0;
  if (TICKED.includes(field.type)) return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  return field.value !== valueAtFirst(field);
}

// What is elsewhere after something was pushed goes there, and does not jump. Only while nothing is scrolled: else the
// browser keeps what is read in its place.
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const placesOf = (elements) => new Map([...elements].map((element) => [element, element.getBoundingClientRect().top]));
const sliding = new WeakMap();
export function slide(before) {
  if (isStill()) return;
  const there = [...before.keys()].filter((each) => each.isConnected);
  for (const each of there) sliding.get(each)?.cancel();    // from where it is seen it goes on
  for (const [element, top] of placesOf(there)) {
    const far = before.get(element) - top;
    if (far) sliding.set(element, element.animate([{ transform: `translateY(${far}px)` }, { transform: "none" }], { duration: 160, easing: "ease-out" }));
  }
}

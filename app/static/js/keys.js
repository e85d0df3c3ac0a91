// A single key, pressed where nobody types, is taken by keyboard.js, which is loaded with the first one.
import { isComposing } from "./page.js";

const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog";
const load = () => import("./keyboard.js");

document.addEventListener("keydown", (event) => {
  const { target, key, ctrlKey, metaKey, altKey } = event;
  if (event.defaultPrevented || ctrlKey || metaKey || altKey || isComposing(event)) return;
  if (!"ghcrnjkem/?".includes(key) || target.closest(TYPED)) return;
  if ("/mr".includes(key)) event.preventDefault();       // a search of the browser's own; a letter in the box that has the focus then
  load().then(({ take }) => take(event)).catch(() => {});
});
document.addEventListener("click", ({ target }) => { if (target.closest("#keys")) load().catch(() => {}); });

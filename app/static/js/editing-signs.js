// What an edit page says of its lock and its draft. `left` is how many ms one has to say that one is there, null as long as
// nobody asks.
import { showDraftState } from "./draft-state.js";

export function showSigns(editor, { isHeld, isOver, left, draft }) {
  editor.querySelector("[data-paused]:not(form)").hidden = isHeld || isOver;
  const countdown = editor.querySelector("[data-countdown]");
  countdown.hidden = left === null || isOver;
  const seconds = String(Math.max(0, Math.ceil((left ?? 0) / 1000)));
  const said = countdown.querySelector("[data-left]");
  if (said.textContent !== seconds) said.textContent = seconds;
  const { form } = editor;
  if (!form) return;
  form.toggleAttribute("data-paused", !isHeld);
  showDraftState(form, draft);
}

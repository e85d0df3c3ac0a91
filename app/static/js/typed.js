// Whatever is typed into the page is not taken away by fetching it anew (js/live.js). Where a field stays through that, it may.
import { isTyped } from "./page.js";

document.addEventListener("page:holds", (event) => {
  for (const field of document.querySelectorAll("#main form[method=post] :is(input, textarea, select)")) {
    if (!isTyped(field)) continue;
    const stays = field.closest("[hx-morph-skip], [hx-preserve]") !== null;
    event.detail.forms.push({ form: field.closest("kept-form, message-composer") ?? field.form, stays });
  }
});

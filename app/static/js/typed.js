// What is typed into a page, whatever form it is in.
const TICKED = ["checkbox", "radio"];

// What a field had when the page came: one for dates or numbers shows nothing of another text.
function valueAtFirst({ tagName, type, defaultValue }) {
  return tagName === "INPUT" ? Object.assign(document.createElement("input"), { type, defaultValue }).value : defaultValue;
}

function isTyped(field) {
  if (field.type === "file") return field.files.length > 0;
  if (TICKED.includes(field.type)) return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  return field.value !== valueAtFirst(field);
}
globalThis.isTyped = isTyped;    // for js/kept-form.js

// Whatever is typed into the page is not taken away by fetching it anew (js/live.js). Where a field stays through that, it may.
document.addEventListener("page:holds", (event) => {
  for (const field of document.querySelectorAll("#main form[method=post] :is(input, textarea, select)")) {
    if (!isTyped(field)) continue;
    const stays = field.closest("[hx-morph-skip], [hx-preserve]") !== null;
    event.detail.forms.push({ form: field.closest("kept-form, message-composer") ?? field.form, stays });
  }
});

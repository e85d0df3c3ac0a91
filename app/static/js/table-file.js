// Takes a table from a file into the form, where one can look at it. Spreadsheets still write Windows' own letters.
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const show = () => document.querySelector("[data-table-file]")?.removeAttribute("hidden");
document.addEventListener("change", async (event) => {
  if (!event.target.matches("[data-table-file] input") || !event.target.files.length) return;
  const text = decode(await event.target.files[0].arrayBuffer());
  const table = document.getElementById("field-table");
  table.value = text;
  table.dispatchEvent(new Event("input", { bubbles: true }));   // as if it was typed
  table.focus();
});
document.addEventListener("htmx:after:swap", show);
show();

// Takes a table from a file into the form, where one can look at it. What the first bytes say of its letters counts; then
// zeros, which only UTF-16 has, and spreadsheets that write Windows' own letters (as records/encodings.py on the server).
function decode(bytes) {
  const isMarked = (...mark) => mark.every((byte, at) => bytes[at] === byte);
  const zero = bytes.indexOf(0);
  if (isMarked(0xff, 0xfe) || (zero >= 0 && zero % 2 && !isMarked(0xfe, 0xff))) return new TextDecoder("utf-16le").decode(bytes);
  if (isMarked(0xfe, 0xff) || zero >= 0) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

// What is chosen is read at once: the button is for pages without scripts.
const show = () => document.querySelector("[data-table-file] .actions")?.setAttribute("hidden", "");
document.addEventListener("change", async (event) => {
  if (!event.target.matches("[data-table-file] input") || !event.target.files.length) return;
  const text = decode(new Uint8Array(await event.target.files[0].arrayBuffer()));
  const table = document.getElementById("field-table");
  table.value = text;
  table.dispatchEvent(new Event("input", { bubbles: true }));   // as if it was typed
  table.focus();
});
document.addEventListener("htmx:after:swap", show);
show();

// Takes a table from a file into the form, where one can look at it. What the first bytes say of its letters counts; then
// zeros, of which UTF-16 has many, and spreadsheets that write Windows' own letters (as records/encodings.py on the server).
const countControls = (bytes) => bytes.reduce((count, byte) => count + (byte < 9 || (byte > 13 && byte < 28) || byte === 127), 0);

// Whether it is UTF-8 into which some zeros have strayed.
function isUtf8WithZeros(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return false;
  }
  return countControls(bytes) * 4 <= bytes.length;
}

function decode(bytes) {
  const isMarked = (...mark) => mark.every((byte, at) => bytes[at] === byte);
  const zero = isUtf8WithZeros(bytes) ? -1 : bytes.indexOf(0);
  if (isMarked(0xff, 0xfe) || (zero >= 0 && zero % 2 && !isMarked(0xfe, 0xff))) return new TextDecoder("utf-16le").decode(bytes);
  if (isMarked(0xfe, 0xff) || zero >= 0) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const IN_NOTHING = [0xef, 0xbb, 0xbf, 0xff, 0xfe, 0, 0x20, 9, 10, 13];
const textOf = (bytes) => new TextDecoder("latin1").decode(bytes);
const NO_TABLES = ["PK\x03\x04", "\x89PNG", "\xff\xd8\xff", "II*\0", "MM\0*", "%PDF-", "7z\xbc\xaf", "\x1f\x8b"];

// Why it is none: what the form says of that, or nothing (as why_no_table in records/encodings.py).
function whyNot(form, bytes) {
  if (bytes.length > Number(form.dataset.fileLimit)) return form.dataset.tooLarge;
  const begins = Array.from(bytes.subarray(0, 8), (byte) => String.fromCharCode(byte)).join("");
  const isArchive = begins.startsWith("PK\x03\x04");
  if (begins === "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" || (isArchive && /xl\/|opendocument\.spreadsheet/.test(textOf(bytes)))) {
    return form.dataset.workbook;
  }
  if (bytes.every((byte) => IN_NOTHING.includes(byte)) && !decode(bytes).trim()) return form.dataset.empty;
  const zeros = [0, 0];
  bytes.forEach((byte, at) => { if (byte === 0) zeros[at % 2] += 1; });
  const [few, many] = zeros.sort((one, other) => one - other);
  const isMarked = begins.startsWith("\xff\xfe") || begins.startsWith("\xfe\xff");
  const isText = isMarked || (many && !isUtf8WithZeros(bytes) ? few * 100 <= many : countControls(bytes) <= Math.max(1, Math.floor(bytes.length / 100)));
  return isText && !NO_TABLES.some((start) => begins.startsWith(start)) ? "" : form.dataset.noTable;
}

// What is chosen is read at once: the button is for pages without scripts.
const show = () => document.querySelector("[data-table-file] .actions")?.setAttribute("hidden", "");
document.addEventListener("change", async (event) => {
  if (!event.target.matches("[data-table-file] input") || !event.target.files.length) return;
  const { form } = event.target;
  // One that was moved or deleted since it was chosen, or may not be read, is none.
  const bytes = await event.target.files[0].arrayBuffer().then((buffer) => new Uint8Array(buffer), () => null);
  const error = document.getElementById("error-file");
  const refusal = bytes ? whyNot(form, bytes) : form.dataset.unreadable;
  error.hidden = !refusal;
  error.querySelector("span").textContent = refusal;
  if (refusal) {
    event.target.value = "";   // and the table stays as it is
    return;
  }
  const text = decode(bytes).replaceAll("\0", "");
  const table = document.getElementById("field-table");
  table.value = text;
  table.dispatchEvent(new Event("input", { bubbles: true }));   // as if it was typed
  table.setSelectionRange(0, 0);                                // where the names of the fields are
  table.focus();
  table.scrollTop = 0;
});
document.addEventListener("htmx:after:swap", show);
show();

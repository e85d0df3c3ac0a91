// The bar that formats what is typed in a box, and its keys. It is loaded when the box is used (js/message-composer.js).
const TICK = "\x60";
const FENCE = TICK.repeat(3);
const MARKS = { bold: "**", italic: "*", code: TICK };
const STARTS = { list: "- ", quote: "> " };
const KEYS = { b: "bold", i: "italic", e: "code" };
const WITH_SHIFT = { KeyU: "link", Digit8: "list", Digit9: "quote" };
const KEPT = "formatting";
const isKept = () => { try { return localStorage.getItem(KEPT) === "yes"; } catch { return false; } };

// As if it were typed, so that it can be undone.
function replace(area, start, end, text, from, to) {
  area.focus();
  area.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  area.setSelectionRange(from, to);
}

// What is selected gets the marks around it, or loses them.
function mark(area, sign) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const { length } = sign;
  const chosen = value.slice(start, end);
  const isMarked = value.slice(start - length, start) === sign && value.slice(end, end + length) === sign
    && (sign !== "*" || value.slice(start - 2, start) !== "**" || value.slice(start - 3, start) === "***");
  if (isMarked) replace(area, start - length, end + length, chosen, start - length, end - length);
  else if (chosen.includes("\n") && sign === TICK) replace(area, start, end, `${FENCE}\n${chosen}\n${FENCE}`, start + 4, end + 4);
  else replace(area, start, end, `${sign}${chosen}${sign}`, start + length, end + length);
}

// Each line that is selected, likewise.
function begin(area, sign) {
  const { selectionStart, selectionEnd, value } = area;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const after = value.indexOf("\n", selectionEnd);
  const end = after < 0 ? value.length : after;
  const lines = value.slice(start, end).split("\n");
  const isBegun = lines.every((line) => line.startsWith(sign));
  const text = lines.map((line) => isBegun ? line.slice(sign.length) : sign + line).join("\n");
  replace(area, start, end, text, start + (lines.length > 1 ? 0 : text.length), start + text.length);
}

function link(area) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  if (/^https?:\/\/\S+$/.test(chosen)) replace(area, start, end, `[](${chosen})`, start + 1, start + 1);
  else replace(area, start, end, `[${chosen}](https://)`, end + 3, end + 11);
}

function format(area, what) {
  if (MARKS[what]) mark(area, MARKS[what]);
  else if (STARTS[what]) begin(area, STARTS[what]);
  else link(area);
}

// The bar of a box: one stop of the Tab key, whose buttons the arrows lead through.
export function startFormatting(composer, signal) {
  const { area } = composer;
  const bar = composer.querySelector(".format");
  const toggle = composer.querySelector("[data-toggle-format]");
  const buttons = [...bar.querySelectorAll("button")];
  const open = (isOpen) => {
    bar.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
  };
  open(isKept());
  bar.addEventListener("mousedown", (event) => event.preventDefault(), { signal });       // the selection stays
  bar.addEventListener("click", ({ target }) => {
    const what = target.closest("button")?.dataset.format;
    if (what) format(area, what);
  }, { signal });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons.at((buttons.indexOf(event.target) + step) % buttons.length);
    for (const each of buttons) each.tabIndex = each === next ? 0 : -1;
    next.focus();
  }, { signal });
  area.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const what = event.shiftKey ? WITH_SHIFT[event.code] : KEYS[event.key.toLowerCase()];
    if (!what) return;
    event.preventDefault();
    format(area, what);
  }, { signal });
  return () => {
    open(bar.hidden);
    try { localStorage.setItem(KEPT, bar.hidden ? "" : "yes"); } catch { /* off */ }
  };
}

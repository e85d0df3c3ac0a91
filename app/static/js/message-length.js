// How long the text in the box of a room is: the box has as many lines, up to ten, and near the limit it says how many
// characters are left.
const NEAR_THE_END = 500;        // characters left when that shows
const SHORT = 20;                // characters that are one line, however narrow the box is

export const lengthOf = (value) => [...value.trim()].length;     // as the server counts: an emoji of one code point is one

export function showLength(area, counter, { limit, left: leftWords, over: overWords }) {
  const { length } = area.value;
  const wrapped = length > SHORT ? Math.ceil(length / Math.max(SHORT, area.clientWidth / 9)) : 1;    // how wide it is, the page is laid out for
  area.rows = Math.min(10, Math.max(area.value.split("\n").length, wrapped));
  const left = Number(limit) - lengthOf(area.value);
  const words = left < 0 ? overWords : leftWords;
  counter.textContent = left >= NEAR_THE_END ? "" : words.replace("{}", Math.abs(left).toLocaleString(document.documentElement.lang));
  counter.classList.toggle("over", left < 0);
}

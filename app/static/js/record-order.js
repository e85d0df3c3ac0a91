// Whether a record is in a list, and where: by what its row says, as the database decides it. No page is needed.

// Texts in the order of their code points, not of the halves in which scripts keep those beyond the 65,536th.
export function compareText(one, other) {
  if (one === other) return 0;
  const [left, right] = [one, other].map((text) => Array.from(text, (character) => character.codePointAt(0)));
  const at = left.findIndex((point, index) => point !== right[index]);
  if (at < 0) return -1;
  return at < right.length ? left[at] - right[at] : 1;
}

// The key of what is empty, which comes last upwards and downwards (kinds/collation.py).
const LAST = "\u{10ffff}";

// Of `{ key, number }`, the sort key of the column that the list is sorted by and the record's number.
export function compareRows(one, other, isDescending) {
  if ((one.key === LAST) !== (other.key === LAST)) return one.key === LAST ? 1 : -1;
  const order = compareText(one.key, other.key) || one.number - other.number;
  return isDescending ? -order : order;
}

const has = (text, words) => words.every((word) => text.includes(word));

// Whether a record was in a search before what has happened to it, and whether it is now.
export function isFound({ what, search, before }, words) {
  return [(what === "changed" || what === "deleted") && has(before, words), what !== "deleted" && has(search, words)];
}

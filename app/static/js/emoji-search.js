// Emoji by what is typed. A name or short name that is exactly that comes first, then those that begin so, those with
// such words, those with words that begin so, and what only belongs to such a word; alike ones as they are ordered.
export const plainly = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
const wordsOf = (text) => plainly(text).split(/[\s_-]+/).filter(Boolean);

// A line of the data: the emoji, its name, its short names, what belongs to it and, if it has tones of skin, how it is in
// the light one, parted by tabs.
export function readEmoji(line) {
  const [emoji, name, codes = "", tags = "", light = ""] = line.split("\t");
  const short = codes.split(" ").filter(Boolean);
  const titles = [name, ...short].map(plainly);
  return { emoji, light, name, code: short[0], titles, words: titles.flatMap((title) => [title, ...wordsOf(title)]), tags: plainly(tags).split(" ") };
}

function rankOf({ titles, words, tags }, asked, terms) {
  const starts = (list, term) => list.some((each) => each.startsWith(term));
  const all = (list, has) => terms.every((term) => has(list, term));
  const has = (list, term) => list.includes(term);
  const ranks = [
    () => titles.includes(asked) || titles.includes(asked.replaceAll(" ", "_")),
    () => starts(titles, asked),
    () => all(words, has),
    () => all(words, starts),
    () => all([...words, ...tags], has),
    () => all([...words, ...tags], starts),
  ];
  return ranks.findIndex((isSo) => isSo());
}

export function findEmoji(emoji, typed) {
  const asked = plainly(typed).trim().replace(/^:|:$/g, "").replace(/\s+/g, " ");
  const terms = asked.split(" ").filter(Boolean);
  if (!terms.length) return [];
  const ranked = emoji.map((each) => [rankOf(each, asked, terms), each]).filter(([rank]) => rank >= 0);
  return ranked.sort(([one], [other]) => one - other).map(([, each]) => each);
}

// What is typed with a colon is meant as a short name: the shorter one that begins so comes first, one that is exactly
// that before all.
export function completeEmoji(emoji, typed) {
  const asked = plainly(typed).replace(/^:|:$/g, "");
  const missing = ({ titles: [, ...short] }) => Math.min(...short.filter((code) => code.startsWith(asked)).map(({ length }) => length), Number.MAX_SAFE_INTEGER);
  return findEmoji(emoji, typed).sort((one, other) => missing(one) - missing(other));
}

// None, as emoji are without one, and the five of Unicode.
export const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];
export const inTone = ({ emoji, light }, tone) => tone && light ? light.replaceAll(TONES[1], tone) : emoji;

import assert from "node:assert/strict";
import { test } from "node:test";
import { completeEmoji, findEmoji, inTone, readEmoji, TONES } from "./emoji-search.js";

const known = [
  "😘\tface blowing a kiss\tkissing_heart\tflirt heart love",
  "🥳\tpartying face\tpartying_face\tbirthday celebrate",
  "👩‍🚀\twoman astronaut\twoman_astronaut\trocket space",
  "👩‍🚒\twoman firefighter\twoman_firefighter\tfire firetruck",
  "💕\ttwo hearts\ttwo_hearts\temotion heart",
  "💌\tlove letter\tlove_letter\theart mail",
  "💟\theart decoration\theart_decoration\tpurple",
  "❤️\tred heart\theart\temotion love",
  "🪩\tmirror ball\tmirror_ball\tdance party",
  "🎉\tparty popper\ttada hooray\tbirthday celebrate",
  "🚀\trocket\trocket\tlaunch space",
  "🔥\tfire\tfire\tburn flame hot",
  "👍\tthumbs up\t+1 thumbsup\tyes",
  "👏\tmãos aplaudindo\tclap\tpalmas",
].map(readEmoji);
const find = (typed) => findEmoji(known, typed).map(({ emoji }) => emoji);

test("an exact name or short name comes first", () => {
  assert.equal(find("heart")[0], "❤️");
  assert.equal(find("rocket")[0], "🚀");
  assert.equal(find("fire")[0], "🔥");
  assert.equal(find(":hooray:")[0], "🎉");
  assert.equal(find("+1")[0], "👍");
  assert.equal(find("two hearts")[0], "💕");
});

test("then names that begin so, then words of names, then what belongs to it", () => {
  assert.deepEqual(find("party"), ["🥳", "🎉", "🪩"]);
  assert.deepEqual(find("heart"), ["❤️", "💟", "😘", "💕", "💌"]);
});

test("every word must be there, marks and case do not matter", () => {
  assert.deepEqual(find("POP party"), ["🎉"]);
  assert.deepEqual(find("maos"), ["👏"]);
  assert.deepEqual(find("Mãos apl"), ["👏"]);
  assert.deepEqual(find("no such thing"), []);
  assert.deepEqual(find(" "), []);
});

test("behind a colon the shortest short name that begins so comes first, an exact one before all", () => {
  const more = [...known, readEmoji("🍊\ttangerine\ttangerine\tfruit"), readEmoji("🌮\ttaco\ttaco\tmexican"), readEmoji("💯\thundred points\t100\tfull")];
  const complete = (typed) => completeEmoji(more, typed).map(({ emoji }) => emoji);
  assert.deepEqual(complete(":ta").slice(0, 3), ["🎉", "🌮", "🍊"]);
  assert.equal(complete(":he")[0], "❤️");
  assert.equal(complete(":heart")[0], "❤️");
  assert.equal(complete(":100")[0], "💯");
  assert.equal(complete(":+1")[0], "👍");
  assert.deepEqual(complete(":party"), ["🥳", "🎉", "🪩"], "then the rest, as the picker has them");
});

test("an emoji that has tones of skin is in the chosen one, with all the people in it", () => {
  const wave = readEmoji("👋\twaving hand\twave\thello\t👋🏻");
  const couple = readEmoji("💏\tkiss\tcouplekiss\t\t💏🏻");
  const kiss = readEmoji("👩‍❤️‍💋‍👨\tkiss: woman, man\tcouplekiss_man_woman\t\t👩🏻‍❤️‍💋‍👨🏻");
  assert.deepEqual(TONES.map((tone) => inTone(wave, tone)), ["👋", "👋🏻", "👋🏼", "👋🏽", "👋🏾", "👋🏿"]);
  assert.equal(inTone(couple, "🏿"), "💏🏿");
  assert.equal(inTone(kiss, "🏽"), "👩🏽‍❤️‍💋‍👨🏽");
  assert.equal(inTone(readEmoji("🎉\tparty popper\ttada\tcelebrate"), "🏽"), "🎉");
  assert.equal(inTone({ emoji: "🎉", name: "🎉" }, "🏽"), "🎉");
});

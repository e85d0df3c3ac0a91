// How many lines the box of a room has, and what it says of the characters that are left, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { documentElement: { lang: "en" } };
const { lengthOf, showLength } = await import("./message-length.js");

function show(value) {
  const area = { value, clientWidth: 900 };
  const counter = { textContent: "", classList: { toggle: (_, on) => { counter.isOver = on; } } };
  showLength(area, counter, { limit: "8000", left: "Left: {}", over: "Over: {}" });
  return { rows: area.rows, words: counter.textContent, isOver: counter.isOver };
}

test("an emoji of one code point is one character, and what is around a text is none", () => assert.equal(lengthOf(" 👍 ok\n"), 4));

test("the box has a line for each, also for those that are wrapped, and ten at most", () => {
  assert.equal(show("one").rows, 1);
  assert.equal(show("one\ntwo\nthree").rows, 3);
  assert.equal(show("x".repeat(250)).rows, 3);
  assert.equal(show("\n".repeat(30)).rows, 10);
});

test("what is left shows near the limit alone, and what is too much beyond it", () => {
  assert.deepEqual(show("x".repeat(7_500)), { rows: 10, words: "", isOver: false });
  assert.deepEqual(show("x".repeat(7_501)), { rows: 10, words: "Left: 499", isOver: false });
  assert.deepEqual(show("x".repeat(9_234)), { rows: 10, words: "Over: 1,234", isOver: true });
});

// Where a record belongs in a list, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRows, compareText, isFound } from "./record-order.js";

test("texts are in the order of their code points, as the database has them", () => {
  const texts = ["", "a", "a\u{FFFF}", "a\u{1F600}", "aa", "b", "\u{FFFF}", "\u{10000}"];
  const sorted = [...texts].sort(compareText);
  const bytes = [...texts].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  assert.deepEqual(sorted, bytes);
  assert.equal(compareText("same", "same"), 0);
});

test("records with the same key are in the order of their numbers, and all are turned round together", () => {
  const rows = [{ key: "b", number: 1 }, { key: "a", number: 10 }, { key: "a", number: 9 }];
  const numbers = (isDescending) => [...rows].sort((one, other) => compareRows(one, other, isDescending)).map(({ number }) => number);
  assert.deepEqual(numbers(false), [9, 10, 1]);
  assert.deepEqual(numbers(true), [1, 10, 9]);
});

test("what is empty comes last upwards and downwards", () => {
  const rows = [{ key: "\u{10ffff}", number: 1 }, { key: "b", number: 2 }, { key: "\u{10ffff}", number: 3 }, { key: "a", number: 4 }];
  const numbers = (isDescending) => [...rows].sort((one, other) => compareRows(one, other, isDescending)).map(({ number }) => number);
  assert.deepEqual(numbers(false), [4, 2, 1, 3]);
  assert.deepEqual(numbers(true), [2, 4, 3, 1]);
});

test("a record is in a search when its text has all the words, before and after what has happened", () => {
  const texts = { before: "dom casmurro", search: "helena" };
  assert.deepEqual(isFound({ what: "changed", ...texts }, ["dom", "cas"]), [true, false]);
  assert.deepEqual(isFound({ what: "changed", ...texts }, ["hel"]), [false, true]);
  assert.deepEqual(isFound({ what: "created", ...texts }, []), [false, true]);
  assert.deepEqual(isFound({ what: "restored", ...texts }, ["dom"]), [false, false]);
  assert.deepEqual(isFound({ what: "deleted", ...texts }, ["dom"]), [true, false]);
});

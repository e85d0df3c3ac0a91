// How long calls are waited for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_WITHIN, MESSAGE_WITHIN, patienceFor } from "./tries.js";

test("a longer text has as much more time as a slow line takes for it", () => {
  assert.equal(patienceFor(""), ANSWER_WITHIN);
  assert.equal(patienceFor("x".repeat(150_000)) - ANSWER_WITHIN, 37_500);
  assert.equal(patienceFor("x".repeat(120_000), MESSAGE_WITHIN), 50_000);
});

// How long calls are waited for, and what their answers mean.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_WITHIN, MESSAGE_WITHIN, fileAgainAfter, patienceFor, verdict } from "./tries.js";

test("a longer text has as much more time as a slow line takes for it", () => {
  assert.equal(patienceFor(""), ANSWER_WITHIN);
  assert.equal(patienceFor("x".repeat(150_000)) - ANSWER_WITHIN, 37_500);
  assert.equal(patienceFor("x".repeat(120_000), MESSAGE_WITHIN), 50_000);
});

test("a file is tried again ever more rarely, and not before the server takes it", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 20].map((tries) => fileAgainAfter(tries) / 1000), [20, 40, 80, 160, 300, 300, 300]);
  assert.equal(fileAgainAfter(1, 7), 20_000);
  assert.equal(fileAgainAfter(1, 600), 600_000);
});

test("an answer says whether it is there, is not there, or nobody knows", () => {
  const meant = { 200: "sent", 204: "sent", 0: "again", 502: "again", 503: "again", 504: "again", 408: "again",
    429: "slower", 401: "signed out", 400: "refused", 403: "refused", 404: "refused", 409: "refused", 410: "refused",
    413: "refused", 422: "refused", 500: "refused", 507: "refused" };
  for (const [status, what] of Object.entries(meant)) assert.equal(verdict(Number(status)), what, status);
});

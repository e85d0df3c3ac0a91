// Whether a lease certainly runs, and when it is renewed, by clocks that the test moves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Lease, tokenOf, verdictOf } from "./editing-lease.js";

// The page's own clock, and the one that people set.
function begin(duration = 30000) {
  const clocks = { own: 1000, set: 500000 };
  const lease = new Lease(duration, () => [clocks.own, clocks.set]);
  const pass = (ms) => { clocks.own += ms; clocks.set += ms; };
  return { clocks, lease, pass };
}

test("a lease runs from when it was asked for, and is over when its time is", () => {
  const { lease, pass } = begin();
  pass(20000);
  const asked = lease.clocks();
  pass(9000);                    // the answer took that long
  assert.ok(lease.isRunning);
  lease.confirm(asked);
  pass(20999);
  assert.ok(lease.isRunning);
  pass(1);
  assert.ok(!lease.isRunning);
});

test("what slept does not know whether it runs, as its own clock has stood still", () => {
  const { clocks, lease } = begin();
  clocks.set += 31000;
  assert.ok(!lease.isRunning);
});

test("a clock that is set, on or back, makes it ask and go on", () => {
  for (const hour of [3600000, -3600000]) {
    const { clocks, lease } = begin();
    lease.confirm(lease.clocks());
    clocks.set += hour;
    assert.ok(!lease.isRunning && lease.isDue);
    lease.confirm(lease.clocks());
    assert.ok(lease.isRunning && !lease.isDue);
  }
});

test("it is renewed at once, then well before it ends, and sooner after a try that failed", () => {
  const { lease, pass } = begin();
  assert.ok(lease.isDue);
  lease.confirm(lease.clocks());
  pass(5999);
  assert.ok(!lease.isDue);
  pass(1);
  assert.ok(lease.isDue);
  lease.tryAgain();
  pass(1999);
  assert.ok(!lease.isDue);
  pass(1);
  assert.ok(lease.isDue);
});

test("what may not run any more is due, whenever it was tried last", () => {
  const { lease, pass } = begin();
  pass(30000);
  lease.tryAgain();
  assert.ok(lease.isDue);
});

test("only an answer that says so means that the lock is held or lost", () => {
  const meant = { 204: "held", 403: "lost", 404: "lost", 409: "lost", 200: "again", 401: "again", 429: "again", 500: "again", 503: "again" };
  for (const [status, what] of Object.entries(meant)) assert.equal(verdictOf(Number(status)), what, status);
});

test("of a proof everybody may know the token", () => {
  assert.equal(tokenOf("17-c0ffee"), "17");
});

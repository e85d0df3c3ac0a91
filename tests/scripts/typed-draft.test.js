// When what is typed is sent to be kept, and what the page may say of it, by a clock and a server of the test's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TypedDraft, isKept } from "./typed-draft.js";

function begin() {
  const state = { now: 1000, sent: [] };
  // Each sending waits until the test answers it, by a status, or by null where there is no network.
  const send = (late) => new Promise((done, failed) => state.sent.push({ late, answer: (status) => (status ? done(status) : failed(new TypeError("no network"))) }));
  const draft = new TypedDraft(send, () => state.now);
  return { draft, state, pass: (ms) => { state.now += ms; } };
}

test("it is sent a second after the last key", () => {
  const { draft, pass } = begin();
  assert.ok(!draft.isDue && !draft.isTyped);
  draft.note();
  pass(999);
  assert.ok(!draft.isDue && draft.isTyped && draft.isPending);
  pass(1);
  assert.ok(draft.isDue);
});

test("who types without a pause has it sent after four seconds", () => {
  const { draft, pass } = begin();
  for (let typed = 0; typed < 4000; typed += 500) {
    draft.note();
    assert.ok(!draft.isDue);
    pass(500);
  }
  assert.ok(draft.isDue);
});

test("what was typed while the rest was on its way is not taken for kept", async () => {
  const { draft, state, pass } = begin();
  draft.note();
  const flushed = draft.flush();
  await Promise.resolve();
  pass(10);
  draft.note();
  pass(5000);
  assert.ok(!draft.isDue, "one at a time");
  state.sent[0].answer(204);
  assert.equal(await flushed, true);
  assert.ok(draft.isPending && draft.isDue);
});

test("without an answer it is tried again, and after a while said not to be kept", async () => {
  for (const status of [null, 500, 401]) {
    const { draft, state, pass } = begin();
    draft.note();
    const flushed = draft.flush();
    await Promise.resolve();
    state.sent[0].answer(status);
    assert.equal(await flushed, false, status);
    pass(5999);
    assert.ok(draft.isDue && !draft.isOverdue);
    pass(1);
    assert.ok(draft.isOverdue);
  }
});

test("it is said not to be kept until it is, also while it is on its way, and while one types on", async () => {
  const { draft, state, pass } = begin();
  const sendNow = async (answer) => {
    const flushed = draft.flush();
    await Promise.resolve();
    pass(6000);
    assert.ok(draft.isOverdue && !draft.isDue);
    draft.note();
    state.sent.at(-1).answer(answer);
    await flushed;
    assert.ok(draft.isOverdue);
  };
  draft.note();
  await sendNow(null);
  await sendNow(503);
  await sendNow(204);
  const flushed = draft.flush();
  await Promise.resolve();
  state.sent.at(-1).answer(204);
  await flushed;
  assert.ok(!draft.isOverdue && !draft.isPending);
  draft.note();
  assert.ok(!draft.isOverdue);
});

test("the next try is two seconds after one that failed", async () => {
  for (const status of [null, 503, 409]) {
    const { draft, state, pass } = begin();
    draft.note();
    pass(5000);
    const flushed = draft.flush();
    await Promise.resolve();
    state.sent[0].answer(status);
    await flushed;
    pass(1999);
    assert.ok(!draft.isDue, status);
    pass(1);
    assert.ok(draft.isDue, status);
  }
});

test("what is given up is due again", async () => {
  let signal = null;
  const draft = new TypedDraft((_, stopped) => new Promise((_done, failed) => {
    signal = stopped;
    stopped.addEventListener("abort", () => failed(stopped.reason));
  }));
  draft.giveUp();
  draft.note();
  const flushed = draft.flush();
  draft.giveUp();
  assert.equal(await flushed, false);
  assert.ok(signal.aborted && draft.isPending && !draft.sending);
});

test("who waits for one that is on its way sends what has come since, once", async () => {
  const { draft, state } = begin();
  draft.note();
  const first = draft.flush();
  await Promise.resolve();
  draft.note();
  const others = [draft.flush(true), draft.flush(true)];
  state.sent[0].answer(204);
  await first;
  await new Promise(setImmediate);
  assert.equal(state.sent.length, 2);
  assert.ok(state.sent[1].late);
  state.sent[1].answer(204);
  assert.deepEqual(await Promise.all(others), [true, true]);
  assert.ok(!draft.isPending);
});

test("what the server keeps by itself is typed, and not to be sent", async () => {
  const { draft, state } = begin();
  draft.beginKept();
  assert.ok(draft.isTyped && !draft.isPending && !draft.isDue);
  assert.equal(await draft.flush(), true);
  assert.equal(state.sent.length, 0);
});

test("an answer says that it is kept, that another text is there, or nothing", () => {
  const meant = { 204: true, 404: null, 409: null, 422: null, 200: false, 401: false, 413: false, 429: false, 500: false, 503: false };
  for (const [status, kept] of Object.entries(meant)) assert.equal(isKept(Number(status)), kept, status);
});

test("what is too long is not sent again until it is another text", async () => {
  const { draft, state, pass } = begin();
  draft.note();
  const flushed = draft.flush();
  state.sent[0].answer(413);
  assert.equal(await flushed, false);
  pass(10_000);
  assert.ok(draft.isTooLong && draft.isPending && !draft.isDue);
  draft.note();
  assert.ok(!draft.isTooLong);
  pass(10_000);
  assert.ok(draft.isDue);
});

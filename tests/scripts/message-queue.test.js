// The order of what a tab sends, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageQueue, delay, isSame, sayMissing } from "./message-queue.js";

const entry = (key, place = "/chat/general", more = {}) => ({ key, place, text: key, ...more });

function filled(...entries) {
  const queue = new MessageQueue();
  entries.forEach((each) => queue.add(each));
  return queue;
}

function drain(queue) {
  const keys = [];
  for (let next = queue.next(); next; next = queue.next()) {
    keys.push(next.key);
    queue.remove(next.key);
  }
  return keys;
}

test("what has the same key is the same only with the same text, answered message and files", () => {
  const one = entry("key", "/chat/general", { reply: { id: 1 }, files: [{ id: 2 }, { id: 3 }] });
  assert.ok(isSame(one, { ...one, text: " key\n", files: [{ id: 3 }, { id: 2, name: "two.txt" }], tries: 4 }));
  for (const other of [{ text: "key, and more" }, { reply: null }, { files: [{ id: 2 }] }, { key: "other" }, { place: "/chat/other" }, { edited: "/1" }]) {
    assert.ok(!isSame(one, { ...one, ...other }), JSON.stringify(other));
  }
});

test("what is typed first is sent first", () => {
  const keys = Array.from({ length: 200 }, (_, number) => `message ${number}`);
  assert.deepEqual(drain(filled(...keys.map((key) => entry(key)))), keys);
});

test("numbers grow, also when the clock was set back", () => {
  const queue = filled(entry("late", "/chat/general", { number: 900 }), entry("early", "/chat/general", { number: 100 }));
  assert.deepEqual(queue.entries.map((each) => each.number), [900, 901]);
});

test("one without an answer stays the next, and is counted", () => {
  const queue = filled(entry("one"), entry("two"));
  queue.failed(queue.next());
  assert.equal(queue.next().key, "one");
  assert.equal(queue.next().tries, 1);
});

test("one that was refused holds up nothing, and goes when it is told to", () => {
  const queue = filled(entry("one"), entry("two"));
  queue.refused(queue.next(), { what: "words", words: "too long" });
  assert.equal(queue.next().key, "two");
  queue.again(queue.find("one"));
  assert.equal(queue.find("one").refusal, null);
  assert.deepEqual(drain(queue), ["one", "two"]);
});

test("one that waits for its files holds up what comes after it in its place alone", () => {
  const queue = filled(entry("with files", "/chat/general", { state: "files" }), entry("after"), entry("elsewhere", "/chat/board"));
  assert.deepEqual(drain(queue), ["elsewhere"]);
  queue.find("with files").state = "waiting";
  assert.deepEqual(drain(queue), ["with files", "after"]);
});

test("what is taken back is sent no more", () => {
  const queue = filled(entry("one"), entry("two"));
  assert.equal(queue.remove("one").text, "one");
  assert.equal(queue.remove("one"), undefined);
  assert.deepEqual(drain(queue), ["two"]);
});

test("tries come ever more slowly, not all at once, and never stop", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 1000].map((tries) => delay(tries, 0.5));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.ok(delay(1, 0) < delay(1, 1));
});

test("a message whose files are missing says of all of them why, and goes on only when each may come", () => {
  const refused = { message: "a.png: This picture is damaged", goesOn: false };
  const failed = { message: "b.txt: Not uploaded yet. It is tried again by itself.", goesOn: true };
  const onItsWay = null;
  for (const errors of [[refused, failed], [failed, refused]]) {
    assert.deepEqual(sayMissing(errors), { words: errors.map(({ message }) => message).join("\n"), goesOn: false });
  }
  assert.deepEqual(sayMissing([refused, onItsWay]), { words: refused.message, goesOn: false });
  assert.deepEqual(sayMissing([failed, onItsWay]), { words: failed.message, goesOn: true });
  assert.deepEqual(sayMissing([onItsWay]), { words: "", goesOn: true });
  assert.deepEqual(sayMissing([]), { words: "", goesOn: false }, "the page that was bringing them was closed");
});

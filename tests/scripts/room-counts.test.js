import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseLeast, fold, keptOf, told, wordsOf } from "./room-counts.js";

const room = (name, values = {}) => ({ name, open: false, notify: "everything", count: 0, mentions: 0, seen: 0, ...values });
const least = (...rooms) => chooseLeast(rooms).name;

test("a member is told of everything, of mentions or of nothing", () => {
  assert.equal(told("everything", "3", "1"), 3);
  assert.equal(told("mentions", "3", "1"), 1);
  assert.equal(told("nothing", "3", "1"), 0);
});

test("the room that is used least goes", () => {
  assert.equal(least(room("early", { seen: "9" }), room("late", { seen: "10" })), "early");
  assert.equal(least(room("unread", { count: "1" }), room("read", { seen: "10" })), "read");
  assert.equal(least(room("named", { count: "1", mentions: "1" }), room("unread", { count: "9", seen: "10" })), "unread");
  assert.equal(least(room("open", { open: true }), room("named", { mentions: "1" })), "named");
});

test("what a muted room has unread keeps it from going no more than another", () => {
  assert.equal(least(room("muted", { notify: "nothing", count: "9", mentions: "9" }), room("read", { seen: "1" })), "muted");
});

test("of rooms that are used alike the last one goes", () => {
  assert.equal(least(room("first"), room("second"), room("third")), "third");
});

test("what is known of rooms that are not shown is read and written, but for those with nothing to say", () => {
  const words = ["3.e.2.1.7 4.n.0.0.0 5.m.1.0.9", "5.12 7.3"];
  assert.deepEqual(keptOf(...words), [
    { room: "3", notify: "everything", count: "2", mentions: "1", read: "7", seen: "0" },
    { room: "4", notify: "nothing", count: "0", mentions: "0", read: "0", seen: "0" },
    { room: "5", notify: "mentions", count: "1", mentions: "0", read: "9", seen: "12" },
    { room: "7", notify: "everything", count: "0", mentions: "0", read: "0", seen: "3" },
  ]);
  assert.deepEqual(wordsOf(keptOf(...words).reverse()), words);
  assert.deepEqual(wordsOf([{ room: "6", notify: "everything", count: "0", mentions: "0", read: "5", seen: "0" }]), ["", ""]);
  assert.deepEqual(keptOf("", ""), []);
});

test("names are sorted whatever their accents and case", () => assert.equal(fold("Ática"), "atica"));

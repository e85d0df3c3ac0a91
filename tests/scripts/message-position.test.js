// Whether one reads at the end of a room, without a page: where one has scrolled to is told late.
import assert from "node:assert/strict";
import { test } from "node:test";

// What the page is there with when modules are loaded.
globalThis.mutirao = {};
globalThis.document = { body: { dataset: {} }, documentElement: { lang: "en" } };
const { ListEnd } = await import("./message-position.js");

// A room of which 300 px are seen, and its button to the end.
function makeRoom(scrollHeight, newer = "") {
  const button = { hidden: true };
  let top = 0;
  const messages = {
    scrollHeight,
    clientHeight: 300,
    list: { dataset: { newer } },
    room: { querySelector: () => button },
    get scrollTop() { return top; },
    set scrollTop(wanted) { top = Math.max(0, Math.min(wanted, this.scrollHeight - this.clientHeight)); },
  };
  return { messages, button, end: new ListEnd(messages) };
}

test("who is at the end stays there though the room has grown before that was told", () => {
  const { messages, end } = makeRoom(1000);
  end.go();
  assert.equal(messages.scrollTop, 700);
  messages.scrollHeight = 2000;
  end.scrolled();
  assert.equal(end.stuck, true);
  end.go();
  assert.equal(messages.scrollTop, 1700);
});

test("who moves up from the end is not taken back to it, and is at it again once there", () => {
  const { messages, button, end } = makeRoom(1000);
  end.go();
  messages.scrollTop = 400;
  end.scrolled();
  assert.equal(end.stuck, false);
  end.offer(true);
  messages.scrollTop = 500;
  end.scrolled();
  assert.deepEqual([end.stuck, button.hidden], [false, false]);
  messages.scrollTop = 650;      // near enough
  end.scrolled();
  assert.deepEqual([end.stuck, button.hidden], [true, true]);
});

test("the last message of a stretch is not the end of the room", () => {
  const { messages, end } = makeRoom(1000, "yes");
  messages.scrollTop = 700;
  end.look();
  assert.equal(end.stuck, false);
});

test("while nobody looks it goes on until the first unread message is at the top", () => {
  const { messages, button, end } = makeRoom(2000);
  messages.getBoundingClientRect = () => ({ top: 100 });
  const line = { getBoundingClientRect: () => ({ top: 100 + 900 - messages.scrollTop }) };
  end.goOnTo(line);
  assert.equal(messages.scrollTop, 892);
  assert.deepEqual([end.stuck, button.hidden], [false, false]);
  end.goOnTo(line);
  assert.equal(messages.scrollTop, 892);
});

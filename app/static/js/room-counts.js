// What is unread in rooms, without a page: what counts, which room goes from the sidebar when another comes, and what the
// page knows of those that it does not show (as app/chat/sidebar.py has it).
const NOTIFY = { e: "everything", m: "mentions", n: "nothing" };

// How much of what is unread a member is told.
export const told = (notify, count, mentions) => Number({ everything: count, mentions, nothing: 0 }[notify]);

// As people sort names, whatever their accents and case.
export const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

const split = (words) => words.split(" ").filter(Boolean).map((each) => each.split("."));

// Rooms that are not shown, from `room.notify.count.mentions.read` of some, and `room.seen` of those that were opened.
export function keptOf(words, opened) {
  const rooms = new Map(split(words).map(([room, notify, count, mentions, read]) => [room, { room, notify: NOTIFY[notify], count, mentions, read, seen: "0" }]));
  for (const [room, seen] of split(opened)) {
    if (!rooms.has(room)) rooms.set(room, unknown(room));
    rooms.get(room).seen = seen;
  }
  return [...rooms.values()];
}

export const unknown = (room) => ({ room, notify: "everything", count: "0", mentions: "0", read: "0", seen: "0" });

// The same in words. Of rooms with nothing unread that are told of as most are, only when they were opened is kept.
export function wordsOf(rooms) {
  const sorted = [...rooms].sort((one, other) => one.room - other.room);
  return [
    sorted.filter(({ notify, count }) => Number(count) || notify !== "everything")
      .map(({ room, notify, count, mentions, read }) => [room, notify[0], count, mentions, Number(count) ? read : 0].join(".")).join(" "),
    sorted.filter(({ seen }) => Number(seen)).map(({ room, seen }) => `${room}.${seen}`).join(" "),
  ];
}

const rank = ({ open, notify, count, mentions, seen }) =>
  [open, notify !== "nothing" && Number(mentions) > 0, notify !== "nothing" && Number(count) > 0, seen].map(Number);

// The one that is used least, and of several the last: not the open one, then none that names the member, none with
// something unread, and the one that was opened before the others.
export function chooseLeast(rooms) {
  const isBefore = (one, other) => {
    const place = rank(one).findIndex((value, index) => value !== rank(other)[index]);
    return place >= 0 && rank(one)[place] < rank(other)[place];
  };
  return rooms.reduceRight((least, each) => (isBefore(each, least) ? each : least));
}

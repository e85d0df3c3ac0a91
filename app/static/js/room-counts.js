// What is unread in rooms, without a page: what counts, which room goes from the sidebar when another comes, and what the
// page knows of those that it does not show (as app/chat/sidebar.py has it).
const NOTIFY = { e: "everything", m: "mentions", n: "nothing" };

// How much of what is unread a member is told.
export const told = (notify, count, mentions) => Number({ everything: count, mentions, nothing: 0 }[notify]);

// As people sort names, whatever their accents and case.
export const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// Rooms that are not shown, from `room.notify.count.mentions` of each: [room, notify, count, mentions].
export function keptOf(words) {
  return words.split(" ").filter(Boolean).map((each) => each.split(".")).map(([room, notify, ...counts]) => [room, NOTIFY[notify], ...counts]);
}

// The same in words. Of rooms with nothing unread that are told of as most are, nothing is kept.
export function wordsOf(rooms) {
  return rooms.filter(([, notify, count]) => Number(count) || notify !== "everything")
    .map(([room, notify, ...counts]) => [room, notify[0], ...counts].join(".")).join(" ");
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

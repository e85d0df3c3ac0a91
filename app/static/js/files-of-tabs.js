// Which tab of this browser has which file that is not sent yet: what is in the box of one, or goes with a message of it,
// is in no box of another as long as that tab is there. A page holds a lock for each, which goes with the page.
import { keep, kept, whose } from "./tab-store.js";
import { makeKey } from "./tries.js";

const tab = kept("tab", "key") ?? makeKey();
keep("tab", "key", tab);

const KIND = `file of ${whose} `;
const held = new Set();

export function holdHere(upload) {
  if (!upload || held.has(upload) || !navigator.locks) return;
  held.add(upload);
  navigator.locks.request(`${KIND}${tab} ${upload}`, { mode: "shared" }, () => new Promise(() => {})).catch(() => held.delete(upload));
}

export async function findHeldElsewhere() {
  const locks = (await navigator.locks?.query())?.held ?? [];
  const names = locks.filter(({ name }) => name.startsWith(KIND)).map(({ name }) => name.slice(KIND.length).split(" "));
  return new Set(names.filter(([other]) => other !== tab).map(([, upload]) => upload));
}

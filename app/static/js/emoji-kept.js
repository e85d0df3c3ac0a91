// What somebody has chosen of emoji, kept in their browser for each workspace: those used last, as they are without a
// tone, and the tone of skin that theirs have. And all emoji, which are fetched once for the picker and the completion.
import { completeEmoji, inTone, readEmoji, TONES } from "./emoji-search.js";
import { me, workspace } from "./page.js";

const MOST_RECENT = 24;
const MOST_COMPLETED = 8;
const RECENT = `emoji ${workspace} ${me}`;
const TONE = `emoji-tone ${workspace} ${me}`;

const read = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const write = (key, value) => { try { localStorage.setItem(key, value); } catch { /* off */ } };

export const recentEmoji = () => { try { return JSON.parse(read(RECENT)) ?? []; } catch { return []; } };
export const rememberEmoji = (emoji) => write(RECENT, JSON.stringify([emoji, ...recentEmoji().filter((each) => each !== emoji)].slice(0, MOST_RECENT)));

export const chosenTone = () => TONES.find((tone) => tone === read(TONE)) ?? "";
export const chooseTone = (tone) => write(TONE, tone);

// By groups, each a list (js/emoji-search.js). What failed is asked for again.
const fetched = new Map();
export function fetchEmoji(address) {
  if (!fetched.has(address)) {
    const groups = fetch(address).then((response) => response.ok ? response.json() : Promise.reject(response)).then((all) => all.map((lines) => lines.map(readEmoji)));
    fetched.set(address, groups);
    groups.catch(() => fetched.delete(address));
  }
  return fetched.get(address);
}

// Those at an address, as a function that completes what is typed: what a message gets, and how it is shown.
export async function loadEmoji(address) {
  const all = (await fetchEmoji(address)).flat();
  return (typed) => completeEmoji(all, typed).slice(0, MOST_COMPLETED).map((each) => {
    const text = inTone(each, chosenTone());
    return { text, shown: `${text} ${each.code ? `:${each.code}:` : each.name}` };
  });
}

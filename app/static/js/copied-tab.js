// A duplicated tab begins with a copy of what the first one keeps, the key of its form too: whichever comes later gives
// the key up. Tabs of one browser hear each other.
import { me } from "./page.js";

const tabs = new BroadcastChannel(`form keys ${me}`);

// Whether another tab has a key, is asked by one that took it from the store.
export const askFor = (key) => tabs.postMessage({ asked: key });

export function watchKeys(hasKey, giveUp) {
  tabs.addEventListener("message", ({ data: { asked, taken } }) => {
    if (asked && hasKey(asked)) tabs.postMessage({ taken: asked });
    if (taken) giveUp(taken);
  });
}

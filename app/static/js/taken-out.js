// Uploads whose files are not wanted: they were taken out of a box, or are not tried again. The server may have such a
// file all the same, or get it yet: the tab knows it by its key for as long as the server would keep it.
import { call } from "./page.js";
import { allKept, forget, keep, kept } from "./tab-store.js";

const KIND = "taken out";
const FORGOTTEN_AFTER = 24 * 3600 * 1000;   // ms; so long the server keeps a file that is not sent
const MOST = 3;                             // tries for one that has not come
const SHORTEST = 2000;                      // ms until the second one

const wanted = new Map();                   // upload -> what stops it, of those that this page is bringing

// It is being brought, also if it was not any more.
export function want(upload, stop) {
  wanted.set(upload, stop);
  forget(KIND, upload);
}

export function hasCome(upload) {
  wanted.delete(upload);
  forget(KIND, upload);
}

export function noteTakenOut(upload) { keep(KIND, upload, { upload, since: Date.now() }); }

export function isTakenOut(upload) { return Boolean(upload && kept(KIND, upload)); }

export async function takeOut(upload, tries = 1, isComing = wanted.has(upload)) {
  if (tries === 1) noteTakenOut(upload);
  wanted.get(upload)?.();
  wanted.delete(upload);
  let status = 0;
  try { status = (await call("/files/take-out", new URLSearchParams({ upload }))).status; } catch { /* when the network is back */ }
  if (status !== 204 && status !== 404) return;
  // What was aborted may be on its way into the store there, also where an earlier try was stored. After that it is taken
  // out when it is seen, as on a page that was made before.
  if ((status === 404 || isComing) && tries < MOST) setTimeout(() => takeOut(upload, tries + 1, isComing), SHORTEST * 2 ** (tries - 1));
  else keep(KIND, upload, { ...kept(KIND, upload), upload, asked: true });
}

function takeOutAll() {
  for (const { upload, since, asked } of allKept(KIND)) {
    if (Date.now() - since > FORGOTTEN_AFTER) forget(KIND, upload);
    else if (!asked && !wanted.has(upload)) takeOut(upload);
  }
}
window.addEventListener("online", takeOutAll);
new MutationObserver(() => { if (document.documentElement.dataset.live === "on") takeOutAll(); })
  .observe(document.documentElement, { attributeFilter: ["data-live"] });
takeOutAll();

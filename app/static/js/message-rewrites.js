// Rewrites of messages that were begun in this tab, and neither saved nor cancelled.
import { askBeforeClosing } from "./leaving.js";
import { fetchPage } from "./page.js";
import { allKept, forget, keep, kept } from "./tab-store.js";

const KIND = "rewrite";

export function keepRewrite(rewrite) { keep(KIND, rewrite.address, rewrite); }

export function rewriteOf(address) { return kept(KIND, address); }

export function forgetRewrite(address) { forget(KIND, address); }

// Whether a message was deleted, as far as the page shows it; else undefined.
export function isShownDeleted(address) {
  const shown = document.querySelector(`ol.messages > .message[data-number="${address.split("/").at(-1)}"]`);
  return shown ? shown.querySelector(".deleted") !== null : undefined;
}

async function isGone(address) {
  try {
    return isShownDeleted(address) ?? (await fetchPage(`${address}/edit`)).status === 404;
  } catch {
    return false;
  }
}

// One whose message was deleted: nobody can ask for it by editing that again.
export async function findOrphan(place) {
  for (const rewrite of allKept(KIND)) if (rewrite.place === place && await isGone(rewrite.address)) return rewrite;
  return null;
}

askBeforeClosing(() => allKept(KIND).length > 0);

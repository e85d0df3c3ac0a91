// What was typed on an edit page and the server has not confirmed: kept in this tab, by the record's address and the token
// of the lock under which it was typed. When that page is gone, however it went, it is sent as a late draft: by the page
// that edits the record next in this tab, or else by any that the same person opens in it. Where a newer text of theirs
// is, it waits for that to end.
import { call, me } from "./page.js";
import { allKept, forget, keep, kept } from "./tab-store.js";
import { RETRY_AFTER, patienceFor } from "./tries.js";
import { isKept } from "./typed-draft.js";

const nameOf = ({ address, token }) => `${address} ${token}`;

// Whether it is there when the page is not any more.
export const keepUnsent = (typed) => keep("unsent", nameOf(typed), typed);

export const unsentOf = (address) => allKept("unsent").filter((typed) => typed.address === address);

// The server has it; but not what was typed since.
export function forgetUnsent(typed) {
  if (kept("unsent", nameOf(typed))?.body === typed.body) forget("unsent", nameOf(typed));
}

// Whether the server has it, as `isKept` says: where it does not take it, it waits.
export async function sendUnsent(typed) {
  const { status } = await call(`${typed.address}/draft`, new URLSearchParams(typed.body), { signal: AbortSignal.timeout(patienceFor(typed.body)) });
  if (status === 401) return null;
  const isThere = isKept(status);
  if (isThere) forgetUnsent(typed);
  return isThere;
}

let next = null;

// What a page that is open has typed is that page's to send.
export async function sendAllUnsent() {
  clearTimeout(next);
  const open = [...document.querySelectorAll("record-editor")].map(({ dataset }) => dataset.address);
  const sent = allKept("unsent").filter(({ address }) => !open.includes(address)).map((typed) => sendUnsent(typed).catch(() => false));
  if ((await Promise.all(sent)).includes(false)) next = setTimeout(sendAllUnsent, RETRY_AFTER);
}
if (me) sendAllUnsent();

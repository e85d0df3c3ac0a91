// What an edit page still had when it was cut off, as its person was signed out: kept in this tab, and sent as a late
// draft by the first page that the same person opens in it. Where a newer text of theirs is, it waits for that to end.
import { call, me } from "./page.js";
import { allKept, forget, keep, kept } from "./tab-store.js";

// Whether it is there when the page is not any more.
export const keepUnsent = (address, body) => keep("unsent", address, { address, body });

async function send({ address, body }) {
  const response = await call(`${address}/draft`, new URLSearchParams(body));
  if (response.status === 204 && kept("unsent", address)?.body === body) forget("unsent", address);
}

if (me) for (const each of allKept("unsent")) send(each).catch(() => {});

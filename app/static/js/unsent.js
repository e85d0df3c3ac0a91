// What an edit page still had when it was cut off, as its person was signed out: kept in this tab, and sent as a late
// draft by the first page that the same person opens in it. Where a newer text of theirs is, it waits for that to end.
import { allKept, forget, keep, kept } from "./tab-store.js";

// Says whether it is there when the page is not any more.
document.addEventListener("editing:unsent", ({ detail }) => {
  const { address, body } = detail;
  detail.kept = keep("unsent", address, { address, body });
});

async function send({ address, body }) {
  const response = await call(`${address}/draft`, new URLSearchParams(body));
  if (response.status === 204 && kept("unsent", address)?.body === body) forget("unsent", address);
}

if (document.body.dataset.member) for (const each of allKept("unsent")) send(each).catch(() => {});

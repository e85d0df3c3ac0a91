// What an edit page still had when it was cut off, as its person was signed out: kept in this tab, and sent as a late
// draft by the first page that the same person opens in it. Where a newer text of theirs is, it waits for that to end.
(() => {
  "use strict";
  const mine = () => `unsent ${document.body.dataset.member} `;

  document.addEventListener("editing:unsent", (event) => {
    const { address, body } = event.detail;
    try { sessionStorage.setItem(mine() + address, body); } catch { /* the tab's store is full or off */ }
  });

  async function send(name) {
    const body = sessionStorage.getItem(name);
    const response = await call(`${name.slice(mine().length)}/draft`, new URLSearchParams(body));
    if (response.status === 204 && sessionStorage.getItem(name) === body) sessionStorage.removeItem(name);
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!document.body.dataset.member) return;
    try {
      for (const name of Object.keys(sessionStorage)) if (name.startsWith(mine())) send(name).catch(() => {});
    } catch { /* there is no store */ }
  });
})();

// What an answer that nobody is shown has taken is given back, as when its page is left: a lock, or a place in line. It may
// be the page of somebody else, who has signed in with this browser since. A frame that is not for the page is of what the
// page has already, but for its toasts, which no page has.
import { call } from "./page.js";

const TAKEN = { "record-editor": "lock/release", "place-in-line:not([data-waiting=''])": "queue/leave" };

export async function giveBack(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const headers = { "X-Page": "1", "X-Member": page.body.dataset.member };
  for (const { children } of page.querySelectorAll("hx-partial[hx-target='#toasts']")) document.getElementById("toasts")?.append(...children);
  for (const [selector, path] of Object.entries(TAKEN)) {
    const { address, lock } = page.querySelector(selector)?.dataset ?? {};
    const body = new URLSearchParams({ "lock-token": lock ?? "", "page-left": "yes" });
    if (address) await call(`${address}/${path}`, body, { keepalive: true, headers }).catch(() => {});
  }
}

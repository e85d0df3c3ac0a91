// From a list to one of its records, and back, the name of the record goes along, and the rest of the page fades. The page
// comes as soon as it would without: its swap waits for one frame alone, which is what is seen of the page before. To make
// it takes a third of the work of the whole page: a processor that is slow, or busy, shows the page at once.
import { addStyles } from "./late-styles.js";
import { isStill } from "./page.js";

const RECORD = /^(\/c\/[^/]+)\/(\d+)$/;
const NAME = "record-title";
const SOON = 250;                // ms: a page that took longer has been waited for, and comes at once
const QUICK = 10;                // ms from a click until its page is asked for; a processor six times slower takes 15 and more

// The number of the record if one path is that of a list, and the other that of a record in it.
function recordBetween(from, to) {
  for (const [list, record] of [[from, to], [to, from]]) {
    const [, its, number] = RECORD.exec(record) ?? [];
    if (its === list) return number;
  }
  return null;
}

// Where its name stands: in its row, or as the heading of its page.
const nameOf = (number) => document.querySelector(`record-list tr[data-number="${number}"] .title > a`) ?? document.querySelector("#main .record h1");

function mark(number) {
  const shown = nameOf(number);
  if (shown) shown.style.viewTransitionName = NAME;
  return shown;
}

async function begin(ctx, number) {
  const before = mark(number);
  const swapped = new Promise((resolve) => {
    const events = ["htmx:after:swap", "htmx:finally:request"];
    const end = ({ detail }) => {
      if (detail.ctx !== ctx) return;
      for (const event of events) document.removeEventListener(event, end);
      resolve();
    };
    for (const event of events) document.addEventListener(event, end);
  });
  await new Promise((resolve) => {
    let after = null;
    const transition = document.startViewTransition(async () => {
      if (before) before.style.viewTransitionName = "";
      resolve();
      await swapped;
      after = mark(number);
    });
    for (const each of [transition.ready, transition.updateCallbackDone]) each.catch(() => {});
    transition.finished.catch(() => {}).then(() => { if (after) after.style.viewTransitionName = ""; });
  });
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { request } = ctx;
  const number = request.method === "GET" && recordBetween(location.pathname, new URL(request.action, location.href).pathname);
  if (!number || isStill() || !document.startViewTransition || performance.now() - ctx.sourceEvent.timeStamp > QUICK) return;
  const ask = ctx.fetch;
  ctx.fetch = async (...given) => {
    const asked = performance.now();
    const response = await ask(...given);
    if (performance.now() - asked < SOON && response.ok && document.visibilityState === "visible") await begin(ctx, number);
    return response;
  };
});
if (document.startViewTransition && !isStill()) addStyles("transitions");

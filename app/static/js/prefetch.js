// A page is asked for as soon as somebody points at its link, touches it, or presses it, which is a click when they let go:
// it may be there by then. It is the same page, of a moment ago: live goes on from its cursor. The server is told that
// nobody sees it yet, so that nothing is read or opened by it and no lock is taken; when it is shown, it is asked for as
// what is seen.
import { ahead, fetchPage } from "./page.js";

const INTENT = 65;               // ms that one points at a link
const KEPT = 5000;               // ms from then on until it is dropped
const PATIENCE = 10000;
const PAINTED = 50;              // ms after it was put in: most screens show it by then
const MOST = 2;
const LEFT_OUT = "[hx-boost='false'] *, [hx-boost='false'], [hx-boost\\:inherited='false'] *, [download], [target], [data-ask-first], [data-quick-switcher], [hx-get]";
let coming = 0;
let timer = 0;
let pointed = null;

// A page of ours that is shown by its address alone. A search is counted, and to edit takes a lock.
function isAhead(link) {
  const { pathname, search, origin } = link;
  return origin === location.origin && pathname + search !== location.pathname + location.search && !link.matches(LEFT_OUT)
    && !/\/edit$|^\/files\//.test(pathname) && !new URLSearchParams(search).has("q") && !navigator.connection?.saveData;
}

// The scripts that a page brings are asked for and read with it, and run when it is shown.
const SCRIPTS = /(?:rel="modulepreload" href|type="module" src)="([^"]+)"/g;
const read = new Set();

function preload(text) {
  for (const [, href] of text.matchAll(SCRIPTS)) {
    if (read.has(href)) continue;
    read.add(href);
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  }
}

async function bring(address) {
  coming += 1;
  try {
    const response = await fetchPage(address, { Purpose: "prefetch" }, AbortSignal.timeout(PATIENCE));
    const text = await response.clone().text();
    if (!response.ok || response.redirected) return null;
    if (ahead.has(address)) preload(text);             // else it is waited for, and brings them itself
    return response;
  } catch {
    return null;
  } finally {
    coming -= 1;
  }
}

// It has been opened now, and is painted first. If it is another one by now, or none for its reader, it brings itself up to date.
function see(address) {
  fetchPage(address).then(({ ok, redirected }) => {
    if ((!ok || redirected) && location.pathname + location.search === address) document.dispatchEvent(new CustomEvent("page:refresh"));
  }).catch(() => {});
}

// Another link may have been followed meanwhile: then nobody has seen it.
function seeWhenShown(address, request) {
  document.addEventListener("htmx:finally:request", function end({ detail: { ctx } }) {
    if (ctx?.request !== request) return;
    document.removeEventListener("htmx:finally:request", end);
    if (ctx.status === "swapped") setTimeout(see, PAINTED, address);
  });
}

function prefetch(link) {
  const address = link.pathname + link.search;
  if (coming >= MOST || ahead.has(address) || !isAhead(link)) return;
  const response = bring(address);
  const take = async (request) => {
    ahead.delete(address);
    const came = await response;
    if (came) seeWhenShown(address, request);
    return came;
  };
  ahead.set(address, take);
  setTimeout(() => { if (ahead.get(address) === take) ahead.delete(address); }, KEPT);
}

function point(target) {
  const link = target.closest?.("a[href]");
  if (link === pointed) return;
  clearTimeout(timer);
  pointed = link;
  if (link) timer = setTimeout(prefetch, INTENT, link);
}

document.addEventListener("pointerover", ({ target, pointerType }) => { if (pointerType === "mouse") point(target); });
// With another button, or a key, a link opens elsewhere, or its menu does.
const opensElsewhere = ({ button, ctrlKey, metaKey, shiftKey, altKey }) => button > 0 || ctrlKey || metaKey || shiftKey || altKey;
// htmx does not know what browsers do with Alt.
document.addEventListener("click", (event) => { if (event.altKey && event.target.closest?.("a[href]")) event.stopPropagation(); }, true);
for (const type of ["pointerdown", "touchstart"]) {
  document.addEventListener(type, (event) => {
    clearTimeout(timer);
    const link = event.target.closest?.("a[href]");
    if (link && !opensElsewhere(event)) prefetch(link);
  }, { passive: true });
}
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { if (ctx.request.method !== "GET") ahead.clear(); });
// It is loaded when something is pointed at first.
const [link] = document.querySelectorAll("a[href]:hover");
if (link && matchMedia("(hover: hover)").matches) point(link);

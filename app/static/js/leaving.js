// Asks before something is lost with the tab, or with the page.
export const OUTLIVES = 60000;   // characters of a request that outlives its page: browsers take 64 KiB
const A_MOMENT = 1000;           // ms between a navigation's beginning and the end of its page
const closing = [];
const leaving = [];
let stays = 0;                   // when another page of ours was last opened in this tab

// What the tab's store has goes with the tab; it stays when another page of ours is opened in it.
export function askBeforeClosing(isLost) { closing.push(isLost); }

// What only this page has goes with any other that is loaded in its place.
export function askBeforeLeaving(isLost) { leaving.push(isLost); }

function note(address) {
  if (new URL(address, location.href).origin === location.origin) stays = Date.now();
}
// No browser tells of a reload by its own button, which looks like closing the tab and is asked about; by a key it is seen.
document.addEventListener("keydown", ({ key, ctrlKey, metaKey }) => {
  if (key === "F5" || ((ctrlKey || metaKey) && key.toLowerCase() === "r")) note("");
}, true);
if (window.navigation) {
  window.navigation.addEventListener("navigate", ({ destination }) => { if (!destination.sameDocument) note(destination.url); });
}
else {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (link) note(link.href);
  });
  document.addEventListener("submit", (event) => note(event.submitter?.getAttribute("formaction") ?? event.target.getAttribute("action") ?? ""));
}

window.addEventListener("beforeunload", (event) => {
  const asks = Date.now() - stays > A_MOMENT ? [...closing, ...leaving] : leaving;
  if (asks.some((isLost) => isLost())) event.preventDefault();
});

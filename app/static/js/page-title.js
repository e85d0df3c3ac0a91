// The title says how much is unread (sidebar-rooms.js), and that it is one's turn to edit.
const root = document.documentElement;
const MARK = /^(?:\(\d+\) )?(?:● )?/;

function write() {
  const unread = document.querySelector("sidebar-rooms") ? Number(root.dataset.unread || 0) : 0;   // else nobody counts
  const turn = document.querySelector("[data-turn]") ? "● " : "";
  const title = `${unread ? `(${unread}) ` : ""}${turn}${document.title.replace(MARK, "")}`;
  if (document.title !== title) document.title = title;
}
new MutationObserver(write).observe(root, { attributeFilter: ["data-unread"] });
new MutationObserver(write).observe(document.head, { childList: true, characterData: true, subtree: true });     // another title
for (const name of ["htmx:after:swap", "htmx:ws:after:message:incoming", "page:refreshed"]) document.addEventListener(name, write);
write();

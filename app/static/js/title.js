// The title says what waits: the number of unread messages, and that it is one's turn to edit.
(() => {
  "use strict";
  const MARK = /^(?:\(\d+\) )?(?:● )?/;
  function write() {
    const unread = Number(document.documentElement.dataset.unread || 0);
    const turn = document.querySelector("[data-turn]") ? "● " : "";
    const title = `${unread ? `(${unread}) ` : ""}${turn}${document.title.replace(MARK, "")}`;
    if (document.title !== title) document.title = title;
  }
  for (const name of ["DOMContentLoaded", "htmx:after:swap", "page:refreshed", "title:changed"]) document.addEventListener(name, write);
})();

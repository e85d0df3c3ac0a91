// Ticked rows of a list: how many, all of the page at once, and a range with Shift. Without it they are ticked one by one.
(() => {
  "use strict";
  const plural = new Intl.PluralRules(document.documentElement.lang);
  const ticks = () => [...document.querySelectorAll("#rows input[form=ticked]")];
  let last = null;

  function show() {
    const all = document.querySelector("[data-tick-all]");
    if (!all) return;
    const list = ticks();
    const count = list.filter((tick) => tick.checked).length;
    all.hidden = false;
    all.checked = count > 0 && count === list.length;
    all.indeterminate = count > 0 && count < list.length;
    const said = document.querySelector("[data-ticked]");
    said.textContent = count ? (plural.select(count) === "one" ? said.dataset.one : said.dataset.other).replace("{}", count) : "";
  }

  document.addEventListener("click", (event) => {
    const tick = event.target.closest("#rows input[form=ticked]");
    if (!tick) return;
    const list = ticks();
    const [from, to] = [list.indexOf(last), list.indexOf(tick)];
    if (event.shiftKey && from >= 0) {
      for (const other of list.slice(Math.min(from, to), Math.max(from, to) + 1)) other.checked = tick.checked;
    }
    last = tick;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) for (const tick of ticks()) tick.checked = event.target.checked;
    if (event.target.matches("[data-tick-all], #rows input[form=ticked]")) show();
  });
  document.addEventListener("reset", (event) => { if (event.target.id === "ticked") setTimeout(show); });
  document.addEventListener("list:changed", show);
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("DOMContentLoaded", show);
  window.addEventListener("pageshow", show);
})();

// Completes @names in the box of a room, from those who can be mentioned there.
(() => {
  "use strict";
  const MOST = 6;
  const text = () => document.getElementById("composer-text");
  const menu = () => document.getElementById("completion");
  const items = () => [...menu().children];
  const fold = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  function close() {
    menu()?.remove();
    for (const name of ["aria-controls", "aria-activedescendant"]) text()?.removeAttribute(name);
  }
  function mark(index) {
    items().forEach((item, place, all) => item.setAttribute("aria-selected", String(place === (index + all.length) % all.length)));
    text().setAttribute("aria-activedescendant", marked().id);
  }
  function marked() { return menu().querySelector("[aria-selected=true]"); }

  function complete() {
    close();
    const area = text();
    const found = /(?:^|[\s(])@([^@\n]{0,40})$/.exec(area.value.slice(0, area.selectionStart));
    if (!found) return;
    const begun = fold(found[1]);
    const names = [...document.querySelectorAll("#mentionable option")].map((option) => option.value).filter((name) => {
      const folded = fold(name);
      return folded !== begun && (folded.startsWith(begun) || folded.includes(` ${begun}`));
    }).slice(0, MOST);
    if (!names.length) return;
    const list = document.createElement("ul");
    list.id = "completion";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", document.getElementById("mentionable").dataset.label);
    names.forEach((name, index) => {
      const item = document.createElement("li");
      item.id = `completion-${index}`;
      item.setAttribute("role", "option");
      item.textContent = `@${name}`;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
      list.append(item);
    });
    area.closest("form").append(list);
    area.setAttribute("aria-controls", "completion");
    mark(0);
  }
  function take(name) {
    const area = text();
    const before = area.value.slice(0, area.selectionStart).replace(/@[^@\n]*$/, () => `@${name} `);
    area.setRangeText(before, 0, area.selectionStart, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", (event) => { if (event.target === text()) complete(); });
  document.addEventListener("keydown", (event) => {
    if (event.target !== text() || !menu() || isComposing(event)) return;
    const now = items().indexOf(marked());
    const does = {
      ArrowDown: () => mark(now + 1),
      ArrowUp: () => mark(now - 1),
      Enter: () => take(marked().textContent.slice(1)),
      Tab: () => take(marked().textContent.slice(1)),
      Escape: close,
    }[event.key];
    if (!does || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    does();
  }, true);
  document.addEventListener("focusout", (event) => { if (event.target === text()) close(); });
})();

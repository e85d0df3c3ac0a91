// Makes an element equal to a node, keeping the nodes, focus and typed text that both have.
// htmx 4 only takes text, in which it reads `<hx-…` even inside attributes, and a browser that does not escape `<` there
// would make a title into markup. So htmx gets a text of ours, and the node in its place once that has been read.
// A classic script, as js/live.js is one; modules import it by name (js/page.js).
(() => {
  "use strict";
  const PLACE = '<hx-partial hx-target="body" hx-swap="none"><i></i></hx-partial>';

  // `style` is "outerMorph", or "innerMorph" for what is inside both alone.
  mutirao.morph = (target, node, style = "outerMorph") => {
    const fragment = document.createDocumentFragment();
    fragment.append(...(style === "innerMorph" ? node.childNodes : [node]));
    // The swap reads its text and tells of what it will do before it returns.
    document.addEventListener("htmx:before:swap", (event) => {
      const [task] = event.detail.tasks.filter((each) => each.type === "partial");
      Object.assign(task, { target, fragment });
      task.swapSpec.style = style;
    }, { once: true, capture: true });
    return htmx.swap({ sourceElement: document.body, swap: "none", text: PLACE });
  };

  // What a reader has opened or closed stays so when the page fetches itself anew, if it has an id to be known by; and so
  // does the focus, which htmx would put where a page begins. What opens later still says where that is.
  document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
    for (const { target, fragment, swapSpec } of tasks) {
      if (!swapSpec?.style?.endsWith("Morph") || !target?.querySelectorAll) continue;
      fragment?.querySelectorAll("[autofocus]:not([popover] *)").forEach((each) => each.removeAttribute("autofocus"));
      for (const { id, open } of target.querySelectorAll("details[id]")) fragment?.getElementById(id)?.toggleAttribute("open", open);
    }
  });

  // Words that a refresh does not bring, as they stand around what it morphs, and in what a morph leaves alone. When the
  // page is in another language they are taken from a fresh one, but for what is typed into.
  const AROUND = [".side", ".menu-toggle", "#quick-switcher", "#toasts"];
  const APART = "body > template, outbox-toasts > template, .app template";
  mutirao.translate = (fresh, typed, isMorphed) => {
    for (const part of AROUND) {
      const label = fresh.querySelector(part)?.getAttribute("aria-label");
      if (label) document.querySelector(part)?.setAttribute("aria-label", label);
    }
    replaceEach(APART, fresh, []);
    if (isMorphed) replaceEach("#main [hx-morph-skip]", fresh, typed);
  };

  // Those that both have, in their order.
  function replaceEach(selector, fresh, stay) {
    const [shown, next] = [document, fresh].map((page) => [...page.querySelectorAll(selector)]);
    if (shown.length !== next.length) return;
    const focused = document.activeElement.id;
    for (const [index, element] of shown.entries()) {
      if (stay.some((each) => each === element || each.contains(element) || element.contains(each))) continue;
      const node = document.importNode(next[index], true);
      element.replaceWith(node);
      if (node.localName !== "template") htmx.process(node);
    }
    if (focused) document.getElementById(focused)?.focus();
  }
})();

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
})();

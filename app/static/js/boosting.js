// Links and forms become htmx's as they are first used, and not as they come: to make all of a page ready takes a tenth of
// the work of showing it. What does something by itself is made ready at once. A classic script, as the first link may be
// followed before the modules are there.
(() => {
  "use strict";
  const AT_ONCE = "[hx-get], [hx-ws\\:connect]";
  const process = htmx.process.bind(htmx);

  htmx.process = (node, again) => {
    if (node.matches?.(AT_ONCE)) process(node, again);
    else for (const element of node.querySelectorAll?.(AT_ONCE) ?? []) process(element, again);
  };

  // Before the event is at the element, which then listens to it; by a pointer as it is pressed, which is before it counts.
  // htmx knows by the body whether, and marks what it has made ready, which is nothing of the page.
  const USED = { pointerdown: "a[href]", click: "a[href]", submit: "form" };
  for (const [type, selector] of Object.entries(USED)) {
    document.addEventListener(type, ({ target }) => {
      const element = target.closest?.(selector);
      if (!element) return;
      if (element.method === "get") {                  // what is searched for last is shown; other forms are sent once
        element.setAttribute("hx-sync", "replace");
        element.setAttribute("hx-disable", "");
      }
      process(element);
      element.removeAttribute("data-htmx-powered");
    }, true);
  }
})();

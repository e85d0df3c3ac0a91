// Toasts: what has just happened, unless one is looking at it already. The bell is pushed as it is.
(() => {
  "use strict";
  const MOST = 3;
  const STAYS = 8000;
  const FRESH = 60000;                                  // what is older was missed: the inbox has it

  const shown = (subject) => [...document.querySelectorAll("#main [data-subject]")].find((part) => part.dataset.subject === subject);

  // What is told of a thing is read by who looks at it.
  function markRead(subject) {
    fetch("/notifications/read", { method: "POST", headers: { "X-Page": "1" }, body: new URLSearchParams({ subject }) }).catch(() => {});
  }

  function show(toast) {
    const box = document.getElementById("toasts");
    box.append(toast);
    while (box.children.length > MOST) box.firstElementChild.remove();
    htmx.process(toast);
    if ("held" in toast.dataset) return;
    let timer = setTimeout(() => toast.remove(), STAYS);
    const stay = () => clearTimeout(timer);
    const go = () => { clearTimeout(timer); timer = setTimeout(() => toast.remove(), STAYS); };
    toast.addEventListener("pointerenter", stay);
    toast.addEventListener("focusin", stay);
    toast.addEventListener("pointerleave", go);
    toast.addEventListener("focusout", go);
  }

  const missed = new Set();                             // came while this page was hidden
  function take() {
    const incoming = document.getElementById("toasts-incoming");
    if (!incoming) return;
    if (document.querySelector("#bell [data-unread='0']")) document.getElementById("toasts").replaceChildren();
    for (const template of [...incoming.querySelectorAll("template")]) {
      template.remove();
      const { subject, at } = template.dataset;
      const place = shown(subject);
      if (document.visibilityState !== "visible") {
        if (place) missed.add(subject);
        continue;
      }
      if (place) {
        if ("reads" in place.dataset) markRead(subject);
        continue;
      }
      if (Date.now() - new Date(at) < FRESH) show(document.importNode(template.content, true).firstElementChild);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    for (const subject of missed) {
      const place = shown(subject);
      if (place && "reads" in place.dataset) markRead(subject);
    }
    missed.clear();
  });
  document.addEventListener("click", (event) => {
    const toast = event.target.closest("#toasts .toast");
    if (toast && event.target.closest("[data-dismiss], a")) setTimeout(() => toast.remove());
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest?.(".toast")?.remove();
  });
  document.addEventListener("htmx:after:swap", take);
  document.addEventListener("htmx:ws:after:message:incoming", take);
})();

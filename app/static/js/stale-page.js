// A page that would be another one by now, or is not for its reader any more: what of it stays, and what is said then. A
// classic script, as js/live.js is one, which asks it.
(() => {
  "use strict";

  // The forms that something is typed into, and whether they stay through a refresh (js/typed.js tells).
  function formsTypedInto() {
    const asking = new CustomEvent("page:holds", { detail: { forms: [] } });
    document.dispatchEvent(asking);
    return asking.detail.forms;
  }

  // What a refresh may not take away: the answer to a form, and what is typed.
  function holds(shown) {
    return "answer" in shown.dataset || shown.querySelector("[data-keep]") !== null || formsTypedInto().some(({ stays }) => !stays);
  }

  // Says, once, that the page would be another one by now. What is shown stays until the reader asks for that.
  function markStale(address, page, reason) {
    const line = document.getElementById("stale");
    if (line.firstElementChild && !reason) return;
    if (!line.firstElementChild) line.append(document.importNode(page.getElementById("stale-line").content, true));
    const words = line.querySelector("p").firstChild;
    if (reason && words.data !== `${reason} `) words.data = `${reason} `;
    line.querySelector("a").href = address;
    line.querySelector("button").onclick = () => line.replaceChildren();
  }

  // Of a page that is not for its reader any more, what they have typed is all that stays: also what a page that was made
  // of it carries along. Whether there is any.
  function keepTyped(shown, address, page, reason) {
    const carried = [...shown.querySelectorAll("textarea[hidden]")];
    for (const area of carried) { area.hidden = false; area.removeAttribute("aria-hidden"); }
    const forms = [...formsTypedInto(), ...carried].map(({ form }) => form);
    if (!forms.length) return false;
    markStale(address, page, reason);
    strip(shown, [...forms, document.getElementById("stale")]);
    return true;
  }

  function strip(element, stay) {
    for (const child of [...element.childNodes]) {
      if (stay.includes(child)) continue;
      if (stay.some((each) => child.contains(each))) strip(child, stay);
      else child.remove();
    }
  }

  Object.assign(mutirao, { formsTypedInto, holds, keepTyped, markStale });
})();

// Marks the sidebar's link to where one is. The sidebar itself is the same for everybody, as it is pushed to all.
(() => {
  "use strict";
  function mark() {
    for (const link of document.querySelectorAll(".side li a[href]")) {
      const here = location.pathname === link.pathname || location.pathname.startsWith(`${link.pathname}/`);
      if (here) link.setAttribute("aria-current", location.pathname === link.pathname ? "page" : "true");
      else link.removeAttribute("aria-current");
    }
  }
  document.addEventListener("DOMContentLoaded", mark);
  document.addEventListener("htmx:after:swap", mark);
  document.addEventListener("page:refreshed", mark);
  document.addEventListener("sidebar:changed", mark);
})();

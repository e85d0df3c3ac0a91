// What a reader has opened stays open when the page fetches itself anew, if it has an id to be known by.
document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
  for (const { target, fragment, swapSpec } of tasks) {
    if (!swapSpec?.style?.endsWith("Morph") || !target?.querySelectorAll) continue;
    for (const { id } of target.querySelectorAll("details[id][open]")) {
      fragment?.getElementById(id)?.setAttribute("open", "");
    }
  }
});

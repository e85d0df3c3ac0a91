// What is pushed into the page of a record, such as who edits it, slides in, and what is below makes room.
import { isStill, placesOf, slide } from "./page.js";

const SLIDING = ".lock, .standing, .requests";
const IN = [{ opacity: 0, transform: "translateY(-8px)" }, { opacity: 1, transform: "none" }];
const STILL = [{ opacity: 0 }, { opacity: 1 }];      // for who wants no motion

// All that follows an element, up to the page's content: each apart from the others.
function* following(element) {
  for (let each = element; each && each.id !== "main"; each = each.parentElement) {
    for (let next = each.nextElementSibling; next; next = next.nextElementSibling) yield next;
  }
}

document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
  if (scrollY > 0) return;
  const targets = tasks.filter(({ type }) => type === "partial").map(({ target }) => typeof target === "string" ? document.querySelector(target) : target);
  const pushed = targets.filter((target) => target?.matches(SLIDING));
  if (!pushed.length) return;
  const empty = pushed.filter((target) => !target.offsetHeight).map(({ id }) => id);
  const before = placesOf(new Set(pushed.flatMap((target) => [...following(target)])));
  document.addEventListener("htmx:after:swap", () => {
    slide(before);
    for (const id of empty) document.getElementById(id)?.animate(isStill() ? STILL : IN, { duration: 160, easing: "ease-out" });
  }, { once: true });
});

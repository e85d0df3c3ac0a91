// The sidebar of a phone comes and goes by a swipe, too. It is loaded where fingers point (js/side-links.js).
const FAR = 60;
const STRAIGHT = 0.5;            // how far it may go up or down for each pixel aside
let start = null;

// What scrolls sideways itself, or takes the finger for something else, keeps it.
function isKept(element) {
  if (element.closest("input, textarea, select, dialog, [popover]")) return true;
  for (let each = element; each && each.id !== "main"; each = each.parentElement) {
    if (each.scrollWidth > each.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(each).overflowX)) return true;
  }
  return false;
}

document.addEventListener("touchstart", ({ touches, target }) => {
  start = touches.length === 1 && !isKept(target) ? { x: touches[0].clientX, y: touches[0].clientY } : null;
}, { passive: true });

document.addEventListener("touchend", ({ changedTouches: [touch] }) => {
  const menu = document.getElementById("menu-open");
  if (!start || !menu || menu.offsetParent === null) return;
  const [aside, up] = [touch.clientX - start.x, touch.clientY - start.y];
  start = null;
  const forward = document.documentElement.dir === "rtl" ? -aside : aside;
  if (Math.abs(aside) > FAR && Math.abs(up) < STRAIGHT * Math.abs(aside)) menu.checked = forward > 0;
}, { passive: true });

// Ctrl+K, or the button at the top, opens the box that leads anywhere; what it does is loaded with the first time. What was
// open last it offers first: this browser remembers the subjects of pages, or their addresses, and no names.
const MOST = 12;
const box = () => document.getElementById("quick-switcher");
const load = () => import("./quick-switcher.js");

// Storage may be closed to us.
function remember() {
  const { workspace, member } = document.body.dataset;
  const main = document.getElementById("main");
  const key = main?.querySelector(":scope > [data-subject]")?.dataset.subject ?? location.pathname;
  try {
    const name = `recent-${workspace}-${member}`;
    const kept = JSON.parse(localStorage.getItem(name) ?? "[]");
    localStorage.setItem(name, JSON.stringify([key, ...kept.filter((each) => each !== key)].slice(0, MOST)));
  } catch { return; }
}

function open() {
  if (!box() || box().open) return;
  box().showModal();
  const input = box().querySelector("input");
  input.value = "";
  input.focus();
  load().then(({ begin }) => begin()).catch(() => {
    box().querySelector(".quick-switcher-list").textContent = input.dataset.failed;
  });
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); open(); }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-quick-switcher]")) { event.preventDefault(); event.stopPropagation(); open(); }
}, true);
document.addEventListener("htmx:after:swap", remember);
remember();

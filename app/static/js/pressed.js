// A button that sends its form says so until the answer is there (`aria-busy`), and what is on its way is not sent again.
const PATIENCE = window.navigation ? 20000 : 5000;   // ms: a browser that does not say when its own request has ended
const pressed = new Map();   // the button of each form, or request of htmx, that is on its way

const waiting = () => import("./late-styles.js").then(({ addStyles }) => addStyles("pressed")).catch(() => {});

// One that is not busy shows already what it does (js/at-once.js).
function press(sent, button) {
  pressed.set(sent, button);
  if (!button || button.getAttribute("aria-busy") === "false") return;
  button.setAttribute("aria-busy", "true");
  waiting();
}

function release(sent) {
  const button = pressed.get(sent);
  pressed.delete(sent);
  if (![...pressed.values()].includes(button)) button?.removeAttribute("aria-busy");   // a search that came after it has it
}

// What the browser sends by itself; htmx has prevented what it sends, and drops what is sent meanwhile.
document.addEventListener("submit", (event) => {
  const { target, submitter, defaultPrevented } = event;
  if (defaultPrevented || target.getAttribute("method") !== "post") return;
  if (pressed.has(target)) event.preventDefault();
  else {
    press(target, submitter ?? target.querySelector("[type=submit]"));
    setTimeout(release, PATIENCE, target);
  }
});
const releaseForms = () => [...pressed.keys()].filter((sent) => sent.nodeType).forEach(release);
addEventListener("pageshow", () => [...pressed.keys()].forEach(release));
// It was stopped, or its answer leaves the page as it is.
window.navigation?.addEventListener("navigateerror", releaseForms);
if (!window.navigation) addEventListener("keydown", ({ key }) => { if (key === "Escape") releaseForms(); });   // by which one stops
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => press(ctx, ctx.request.submitter));
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => release(ctx));

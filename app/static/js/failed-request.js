// A form that was refused is led to. A link or form that got no answer to show: the page stays as it is, and says so until the server answers again.
// What comes from somewhere else (a proxy, or a hotel's network) lacks the mark of our answers, and is not shown in their place.
import { leadBack } from "./history.js";

const SHORTEST = 5000;       // ms that it is to be read, also when the socket is back at once
let since = 0;

function forget() {
  for (const said of document.querySelectorAll("#toasts [data-failed]")) {
    said.hide();
  }
}

function say(ctx, what, status = "") {
  leadBack(ctx);
  const toast = document.importNode(document.getElementById("failed").content, true).firstElementChild;
  for (const each of toast.querySelectorAll("p")) {
    if (each.className !== what) each.remove();
    each.textContent = each.textContent.replace("{}", status);
  }
  forget();
  since = performance.now();
  document.getElementById("toasts").append(toast);
}

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const { status } = ctx.response;
  if (status >= 500) say(ctx, "server");
  else if (status === 400) say(ctx, "request", status);
});
document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const { raw } = ctx.response;
  if (raw.headers.has("X-Page")) return;
  event.preventDefault();
  const { status } = raw;
  const isRefused = status >= 400 && ![403, 407, 408].includes(status);          // which networks that want a sign-in answer with
  say(ctx, status >= 500 ? "server" : isRefused ? "request" : "network", status);
});
// No answer at all, or one that breaks off, is a TypeError of `fetch`; of the time that htmx waits it says only the reason.
document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (!ctx || ctx.text !== undefined) return;
  if (error instanceof TypeError || ctx.request.signal.reason === "timeout") say(ctx, "network");
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx?.response?.status < 500 && ctx.response.status !== 400) forget();
});
function forgetWhenRead() {
  const left = since + SHORTEST - performance.now();
  if (document.documentElement.dataset.live !== "on") return;
  if (left > 0) setTimeout(forgetWhenRead, left);
  else forget();
}
new MutationObserver(forgetWhenRead).observe(document.documentElement, { attributeFilter: ["data-live"] });
// What a form lacks is said at its beginning, which has the focus; htmx leads to the top of the page.
document.addEventListener("htmx:finally:request", () => {
  const focused = document.activeElement;
  if (focused?.matches("[role=alert][autofocus]")) focused.scrollIntoView({ block: "center" });
});

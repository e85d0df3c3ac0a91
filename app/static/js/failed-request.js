// A link or form that got no answer to show: the page stays as it is, and says so.
function say(template) {
  const toast = document.importNode(document.getElementById(template).content, true).firstElementChild;
  for (const said of document.querySelectorAll("#toasts [data-failed]")) said.remove();
  document.dispatchEvent(new CustomEvent("toast:show", { detail: toast }));
}

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status >= 500) say("failed-server");
});
// `fetch` throws a TypeError when there is no answer at all.
document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (ctx && error instanceof TypeError && !ctx.response) say("failed-network");
});

// Where the focus goes when what had it is gone by one's own act, so that keyboard and screen reader go on from there and
// not from the top of the page: to the message that an act is about, or that came back by Undo; else to the page's content.
const NAMED = "[id][tabindex='-1']";

const messageAt = (number) => number && document.querySelector(`ol.messages > .message[data-number="${CSS.escape(number)}"]`);

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!ctx?.request || ctx.request.method === "GET") return;
  const undone = ctx.response?.raw?.headers.get("X-Undone");
  const focused = document.activeElement;
  if (!undone && focused && focused !== document.body) return;
  const { searchParams } = new URL(undone ?? location.href, location.href);
  const source = ctx.sourceElement?.closest?.(NAMED);          // which may have been replaced meanwhile
  const target = messageAt(searchParams.get("at")) ?? document.getElementById(source?.id) ?? document.getElementById("main");
  target?.focus({ preventScroll: true });
});

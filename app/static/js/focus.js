// Where the focus goes when what had it is gone by one's own act, so that keyboard and screen reader go on from there and
// not from the top of the page: in a form with `data-stays` to the button that was pressed, or, where that can't be any
// more, to the other one, and the page stays where it was scrolled to; not if it was refused, which is said first; to the message that an act is about, or that came back by Undo; else to what the page says that one begins with (`data-begins`), or to its heading.
const NAMED = "[id][tabindex='-1']";

const messageAt = (number) => number && document.querySelector(`ol.messages > .message[data-number="${CSS.escape(number)}"]`);

// Where the page was when a button of such a form was pressed.
let pressed = null;

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { submitter } = ctx.request;
  pressed = submitter?.id && submitter.closest("form[data-stays]") ? { id: submitter.id, top: scrollY } : null;
});

function stay() {
  if (document.activeElement?.matches("[role=alert][autofocus]")) return false;           // a refusal is read first
  const button = document.getElementById(pressed?.id);
  if (!button) return false;
  scrollTo({ top: pressed.top, behavior: "instant" });
  (button.disabled ? button.form.querySelector("button:enabled") : button)?.focus();
  pressed = null;
  return true;
}

function headingOf(main) {
  const heading = main?.querySelector("h1");
  if (heading) heading.tabIndex = -1;
  return heading;
}

// What is not shown, as a popover that is closed, has the focus only once it is.
const saysWhere = (main) => [...main.querySelectorAll("[autofocus]")].some((each) => each.checkVisibility({ visibilityProperty: true }));

// A page that was gone to begins at its heading, unless it says where one begins.
let shown = document.getElementById("main");

document.addEventListener("htmx:after:swap", ({ detail }) => {
  const main = document.getElementById("main");
  if (!main || main === shown) return;
  shown = main;
  if (detail?.ctx?.request?.method !== "GET" || document.activeElement !== document.body || saysWhere(main)) return;
  if (!location.hash) headingOf(main)?.focus({ preventScroll: true });
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!ctx?.request || ctx.request.method === "GET") return;
  if (stay()) return;
  const undone = ctx.response?.raw?.headers.get("X-Undone");
  const focused = document.activeElement;
  if (!undone && focused && focused !== document.body) return;
  const { searchParams } = new URL(undone ?? location.href, location.href);
  const source = ctx.sourceElement?.closest?.(NAMED);          // which may have been replaced meanwhile
  const target = messageAt(searchParams.get("at")) ?? document.getElementById(source?.id) ?? document.querySelector("#main [data-begins]")
    ?? headingOf(document.getElementById("main")) ?? document.getElementById("main");
  target?.focus({ preventScroll: true });
});

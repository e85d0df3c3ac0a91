// What requests and their answers mean for the forms whose text is kept (js/kept-form.js): whether one is on its way, and
// whether what was typed is done with.
import { statesOf } from "./form-state.js";
import { me } from "./page.js";
import { erase } from "./tab-store.js";

const SIGN_IN = "/login";
let answered = 0;                // the status of the newest answer to a post

export const keptForms = () => document.querySelectorAll("kept-form");

// Under which name the tab has what was typed into a form that is sent to an address.
export const keptNameOf = (address) => `kept ${me} ${new URL(address, location.href).pathname}`;

// Whether the newest answer says that what was sent is not done.
export const wasRefused = () => answered >= 400;

// A form that was sent and is still there had no answer that shows in its place: what is typed is a draft again.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => keptForms().forEach((each) => {
  if (!each.form.contains(ctx.sourceElement)) return;
  each.sending = ctx;
  each.sent = JSON.stringify(statesOf(each.form));
}));
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => keptForms().forEach((each) => {
  if (each.sending !== ctx) return;
  each.sending = null;
  if (each.typed.isPending) each.note();
}));

// Where discarding the draft came to nothing, the form goes on.
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches("[data-discard]") || ctx.response?.status < 400) return;
  keptForms().forEach((each) => {
    if (!each.contains(ctx.sourceElement)) return;
    each.gone = false;
    each.note();
  });
});

// A post has succeeded when it led to another page. One that is answered itself may still be about what was typed.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.request.method !== "POST") return;
  answered = ctx.response.status;
  const { raw } = ctx.response;
  if (raw.redirected && raw.ok && new URL(raw.url).pathname !== SIGN_IN) {
    keptForms().forEach((form) => { if (form.name === keptNameOf(ctx.request.action)) { form.forget(); form.gone = true; } });
    erase(keptNameOf(ctx.request.action));
    const kept = new URL(raw.url).searchParams.get("done") === "kept" && new URL(ctx.request.action, location.href).pathname;
    keptForms().forEach((form) => { if (form.draft && form.draft === kept) { form.forget(); form.gone = true; } });    // cancelled
  }
});

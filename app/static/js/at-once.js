// What a form with `data-at-once` changes is shown as soon as it is sent, and put back when that is refused, or gets no
// answer: its button is pressed or not any more (`aria-pressed`), or becomes what the form's template has, with a hidden
// input that has `data-turns` and is set or empty; or what the form is in, or else all of the page, loses the class that
// the attribute names. Who presses again while that is on its way has the last word: it is sent once that is answered.
// Its button is not busy meanwhile, as others are (js/pressed.js): it says so before that one asks.
const going = new Map();         // of each request what it has shown, as `turn`, and whether that was pressed again

const SAID = ["title", "aria-label"];

// What the button has goes into the template, so that it comes back by the same.
function change(form, button, template) {
  const had = [...button.childNodes];
  button.replaceChildren(...template.content.childNodes);
  template.content.replaceChildren(...had);
  for (const name of SAID) {
    const [now, next] = [button, template].map((each) => each.getAttribute(name));
    for (const [element, words] of [[button, next], [template, now]]) {
      if (words === null) element.removeAttribute(name); else element.setAttribute(name, words);
    }
  }
  const field = form.querySelector("[data-turns]");
  if (field) field.value = field.value ? "" : "1";
}

function takeClass(name, form) {
  const within = form.closest(`.${name}`);
  const all = within ? [within] : [...document.querySelectorAll(`#main .${name}`)];
  return () => { for (const each of all) each.classList.toggle(name); };
}

function turnOf(form) {
  const button = form.querySelector("[type=submit]");
  const template = form.querySelector("template");
  if (form.dataset.atOnce) return takeClass(form.dataset.atOnce, form);
  return template ? () => change(form, button, template) : () => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
}

// The answer may have brought the form anew, with another address.
function sendAgain(form, button) {
  const there = form.isConnected ? button : document.getElementById(button.id);
  there?.form?.requestSubmit(there);
}

document.addEventListener("htmx:config:request", (event) => {
  const form = event.detail.ctx.sourceElement;
  if (!form.matches("form[data-at-once]")) return;
  form.setAttribute("hx-disable", "");                   // its button can be pressed again
  const act = [...going.values()].find((each) => each.form === form);
  if (!act) return;
  event.preventDefault();
  if (form.dataset.atOnce) return;                       // which only goes one way
  act.again = !act.again;
  act.turn();
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement;
  if (!form.matches("form[data-at-once]")) return;
  ctx.request.submitter?.setAttribute("aria-busy", "false");
  const turn = turnOf(form);
  turn();
  going.set(ctx, { form, turn, button: form.querySelector("[type=submit]"), again: false });
}, true);
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const act = going.get(ctx);
  if (!act) return;
  going.delete(ctx);
  const isDone = ctx.response?.status < 400 && ctx.text !== undefined;
  if (!isDone) { if (!act.again) act.turn(); return; }   // pressed again it looks as before already
  if (!act.again) return;
  if (ctx.swap === "none") act.turn();                   // else the answer has brought how it is now
  setTimeout(() => sendAgain(act.form, act.button));
});

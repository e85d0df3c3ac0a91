// What a form with `data-at-once` changes is shown as soon as it is sent, and put back when that is refused, or gets no
// answer: its button is pressed or not any more (`aria-pressed`), or becomes what the form's template has; or what the form
// is in, or else all of the page, loses the class that the attribute names. Its button is not busy meanwhile, as others are
// (js/pressed.js): it says so before that one asks.
const backs = new Map();         // of each request what puts back what it has shown

const SAID = ["title", "aria-label"];

function change(button, { content, attributes }) {
  const [had, ...before] = [[...button.childNodes], ...SAID.map((name) => button.getAttribute(name))];
  const say = (words) => SAID.forEach((name, at) => words[at] === null ? button.removeAttribute(name) : button.setAttribute(name, words[at]));
  button.replaceChildren(document.importNode(content, true));
  say(SAID.map((name) => attributes[name]?.value ?? null));
  return () => { button.replaceChildren(...had); say(before); };
}

function press(button) {
  const before = button.getAttribute("aria-pressed");
  button.setAttribute("aria-pressed", String(before !== "true"));
  return () => button.setAttribute("aria-pressed", before);
}

function takeClass(name, form) {
  const within = form.closest(`.${name}`);
  const all = within ? [within] : [...document.querySelectorAll(`#main .${name}`)];
  for (const each of all) each.classList.remove(name);
  return () => { for (const each of all) each.classList.add(name); };
}

function show(form) {
  const button = form.querySelector("[type=submit]");
  const template = form.querySelector("template");
  if (form.dataset.atOnce) return takeClass(form.dataset.atOnce, form);
  return template ? change(button, template) : press(button);
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches("form[data-at-once]")) return;
  ctx.request.submitter?.setAttribute("aria-busy", "false");
  backs.set(ctx, show(ctx.sourceElement));
}, true);
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!(ctx.response?.status < 400) || ctx.text === undefined) backs.get(ctx)?.();
  backs.delete(ctx);
});

// On a page for everybody with a form, another language takes the place of this one with all that was typed: a password,
// too, which no server gives back. Where its page does not come, the browser asks for it, and says why.
const refused = new WeakSet();

document.addEventListener("submit", (event) => {
  const { target, submitter } = event;
  if (submitter?.name !== "shown-in" || refused.has(submitter)) return;
  event.preventDefault();
  show(target, submitter).catch(() => {
    // Where something failed after the page was replaced, the form that is there is sent.
    const button = submitter.isConnected ? submitter : [...document.querySelectorAll("[name=shown-in]")].find(({ value }) => value === submitter.value);
    if (!button) return;         // the page is in that language
    refused.add(button);
    button.form.requestSubmit(button);
  });
}, true);

// What each field of the one form has goes to its like in the other.
function carryOver(form, next) {
  const fieldsOf = (each) => [...each.elements].filter(({ name, localName }) => name && localName !== "button");
  const left = fieldsOf(form);
  for (const field of fieldsOf(next)) {
    const isTick = ["checkbox", "radio"].includes(field.type);
    const at = left.findIndex(({ name, type, value }) => name === field.name && type === field.type && (!isTick || value === field.value));
    if (at < 0) continue;
    const [{ value, checked }] = left.splice(at, 1);
    if (isTick) field.checked = checked;
    else if (field.type !== "file") field.value = value;
  }
}

async function show(form, button) {
  const body = new URLSearchParams(new FormData(form));
  for (const { name } of form.querySelectorAll("[type=password]")) body.delete(name);
  body.set(button.name, button.value);
  const response = await fetch(form.action, { method: "POST", body });
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  carryOver(form, page.getElementById(form.id));
  document.documentElement.lang = page.documentElement.lang;
  document.title = page.title;
  document.body.replaceWith(page.body);
  const chosen = document.querySelector(".languages [aria-current]");
  chosen.tabIndex = -1;
  chosen.focus();
}

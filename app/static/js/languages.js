// On a page for everybody with a form, another language takes the place of this one with all that was typed: a password,
// too, which no server gives back. Where its page does not come, the browser asks for it, and says why.
const refused = new WeakSet();

document.addEventListener("submit", (event) => {
  const { target, submitter } = event;
  if (submitter?.name !== "shown-in" || refused.has(submitter)) return;
  event.preventDefault();
  show(target, submitter).catch(() => {
    refused.add(submitter);
    target.requestSubmit(submitter);
  });
}, true);

async function show(form, button) {
  const body = new URLSearchParams(new FormData(form));
  for (const { name } of form.querySelectorAll("[type=password]")) body.delete(name);
  body.set(button.name, button.value);
  const response = await fetch(form.action, { method: "POST", body });
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const typed = new FormData(form);
  for (const input of page.getElementById(form.id).querySelectorAll("input[name]")) input.value = typed.get(input.name) ?? input.value;
  document.documentElement.lang = page.documentElement.lang;
  document.title = page.title;
  document.body.replaceWith(page.body);
  const chosen = document.querySelector(".languages [aria-current]");
  chosen.tabIndex = -1;
  chosen.focus();
}

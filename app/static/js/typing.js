// Who is typing in the room that is open; gone after five seconds.
const SHOWN = 5000;
const typing = new Map();
let place = null;

function take() {
  const box = document.getElementById("composer");
  if (box?.action !== place) typing.clear();
  place = box?.action;
  for (const mark of document.querySelectorAll("[id$='-typing'] > i")) {
    const { member, name } = mark.dataset;
    mark.remove();
    if (member === document.body.dataset.member) continue;
    typing.set(member, { name, until: Date.now() + SHOWN });
    setTimeout(show, SHOWN + 50);
  }
  show();
}
function show() {
  for (const [id, person] of typing) if (person.until < Date.now()) typing.delete(id);
  const line = document.querySelector("[data-typing]");
  if (!line) return;
  const names = [...typing.values()].map((person) => person.name);
  const text = names.length > 2 ? line.dataset.typingMany : names.map((name) => line.dataset.typing.replace("{}", () => name)).join(" ");
  if (line.textContent !== text) line.textContent = text;
}

document.addEventListener("page:refreshed", () => { typing.clear(); show(); });
document.addEventListener("message:shown", (event) => { if (typing.delete(event.detail)) show(); });
for (const name of ["htmx:after:swap", "htmx:ws:after:message:incoming"]) document.addEventListener(name, take);
take();

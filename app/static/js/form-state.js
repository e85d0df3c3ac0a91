// What a form has, as it can be kept and given back: of a composite input its state (js/composite-input.js), of any
// other its value. Secrets and files are never kept, and what is hidden only where `data-kept` says that it belongs to
// what was typed.
import { COMPOSITE, TICKED, isTyped } from "./page.js";

const NEVER_KEPT = ["password", "file", "hidden", "submit", "button", "reset"];

// Those that are there, or were given something to begin with. Any other is as the plain fields in it.
const compositeOf = (field) => {
  const whole = field.closest(COMPOSITE);
  return whole && "state" in whole ? whole : null;
};
const compositesOf = (form) => [...form.querySelectorAll(COMPOSITE)].filter((each) => "state" in each);
const nameOf = (whole) => whole.querySelector("[name]").name;
// What is typed into its plain field while its script is not there.
const earlyTextOf = (whole) => [...whole.querySelectorAll("[type=text]")].find((field) => !whole.matches(":defined") && isTyped(field))?.value;

export const plainFieldsOf = (form) => [...form.elements].filter((field) => (
  field.name && !field.disabled && !compositeOf(field) && ("kept" in field.dataset || !NEVER_KEPT.includes(field.type))
));

export function statesOf(form) {
  const data = new FormData(form);
  const textsOf = (name) => data.getAll(name).filter(Boolean);
  return [
    ...plainFieldsOf(form).map(({ name, type, value, checked }) => ({ name, value, ...(TICKED.includes(type) && { checked }) })),
    ...compositesOf(form).map((whole) => ({ name: nameOf(whole), state: whole.state, texts: textsOf(nameOf(whole)), early: earlyTextOf(whole) })),
  ];
}

export const isTypedInto = (form) => plainFieldsOf(form).some(isTyped) || compositesOf(form).some((each) => each.isTyped ?? true);

// Fields that somebody has typed into already. Of radio buttons that is all or none.
function typedFieldsOf(form) {
  const fields = [...form.elements].filter((each) => each.matches("input, select, textarea"));
  const typed = new Set(fields.filter(isTyped));
  const radios = new Set([...typed].filter(({ type }) => type === "radio").map(({ name }) => name));
  return new Set(fields.filter((field) => typed.has(field) || (field.type === "radio" && radios.has(field.name))));
}

// Until the script of a composite input takes what the input was given, which it may never do, the form's data has the
// texts of that, but for what is unticked. What is typed into its plain field meanwhile counts instead. When the script
// comes, it puts both together.
function giveState(whole, { state, texts, early }) {
  if (whole.matches(":defined")) {
    whole.take(state);
    return;
  }
  whole.state = state;
  if (early && !earlyTextOf(whole)) whole.querySelector("[type=text]").value = early;
  const name = nameOf(whole);
  const isUnticked = (text) => [...whole.querySelectorAll("[type=checkbox]")].some((tick) => tick.value === text && isTyped(tick) && !tick.checked);
  whole.closest("form").addEventListener("formdata", ({ formData }) => {
    if (!Object.hasOwn(whole, "state") || earlyTextOf(whole)) return;
    const left = texts.filter((text) => !isUnticked(text));
    formData.delete(name);
    for (const text of left.length ? left : [""]) formData.append(name, text);
  });
}

// Of two texts of one field neither is lost. A date, a number or a choice is one: there what was chosen last counts.
const isText = ({ type }) => ["textarea", "text", "search", "url", "tel", "email"].includes(type);

function joined({ value, defaultValue, type }, kept) {
  const early = value.startsWith(defaultValue) ? value.slice(defaultValue.length).trimStart() : value;
  if (!early || !kept || kept === defaultValue || value.startsWith(kept)) return value;
  return [kept, early].join(type === "textarea" ? "\n" : " ");
}

// What was typed into a field already, as somebody was faster than a script, stays, after what was kept. What there is no field for any more is
// returned, as pairs of names and texts.
export function giveBack(form, states) {
  const there = new Set([...form.elements].map(({ name }) => name));
  const typed = typedFieldsOf(form);
  for (const whole of form.querySelectorAll(COMPOSITE)) {
    const kept = states.find(({ name, state }) => state && name === nameOf(whole));
    if (kept) giveState(whole, kept);
  }
  const rest = states.filter(({ state }) => !state);
  for (const field of plainFieldsOf(form)) {
    const ticked = TICKED.includes(field.type);
    const at = rest.findIndex((each) => each.name === field.name && (!ticked || each.value === field.value));
    if (at < 0) continue;
    const [{ value, checked }] = rest.splice(at, 1);
    if (typed.has(field)) {
      if (isText(field)) field.value = joined(field, value);
      continue;
    }
    if (field.type === "hidden") field.dataset.kept = field.value;       // what a fresh one has
    if (ticked) field.checked = checked;
    else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
  }
  return states.filter(({ name, checked }) => !there.has(name) && checked !== false)
    .flatMap(({ name, value, texts = [value] }) => texts.filter(Boolean).map((text) => [name, text]));
}

export function addHidden(form, pairs) {
  for (const [name, value] of pairs) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    input.dataset.kept = "";
    form.append(input);
  }
}

// As the page came.
export function emptyOut(form) {
  form.reset();
  for (const field of plainFieldsOf(form)) if (field.dataset.kept) field.value = field.dataset.kept;
  for (const whole of compositesOf(form)) {
    if (whole.matches(":defined")) whole.state = whole.served;
    else delete whole.state;
  }
}

// That a form is too long to be sent is said beside its longest field, as that is the one to shorten: it is returned.
import { plainFieldsOf } from "./form-state.js";
import { TICKED } from "./page.js";

export function showTooLong(kept, wrong) {
  const line = kept.querySelector("[data-too-long]");
  if (line.hidden === !wrong) return kept.querySelector("[aria-errormessage]");
  line.hidden = !wrong;
  line.id = wrong ? "too-long" : "";
  const before = kept.querySelector("[aria-errormessage]");
  for (const name of ["aria-errormessage", "aria-invalid"]) before?.removeAttribute(name);
  if (!wrong) return null;
  const longest = plainFieldsOf(kept.form).filter(({ type }) => type !== "hidden" && !TICKED.includes(type)).reduce((a, b) => (b.value.length > a.value.length ? b : a));
  longest.after(line);
  longest.setAttribute("aria-errormessage", line.id);
  longest.setAttribute("aria-invalid", "true");
  return longest;
}

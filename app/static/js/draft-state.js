// What a form says of its draft (templates/editing/_draft_state.html): that it is saved, or that it is not saved yet. Of
// what stays in the tab (`isAlone`) a notice says so.
export function showDraftState(form, draft, isAlone = false) {
  const state = form.querySelector(".draft-state");
  state.querySelector("[data-kept]").hidden = !draft.isTyped || draft.isPending || isAlone;
  state.querySelector("[data-unsent]").hidden = !draft.isOverdue || isAlone;
}

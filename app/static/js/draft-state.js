// What a form says of its draft (templates/editing/_draft_state.html): that it is saved, or that it is not saved yet.
export function showDraftState(form, draft) {
  const state = form.querySelector(".draft-state");
  state.querySelector("[data-kept]").hidden = !draft.isTyped || draft.isPending;
  state.querySelector("[data-unsent]").hidden = !draft.isOverdue;
}

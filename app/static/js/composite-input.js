// What inputs have in common that are made of several fields (docs/page.md): `new FormData` of their form has all that
// they have, also what is typed and not chosen yet; `state` is what a fresh one of the same field needs to show the
// same, and `served` what the page came with. Who sets `state` need not know whether the element is there already.
export class CompositeInput extends HTMLElement {
  // What was set before this script was there is a property of the plain element, which hides ours.
  takeGiven() {
    if (!Object.hasOwn(this, "state")) return;
    const { state } = this;
    delete this.state;
    const { isTyped } = this;
    this.take(state);
    if (isTyped) this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // What was kept, and what somebody has typed who was faster than a script (`withTyped`).
  take(state) {
    this.state = this.isTyped ? this.withTyped(state) : state;
  }

  get isTyped() {
    return JSON.stringify(this.state) !== JSON.stringify(this.served);
  }
}

// Of tabs that stand in a row, as on a phone, the one that is open is in view when its page comes.
customElements.define("shell-tabs", class extends HTMLElement {
  connectedCallback() {
    const row = this.firstElementChild;
    const open = row.querySelector("[aria-current]");
    if (!open) return;
    const seen = row.getBoundingClientRect();
    const { left, right } = open.getBoundingClientRect();
    row.scrollLeft += Math.max(0, right - seen.right) + Math.min(0, left - seen.left);
  }
});

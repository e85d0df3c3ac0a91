// The button that prints a page; without scripts the browser's own menu does.
class PrintPage extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.querySelector("button").onclick = () => window.print();
  }
}

customElements.define("print-page", PrintPage);

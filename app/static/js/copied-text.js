// Buttons that put a text of the page on the clipboard, and say so for a moment. They are there with scripts alone.
const SAID_FOR = 2000;

class CopyText extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (!button || !navigator.clipboard) return;
    this.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(this.getAttribute("from"));
      try {
        await navigator.clipboard.writeText(source.value ?? source.textContent);
      } catch {
        return; // the browser does not let the page: the text is there to be chosen
      }
      const words = button.textContent;
      button.textContent = this.getAttribute("said");
      setTimeout(() => {
        button.textContent = words;
      }, SAID_FOR);
    });
  }
}

customElements.define("copy-text", CopyText);

// <waiting-line>: who waits for the row that this page edits. The line is spoken as it changes; when somebody comes who
// was not told of before, a toast says it to the eye, once, wherever on the page that is.
const told = (id) => {
  const name = `told ${id}`;
  try {
    if (sessionStorage.getItem(name)) return true;
    sessionStorage.setItem(name, "yes");
  } catch { /* the tab's store is full or off */ }
  return false;
};

class WaitingLine extends HTMLElement {
  static observedAttributes = ["waiting"];

  connectedCallback() {
    document.addEventListener("visibilitychange", this);
    this.tell();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    this.toast?.remove();                                        // nothing is asked of this page any more
  }

  attributeChangedCallback() {
    if (this.isConnected) queueMicrotask(() => this.tell());     // the other attribute may come after this one
  }

  handleEvent() {
    this.tell();
  }

  tell() {
    const ids = this.getAttribute("waiting").split(" ").filter(Boolean);
    if (document.hidden || !this.isConnected) return;
    if (ids.filter((id) => !told(id)).length === 0) return;
    const toast = this.toast = document.createElement("page-toast");
    toast.className = "toast";
    toast.ariaHidden = "true";                                   // the line itself is spoken
    toast.append(document.createElement("p"));
    toast.firstElementChild.textContent = this.getAttribute("toast");
    document.getElementById("toasts").append(toast);
  }
}
customElements.define("waiting-line", WaitingLine);

// <workspace-address>: the address of a new workspace. It is made from the name until somebody types another, and what
// stands there is looked up when a pause comes.
const PAUSE = 400;             // ms without a key until it is asked for
const LONGEST = 40;

const spell = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, LONGEST).replace(/^-|-$/g, "");

class WorkspaceAddress extends HTMLElement {
  #asked = 0;
  #waiting = 0;

  connectedCallback() {
    this.input = this.querySelector("input");
    this.said = this.querySelector("[role=status]");
    const name = this.closest("form").elements.workspace;
    let own = this.input.value !== "" && this.input.value !== spell(name.value);
    name.addEventListener("input", () => {
      if (own) return;
      this.input.value = spell(name.value);
      this.#look();
    });
    this.input.addEventListener("input", () => {
      own = this.input.value !== "";
      this.#look();
    });
  }

  #look() {
    clearTimeout(this.#waiting);
    const mine = ++this.#asked;
    this.#say("", "");
    if (this.input.value) this.#waiting = setTimeout(() => this.#ask(mine), PAUSE);
  }

  async #ask(mine) {
    const query = new URLSearchParams({ slug: this.input.value.trim().toLowerCase() });
    const response = await fetch(`/signup/address?${query}`).catch(() => null);
    const answer = response?.ok ? await response.json().catch(() => null) : null;
    if (mine === this.#asked && answer) this.#say(answer.said, answer.free ? "yes" : "no");
  }

  #say(text, free) {
    this.said.textContent = text;
    this.dataset.free = free;
  }
}
customElements.define("workspace-address", WorkspaceAddress);

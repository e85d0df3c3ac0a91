// <choice-field source="/choices/people">: a text field becomes a list that is searched on the server. It is sent what was
// chosen, by number, and what was typed and not chosen as it stands. Without scripts the server reads names.
import { fetchPage } from "./page.js";

let library = null;

function load(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(globalThis.TomSelect);
    script.onerror = () => { library = null; reject(new Error("the list can't be searched")); };
    document.head.append(script);
  });
  return library;
}

class ChoiceField extends HTMLElement {
  async connectedCallback() {
    const input = this.querySelector("input");
    if (this.chooser || !input) return;
    const TomSelect = await load(this.getAttribute("library")).catch(() => null);
    if (!TomSelect || this.chooser || !this.isConnected) return;
    const changed = input.value !== input.defaultValue;
    const typed = changed ? input.value : this.getAttribute("typed");
    const labels = JSON.parse(this.getAttribute("labels"));
    const chosen = JSON.parse(this.getAttribute("values")).map((value, index) => ({ value: String(value), text: labels[index], note: "" }));
    const focused = document.activeElement === input;
    input.value = "";
    this.chooser = new TomSelect(input, {
      options: changed ? [] : chosen,
      items: changed ? [] : chosen.map((each) => each.value),
      valueField: "value", labelField: "text", searchField: [],
      maxItems: this.hasAttribute("several") ? null : 1,
      create: false, persist: false, delimiter: ",", hideSelected: true, highlight: false, hidePlaceholder: false, closeAfterSelect: true, preload: "focus",
      shouldLoad: () => true,
      load: (query, done) => { this.find(query).then((found) => { done(found); this.found(query, found); }, () => { done(); this.found(query, []); }); },
      onLoad: (found) => { if (found) this.tell(found.length); },
      onType: (text) => { this.typed = text; this.awaited = text; this.chooser.clearOptions(); },
      onItemAdd: () => { this.typed = ""; },
      // The library would drop what is typed and not chosen.
      onDropdownClose: () => this.chooser.setTextboxValue(this.typed),
      onBlur: () => this.chooser.setTextboxValue(this.typed),
      render: {
        option: (each) => this.row(each, true),
        item: (each) => this.chosen(each),
        no_results: null,          // it would lie over the form's button
        loading: () => this.line("…"),
      },
    });
    input.setAttribute("aria-hidden", "true");                    // the label names the library's own field
    this.typed = typed;
    if (typed) this.chooser.setTextboxValue(typed);
    if (focused) this.chooser.focus();
    const described = input.getAttribute("aria-describedby");
    if (described) this.chooser.control_input.setAttribute("aria-describedby", described);
    if (input.hasAttribute("aria-invalid")) this.chooser.control_input.setAttribute("aria-invalid", "true");
    this.status = document.createElement("span");
    this.status.className = "visually-hidden";
    this.status.setAttribute("role", "status");
    this.append(this.status);
    // Until what was found for the typed text is there, the list is another one's: Enter waits for it. The library
    // looks at what is typed some time later.
    this.addEventListener("input", () => {
      const text = this.chooser.inputValue();
      if (text !== this.chooser.lastValue) this.awaited = text;
    }, true);
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || this.awaited === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.entered = this.awaited;
    }, true);
    this.sending = (event) => { if (event.target === input.form) this.finish(input); };
    document.addEventListener("submit", this.sending, true);
    this.refreshed = () => this.takeLabel(input);
    document.addEventListener("page:refreshed", this.refreshed);
  }

  disconnectedCallback() {
    document.removeEventListener("submit", this.sending, true);
    document.removeEventListener("page:refreshed", this.refreshed);
  }

  // A page that was fetched anew says again that the label is the field's own: the library has given it to its own field.
  takeLabel(input) {
    const label = document.querySelector(`label[for="${input.id}"]`);
    if (label) Object.assign(label, { htmlFor: this.chooser.control_input.id, id: `${input.id}-ts-label` });
  }

  // What Enter was pressed for is chosen if it is the only one.
  found(query, found) {
    if (query !== this.awaited) return;
    this.awaited = undefined;
    if (this.entered === query && found.length === 1) this.chooser.addItem(String(found[0].value));
    this.entered = undefined;
  }

  async find(query) {
    const address = new URL(this.getAttribute("source"), location);
    address.searchParams.set("q", query);
    const response = await fetchPage(address, { Accept: "application/json" });
    if (!response.ok) throw new Error(response.status);
    this.chooser.clearOptions();
    return response.json();
  }

  // What was typed and not chosen goes along.
  finish(input) {
    const typed = this.chooser.control_input.value.trim();
    input.value = [...this.chooser.items, ...(typed ? [typed] : [])].join(",");
  }

  tell(count) {
    this.status.textContent = count ? this.dataset.found.replace("{}", count) : this.dataset.nothing;
    this.status.className = count ? "visually-hidden" : "help";
  }

  row(each, withNote) {
    const row = document.createElement("div");
    row.textContent = each.text;
    if (withNote && each.note) {
      const note = document.createElement("small");
      note.textContent = each.note;
      row.append(" ", note);
    }
    return row;
  }

  // What is chosen, with a way to take it out for those without a keyboard; with one it is Backspace.
  chosen(each) {
    const row = this.row(each, false);
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.className = "remove";
    button.textContent = "\u00d7";
    button.setAttribute("aria-label", `${this.dataset.remove}: ${each.text}`);
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      this.chooser.removeItem(each.value);
    });
    row.append(button);
    return row;
  }

  line(text) {
    const line = document.createElement("div");
    line.className = "nothing";
    line.textContent = text;
    return line;
  }
}
customElements.define("choice-field", ChoiceField);

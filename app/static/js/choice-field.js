// <choice-field source="/choices/people">: a text field becomes a list that is searched on the server. It is sent what was
// chosen, as `#` and an id, and what was typed and not chosen as it stands. Without scripts the server reads names.
import { CompositeInput } from "./composite-input.js";
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

class ChoiceField extends CompositeInput {
  #given = null;                 // what it shows while the library is not there …
  #shown = "";                   // … and the text that stands for it in the plain field
  #typed = "";                   // what is typed and not chosen

  connectedCallback() {
    if (!this.input) return;
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("page:refreshed", () => { if (this.chooser) this.takeLabel(); }, { signal });
    if (!this.served) this.#begin();
    this.#become();
  }

  #begin() {
    const labels = JSON.parse(this.getAttribute("labels"));
    const chosen = JSON.parse(this.getAttribute("values")).map((value, index) => ({ value: String(value), text: labels[index] }));
    this.served = { chosen, typed: this.getAttribute("typed") };
    this.#given = this.served;
    this.#shown = this.input.defaultValue;
    // Of a page that is being left the form is not in the document any more.
    this.input.form.addEventListener("formdata", ({ formData }) => this.#fill(formData));
    this.takeGiven();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  get input() { return this.querySelector("input[name]"); }

  get state() {
    const { input, chooser } = this;
    if (!chooser) return input.value === this.#shown ? this.#given : { chosen: [], typed: input.value };
    const chosen = chooser.items.map((value) => ({ value, text: chooser.options[value].text }));
    return { chosen, typed: this.#typed.trim() };
  }

  set state({ chosen, typed }) {
    const { chooser } = this;
    if (!chooser) {
      this.#given = { chosen, typed };
      this.#shown = this.input.value = [...chosen.map(({ text }) => text), typed].filter(Boolean).join(", ");
      return;
    }
    chooser.clear(true);
    chooser.clearOptions();
    for (const each of chosen) {
      chooser.addOption({ ...each, note: "" });
      chooser.addItem(each.value, true);
    }
    this.#type(typed);
  }

  // What was typed already stands after what was, and so do those who were chosen; where there is one, the last one counts.
  withTyped({ chosen, typed }) {
    const now = this.state;
    const begun = !this.chooser && now.typed.startsWith(this.#shown) ? this.#shown.length : 0;
    const early = now.typed.slice(begun).replace(/^[\s,]+/, "");
    const known = new Set([...this.served.chosen, ...chosen].map(({ value }) => value));
    const added = now.chosen.filter(({ value }) => !known.has(value));
    const all = added.length && !this.hasAttribute("several") ? added : [...chosen, ...added];
    return { chosen: all, typed: [...new Set([typed, early])].filter(Boolean).join(", ") };
  }

  // The library drops what is typed and not chosen when it pleases.
  #type(text) {
    this.#typed = text;
    this.chooser.setTextboxValue(text);
  }

  // What was typed and not chosen goes along.
  #fill(formData) {
    const { name, value } = this.input;
    const { chosen, typed } = this.state;
    const texts = formData.getAll(name);
    const own = texts.indexOf(value);
    if (own < 0) return;
    texts[own] = [...chosen.map((each) => each.value), typed].filter(Boolean).join(",");
    formData.delete(name);
    for (const text of texts) formData.append(name, text);
  }

  async #become() {
    if (this.chooser) return;
    const TomSelect = await load(this.getAttribute("library")).catch(() => null);
    if (!TomSelect || this.chooser || !this.isConnected) return;
    const { input } = this;
    const { chosen, typed } = this.state;
    const focused = document.activeElement === input;
    input.value = "";
    this.chooser = new TomSelect(input, {
      options: chosen.map((each) => ({ ...each, note: "" })),
      items: chosen.map((each) => each.value),
      valueField: "value", labelField: "text", searchField: [],
      maxItems: this.hasAttribute("several") ? null : 1,
      create: false, persist: false, delimiter: ",", hideSelected: true, highlight: false, hidePlaceholder: false, closeAfterSelect: true, preload: "focus",
      shouldLoad: () => true,
      load: (query, done) => {
        const take = (found) => {
          // Its list takes the focus when it opens. In a window without it the library does not notice that one went on.
          this.chooser.isFocused &&= document.activeElement === this.chooser.control_input;
          done(found);
          this.found(query, found ?? []);
        };
        this.find(query).then(take, () => take());
      },
      onLoad: (found) => { if (found) this.tell(found.length); },
      onType: (text) => { this.awaited = text; this.chooser.clearOptions(); },
      onItemAdd: () => { this.#typed = ""; },
      onDropdownClose: () => this.#type(this.#typed),
      onBlur: () => this.#type(this.#typed),
      render: {
        option: (each) => this.row(each, true),
        item: (each) => this.chosen(each),
        no_results: null,          // it would lie over the form's button
        loading: () => this.line("…"),
      },
    });
    input.setAttribute("aria-hidden", "true");                    // the label names the library's own field
    this.#type(typed);
    this.chooser.control_input.addEventListener("input", ({ target }) => { this.#typed = target.value; });
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
  }

  // A page that was fetched anew says again that the label is the field's own: the library has given it to its own field.
  takeLabel() {
    const { input } = this;
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

// Which message the one in a box answers, as it stands above it.
export class MessageAnswering {
  constructor(composer) { this.composer = composer; }

  get #field() { return this.composer.form.elements.reply; }

  // Its number, and who said what; null when none is answered.
  get reply() {
    const id = Number(this.#field.value);
    return id ? { id, who: this.composer.querySelector("[data-answered]").textContent } : null;
  }

  // Above a message that is rewritten stands which one that is.
  show(reply) {
    const { composer } = this;
    this.#field.value = reply?.id || "";
    composer.querySelector(".answering").hidden = !reply && !composer.rewriting;
    composer.querySelector("[data-reply-to]").hidden = Boolean(composer.rewriting);
    composer.querySelector("[data-answered]").textContent = reply?.who || "";
    composer.querySelector("[data-answered-gone]").hidden = true;
    if (reply) this.lookForDeleted();
  }

  // The message whose button was pressed.
  begin(button) {
    const message = button.closest(".message");
    const name = message.querySelector(".meta b")?.textContent;
    const said = (message.querySelector(".text, .files") ?? message).textContent.trim().slice(0, 80);
    this.#change({ id: Number(button.dataset.reply), who: `${name}: ${said}` });
  }

  stop() {
    if (this.reply) this.#change(null);
  }

  #change(reply) {
    this.show(reply);
    this.composer.keepHere();
    this.composer.drafts.soon();
  }

  // It is deleted meanwhile: that is said, and nothing typed goes.
  lookForDeleted() {
    const answered = document.getElementById(`message-${this.#field.value}`);
    if (answered?.querySelector(".deleted")) this.composer.querySelector("[data-answered-gone]").hidden = false;
  }
}

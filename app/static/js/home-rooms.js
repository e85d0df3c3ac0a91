// <home-rooms>: on the home page, the last lines of rooms with something unread. Lines of all rooms that the member is in
// are pushed, one's own and what is read elsewhere among them: a line is shown while the sidebar counts something in its
// room. The first message of a new workspace ticks a step off.
const MOST = 5;

class HomeRooms extends HTMLElement {
  connectedCallback() {
    this.seen = this.lines.length;
    this.observer = new MutationObserver(() => this.#show());
    this.observer.observe(document.querySelector("nav.side"), { childList: true, subtree: true, attributeFilter: ["data-count", "data-notify"] });
    this.observer.observe(this.querySelector("ul"), { childList: true });
    this.#show();
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }

  get lines() { return [...this.querySelectorAll("li")]; }

  #show() {
    let shown = 0;
    for (const line of this.lines) {
      const counts = document.getElementById(line.id.replace("home-", "") + "-unread")?.dataset;
      if (counts) line.hidden = Number(counts.count ?? 0) === 0 || counts.notify === "nothing" || shown >= MOST;
      shown += Number(!line.hidden);
    }
    const isHidden = shown === 0;
    if (this.hidden !== isHidden) this.hidden = isHidden;
    if (this.lines.length > this.seen && document.getElementById("first-steps")) document.dispatchEvent(new Event("page:refresh"));
    this.seen = this.lines.length;
  }
}
customElements.define("home-rooms", HomeRooms);

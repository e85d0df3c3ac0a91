// <home-rooms>: on the home page, the last lines of rooms with something unread. Lines of all rooms that the member is in
// are pushed, one's own and of rooms that are told nothing of among them: a line stays while the sidebar counts something
// in its room. Where a line is missing, as there was no place for it or what it said is gone, the page fetches itself
// anew; so it does while a new workspace waits for its first message.
import { me } from "./page.js";

class HomeRooms extends HTMLElement {
  connectedCallback() {
    if (this.lines.length) asked = "first";
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
    const told = [...document.querySelectorAll("#rooms li .unread[data-count]")]
      .filter(({ dataset: { count, notify } }) => Number(count) > 0 && notify !== "nothing").map(({ id }) => id.split("-")[1]);
    const hasCome = this.lines.length > 0;
    for (const line of this.lines) {
      const room = roomOf(line);
      if (document.getElementById(`room-${room}-unread`) && !told.includes(room)) line.remove();
      else nameIt(line);
    }
    for (const line of this.lines.slice(Number(this.dataset.most))) line.remove();
    const shown = this.lines.map(roomOf);
    if (this.hidden !== (shown.length === 0)) this.hidden = shown.length === 0;
    const missing = shown.length < Number(this.dataset.most) ? told.filter((room) => !shown.includes(room)).join(" ") : "";
    const wanted = missing || (hasCome && document.getElementById("first-steps") ? "first" : "");
    if (wanted && wanted !== asked) document.dispatchEvent(new Event("page:refresh"));
    asked = wanted;
    this.observer.takeRecords();                       // of what was done here
  }
}

// For what the page was fetched anew already.
let asked = "";

const roomOf = (line) => line.id.replace("home-room-", "");

// A direct room is called after the others, whoever looks.
function nameIt(line) {
  line.querySelector(`.avatar[data-person="${me}"]`)?.remove();
  const people = [...line.querySelectorAll(".title [data-person]")];
  if (people.length) line.querySelector(".title").textContent = people.filter(({ dataset }) => dataset.person !== me).map(({ textContent }) => textContent).join(", ");
}
customElements.define("home-rooms", HomeRooms);

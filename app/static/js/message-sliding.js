// What is seen of a message that comes into a room which is not scrolled yet: all that is there slides up, and makes room.
import { placesOf, slide } from "./page.js";

export class Sliding {
  #movement = null;              // while it lasts

  constructor(messages) { this.messages = messages; }     // the <room-messages>

  // Where everything stands in such a room, of any other nothing. What slides still sticks out.
  places() {
    const { messages } = this;
    const isSliding = this.#movement?.playState === "running";
    const height = isSliding ? [...messages.children].reduce((all, { offsetHeight }) => all + offsetHeight, 0) : messages.scrollHeight;
    const isShort = height <= messages.clientHeight;
    return placesOf(isShort && messages.room && !document.hidden ? messages.children : []);
  }

  // From where it stood before.
  from(places) {
    if (places.size) this.#movement = this.messages.animate({ overflow: ["hidden", "hidden"] }, 160);      // it needs no scrollbar
    slide(places);
  }
}

// A message is the same for all in its room. What it says of a record that its reader may not see is plain text to them:
// the place of the card comes empty, or asks for it (chat/_card_place.html), and where that is refused, so are the links.
// They are links again when the card comes.
const PLACE = ".record-card-place";
const MOST_CARDS = 20;           // of a message; a record beyond them has none, whoever may see it

function addressOf(link) {
  return link.getAttribute("href") ?? link.dataset.leadsTo;
}

// Whether a link leads to a record that is not for this reader, as far as the cards of its message tell.
function isRefused(link, item) {
  const address = addressOf(link);
  const cards = [...item.querySelectorAll("[data-card]")];
  const byNumber = address.match(/^\/records\/([0-9]+)$/);
  if (byNumber) return cards.some((card) => card.dataset.card === `record-${byNumber[1]}` && "refused" in card.dataset);
  if (cards.some((card) => card.getAttribute("href") === address)) return false;
  return cards.length < MOST_CARDS && cards.every((card) => !card.matches(PLACE) || "refused" in card.dataset);
}

function showLinks(item) {
  for (const link of item.querySelectorAll("a.record-link")) {
    if (isRefused(link, item)) {
      link.dataset.leadsTo = addressOf(link);
      link.removeAttribute("href");
    } else if ("leadsTo" in link.dataset) {
      link.setAttribute("href", link.dataset.leadsTo);
      delete link.dataset.leadsTo;
    }
  }
}

function showAll() {
  document.querySelectorAll(`.message:is(:has(${PLACE}[data-refused]), :has(a.record-link[data-leads-to]))`).forEach(showLinks);
}

document.addEventListener("htmx:after:swap", showAll);
document.addEventListener("list:changed", showAll);
showAll();

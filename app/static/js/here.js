// Marks in a list of people who is here. The sidebar's list is pushed as it changes, and says it for the whole page.
function mark() {
  for (const row of document.querySelectorAll(".people-table tr[id^=member-]")) {
    const here = document.getElementById(row.id.replace("member", "here")) !== null;
    row.querySelector(".avatar").classList.toggle("here", here);
    row.querySelector("[data-here]").hidden = !here;
  }
}
document.addEventListener("htmx:after:swap", mark);
document.addEventListener("htmx:ws:after:message:incoming", mark);
document.addEventListener("page:refreshed", mark);
mark();

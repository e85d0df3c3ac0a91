// The fold-out menus close when one clicks elsewhere, presses Escape, or goes on to elsewhere by Tab.
const close = (except) => document.querySelectorAll("details.popup[open]").forEach((menu) => {
  if (menu !== except) menu.open = false;
});
for (const type of ["click", "focusin"]) document.addEventListener(type, ({ target }) => close(target.closest("details.popup")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest && event.target.closest("details.popup[open]");
  close();
  if (menu) menu.querySelector("summary").focus();
});

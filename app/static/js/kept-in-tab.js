// What an earlier page has kept in this tab and this one goes on with. Most tabs have nothing, and load nothing for it.
const MODULES = { outbox: "./outbox-toast.js", unsent: "./unsent.js", "taken out": "./taken-out.js" };
const { workspace, member } = document.body.dataset;

let names = [];
try { names = Object.keys(sessionStorage); } catch { /* off */ }
for (const [kind, module] of Object.entries(MODULES)) {
  if (names.some((name) => name.startsWith(`${kind} ${workspace} ${member} `))) import(module);
}

// What an earlier page has kept in this tab and this one goes on with. Most tabs have nothing, and load nothing for it.
import { me, workspace } from "./page.js";

const MODULES = { outbox: "./rooms.js", unsent: "./unsent.js", "taken out": "./rooms.js" };

let names = [];
try { names = Object.keys(sessionStorage); } catch { /* off */ }
for (const [kind, module] of Object.entries(MODULES)) {
  if (names.some((name) => name.startsWith(`${kind} ${workspace} ${me} `))) import(module);
}

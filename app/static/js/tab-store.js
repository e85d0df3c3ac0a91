// What is kept in this tab for one member of one workspace. A duplicated tab begins with a copy of it; who signs in
// next in this tab does not see it. The store of a tab may be full or off: then it is kept as long as the page, which
// goes on while one follows links.
import { askBeforeLeaving } from "./leaving.js";
import { me, workspace } from "./page.js";

export const whose = `${workspace} ${me}`;

const named = (kind, name) => `${kind} ${whose} ${name}`;

const pages = new Map();         // name -> text: what the store does not take

// Whether it outlives the page.
export function write(name, value) {
  const text = JSON.stringify(value);
  try {
    sessionStorage.setItem(name, text);
    pages.delete(name);
    return true;
  } catch {
    pages.set(name, text);
    return false;
  }
}

export function read(name) {
  try { return JSON.parse(pages.get(name) ?? sessionStorage.getItem(name)); } catch { return null; }
}

export function erase(name) {
  pages.delete(name);
  try { sessionStorage.removeItem(name); } catch { /* off */ }
}

export function keep(kind, name, value) { return write(named(kind, name), value); }

export function kept(kind, name) { return read(named(kind, name)); }

export function forget(kind, name) { erase(named(kind, name)); }

export function allKept(kind) {
  const names = new Set(pages.keys());
  try { for (const name of Object.keys(sessionStorage)) names.add(name); } catch { /* off */ }
  return [...names].filter((name) => name.startsWith(named(kind, ""))).map(read).filter(Boolean);
}

// What is `drafted` the server has, too.
askBeforeLeaving(() => [...pages.values()].some((text) => !JSON.parse(text).drafted));

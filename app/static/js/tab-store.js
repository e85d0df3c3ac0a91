// What is kept in this tab for one member of one workspace. A duplicated tab begins with a copy of it; who signs in
// next in this tab does not see it. The store of a tab may be full or off: then it is kept as long as the page.
const { workspace, member } = document.body.dataset;

export const me = member;
export const whose = `${workspace} ${member}`;

const named = (kind, name) => `${kind} ${whose} ${name}`;

export function keep(kind, name, value) {
  try { sessionStorage.setItem(named(kind, name), JSON.stringify(value)); } catch { /* full or off */ }
}

export function kept(kind, name) {
  try { return JSON.parse(sessionStorage.getItem(named(kind, name))); } catch { return null; }
}

export function forget(kind, name) {
  try { sessionStorage.removeItem(named(kind, name)); } catch { /* off */ }
}

export function allKept(kind) {
  try {
    const names = Object.keys(sessionStorage).filter((name) => name.startsWith(named(kind, "")));
    return names.map((name) => JSON.parse(sessionStorage.getItem(name))).filter(Boolean);
  } catch { return []; }
}

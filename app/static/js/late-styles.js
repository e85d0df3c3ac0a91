// Styles of what is seldom opened: they come when it is.
const added = new Map();

export function addStyles(name) {
  if (!added.has(name)) added.set(name, load(name));
  return added.get(name);
}

async function load(name) {
  const response = await fetch(new URL(`../late/${name}.css`, import.meta.url)).catch(() => null);
  if (!response?.ok) return added.delete(name);
  const sheet = await new CSSStyleSheet().replace(await response.text());
  document.adoptedStyleSheets.push(sheet);
}

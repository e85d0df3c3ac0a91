// What keeps a page from being used by everybody, as a list of complaints.
() => {
  const complaints = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && getComputedStyle(element).visibility !== "hidden";
  };
  const start = (element) => element.outerHTML.slice(0, 120);

  // Names, labels and references.
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) complaints.push(`the id ${id} is there twice`);
  for (const name of ["aria-describedby", "aria-labelledby", "aria-controls"]) {
    for (const element of all(`[${name}]`)) {
      for (const id of element.getAttribute(name).split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) complaints.push(`${name} leads to nothing: ${id}`);
      }
    }
  }
  for (const label of all("label[for]")) if (!document.getElementById(label.htmlFor)) complaints.push(`a label for nothing: ${label.htmlFor}`);
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (field.closest("[aria-hidden=true]")) continue;
    if (!field.labels?.length && !field.getAttribute("aria-label") && !field.getAttribute("aria-labelledby")) complaints.push(`no label: ${start(field)}`);
  }
  // What is not displayed at this width is no name.
  const spoken = (node) => node.nodeType === Node.TEXT_NODE ? node.data
    : node.nodeType !== Node.ELEMENT_NODE || getComputedStyle(node).display === "none" ? "" : [...node.childNodes].map(spoken).join("");
  for (const control of all("a[href], button, summary").filter(shown)) {
    if (!(control.getAttribute("aria-label") || spoken(control)).trim()) complaints.push(`no name: ${start(control)}`);
  }
  for (const image of all("img:not([alt])")) complaints.push(`no alternative: ${start(image)}`);

  // One first heading, and none left out below it.
  const levels = all("main :is(h1, h2, h3, h4)").filter(shown).map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) complaints.push(`headings of the levels ${levels}`);
  if (levels.some((level, index) => index && level > levels[index - 1] + 1)) complaints.push(`a level is left out: ${levels}`);

  // Large enough to be hit (WCAG 2.5.8), where it stands alone and its label does not help.
  for (const control of all("a[href], button, summary, select")) {
    const { width, height } = control.getBoundingClientRect();
    const alone = shown(control) && getComputedStyle(control).display !== "inline" && !control.matches(".visually-hidden, .message *, p > *");
    if (alone && (width < 23.5 || height < 23.5)) complaints.push(`${Math.round(width)} × ${Math.round(height)} px: ${start(control)}`);
  }

  // Nothing leads out of the page to the right (WCAG 1.4.10).
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) {
    const wide = all("body *").filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5).pop();
    complaints.push(`${scrollWidth} px wide of ${innerWidth}: ${wide ? start(wide) : ""}`);
  }

  // Contrast (WCAG 1.4.3), colours as they come out.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const draw = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const read = (color) => known.get(color) ?? known.set(color, draw(color)).get(color);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let outer = element; outer; outer = outer.parentElement) {
      const color = read(getComputedStyle(outer).backgroundColor);
      if (color[3] > 250) return color;
    }
    return read("Canvas");
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || seen.has(element) || !shown(element) || element.closest(".visually-hidden, option, script, [disabled]")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const [one, other] = [luminance(read(style.color)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) complaints.push(`contrast ${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return complaints;
}

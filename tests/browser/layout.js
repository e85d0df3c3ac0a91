// What is cut off, out of sight or written over something else on a page, and which pictures stand on a line of their own
// above the text that they belong to, as a list of complaints.
() => {
  const complaints = [];
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) complaints.push(`${scrollWidth} px wide of ${innerWidth}`);

  const start = (element) => element.outerHTML.slice(0, 120);
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("option, script, noscript, template, textarea, [hidden], [inert]")) continue;
    if ([element, element.parentElement].some((each) => getComputedStyle(each).clipPath !== "none")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, right, top, bottom } of range.getClientRects()) {
      if (right - left > 1 && bottom - top > 1) texts.push({ element, text: node.data.trim().slice(0, 40), left, right, top, bottom });
    }
  }

  // What scrolls, or ends in an ellipsis, cuts on purpose.
  const cuts = (element) => {
    const { overflowX, textOverflow } = getComputedStyle(element);
    return textOverflow === "ellipsis" || /auto|scroll/.test(overflowX);
  };
  const boxes = new Map();
  const boxOf = (element) => {
    if (!boxes.has(element)) {
      const box = { left: 0, right: innerWidth, meant: false };
      for (let outer = element; outer && outer !== document.body; outer = outer.parentElement) {
        if (cuts(outer)) box.meant = true;
        if (getComputedStyle(outer).overflowX === "visible") continue;
        const { left, right } = outer.getBoundingClientRect();
        [box.left, box.right] = [Math.max(box.left, left), Math.min(box.right, right)];
      }
      boxes.set(element, box);
    }
    return boxes.get(element);
  };
  for (const { element, text, left, right } of texts) {
    const box = boxOf(element);
    if (!box.meant && (left < box.left - 1 || right > box.right + 1)) complaints.push(`cut off: ${text}: ${start(element)}`);
  }

  // What floats above a page on purpose covers it: a bar, a sidebar, a notice.
  const layers = new Map();
  const layerOf = (element) => {
    if (!layers.has(element)) {
      let outer = element;
      while (outer && !/fixed|sticky/.test(getComputedStyle(outer).position)) outer = outer.parentElement;
      layers.set(element, outer);
    }
    return layers.get(element);
  };
  const lines = texts.filter(({ element }) => !boxOf(element).meant);
  for (const [index, one] of lines.entries()) {
    for (const other of lines.slice(index + 1)) {
      if (one.element === other.element || layerOf(one.element) !== layerOf(other.element)) continue;
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (wide > 2 && high > 0.4 * Math.min(one.bottom - one.top, other.bottom - other.top)) complaints.push(`over each other: ${one.text} | ${other.text}`);
    }
  }

  for (const picture of document.querySelectorAll("main :is(.icon, .avatar)")) {
    const outer = picture.parentElement;
    const { flexWrap, flexDirection, display } = getComputedStyle(outer);
    if (!/flex|block|inline/.test(display) || (/flex/.test(display) && (flexWrap === "nowrap" || flexDirection !== "row"))) continue;
    const { bottom, height } = picture.getBoundingClientRect();
    const own = texts.filter(({ element }) => outer.contains(element) && picture.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING || element === outer);
    if (height && own.length && own.every(({ top }) => top >= bottom - 2)) complaints.push(`alone on its line: ${start(outer)}`);
  }
  return complaints;
}

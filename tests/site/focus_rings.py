"""Where the ring of a figure's focus lies over something that has to be read."""

# Each control is focused as by keyboard; its ring must leave the other controls and all texts free.
SCRIPT = """() => {
  const root = document.querySelector(".lf");
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const boxes = [];
  for (const node of root.querySelectorAll("input, select, button")) {
    if (!shown(node)) continue;
    const { left, right, top, bottom } = node.getBoundingClientRect();
    const free = node.type === "range" ? (bottom - top - 16) / 2 : 0; // above and below the thumb
    boxes.push([node, node.value || node.textContent, { left, right, top: top + free, bottom: bottom - free }]);
  }
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (!node.data.trim() || !shown(node.parentElement) || node.parentElement.closest("option, .lf-hidden")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push([node.parentElement, node.data, box]);
  }
  const found = [];
  let rings = 0;
  for (const control of root.querySelectorAll("input[type=range], input[type=number], input[type=text]")) {
    if (!shown(control) || control.disabled) continue;
    control.focus({ focusVisible: true, preventScroll: true });
    const style = getComputedStyle(control);
    const reach = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
    if (style.outlineStyle === "none") found.push(`no ring on ${control.ariaLabel || control.dataset.trait}`);
    rings += 1;
    const ring = control.getBoundingClientRect();
    for (const [node, words, box] of boxes) {
      if (node === control || control.parentElement.matches(".lg-track") && node.closest(".lg-track")) continue;
      const wide = Math.min(ring.right + reach, box.right) - Math.max(ring.left - reach, box.left);
      const high = Math.min(ring.bottom + reach, box.bottom) - Math.max(ring.top - reach, box.top);
      if (wide > 1 && high > 1) found.push(`${control.ariaLabel || control.dataset.trait} over ${words}`);
    }
  }
  return { rings, found };
}"""


def overlaps(page, least: int) -> list[str]:
    """Sliders, numbers and cells whose ring covers more than a pixel of something else; fails if there are too few."""
    seen = page.evaluate(SCRIPT)
    assert seen["rings"] >= least, seen
    return seen["found"]

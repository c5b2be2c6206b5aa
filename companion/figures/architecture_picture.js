// The picture of the architecture explorer: a box per block, as tall as its maps' side and as wide as its channels
// (both in logarithm), and below each its share of what is counted.

const PICTURE = { left: 34, top: 22, boxes: 190, gap: 16, bars: 64, foot: 18 };
const PICTURE_HEIGHT = Object.entries(PICTURE).reduce((sum, [name, n]) => sum + (name === "left" ? 0 : n), 0);
const LEAST_SIDE = 7; // height of a box of 1 × 1
const LARGEST = 512;
const TICKS = [1, 8, 64, 512];

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const heightOf = (side) => LEAST_SIDE + ((PICTURE.boxes - LEAST_SIDE) * Math.log2(side)) / Math.log2(LARGEST);
const round = (value) => Math.round(value * 10) / 10;
const rect = (x, y, width, height) => `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;

// The patterns that tell the kinds apart without colour: lines of a 6 × 6 tile.
const PATTERNS = {
  pool: "M-1 7L7 -1",
  linear: "M0 3H6",
  transition: "M-1 -1L7 7",
  dense: "M3 2.2v1.6M2.2 3h1.6",
  inverted: "M3 0V6",
  transformer: "M-1 7L7 -1M-1 -1L7 7",
};

function patterns(id) {
  return Object.entries(PATTERNS).map(([kind, d]) =>
    svg(
      "pattern",
      { id: `${id}-${kind}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
      svg("path", { class: "ae-hatch", d }),
    ),
  );
}

// A small picture of a kind for the legend.
function swatch(id, kind) {
  const box = { x: 1, y: 3, width: 16, height: 12 };
  const parts = [svg("rect", { ...box, class: `ae-box ae-${kind}` })];
  if (PATTERNS[kind]) parts.push(svg("rect", { ...box, fill: `url(#${id}-${kind})` }));
  if (kind === "inception") parts.push(svg("path", { class: "ae-mark", d: "M1 6h16M1 11h16" }));
  if (kind === "residual") parts.push(svg("path", { class: "ae-arc", d: "M3 3C5 -1 13 -1 15 3" }));
  if (kind === "broken") parts.push(svg("path", { class: "ae-cross", d: "M5 6l8 6M5 12l8 -6" }));
  return svg("svg", { width: 18, height: 16, viewBox: "0 0 18 16" }, ...parts);
}

class ArchitecturePicture {
  constructor(id) {
    this.id = id;
    const path = (name) => svg("path", { class: `ae-${name}` });
    this.parts = Object.fromEntries(
      ["ticks", "base", "marks", "arcs", "cross", "bars", "bar-now", "now", "target"].map((name) => [name, path(name)]),
    );
    this.boxes = svg("g");
    this.labels = svg("g", { class: "ae-labels" });
    this.tickLabels = svg("g", { class: "ae-tick-labels" });
    this.share = svg("text", { class: "ae-share" });
    const { ticks, base, marks, arcs, cross, bars, now, target } = this.parts;
    this.node = svg(
      "svg",
      { class: "ae-picture", role: "img" },
      svg("defs", {}, ...patterns(id)),
      ticks,
      this.tickLabels,
      this.boxes,
      marks,
      arcs,
      cross,
      this.labels,
      base,
      bars,
      this.parts["bar-now"],
      now,
      this.share,
      target,
    );
  }

  // blocks: [{kind, side, channels, widths, shortcut, broken}, …], side null where there is none; shares: of each
  // block, null to hide them; now: the chosen one; labels: whether sides are written on the boxes.
  draw({ width, blocks, shares, now, labels, words }) {
    const { left, top, boxes, gap, bars } = PICTURE;
    const foot = top + boxes;
    const room = width - left - 4;
    const space = Math.min(3, (0.2 * room) / blocks.length);
    const units = blocks.map(({ channels }) => Math.log2(channels) + 1);
    const unit = Math.min(14, (room - space * blocks.length) / units.reduce((sum, n) => sum + n, 0));
    const used = units.reduce((sum, n) => sum + n * unit + space, 0);
    let x = left + (room - used) / 2;
    this.places = blocks.map((block, i) => {
      const place = { x, width: units[i] * unit, height: block.side ? heightOf(block.side) : 16 };
      x += place.width + space;
      return { ...place, y: foot - place.height };
    });
    this.drawBoxes(blocks);
    this.drawMarks(blocks);
    this.drawLabels(labels ? blocks : []);
    const barFoot = foot + gap + bars;
    const most = shares ? Math.max(...shares, 1e-9) : 1;
    const bar = (i) => {
      const { x: at, width: wide } = this.places[i];
      const tall = shares ? (bars * shares[i]) / most : 0;
      return tall > 0 ? rect(at, barFoot - Math.max(tall, 0.5), wide, Math.max(tall, 0.5)) : "";
    };
    const chosen = this.places[now];
    const middle = chosen.x + chosen.width / 2;
    this.setPaths({
      ticks: TICKS.map((side) => `M${left} ${round(foot - heightOf(side))}H${width - 4}`).join(""),
      base: `M${left} ${foot}H${width - 4}M${left} ${barFoot}H${width - 4}`,
      bars: blocks.map((_, i) => (i === now ? "" : bar(i))).join(""),
      "bar-now": bar(now),
      now: [
        rect(chosen.x - 1.5, chosen.y - 1.5, chosen.width + 3, chosen.height + 3),
        `M${round(middle)} ${foot + 3}l5 8h-10z`,
      ].join(""),
      target: rect(left, 0, room, barFoot),
    });
    this.drawTicks(foot);
    const right = middle > width * 0.8;
    setAttributes(this.share, {
      x: clamp(round(middle), left + 4, width - 6),
      y: barFoot + 14,
      "text-anchor": right ? "end" : middle < left + 40 ? "start" : "middle",
    });
    put(this.share, words.share);
    setAttributes(this.node, {
      viewBox: `0 0 ${width} ${PICTURE_HEIGHT}`,
      width,
      height: PICTURE_HEIGHT,
      "aria-label": words.picture,
    });
  }

  setPaths(paths) {
    for (const [name, d] of Object.entries(paths)) {
      if (this.parts[name].getAttribute("d") !== d) this.parts[name].setAttribute("d", d);
    }
  }

  drawBoxes(blocks) {
    while (this.boxes.childElementCount > 2 * blocks.length) this.boxes.lastChild.remove();
    while (this.boxes.childElementCount < 2 * blocks.length) this.boxes.append(svg("rect"));
    const nodes = this.boxes.children;
    blocks.forEach(({ kind, side, broken }, i) => {
      const { x, y, width, height } = this.places[i];
      const box = { x: round(x), y: round(y), width: round(width), height: round(height) };
      const look = side ? `ae-box ae-${kind}` : `ae-box ae-none${broken ? " ae-broken" : ""}`;
      setAttributes(nodes[2 * i], { ...box, class: look });
      const hatched = side && PATTERNS[kind];
      setAttributes(nodes[2 * i + 1], { ...box, fill: hatched ? `url(#${this.id}-${kind})` : "none" });
    });
  }

  // The branches of an Inception module, a dense layer's own maps; the arc of a shortcut; the cross of a break.
  drawMarks(blocks) {
    const d = { marks: "", arcs: "", cross: "" };
    blocks.forEach(({ side, widths, shortcut, broken }, i) => {
      const { x, y, width, height } = this.places[i];
      if (side && widths.length) {
        const all = widths.reduce((sum, n) => sum + n, 0);
        let done = 0;
        for (const part of widths.slice(0, -1)) {
          done += part;
          d.marks += `M${round(x)} ${round(y + (height * done) / all)}h${round(width)}`;
        }
      }
      if (side && shortcut) {
        const up = clamp(width / 2, 3, 8);
        const span = width - 2;
        const curve = [span / 6, -up, (5 * span) / 6, -up, span, 0].map(round).join(" ");
        d.arcs += `M${round(x + 1)} ${round(y)}c${curve}`;
      }
      if (broken) {
        const [cx, cy, half] = [x + width / 2, y - 12, 6];
        d.cross += `M${round(cx - half)} ${round(cy - half)}l12 12m0 -12l-12 12`;
      }
    });
    this.setPaths(d);
  }

  // The side, above each box where it changes and there is room for it.
  drawLabels(blocks) {
    const words = [];
    let free = 0;
    let before = null;
    blocks.forEach(({ side, shortcut }, i) => {
      const { x, y, width } = this.places[i];
      if (side && side !== before && x + width / 2 - 8 >= free) {
        words.push({ x: x + width / 2, y: y - (shortcut ? 11 : 6), text: String(side) });
        free = x + width / 2 + 4 * String(side).length + 10;
        before = side;
      }
    });
    while (this.labels.childElementCount > words.length) this.labels.lastChild.remove();
    while (this.labels.childElementCount < words.length) this.labels.append(svg("text", { "text-anchor": "middle" }));
    words.forEach(({ x, y, text }, i) => {
      setAttributes(this.labels.children[i], { x: round(x), y: round(y) });
      put(this.labels.children[i], text);
    });
  }

  drawTicks(foot) {
    if (this.tickLabels.childElementCount) return;
    for (const side of TICKS) {
      const y = foot - heightOf(side) + 4;
      this.tickLabels.append(svg("text", { x: PICTURE.left - 6, y: round(y), "text-anchor": "end" }, String(side)));
    }
  }

  // The block whose box is at x, or nearest to it.
  at(x) {
    const distances = this.places.map((place) => Math.max(place.x - x, x - place.x - place.width, 0));
    return distances.indexOf(Math.min(...distances));
  }
}

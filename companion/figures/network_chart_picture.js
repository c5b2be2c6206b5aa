// The picture of the network chart: points on a logarithmic axis, a shape and a colour per family.

const SMALLEST = 4.5; // radius in pixels of the smallest point, and of the largest
const LARGEST = 13;
const REACH = 28; // pixels, from the pointer to a point it takes
const LEFT = 42; // room for the axes' words
const BOTTOM = 46;
const ABOVE = 66; // and for the key of the sizes

const round = (number) => Math.round(100 * number) / 100;
const corners = (radii, turn = 0) =>
  `M${radii
    .map((r, i) => {
      const angle = (2 * Math.PI * i) / radii.length + turn - Math.PI / 2;
      return `${round(r * Math.cos(angle))},${round(r * Math.sin(angle))}`;
    })
    .join("L")}Z`;
const polygon = (sides, r, turn) => corners(Array(sides).fill(r), turn);
const star = (points, r, inner) => corners(Array.from({ length: 2 * points }, (_, i) => (i % 2 ? inner * r : r)));
const cross = (r, turn) => {
  const w = 0.36 * r;
  const xs = [-w, w, w, r, r, w, w, -w, -w, -r, -r, -w];
  const ys = [-r, -r, -w, -w, w, w, r, r, w, w, -w, -w];
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return `M${xs.map((x, i) => `${round(x * c - ys[i] * s)},${round(x * s + ys[i] * c)}`).join("L")}Z`;
};

// The shape of a family as a path around (0, 0); all look about as large.
const SHAPES = {
  AlexNet: (r) => star(5, 1.3 * r, 0.45),
  VGG: (r) => polygon(4, 1.25 * r, Math.PI / 4),
  Inception: (r) => polygon(3, 1.35 * r, Math.PI),
  ResNet: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  DenseNet: (r) => polygon(4, 1.25 * r),
  SqueezeNet: (r) => cross(1.15 * r, Math.PI / 4),
  ShuffleNet: (r) => cross(1.2 * r, 0),
  MobileNet: (r) => polygon(3, 1.35 * r),
  EfficientNet: (r) => polygon(6, 1.12 * r),
  RegNet: (r) => polygon(5, 1.15 * r),
  ConvNeXt: (r) => star(4, 1.35 * r, 0.5),
  Transformer: (r) => star(8, 1.25 * r, 0.6),
  Other: (r) => polygon(3, 1.35 * r, Math.PI / 2),
};

function familyMark(family, r, attributes = {}) {
  const known = SHAPES[family] ? family : "Other";
  return svg("path", { d: SHAPES[known](r), class: `nc-mark nc-${known}`, ...attributes });
}

// A family's mark by itself, beside its name.
function familySwatch(family) {
  return svg("svg", { viewBox: "-9 -9 18 18", width: 18, height: 18, "aria-hidden": "true" }, familyMark(family, 6));
}

class ChartPicture {
  constructor() {
    this.axes = svg("g", { class: "nc-axes" });
    this.front = svg("path", { class: "nc-front" });
    this.points = svg("g");
    this.ring = svg("circle", { class: "nc-ring" });
    this.chosen = svg("g");
    this.asked = svg("line", { class: "nc-asked" });
    this.label = svg("text", { class: "nc-label" });
    this.key = svg("g", { class: "nc-key" });
    this.node = svg(
      "svg",
      { class: "nc-plot", role: "img" },
      this.axes,
      this.key,
      this.asked,
      this.front,
      this.points,
      this.chosen,
      this.ring,
      this.label,
    );
    this.drawn = "";
  }

  // Draws the axes and the points, where they are not drawn already. `ranges`: {x, y, size} of all networks.
  draw({ width, height, shown, x, size, ranges, front, text, lang }) {
    const now = JSON.stringify([width, height, x, lang, front.map(({ id }) => id), shown.map(({ id }) => id)]);
    if (now === this.drawn) return;
    this.drawn = now;
    Object.assign(this, { width, height, shown, x, size, ranges });
    setAttributes(this.node, { viewBox: `0 0 ${width} ${height}`, width, height });
    this.drawAxes(text);
    this.drawKey(text);
    this.places = new Map(shown.map((one) => [one.id, this.place(one)]));
    // The large first, so that they hide no small one.
    const largestFirst = [...shown].sort((a, b) => b[size] - a[size]);
    this.marks = new Map(largestFirst.map((one) => [one.id, this.mark(one)]));
    this.points.replaceChildren(...this.marks.values());
    this.drawFront(front);
  }

  place(one) {
    return [
      LEFT + (this.width - LEFT - 6) * logPosition(one[this.x], this.ranges.x),
      ABOVE + (this.height - ABOVE - BOTTOM) * (1 - linearPosition(one.top1, this.ranges.y)),
    ];
  }

  radius(value) {
    return SMALLEST + (LARGEST - SMALLEST) * logPosition(value, this.ranges.size);
  }

  mark(one, attributes = {}) {
    const [px, py] = this.places.get(one.id);
    const transform = `translate(${round(px)} ${round(py)})`;
    return familyMark(one.family, this.radius(one[this.size]), { transform, ...attributes });
  }

  drawAxes(text) {
    const { width, height, ranges } = this;
    const right = width - 6;
    const foot = height - BOTTOM;
    const parts = [];
    for (let value = ranges.y[0]; value <= ranges.y[1]; value += 5) {
      const y = ABOVE + (foot - ABOVE) * (1 - linearPosition(value, ranges.y));
      parts.push(svg("line", { x1: LEFT, x2: right, y1: y, y2: y }));
      parts.push(svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, value));
    }
    const unit = this.x === "parameters" ? 1e6 : 1;
    for (const tick of logTicks(ranges.x, width < 500)) {
      const x = LEFT + (right - LEFT) * logPosition(tick, ranges.x);
      parts.push(svg("line", { x1: x, x2: x, y1: ABOVE, y2: foot }));
      const label = { x: Math.min(x, width - 18), y: foot + 16, "text-anchor": "middle" };
      parts.push(svg("text", label, (tick / unit).toLocaleString("en")));
    }
    parts.push(svg("text", { x: (LEFT + right) / 2, y: foot + 36, "text-anchor": "middle" }, text.axis[this.x]));
    parts.push(svg("text", { x: 2, y: ABOVE - 12 }, text.accuracy));
    this.axes.replaceChildren(...parts);
  }

  // Four sizes of points, above the plot.
  drawKey(text) {
    const values = this.size === "parameters" ? [1e6, 1e7, 1e8, 1e9] : [0.1, 1, 10, 100];
    const place = (i) => this.width - 24 - (values.length - 1 - i) * 36;
    const parts = [svg("text", { x: place(0) - 18, y: 20, "text-anchor": "end" }, text.sizeKey[this.x])];
    values.forEach((value, i) => {
      const number = this.size === "parameters" ? value / 1e6 : value;
      parts.push(svg("circle", { cx: place(i), cy: 16, r: round(this.radius(value)) }));
      parts.push(svg("text", { x: place(i), y: 42, "text-anchor": "middle" }, number.toLocaleString("en")));
    });
    this.key.replaceChildren(...parts);
  }

  // A staircase: what the best so far reaches, up to the next that is better.
  drawFront(front) {
    const steps = front.map((one) => this.places.get(one.id).map(round));
    const path = steps.map(([x, y], i) => (i ? `H${x}V${y}` : `M${x},${y}`)).join("");
    setAttributes(this.front, { d: steps.length ? `${path}H${this.width - 6}` : "" });
  }

  // The ring around one network, and its name. While its accuracy is asked for, a line stands for it.
  choose(one, asking, name) {
    for (const hidden of this.points.querySelectorAll("[visibility]")) hidden.removeAttribute("visibility");
    const [px, py] = this.places.get(one.id);
    this.marks.get(one.id).setAttribute("visibility", "hidden");
    this.front.style.visibility = asking ? "hidden" : "";
    this.chosen.replaceChildren(...(asking ? [] : [this.mark(one, { class: `nc-mark nc-chosen nc-${one.family}` })]));
    const r = this.radius(one[this.size]) * 1.3 + 3;
    setAttributes(this.ring, { cx: round(px), cy: round(py), r: asking ? 0 : round(r) });
    const line = asking ? { x1: px, x2: px, y1: ABOVE, y2: this.height - BOTTOM } : { x1: -9, x2: -9, y1: 0, y2: 0 };
    setAttributes(this.asked, line);
    const toLeft = px > this.width / 2;
    const x = px + (toLeft ? -1 : 1) * (asking ? 6 : r + 4);
    const y = asking ? ABOVE + 14 : py + 4;
    setAttributes(this.label, { x: round(x), y: round(y), "text-anchor": toLeft ? "end" : "start" });
    put(this.label, name);
  }

  // The shown network nearest to a place in pixels, or undefined if none is near.
  at(x, y, reach = REACH) {
    let nearest;
    let least = reach;
    for (const [id, [px, py]] of this.places) {
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [nearest, least] = [id, distance];
    }
    return nearest;
  }
}

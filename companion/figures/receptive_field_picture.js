// The pictures of the receptive-field explorer: the field on the padded input beside the layer's output, and the cone
// of what is seen at every layer. A grid is one path however many cells it has.

const CELL = 30; // largest cell, in CSS pixels
const LEGIBLE = 5; // smallest cell that is drawn as a cell
const HEAT = [214, 78, 10]; // on the input's blue, light page or dark

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const rect = (x, y, width, height) => `M${x} ${y}h${width}v${height}h${-width}z`;
const path = (name) => svg("path", { class: `rfe-${name}` });

function setPaths(parts, paths) {
  for (const [name, d] of Object.entries(paths)) {
    if (parts[name].getAttribute("d") !== d) parts[name].setAttribute("d", d);
  }
}

// The inner lines of a grid of n × n cells at (x, y).
function gridLines(x, y, n, cell) {
  let d = "";
  for (let i = 1; i < n; i++) d += `M${x + i * cell} ${y}v${n * cell}M${x} ${y + i * cell}h${n * cell}`;
  return d;
}

// [4, 5, 6, 9] → [[4, 7], [9, 10]]: runs of neighbours, each without its end.
function runs(positions) {
  const found = [];
  for (const position of positions) {
    const last = found.at(-1);
    if (last?.[1] === position) last[1] += 1;
    else found.push([position, position + 1]);
  }
  return found;
}

// Where input and output go on a stage of this width: side by side, or one above the other on a phone.
function stageBoxes(width) {
  const label = 24;
  if (width >= 560) {
    const side = clamp(Math.round(width * 0.48), 270, 370);
    const left = side + Math.round(width * 0.1);
    const output = Math.min(side, width - left);
    return {
      height: label + side + 4,
      input: { x: 0, y: label, side },
      output: { x: left, y: label + (side - output) / 2, side: output },
      beside: true,
    };
  }
  const side = Math.min(width, 300);
  const output = 150;
  return {
    height: label + side + label + output + 4,
    input: { x: (width - side) / 2, y: label, side },
    output: { x: (width - output) / 2, y: label + side + label, side: output },
    beside: false,
  };
}

// A measured map as a picture, one pixel per cell, from clear at 0 to the heat's colour at the peak.
function heatMap({ side, cells }) {
  const bytes = atob(cells);
  const image = new ImageData(side, side);
  for (let i = 0; i < bytes.length; i++) image.data.set([...HEAT, bytes.charCodeAt(i)], 4 * i);
  const node = html("canvas", { width: side, height: side });
  node.getContext("2d").putImageData(image, 0, 0);
  return node.toDataURL();
}

class FieldPicture {
  constructor(id) {
    this.clips = ["input", "stage"].map((name) => svg("rect", {}));
    const clip = (name, node) => svg("clipPath", { id: `${id}-${name}` }, node);
    const within = (name) => ({ "clip-path": `url(#${id}-${name})` });
    const text = () => svg("text", { class: "rfe-label", "text-anchor": "middle" });
    this.parts = {
      padding: path("padding"),
      paddingEdge: path("padding-edge"),
      input: path("input"),
      grid: path("grid"),
      read: path("read"),
      inputEdge: path("input-edge"),
      beam: path("beam"),
      field: path("field"),
      width: path("width"),
      output: path("output"),
      outputGrid: path("grid"),
      outputEdge: path("output-edge"),
      now: path("now"),
      inputTarget: path("target"),
      outputTarget: path("target"),
    };
    this.heat = svg("image", { preserveAspectRatio: "none", ...within("input") });
    setAttributes(this.parts.width, within("input"));
    setAttributes(this.parts.field, within("stage"));
    this.parts.read.after(this.heat);
    this.labels = [text(), text()];
    const { inputTarget, outputTarget, field, width, ...below } = this.parts;
    this.node = svg(
      "svg",
      { class: "rfe-stage", role: "img" },
      svg("defs", {}, clip("input", this.clips[0]), clip("stage", this.clips[1])),
      ...["padding", "paddingEdge", "input", "grid", "read"].map((name) => below[name]),
      this.heat,
      ...["inputEdge", "beam"].map((name) => below[name]),
      width,
      field,
      ...["output", "outputGrid", "outputEdge", "now"].map((name) => below[name]),
      ...this.labels,
      inputTarget,
      outputTarget,
    );
    this.maps = new Map(); // a layer's measured field, as a picture
  }

  // size: the input's; out: the output's, null where there is none; reach: [lo, hi], the positions of the input and
  // its padding that are drawn; field: {size, jump, start}; at: [row, column]; read: [rows, columns], or null;
  // effective: the measured field, or null; hidden: the input only.
  draw({ width, size, out, reach: [lo, hi], field, at, read, effective, hidden, text }) {
    const boxes = stageBoxes(width);
    let cell = Math.min(CELL, boxes.input.side / (hi - lo));
    if (cell >= LEGIBLE) cell = Math.floor(cell);
    const legible = cell >= LEGIBLE;
    const margin = Math.round((boxes.input.side - (hi - lo) * cell) / 2);
    const [x0, y0] = [boxes.input.x + margin, boxes.input.y + margin]; // position lo
    const x = (position) => x0 + (position - lo) * cell;
    const y = (position) => y0 + (position - lo) * cell;
    const small = out ? Math.min(CELL, boxes.output.side / out) : 0;
    const outCell = small >= LEGIBLE ? Math.floor(small) : small;
    const outMargin = out ? (boxes.output.side - out * outCell) / 2 : 0;
    const [ox, oy] = [Math.round(boxes.output.x + outMargin), Math.round(boxes.output.y + outMargin)];
    this.view = { x0, y0, lo, cell, ox, oy, outCell, out, field };
    const shown = Boolean(out) && !hidden;
    const [row, column] = at;
    const [top, left] = [field.start + row * field.jump, field.start + column * field.jump];
    const side = field.size * cell;
    const now = { x: ox + column * outCell, y: oy + row * outCell, side: Math.max(outCell, 5) };
    const whole = rect(x0, y0, (hi - lo) * cell, (hi - lo) * cell);
    const inner = rect(x(0), y(0), size * cell, size * cell);
    const outer = out && !hidden ? rect(ox, oy, out * outCell, out * outCell) : "";
    // What of the field is on the stage, for the beam.
    const [right, bottom] = [Math.min(x(left) + side, x(hi)), Math.min(y(top) + side, y(hi))];
    const [from, above] = [Math.max(x(left), x0), Math.max(y(top), y0)];
    const beam = boxes.beside
      ? `M${right} ${above}L${now.x} ${now.y}v${now.side}L${right} ${bottom}z`
      : `M${from} ${bottom}L${now.x} ${now.y}h${now.side}L${right} ${bottom}z`;
    const reads = () => {
      const columns = runs(read[1]);
      return runs(read[0])
        .flatMap(([a, b]) => columns.map(([c, d]) => rect(x(c), y(a), (d - c) * cell, (b - a) * cell)))
        .join("");
    };
    const half = effective ? (effective.width / 2) * cell : 0;
    const [cx, cy] = [x(left) + side / 2, y(top) + side / 2];
    setPaths(this.parts, {
      padding: lo < 0 || hi > size ? whole + inner : "",
      paddingEdge: lo < 0 || hi > size ? whole : "",
      input: inner,
      grid: legible ? gridLines(x(0), y(0), size, cell) : "",
      inputEdge: inner,
      read: shown && read && !effective ? reads() : "",
      beam: shown ? beam : "",
      field: shown ? rect(x(left), y(top), side, side) : "",
      width: shown && effective ? rect(cx - half, cy - half, 2 * half, 2 * half) : "",
      output: outer,
      outputGrid: outer && outCell >= LEGIBLE ? gridLines(ox, oy, out, outCell) : "",
      outputEdge: outer,
      now: outer ? rect(now.x, now.y, now.side, now.side) : "",
      inputTarget: whole,
      outputTarget: outer,
    });
    setAttributes(this.parts.padding, { "fill-rule": "evenodd" });
    this.drawHeat(shown ? effective : null, { x: x(left), y: y(top), side });
    setAttributes(this.clips[0], { x: x(0), y: y(0), width: size * cell, height: size * cell });
    setAttributes(this.clips[1], { x: x0 - 2, y: y0 - 2, width: (hi - lo) * cell + 4, height: (hi - lo) * cell + 4 });
    [
      [boxes.input.x + boxes.input.side / 2, y0, text.input],
      [boxes.output.x + boxes.output.side / 2, out ? oy : boxes.output.y, text.output],
    ].forEach(([middle, foot, words], i) => {
      setAttributes(this.labels[i], { x: middle, y: foot - 8 });
      put(this.labels[i], words);
    });
    setAttributes(this.node, {
      viewBox: `0 0 ${width} ${boxes.height}`,
      width,
      height: boxes.height,
      "aria-label": text.picture,
    });
    return boxes;
  }

  drawHeat(effective, { x, y, side }) {
    this.heat.style.display = effective ? "" : "none";
    if (!effective) return;
    if (!this.maps.has(effective)) this.maps.set(effective, heatMap(effective));
    const href = this.maps.get(effective);
    if (this.heat.getAttribute("href") !== href) setAttributes(this.heat, { href });
    setAttributes(this.heat, { x, y, width: side, height: side });
  }

  // The output whose field is centred nearest to (x, y) on the input, or which is there itself.
  atInput(x, y) {
    const { x0, y0, lo, cell, out, field } = this.view;
    const nearest = (offset) => Math.round((offset / cell + lo - field.start - field.size / 2) / field.jump);
    return { row: clamp(nearest(y - y0), 0, out - 1), column: clamp(nearest(x - x0), 0, out - 1) };
  }

  atOutput(x, y) {
    const { ox, oy, outCell, out } = this.view;
    const index = (offset) => clamp(Math.floor(offset / outCell), 0, out - 1);
    return { row: index(y - oy), column: index(x - ox) };
  }
}

// The cone: at each level the whole map as a bar, and on it the window that is seen, all in the input's pixels. Level
// number l is drawn at the height of row l of the table.
class ConePicture {
  constructor() {
    this.parts = Object.fromEntries(["cone", "bars", "padded", "windows", "reads"].map((name) => [name, path(name)]));
    this.node = svg("svg", { class: "rfe-cones", "aria-hidden": "true" }, ...Object.values(this.parts));
  }

  // levels: per level {size, field, seen: {start, end, read}, null where nothing is seen}; reach: [lo, hi].
  draw({ left, width, height, rowHeight, first, bar, connect, levels, reach: [lo, hi] }) {
    const scale = width / (hi - lo);
    const paths = { cone: "", bars: "", padded: "", windows: "", reads: "" };
    let above = null;
    levels.forEach(({ size, field, seen }, l) => {
      const y = first + l * rowHeight;
      // Position p of this level stands in the middle of its own field, and is a jump wide.
      const x = (p) => {
        const position = field.start + (field.size - 1) / 2 + 0.5 + (p - 0.5) * field.jump;
        return Math.round(clamp((position - lo) * scale, 0, width) * 10) / 10;
      };
      const box = (from, to) => rect(x(from), y, Math.max(x(to) - x(from), 1), bar);
      if (size) paths.bars += box(0, size);
      if (!seen) {
        above = null;
        return;
      }
      const [from, to] = [x(seen.start), Math.max(x(seen.end), x(seen.start) + 1)];
      paths.windows += rect(from, y, to - from, bar);
      for (const [start, end] of runs(seen.read)) paths.reads += box(start, end);
      if (above && connect) paths.cone += `M${above.from} ${above.y}L${from} ${y}H${to}L${above.to} ${above.y}z`;
      above = { from, to, y: y + bar };
    });
    setPaths(this.parts, paths);
    this.node.style.left = `${left}px`;
    setAttributes(this.node, { width, height, viewBox: `0 0 ${width} ${height}` });
  }
}

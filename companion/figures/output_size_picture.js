// The pictures of the output-size explorer: the input with its window beside the output grid, and the far end of
// one row, magnified. A grid is one path however many cells it has, so that a key press costs the same at 256 × 256.

const CELL = 38; // largest cell, in CSS pixels
const LEGIBLE = 5; // smallest cell that is drawn as a cell

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const rect = (x, y, width, height) => `M${x} ${y}h${width}v${height}h${-width}z`;

// The inner lines of a grid of columns × rows cells, at (x, y).
function gridLines(x, y, columns, rows, cell) {
  let path = "";
  for (let i = 1; i < columns; i++) path += `M${x + i * cell} ${y}v${rows * cell}`;
  for (let j = 1; j < rows; j++) path += `M${x} ${y + j * cell}h${columns * cell}`;
  return path;
}

function hatching(id) {
  return svg(
    "pattern",
    { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 6, height: 6, class: "ose-hatch-ground" }),
    svg("rect", { width: 2, height: 6, class: "ose-hatch" }),
  );
}

// Where the two grids go on a stage of this width: side by side, or one above the other on a phone.
function stageBoxes(width) {
  const label = 24; // above each grid; below the input there is room for "drawn to scale"
  const below = 18;
  if (width >= 560) {
    const height = clamp(Math.round(width * 0.4), 280, 370);
    const gap = Math.round(width * 0.09);
    const tall = height - label - below;
    const input = { x: 0, y: label, width: Math.round(width * 0.56), height: tall };
    const output = { x: input.width + gap, y: label, width: width - input.width - gap, height: tall };
    return { height, input, output, beside: true };
  }
  const input = { x: 0, y: label, width, height: Math.round(Math.min(width * 0.8, 280)) };
  const output = { x: 0, y: input.y + input.height + below + label, width, height: 190 };
  return { height: output.y + output.height + 4, input, output, beside: false };
}

class SlidingPicture {
  constructor(id) {
    const path = (name, attributes) => svg("path", { class: `ose-${name}`, ...attributes });
    const text = (name) => svg("text", { class: `ose-${name}`, "text-anchor": "middle" });
    this.parts = {
      padding: path("padding"),
      input: path("input"),
      inputGrid: path("grid"),
      paddingGrid: path("padding-grid"),
      zeros: svg("path", { fill: `url(#${id}-zero)` }),
      unread: svg("path", { fill: `url(#${id}-hatch)` }),
      inputEdge: path("input-edge"),
      paddingEdge: path("padding-edge"),
      overhang: path("overhang"),
      beam: path("beam"),
      output: path("output"),
      outputDone: path("done"),
      outputGrid: path("grid"),
      outputEdge: path("output-edge"),
      now: path("now"),
      windowGround: path("window-ground"),
      taps: path("taps"),
      window: path("window"),
      inputLabel: text("label"),
      outputLabel: text("label"),
      scaleLabel: text("small"),
      inputTarget: path("target"),
      windowTarget: path("target ose-grip"),
      outputTarget: path("target"),
    };
    this.zero = svg("text", { class: "ose-zero", "text-anchor": "middle", "dominant-baseline": "central" });
    this.zeroCell = svg("pattern", { id: `${id}-zero`, patternUnits: "userSpaceOnUse" }, this.zero);
    this.node = svg(
      "svg",
      { class: "ose-stage", role: "img" },
      svg("defs", {}, hatching(`${id}-hatch`), this.zeroCell),
      ...Object.values(this.parts),
    );
  }

  // `horizontal` and `vertical`: {size, stride, dilation, padding, kernel, span, padded, extent, out, unread}.
  // `hidden`: draw the input and its first window only.
  draw({ width, horizontal: h, vertical: v, step, hidden, zero, text }) {
    const boxes = stageBoxes(width);
    const [outputs, lines] = hidden ? [1, 1] : [h.out, v.out];
    const [columns, rows] = hidden
      ? [Math.max(h.padded, h.span), Math.max(v.padded, v.span)] // nothing that gives the answer away
      : [h.extent, v.extent];
    let cell = Math.min(
      CELL,
      boxes.input.width / columns,
      boxes.input.height / rows,
      boxes.output.width / outputs,
      boxes.output.height / lines,
    );
    const legible = cell >= LEGIBLE;
    if (legible) cell = Math.floor(cell);
    const centred = (box, across, down) => [
      Math.round(box.x + (box.width - across * cell) / 2),
      Math.round(box.y + (box.height - down * cell) / 2),
    ];
    const [x0, y0] = centred(boxes.input, columns, rows);
    const [ox, oy] = centred(boxes.output, outputs, lines);
    const [xi, yi] = [x0 + h.padding * cell, y0 + v.padding * cell]; // the input's first pixel
    const [line, column] = [Math.floor(step / outputs), step % outputs];
    const [wx, wy] = [x0 + column * h.stride * cell, y0 + line * v.stride * cell];
    const window = { x: wx, y: wy, width: h.span * cell, height: v.span * cell };
    const now = { x: ox + column * cell, y: oy + line * cell, size: Math.max(cell, 5) };
    this.view = { x0, y0, ox, oy, cell, outputs, lines, h, v, window };

    const whole = rect(x0, y0, h.padded * cell, v.padded * cell);
    const inner = rect(xi, yi, h.size * cell, v.size * cell);
    const padded = h.padding + v.padding > 0;
    const hangs = h.extent > h.padded || v.extent > v.padded;
    const zeros = legible && padded && cell >= 16;
    const paths = {
      padding: padded ? whole + inner : "",
      zeros: zeros ? whole + inner : "",
      paddingGrid: legible && padded ? gridLines(x0, y0, h.padded, v.padded, cell) : "",
      paddingEdge: padded ? whole : "",
      input: inner,
      inputGrid: legible ? gridLines(xi, yi, h.size, v.size, cell) : "",
      inputEdge: inner,
      overhang: hangs && !hidden ? rect(x0, y0, columns * cell, rows * cell) : "",
      unread: hidden ? "" : this.#unread(xi, yi, cell, h, v),
      window: rect(window.x, window.y, window.width, window.height),
      windowGround: rect(window.x, window.y, window.width, window.height),
      taps: this.#taps(window, cell, h, v),
      beam: hidden ? "" : this.#beam(window, now, boxes.beside),
      output: hidden ? "" : rect(ox, oy, outputs * cell, lines * cell),
      outputDone: hidden
        ? ""
        : rect(ox, oy, outputs * cell, line * cell) + rect(ox, oy + line * cell, column * cell, cell),
      outputGrid: legible && !hidden ? gridLines(ox, oy, outputs, lines, cell) : "",
      outputEdge: hidden ? "" : rect(ox, oy, outputs * cell, lines * cell),
      now: hidden ? "" : rect(now.x, now.y, now.size, now.size),
      inputTarget: rect(x0, y0, columns * cell, rows * cell),
      windowTarget: this.#grip(window),
      outputTarget: hidden ? "" : rect(ox, oy, outputs * cell, lines * cell),
    };
    for (const [name, d] of Object.entries(paths)) this.parts[name].setAttribute("d", d);
    setAttributes(this.parts.padding, { "fill-rule": "evenodd" });
    setAttributes(this.parts.zeros, { "fill-rule": "evenodd" });
    setAttributes(this.zeroCell, { x: x0, y: y0, width: cell, height: cell });
    setAttributes(this.zero, { x: cell / 2, y: cell / 2, "font-size": Math.round(cell * 0.5) });
    this.zero.textContent = zero;

    const label = (part, box, words, y = box.y - 9) => {
      setAttributes(this.parts[part], { x: box.x + box.width / 2, y });
      this.parts[part].textContent = words;
    };
    label("inputLabel", boxes.input, text.input);
    label("outputLabel", boxes.output, hidden ? "" : text.output);
    label("scaleLabel", boxes.input, legible ? "" : text.toScale, y0 + rows * cell + 14);
    // Hatching needs room to be seen.
    setAttributes(this.parts.unread, { class: cell < 3 ? "ose-unread-thin" : null });
    setAttributes(this.node, {
      viewBox: `0 0 ${width} ${boxes.height}`,
      width,
      height: boxes.height,
      "aria-label": text.picture,
    });
    return boxes;
  }

  // Whole columns and whole rows; where they cross they are hatched once.
  #unread(x, y, cell, h, v) {
    const columns = runs(h.unread).map(([from, to]) => rect(x + from * cell, y, (to - from) * cell, v.size * cell));
    const rows = runs(v.unread).map(([from, to]) => rect(x, y + from * cell, h.size * cell, (to - from) * cell));
    return columns.join("") + rows.join("");
  }

  #taps(window, cell, h, v) {
    const inset = cell >= 10 ? 2 : cell >= 4 ? 1 : 0;
    const side = Math.max(cell - 2 * inset, 1);
    let path = "";
    for (let j = 0; j < v.kernel; j++) {
      for (let i = 0; i < h.kernel; i++) {
        path += rect(window.x + i * h.dilation * cell + inset, window.y + j * v.dilation * cell + inset, side, side);
      }
    }
    return path;
  }

  #beam(window, now, beside) {
    const [right, bottom] = [window.x + window.width, window.y + window.height];
    if (beside) return `M${right} ${window.y}L${now.x} ${now.y}v${now.size}L${right} ${bottom}z`;
    return `M${window.x} ${bottom}L${now.x} ${now.y}h${now.size}L${right} ${bottom}z`;
  }

  // What a finger takes hold of: the window, at least 44 pixels across.
  #grip({ x, y, width, height }) {
    const [w, h] = [Math.max(width, 44), Math.max(height, 44)];
    return rect(x + (width - w) / 2, y + (height - h) / 2, w, h);
  }

  // The step whose window is centred nearest to (x, y) on the input, or whose output pixel is there.
  stepAtInput(x, y) {
    const { x0, y0, cell, outputs, lines, h, v } = this.view;
    const nearest = (offset, axis, most) =>
      clamp(Math.round((offset / cell - axis.span / 2) / axis.stride), 0, most - 1);
    return nearest(y - y0, v, lines) * outputs + nearest(x - x0, h, outputs);
  }

  stepAtOutput(x, y) {
    const { ox, oy, cell, outputs, lines } = this.view;
    const column = clamp(Math.floor((x - ox) / cell), 0, outputs - 1);
    return clamp(Math.floor((y - oy) / cell), 0, lines - 1) * outputs + column;
  }
}

// The far end of one row (or column) with its last window, and the next one, which the floor leaves out.
class EdgePicture {
  constructor(id) {
    const path = (name, attributes) => svg("path", { class: `ose-${name}`, ...attributes });
    this.parts = {
      padding: path("padding"),
      input: path("input"),
      unread: svg("path", { fill: `url(#${id}-hatch)` }),
      paddingGrid: path("padding-grid"),
      paddingEdge: path("padding-edge"),
      inputGrid: path("grid"),
      inputEdge: path("input-edge"),
      last: path("bar"),
      lastTaps: path("taps"),
      next: path("bar ose-bar-next"),
      lastLabel: svg("text", { class: "ose-small" }),
      nextLabel: svg("text", { class: "ose-small" }),
      numbers: svg("text", { class: "ose-small", "text-anchor": "middle" }),
    };
    this.node = svg(
      "svg",
      { class: "ose-edge", "aria-hidden": "true", height: EdgePicture.HEIGHT },
      svg("defs", {}, hatching(`${id}-hatch`)),
      ...Object.values(this.parts),
    );
  }

  static HEIGHT = 78;
  static LABEL = 125; // pixels beside a window's bar that its words need

  // The largest cells that leave room for the words beside both bars, and the first position then shown.
  static scale(width, last, next, span, end) {
    for (let cell = 18; ; cell--) {
      const from = Math.max(0, end - Math.floor((width - 2) / cell));
      const room = (start) => Math.max((start - from) * cell, width - (start + span - from) * cell);
      if (cell === 4 || (last >= from && Math.min(room(last), room(next)) >= EdgePicture.LABEL))
        return { cell, from };
    }
  }

  draw({ width, axis, lastWords, nextWords }) {
    const last = (axis.out - 1) * axis.stride;
    const next = last + axis.stride;
    const end = Math.max(next + axis.span, axis.padded);
    const { cell, from } = EdgePicture.scale(width, last, next, axis.span, end);
    const top = 17; // below the numbers of the positions never read
    const under = top + cell;
    const x = (position) => (Math.max(position, from) - from) * cell + 1;
    const cells = (start, stop) => rect(x(start), top, x(stop) - x(start), cell);
    const lines = (start, stop) => gridLines(x(start), top, (x(stop) - x(start)) / cell, 1, cell);
    const { padding, size, padded } = axis;
    const bar = (position, y) => `M${x(position)} ${y}v10h${axis.span * cell}v-10`;
    const paths = {
      padding: cells(0, padding) + cells(padding + size, padded),
      paddingGrid: lines(0, padding) + lines(padding + size, padded),
      paddingEdge: padding ? cells(0, padded) : "",
      input: cells(padding, padding + size),
      inputGrid: lines(padding, padding + size),
      inputEdge: cells(padding, padding + size),
      unread: runs(axis.unread)
        .map(([start, stop]) => cells(start + padding, stop + padding))
        .join(""),
      last: bar(last, under + 5),
      lastTaps: Array.from({ length: axis.kernel }, (_, j) =>
        rect(x(last + j * axis.dilation) + cell * 0.2, under + 5, cell * 0.6, 5),
      ).join(""),
      next: bar(next, under + 25),
    };
    for (const [name, d] of Object.entries(paths)) this.parts[name].setAttribute("d", d);
    const label = (part, position, y, words) => {
      const [start, stop] = [x(position), x(position + axis.span)];
      const after = width - stop > start;
      setAttributes(this.parts[part], { x: after ? stop + 8 : start - 8, y, "text-anchor": after ? "start" : "end" });
      this.parts[part].textContent = words;
    };
    label("lastLabel", last, under + 15, lastWords);
    label("nextLabel", next, under + 35, nextWords);
    const [start, stop] = runs(axis.unread).at(-1) ?? [0, 0];
    const atEnd = stop === size;
    setAttributes(this.parts.numbers, { x: (x(start + padding) + x(stop + padding)) / 2, y: 12 });
    this.parts.numbers.textContent = !atEnd ? "" : stop - start === 1 ? start : `${start}–${stop - 1}`;
    setAttributes(this.node, { viewBox: `0 0 ${width} ${EdgePicture.HEIGHT}`, width });
  }
}

// The output-size explorer. First the arithmetic, of one axis at a time and without any drawing; a test compares it
// with companion.shapes in Chromium. Then the figure. Its words and pictures are in files of their own.

// How many windows there are: {out}; or, as PyTorch refuses, {refused: "padding", most} or
// {refused: "window", tooLarge}. `mode` is "conv", "max_pool" or "avg_pool"; a convolution always rounds down.
export function outputSize({ size, kernel, stride, padding, dilation }, mode, ceilMode) {
  const pools = mode !== "conv";
  const most = Math.floor(kernel / 2);
  if (pools && padding > most) return { refused: "padding", most };
  const travel = size + 2 * padding - dilation * (kernel - 1) - 1; // how far the window can move
  if (!pools || !ceilMode) {
    return travel < 0 ? { refused: "window", tooLarge: -travel } : { out: Math.floor(travel / stride) + 1 };
  }
  if (travel < 1 - stride) return { refused: "window", tooLarge: -travel };
  const out = Math.ceil(travel / stride) + 1;
  const startsTooLate = (out - 1) * stride >= size + padding; // in the far padding: dropped
  return { out: startsTooLate ? out - 1 : out, startsTooLate };
}

// The input positions, counted from 0 without the padding, that none of `out` windows reads.
export function unread({ size, kernel, stride, padding, dilation }, out) {
  const read = new Uint8Array(size);
  for (let i = 0; i < out; i++) {
    for (let j = 0; j < kernel; j++) {
      const position = i * stride - padding + j * dilation;
      if (position >= 0 && position < size) read[position] = 1;
    }
  }
  return [...read.keys()].filter((position) => !read[position]);
}

// [4, 5, 6, 9] → [[4, 7], [9, 10]]: runs of neighbours, each without its end.
export function runs(positions) {
  const found = [];
  for (const position of positions) {
    const last = found.at(-1);
    if (last?.[1] === position) last[1] += 1;
    else found.push([position, position + 1]);
  }
  return found;
}

const WIDTH = { size: "W", kernel: "F", stride: "S", padding: "P", dilation: "D" };
const HEIGHT = { size: "H", kernel: "F_h", stride: "S_h", padding: "P_h", dilation: "D_h" };
const PAIRS = Object.keys(WIDTH).map((key) => [WIDTH[key], HEIGHT[key]]); // [["W", "H"], …]
const MODES = ["conv", "max_pool", "avg_pool"];

// A state, given as a function from a trait's name to its value, with all that follows from it. `axes` are those
// to speak of: one while the figure is square.
function readAxes(get) {
  const mode = get("mode");
  const ceilMode = mode !== "conv" && get("ceil_mode");
  const read = (name, traits) => {
    const axis = { name, traits, ceilMode };
    for (const [key, trait] of Object.entries(traits)) axis[key] = get(trait);
    if (mode === "avg_pool") axis.dilation = 1; // PyTorch's average pooling has none
    axis.span = axis.dilation * (axis.kernel - 1) + 1;
    axis.padded = axis.size + 2 * axis.padding;
    Object.assign(axis, outputSize(axis, mode, ceilMode));
    if (axis.refused) return axis;
    axis.unread = unread(axis, axis.out);
    axis.extent = Math.max(axis.padded, (axis.out - 1) * axis.stride + axis.span);
    return axis;
  };
  const horizontal = read("width", WIDTH);
  const vertical = get("square") ? horizontal : read("height", HEIGHT);
  const axes = get("square") ? [horizontal] : [vertical, horizontal];
  const refused = axes.some((axis) => axis.refused);
  return { horizontal, vertical, axes, refused, windows: refused ? 0 : horizontal.out * vertical.out };
}

const times = (height, width) => `${height} × ${width}`;

class OutputSizeExplorer extends LiveFigure {
  constructor(model, el) {
    super(model, el, EXPLORER_TEXT);
    this.build();
    this.start();
  }

  // ---- What a change sets: the height's values with the width's, and a step that exists.

  change(values) {
    this.stopPlaying();
    const all = { ...values };
    const later = (name) => all[name] ?? this.get(name);
    if (later("square")) for (const [width, height] of PAIRS) all[height] = later(width);
    all.step = Math.max(0, Math.min(later("step"), readAxes(later).windows - 1));
    return all;
  }

  move(step) {
    if (this.layer.refused || this.asking || step === this.get("step")) return;
    this.set({ step });
  }

  // Every window where there are few; else along the first row, then a row at a time.
  advance() {
    const { horizontal, windows } = this.layer;
    const step = this.get("step");
    if (step === windows - 1) {
      this.move(0);
      return true;
    }
    const inFirstRow = step < horizontal.out - 1;
    const ahead = Math.min(step + Math.ceil(horizontal.out / 50), horizontal.out - 1);
    const next = windows <= 100 ? step + 1 : inFirstRow ? ahead : step + horizontal.out;
    this.move(Math.min(next, windows - 1));
    return next < windows - 1;
  }

  // ---- Links

  linkValues() {
    const square = this.get("square");
    const traits = PAIRS.flatMap(([width, height]) => (square ? [width] : [width, height]));
    const values = Object.fromEntries(traits.map((trait) => [trait, this.get(trait)]));
    if (this.get("mode") !== "conv") values.mode = this.get("mode");
    if (this.get("ceil_mode")) values.ceil_mode = 1;
    if (this.get("step")) values.step = this.get("step");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing is PyTorch's default, or the preset's where the link names one; what is illegal counts as
  // missing. A link that gives nothing but `predict` leaves the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const whole = (name, [least, most]) => {
      const text = parameters.get(name) ?? "";
      return /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined;
    };
    const legal = (trait) => whole(trait, this.get("ranges")[trait]);
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const values = { S: 1, P: 0, D: 1, mode: "conv", ceil_mode: false, square: true, ...preset };
    if (MODES.includes(parameters.get("mode"))) values.mode = parameters.get("mode");
    if (parameters.has("ceil_mode")) values.ceil_mode = parameters.get("ceil_mode") === "1";
    for (const [width] of PAIRS) values[width] = legal(width) ?? values[width] ?? this.get(width);
    if (PAIRS.some(([, height]) => legal(height) !== undefined)) values.square = false;
    for (const [width, height] of PAIRS) values[height] = legal(height) ?? values[height] ?? values[width];
    return this.change({
      ...values,
      step: whole("step", this.get("ranges").step) ?? 0,
      predict,
    });
  }

  // ---- The elements, made once

  build() {
    const { text } = this;
    this.edges = ["horizontal", "vertical"].map((axis) => {
      const picture = new EdgePicture(`${this.id}-${axis}`);
      const caption = html("p", { class: "lf-note" });
      return { axis, picture, caption, node: html("div", { class: "ose-edge-box" }, caption, picture.node) };
    });
    this.formulas = html("div");
    this.code = html("code", { translate: "no" });
    const copy = this.copyButton(text.copy, () => this.code.textContent, this.code);
    this.root.append(
      this.layerControls(),
      this.sliders("width", WIDTH),
      this.sliders("height", HEIGHT),
      this.stageWithQuestion(),
      this.legend(),
      this.stepControls(),
      ...this.statusLine(),
      this.formulas,
      ...this.edges.map(({ node }) => node),
      html("div", { class: "lf-code" }, this.code, copy, this.linkButton()),
    );
  }

  layerControls() {
    const { text } = this;
    const mode = () => this.get("mode");
    const names = MODES.map((name) => [name, text[name]]);
    const isConv = () => mode() === "conv";
    const rounded = () => this.get("ceil_mode") && !isConv();
    const differs = () => !this.get("square");
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect({ step: 0 }),
      this.select(text.mode, names, mode, (name) => this.change({ mode: name })),
      this.checkbox(text.differs, differs, (on) => this.change({ square: !on })),
      this.checkbox(text.ceilMode, rounded, (on) => this.change({ ceil_mode: on }), isConv),
      this.predictCheckbox(),
    );
  }

  sliders(axis, traits) {
    const square = () => this.get("square");
    const noDilation = () => this.get("mode") === "avg_pool";
    const heading = html("span", { class: "ose-axis", id: `${this.id}-${axis}` }, this.text[axis]);
    const sliders = Object.entries(traits).map(([key, trait]) => {
      const [letter, index] = trait.split("_");
      const symbol = [html("i", {}, letter), index ? html("sub", {}, index) : ""];
      const disabled = key === "dilation" ? noDilation : undefined;
      return this.slider(trait, symbol, this.text[key], (value) => this.change({ [trait]: value }), disabled);
    });
    const group = { class: "ose-sliders", role: "group", "aria-labelledby": heading.id };
    const node = html("div", group, heading, ...sliders);
    this.controls.push(() => {
      heading.hidden = square();
      node.hidden = axis === "height" && square();
    });
    return node;
  }

  stageWithQuestion() {
    this.picture = new SlidingPicture(this.id);
    const { node, parts } = this.picture;
    const toInput = (x, y) => this.moveTo("stepAtInput", x, y);
    this.drag(parts.inputTarget, node, toInput);
    this.drag(parts.windowTarget, node, toInput, { handle: true });
    this.drag(parts.outputTarget, node, (x, y) => this.moveTo("stepAtOutput", x, y));
    this.message = html("div", { class: "ose-message" });
    this.stage = html("div", { class: "ose-stage-box" }, this.question(), this.message, node);
    return this.stage;
  }

  question() {
    const { text } = this;
    const words = (numbers) => (numbers.includes(0) ? text.none : times(numbers[0], numbers.at(-1)));
    return this.predictFirst({
      traits: [...PAIRS.flat(), "square", "mode", "ceil_mode"],
      whole: true,
      ask: () => ({
        question: text.question,
        note: text.note,
        labels: this.get("square") ? [text.both] : [text.height, text.width],
      }),
      answer: () => this.layer.axes.map((axis) => (this.layer.refused ? 0 : axis.out)),
      verdict: (given, right) => {
        const isRight = words(given) === words(right);
        return isRight ? text.right(words(right)) : text.wrong(words(given), words(right));
      },
    });
  }

  legend() {
    const keys = Object.entries(this.text.legend).map(([key, words]) =>
      html("span", { class: "ose-key" }, html("i", { class: `ose-swatch ose-swatch-${key}` }), words),
    );
    return html("div", { class: "ose-legend", "aria-hidden": "true" }, ...keys);
  }

  stepControls() {
    const id = `${this.id}-step`;
    this.stepInput = html("input", { type: "range", min: 0, id, "data-trait": "step", ...OWN_KEYS });
    this.stepInput.addEventListener("input", () => {
      this.stopPlaying();
      this.move(Number(this.stepInput.value));
    });
    this.stepText = html("span", { class: "ose-step-text" });
    this.play = this.playButton(() => this.advance(), 160);
    const label = html("label", { for: id }, this.text.step);
    return html("div", { class: "ose-step" }, this.play, label, this.stepInput, this.stepText);
  }

  moveTo(find, x, y) {
    this.stopPlaying();
    if (!this.layer.refused) this.move(this.picture[find](x, y));
  }

  // ---- Drawing, after every change

  draw() {
    this.layer = readAxes((name) => this.get(name));
    this.code.textContent = this.codeLine();
    this.drawFormulas();
    this.drawStage();
    this.drawStep();
    this.drawEdges();
    this.speak();
  }

  drawStage() {
    const { text, asking } = this;
    const { horizontal, vertical, refused, windows } = this.layer;
    const width = this.stageWidth;
    const drawn = asking || !refused;
    this.message.hidden = drawn;
    this.picture.node.classList.toggle("ose-absent", !drawn);
    if (drawn) {
      const input = times(vertical.size, horizontal.size);
      const padded = text.padded(times(vertical.padded, horizontal.padded));
      const output = asking ? "?" : times(vertical.out, horizontal.out);
      this.picture.draw({
        width,
        horizontal,
        vertical,
        hidden: asking,
        step: asking ? 0 : Math.min(this.get("step"), windows - 1),
        zero: this.get("mode") === "max_pool" ? "−∞" : "0",
        text: {
          input: text.input(input) + (horizontal.padding + vertical.padding > 0 ? `, ${padded}` : ""),
          output: text.output(output),
          toScale: text.toScale,
          picture: text.picture(input, output),
        },
      });
    } else {
      const [heading, ...why] = this.refusal();
      this.message.replaceChildren(html("strong", {}, heading), ...why.map((words) => html("p", {}, words)));
    }
    const boxes = stageBoxes(width);
    this.stage.style.height = `${boxes.height}px`;
    // The question stands where the output will be.
    this.stage.style.setProperty("--ose-left", `${boxes.output.x}px`);
    this.stage.style.setProperty("--ose-top", `${boxes.output.y}px`);
  }

  get stageWidth() {
    return Math.max(this.stage.clientWidth, 240);
  }

  drawStep() {
    const { horizontal, windows } = this.layer;
    const idle = windows === 0 || this.asking;
    const step = Math.min(this.get("step"), Math.max(windows - 1, 0));
    setAttributes(this.stepInput, { max: idle ? 0 : windows - 1 });
    this.stepInput.value = idle ? 0 : step;
    this.stepInput.disabled = this.play.disabled = idle;
    const place = idle ? "" : this.text.place(Math.floor(step / horizontal.out), step % horizontal.out);
    const count = idle ? "" : this.text.stepOf(this.number(step + 1), this.number(windows));
    this.stepText.textContent = idle ? "–" : `${count} · ${place}`;
    setAttributes(this.stepInput, { "aria-valuetext": idle ? "–" : `${count}, ${place}` });
  }

  drawEdges() {
    const { text } = this;
    for (const { axis: which, picture, caption, node } of this.edges) {
      const axis = this.layer[which];
      const blank = this.asking || this.layer.refused;
      node.hidden = which === "vertical" && this.get("square");
      node.classList.toggle("lf-blank", blank);
      if (blank || node.hidden) continue;
      const left = axis.padded - ((axis.out - 1) * axis.stride + axis.span);
      let words = text.exact;
      if (axis.startsTooLate) words = text.dropped;
      else if (left > 0) words = text.left(axis, left);
      else if (left < 0) words = text.hangs(-left);
      caption.replaceChildren(html("strong", {}, text.edge[axis.name]), ` ${words}`);
      const nextWords = axis.startsTooLate ? text.startsTooLate : text.noRoom;
      picture.draw({ width: this.stageWidth, axis, lastWords: text.lastWindow, nextWords });
    }
  }

  drawFormulas() {
    this.formulas.replaceChildren(
      ...this.layer.axes.map((axis) => {
        const note = axis.refused === "window" && !this.asking ? this.text.numerator : "";
        const steps = outputFormula(axis, this.asking);
        return html("div", { class: "ose-formula" }, ...steps, html("span", { class: "lf-note" }, note));
      }),
    );
  }

  // ---- Words

  refusal() {
    const { text } = this;
    const refused = this.layer.axes.filter((axis) => axis.refused);
    const words = refused.map((axis) =>
      axis.refused === "padding" ? text.tooMuchPadding(axis) : text.tooLarge(axis),
    );
    const padding = refused.some((axis) => axis.refused === "padding");
    return [padding ? text.refused : text.doesNotFit, ...words];
  }

  speak() {
    const { text } = this;
    const { horizontal, vertical, axes, refused } = this.layer;
    if (this.asking) return this.say(`${text.question} ${text.toAnswer}`);
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    if (refused) return this.say(...verdict, this.refusal().join(" "));
    const input = times(vertical.size, horizontal.size);
    const summary = text.summary(capital(text[this.get("mode")]), input, times(vertical.out, horizontal.out));
    const unreadWords = axes
      .filter((axis) => axis.unread.length)
      .map((axis) => text.unread({ name: axis.name, both: this.get("square"), ...whereUnread(axis) }));
    return this.say(...verdict, summary, " ", unreadWords.join(" ") || text.allRead);
  }

  // The PyTorch line, with the arguments that are not the default.
  codeLine() {
    const { horizontal: h, vertical: v } = this.layer;
    const size = (key) => (h[key] === v[key] ? `${h[key]}` : `(${v[key]}, ${h[key]})`);
    const pools = this.get("mode") !== "conv";
    const defaults = { stride: pools ? size("kernel") : "1", padding: "0", dilation: "1" };
    const options = Object.keys(defaults)
      .filter((key) => size(key) !== defaults[key])
      .map((key) => `${key}=${size(key)}`);
    if (h.ceilMode) options.push("ceil_mode=True");
    const name = { conv: "Conv2d", max_pool: "MaxPool2d", avg_pool: "AvgPool2d" }[this.get("mode")];
    return `nn.${name}(${[...(pools ? [] : ["1", "1"]), `kernel_size=${size("kernel")}`, ...options].join(", ")})`;
  }
}

export default {
  render({ model, el }) {
    const figure = new OutputSizeExplorer(model, el);
    return () => figure.dispose();
  },
};

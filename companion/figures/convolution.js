// The convolution playground: the figure. Its arithmetic is in convolution_formula.js, its words and pictures are in
// files of their own.

const MARGIN = 2; // around the input, for the largest padding

// {side, channels} of a kernel of 9, 25 or 27 numbers.
const kindOf = (length) => ({ side: length === 25 ? 5 : 3, channels: length === 27 ? 3 : 1 });
const sixDigits = (number) => Number(number.toPrecision(6));

// The kernel in another form: in the middle of 5×5, cut out of it, a third of it on each colour, or the colours' sum.
export function reshape(kernel, length) {
  const [from, to] = [kindOf(kernel.length), kindOf(length)];
  const shift = (to.side - from.side) / 2;
  const area = from.side * from.side;
  const plane = Array.from({ length: area }, (_, k) => {
    let sum = 0;
    for (let c = 0; c < from.channels; c++) sum += kernel[c * area + k];
    return from.channels > to.channels ? sixDigits(sum) : sum / to.channels; // thirds add up to the whole again
  });
  return Array.from({ length }, (_, k) => {
    if (from.channels === to.channels && from.channels > 1) return kernel[k];
    const a = (Math.floor(k / to.side) % to.side) - shift;
    const b = (k % to.side) - shift;
    return a >= 0 && a < from.side && b >= 0 && b < from.side ? plane[a * from.side + b] : 0;
  });
}

class ConvolutionPlayground extends LiveFigure {
  constructor(model, el) {
    super(model, el, CONVOLUTION_TEXT);
    [this.rows, this.columns] = this.get("size");
    this.box = [this.rows, this.columns].map((side) => side + 2 * MARGIN);
    this.prepared = {}; // what the kernel slides over, by picture and channels
    this.build();
    this.start();
  }

  // The kernel's side is no trait of its own, but a prediction depends on it and not on the numbers.
  get(name) {
    return name === "side" ? kindOf(super.get("kernel").length).side : super.get(name);
  }

  // An output of another size keeps the place in the picture that is pointed at, as on Python's side.
  set(values) {
    const size = (get) => {
      const [{ side }, stride, padding] = [kindOf(get("kernel").length), get("stride"), get("padding")];
      return [this.rows, this.columns].map((pixels) => windows(pixels, side, stride, padding));
    };
    const before = size((name) => this.get(name));
    const after = size((name) => values[name] ?? this.get(name));
    const places = {};
    ["row", "column"].forEach((name, axis) => {
      if (before[axis] !== after[axis]) places[name] = moved(this.get(name), before[axis], after[axis]);
    });
    super.set({ ...places, ...values });
  }

  // The whole state as the arithmetic takes it.
  problem() {
    const image = this.get("image");
    const kernel = this.get("kernel");
    const { side, channels } = kindOf(kernel.length);
    const [stride, padding, flip] = ["stride", "padding", "flip"].map((trait) => this.get(trait));
    const { bytes, pixels } = this.prepare(image, channels);
    return { bytes, pixels, channels, rows: this.rows, columns: this.columns, kernel, side, stride, padding, flip };
  }

  prepare(image, channels) {
    const key = `${channels} ${image}`;
    if (!this.prepared[key]) {
      const bytes = Uint8Array.from(atob(this.get("images")[image]), (character) => character.charCodeAt(0));
      this.prepared[key] = { bytes, pixels: slideOver(bytes, channels) };
    }
    return this.prepared[key];
  }

  // Computed again only where something it depends on has changed: not while the reader only points.
  output() {
    const problem = this.problem();
    const { kernel, stride, padding, flip } = problem;
    const key = `${this.get("image")} ${kernel} ${stride} ${padding} ${flip}`;
    if (key !== this.outputKey) {
      this.outputKey = key;
      this.problemNow = problem;
      this.outputNow = convolve(problem);
    }
    return this.outputNow;
  }

  // The output pixel pointed at; where the output is too small for it, its last row or column.
  pointed() {
    const { rows, columns } = this.output();
    return { row: Math.min(this.get("row"), rows - 1), column: Math.min(this.get("column"), columns - 1) };
  }

  // ---- Links: the kernel's numbers, parted by "_", or the name of the preset they are from.

  linkValues() {
    const kernel = this.get("kernel");
    const from = this.get("presets").find(({ state }) => String(state.kernel) === String(kernel));
    const { row, column } = this.pointed();
    const values = { image: this.get("image") };
    if (from) values.preset = from.name;
    else values.k = kernel.join("_");
    Object.assign(values, { S: this.get("stride"), P: this.get("padding") });
    if (this.get("flip")) values.flip = 1;
    values.scale = this.get("scale");
    values.pixel = `${row}_${column}`;
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal stays as it is. A link that gives nothing but `predict` changes nothing else.
  readLink(parameters) {
    const ranges = this.get("ranges");
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state ?? {};
    const whole = (text, [least, most]) => {
      const value = /^\d{1,3}$/.test(text ?? "") ? Number(text) : NaN;
      return value >= least && value <= most ? value : undefined;
    };
    const listed = (parameters.get("k") ?? "").split("_").map((text) => (/^-?\.?\d/.test(text) ? Number(text) : NaN));
    const isKernel = [9, 25, 27].includes(listed.length) && listed.every((one) => Math.abs(one) <= LARGEST_WEIGHT);
    const [row, column] = (parameters.get("pixel") ?? "").split("_");
    const image = parameters.get("image");
    const scale = parameters.get("scale");
    const found = {
      image: Object.keys(this.get("images")).includes(image) ? image : undefined,
      kernel: isKernel ? listed : undefined,
      stride: whole(parameters.get("S"), ranges.stride),
      padding: whole(parameters.get("P"), ranges.padding),
      flip: parameters.has("flip") ? parameters.get("flip") === "1" : parameters.has("S") ? false : undefined,
      scale: ["picture", "signed"].includes(scale) ? scale : undefined,
      row: whole(row, ranges.row),
      column: whole(column, ranges.column),
    };
    const given = Object.entries(found).filter(([, value]) => value !== undefined);
    return { ...preset, ...Object.fromEntries(given), predict: parameters.get("predict") === "1" };
  }

  // ---- The elements, made once

  build() {
    this.sum = new SumFormula();
    this.root.append(
      this.choices(),
      this.stage(),
      this.pointing(),
      ...this.statusLine(),
      html("div", { class: "cp-work" }, this.window(), this.settings()),
      html("div", { class: "cp-sum" }, this.sum.left, this.linkButton(), this.sum.products),
    );
  }

  choices() {
    const names = this.get("names")[this.lang] ?? this.get("names").en;
    const images = Object.keys(this.get("images")).map((key, index) => [key, names[index]]);
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect(),
      this.select(
        this.text.picture,
        images,
        () => this.get("image"),
        (image) => ({ image }),
      ),
      this.predictCheckbox(),
    );
  }

  stage() {
    const { text } = this;
    this.inputPicture = new FramedPicture();
    this.outputPicture = new FramedPicture();
    this.inputPicture.resize(...this.box, this.box);
    this.drag(this.outputPicture.inner, this.outputPicture.inner, (x, y) => {
      if (this.asking) return;
      const [row, column] = this.outputPicture.pixelAt(x, y);
      this.set({ row, column });
    });
    // A pixel of the input: the output pixel whose window has it nearest to its centre.
    this.drag(this.inputPicture.inner, this.inputPicture.inner, (x, y) => {
      if (this.asking) return;
      const output = this.output();
      const { side, stride, padding } = this.problemNow;
      const [row, column] = this.inputPicture.pixelAt(x, y).map((place, axis) => {
        const last = [output.rows, output.columns][axis] - 1;
        return Math.min(last, Math.max(0, Math.round((place - MARGIN + padding - (side - 1) / 2) / stride)));
      });
      this.set({ row, column });
    });
    this.inputHeading = html("div", { class: "cp-heading" });
    this.outputHeading = html("div", { class: "cp-heading" });
    this.inputNote = html("p", { class: "lf-note cp-input" });
    const mark = () => html("span");
    this.marks = [mark(), mark(), mark()];
    const words = [text.black, text.grey, text.white];
    const legend = html(
      "div",
      { class: "cp-legend" },
      html("i", { class: "cp-ramp" }),
      ...this.marks.map((node, index) => html("span", {}, `${words[index]} `, node)),
    );
    this.values = html("p", { class: "lf-note cp-values" });
    this.outputPicture.node.append(this.question());
    return html(
      "div",
      { class: "cp-stage" },
      html("div", { class: "cp-half" }, this.inputHeading, this.inputPicture.node, this.inputNote),
      html("div", { class: "cp-half" }, this.outputHeading, this.outputPicture.node, legend, this.values),
    );
  }

  question() {
    const { text } = this;
    return this.predictFirst({
      traits: ["side", "stride", "padding"],
      whole: true,
      ask: () => ({ question: text.question, note: text.note, labels: [text.rows, text.columns] }),
      answer: () => this.output(),
      verdict: (given, { rows, columns }) =>
        given[0] === rows && given[1] === columns ? text.right(rows, columns) : text.wrong(given, rows, columns),
    });
  }

  pointing() {
    const { text } = this;
    // Before the sliders' own values: one beyond the end of before would be cut off there.
    this.controls.push(() => {
      if (this.asking) return;
      const { rows, columns } = this.output();
      [rows, columns].forEach((size, axis) => {
        this.pointers[axis].max = size - 1;
      });
    });
    const pointer = (trait) => {
      const [min, max] = this.get("ranges")[trait];
      const last = () => this.output()[`${trait}s`] - 1;
      return this.numberSlider({
        name: trait,
        label: text[trait],
        min,
        max,
        value: () => this.pointed()[trait],
        change: (number) => ({ [trait]: Math.min(number, last()) }),
        disabled: () => this.asking,
      });
    };
    const node = html("div", { class: "cp-pointing" }, pointer("row"), pointer("column"));
    this.pointers = ["row", "column"].map((trait) => node.querySelector(`[data-trait=${trait}]`));
    return node;
  }

  settings() {
    const { text } = this;
    const number = (trait, letter) => {
      const [min, max] = this.get("ranges")[trait];
      const symbol = [html("i", {}, letter)];
      const change = (value) => ({ [trait]: value });
      const value = () => this.get(trait);
      return this.numberSlider({ name: trait, symbol, label: text[trait], min, max, value, change });
    };
    this.turned = html("p", { class: "lf-note cp-turned" });
    this.sizes = [new SizeFormula(text.rows), new SizeFormula(text.columns)];
    return html(
      "div",
      { class: "cp-settings" },
      this.select(
        text.form,
        Object.entries(text.forms),
        () => this.get("kernel").length,
        (length) => ({ kernel: reshape(this.get("kernel"), Number(length)) }),
      ),
      this.select(
        text.scale,
        Object.entries(text.scales),
        () => this.get("scale"),
        (scale) => ({ scale }),
      ),
      number("stride", "S"),
      number("padding", "P"),
      this.checkbox(
        text.flip,
        () => this.get("flip"),
        (flip) => ({ flip }),
      ),
      this.turned,
      html("div", { class: "cp-sizes" }, ...this.sizes.map(({ node }) => node)),
    );
  }

  // One grid of cells for each kind of kernel: pixel, weight to edit, product.
  window() {
    const { text } = this;
    this.rule = html("span", { id: `${this.id}-rule`, hidden: true }, text.rule(LARGEST_WEIGHT));
    this.grids = Object.fromEntries([9, 25, 27].map((length) => [length, this.grid(length)]));
    const grids = Object.values(this.grids).map((grid) => grid.node);
    const holder = html("div", { class: "cp-holder", role: "group", "aria-label": text.cells }, ...grids);
    return html("div", {}, html("div", { class: "cp-heading" }, text.cells), holder, this.rule);
  }

  grid(length) {
    const { side, channels } = kindOf(length);
    const area = side * side;
    const cells = Array.from({ length }, (_, k) => {
      const channel = channels > 1 ? this.text.channels[Math.floor(k / area)] : "";
      const label = this.text.weight(Math.floor(k / side) % side, k % side, channel);
      const input = this.weightInput(k, side, label);
      const pixel = html("span", { class: "cp-pixel" });
      const product = html("span", { class: "cp-product" });
      return { k, input, pixel, product, node: html("div", { class: "cp-cell" }, pixel, input, product) };
    });
    const blocks = Array.from({ length: channels }, (_, c) => {
      const nodes = cells.slice(c * area, (c + 1) * area).map(({ node }) => node);
      const name = channels > 1 ? [html("div", { class: "cp-channel" }, this.text.channels[c])] : [];
      return html("div", { class: "cp-block" }, ...name, html("div", { class: "cp-cells" }, ...nodes));
    });
    const node = html("div", { class: `cp-grid cp-${length}` }, ...blocks);
    node.style.setProperty("--cp-side", side);
    return { node, cells, side };
  }

  // No input of type "number": that drops the "/" of 1/3 and the comma of 0,5, and so turns them into 13 and 5. And no
  // inputmode: a telephone's keys for decimals have neither minus nor "/".
  weightInput(k, side, label) {
    const plain = { type: "text", autocomplete: "off", spellcheck: "false" };
    const input = html("input", { ...plain, "aria-label": label, "data-k": k, ...OWN_KEYS });
    const weight = () => this.get("kernel")[this.placeOf(k, side)];
    const apply = (number) => {
      if (number !== weight()) this.set({ kernel: this.get("kernel").with(this.placeOf(k, side), number) });
    };
    // Done with typing: only now is what was typed written over.
    const end = () => {
      this.typing = null;
      this.writeWeight({ input, k }, side);
    };
    // As long as the text is no weight, the one before it holds.
    input.addEventListener("input", () => {
      if (this.typing?.input !== input) this.typing = { input, before: weight() };
      this.refuse(null);
      apply(weightOf(input.value) ?? this.typing.before);
    });
    input.addEventListener("change", () => {
      const isWeight = weightOf(input.value) !== undefined;
      end();
      if (!isWeight) this.refuse(input);
    });
    input.addEventListener("blur", end);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const next = Number((weight() + step).toFixed(6));
      this.typing = null;
      this.refuse(null);
      apply(Math.min(LARGEST_WEIGHT, Math.max(-LARGEST_WEIGHT, next)));
      end();
    });
    return input;
  }

  // Says what may be typed, and at which cell something else was; null takes it back, and so does any change.
  refuse(input) {
    if (!input && !this.refused) return;
    if (this.refused) setAttributes(this.refused.input, { "aria-invalid": null, "aria-describedby": null });
    this.refused = input && { input, at: this.hash() };
    if (input) setAttributes(input, { "aria-invalid": "true", "aria-describedby": this.rule.id });
    this.speak(this.output());
  }

  // Where in the kernel the weight of cell k is: the cells show the kernel as it lies on the window.
  placeOf(k, side) {
    const area = side * side;
    return this.get("flip") ? k - (k % area) + area - 1 - (k % area) : k;
  }

  writeWeight({ input, k }, side) {
    if (this.typing?.input === input) return;
    const shown = this.weightText(this.get("kernel")[this.placeOf(k, side)]);
    if (input.value !== shown) input.value = shown;
  }

  // As many decimals as a cell has room for; a number with decimals never looks like a whole one.
  weightText(weight) {
    if (Number.isInteger(weight)) return brief(weight, 0);
    const large = Math.abs(weight) >= 10;
    if (this.get("kernel").length === 27) {
      return this.isTight ? fixed(weight, 2 - large).replace("−", "-") : fixed(weight, 3 - large); // a hyphen is narrow
    }
    const text = fixed(weight, large ? 2 : 4);
    return /[.]0+$/.test(text) ? text : text.replace(/0+$/, "");
  }

  // ---- Drawing, after every change

  draw() {
    const { clientWidth: width } = this.root;
    this.isTight = width < 592 || (width >= 732 && width < 812); // as in the stylesheet, with the frame's padding
    const output = this.output();
    this.drawPictures(output);
    this.drawSettings(output);
    this.drawWindow(output);
    this.speak(output);
  }

  // A product, as short as the sum of many needs.
  productText(value) {
    return brief(value, Math.abs(value) >= 1000 ? 0 : this.problemNow.channels > 1 ? 2 : 1);
  }

  // A value of the output, in words and legends.
  valueText(value) {
    return brief(value, Math.abs(value) >= 10_000 ? 0 : this.problemNow.channels > 1 ? 3 : 2);
  }

  drawPictures(output) {
    const { text, asking } = this;
    const { bytes, pixels, channels, rows, columns, padding, side, stride } = this.problemNow;
    const paintedInput = `${this.get("image")} ${channels} ${padding}`;
    if (paintedInput !== this.paintedInput) {
      this.paintedInput = paintedInput;
      const colour = channels > 1;
      paintInput(this.inputPicture, { bytes, levels: pixels, rows, columns, padding, margin: MARGIN, colour });
      const words = text.input(`${rows} × ${columns}`);
      put(this.inputHeading, words);
      put(this.inputNote, colour ? text.inputColour : text.inputGrey);
      this.inputPicture.show(words);
    }
    const paintedOutput = `${this.outputKey} ${this.get("scale")} ${asking}`;
    if (paintedOutput !== this.paintedOutput) {
      this.paintedOutput = paintedOutput;
      const words = text.output(asking ? "? × ?" : `${output.rows} × ${output.columns}`);
      const largest = Math.max(Math.abs(output.least), Math.abs(output.most));
      const isSigned = this.get("scale") === "signed";
      const [black, white] = isSigned ? [-largest, largest] : channels > 1 ? [-1, 1] : [0, 255];
      if (!asking) this.outputPicture.resize(output.rows, output.columns, this.box);
      else this.outputPicture.resize(...this.box, this.box);
      paintOutput(this.outputPicture, asking ? null : output.values, black, white);
      put(this.outputHeading, words);
      this.outputPicture.show(words);
      [black, (black + white) / 2, white].forEach((value, index) => {
        const shown = index === 1 ? brief(value, 1) : this.valueText(value);
        put(this.marks[index], asking && isSigned ? "?" : shown);
      });
      const range = [output.least, output.most].map((value) => (asking ? "?" : this.valueText(value)));
      put(this.values, text.values(...range));
    }
    const { row, column } = this.pointed();
    this.inputPicture.point(row * stride - padding + MARGIN, column * stride - padding + MARGIN, side);
    if (!asking) this.outputPicture.point(row, column, 1);
    this.outputPicture.frame.hidden = asking;
  }

  drawSettings(output) {
    const { asking } = this;
    const { rows, columns, side, stride, padding, flip } = this.problemNow;
    [rows, columns].forEach((size, axis) => {
      const out = asking ? "?" : [output.rows, output.columns][axis];
      this.sizes[axis].write({ size, padding, side, stride, out });
    });
    put(this.turned, flip ? this.text.turned : this.text.straight);
  }

  drawWindow(output) {
    const { side, channels, kernel, stride, padding, flip } = this.problemNow;
    const { row, column } = this.pointed();
    const summed = terms(this.problemNow, row, column);
    for (const [length, grid] of Object.entries(this.grids)) grid.node.hidden = Number(length) !== kernel.length;
    const { cells } = this.grids[kernel.length];
    if (this.refused && this.refused.at !== this.hash()) this.refuse(null);
    cells.forEach((cell, k) => {
      const { pixel, product, padding: isPadding } = summed[k];
      put(cell.pixel, brief(pixel, 2));
      put(cell.product, this.productText(product));
      cell.node.classList.toggle("cp-outside", isPadding);
      this.writeWeight(cell, side);
    });
    this.total = this.valueText(output.values[row * output.columns + column]);
    this.outside = summed.filter((term) => term.padding).length;
    this.sum.write({
      side,
      channels,
      flip,
      i: row,
      j: column,
      top: stride * row - padding,
      left: stride * column - padding,
      products: summed.map((term) => term.product),
      total: this.total,
      text: (product) => this.productText(product),
    });
  }

  // ---- Words

  speak(output) {
    const { text } = this;
    if (this.refused) return this.say(html("strong", {}, text.refused), " ", text.rule(LARGEST_WEIGHT));
    if (this.asking) return this.say(`${text.question} ${text.toAnswer}`);
    const { rows, columns, least, most } = output;
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    const { row, column } = this.pointed();
    const [from, to] = [this.valueText(least), this.valueText(most)];
    const range = least === most ? text.flat(from) : text.between(from, to);
    const point = text.point(row, column, this.get("kernel").length, this.total);
    const outside = this.outside ? text.outside(this.outside) : "";
    return this.say(...verdict, text.size(rows, columns) + range + point + outside);
  }
}

export default {
  render({ model, el }) {
    const figure = new ConvolutionPlayground(model, el);
    return () => figure.dispose();
  },
};

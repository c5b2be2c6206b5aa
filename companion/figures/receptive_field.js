// The receptive-field explorer. Its arithmetic, pictures and words are in files of their own.

const LAYER = ["kind", "kernel", "stride", "padding", "dilation"]; // as the trait `stack` lists a layer
const NEW_LAYER = ["conv", 3, 1, 1, 1];

// A state, given as a function from a trait's name to its value, with all that follows from it: the layers, sizes and
// fields of each level (0 is the input), the layer chosen, `out` its output's size, `at` the output pointed at.
function readState(get) {
  const own = get("network") === "own";
  const network = get("networks")[get("network")];
  const rows = own ? get("stack") : network.layers.map(({ layer }) => layer);
  const layers = rows.map((row, i) => ({
    ...Object.fromEntries(LAYER.map((name, k) => [name, row[k]])),
    ...(own ? {} : { name: network.layers[i].name, effective: network.layers[i].effective }),
  }));
  const size = own ? get("size") : network.size;
  const sizes = outputSizes(size, layers);
  const fields = receptiveFields(layers);
  const layer = Math.min(get("layer"), layers.length - 1);
  const out = sizes[layer + 1];
  const at = ["row", "column"].map((name) => Math.min(get(name), (out ?? 1) - 1));
  return { own, layers, size, sizes, fields, layer, chosen: layers[layer], field: fields[layer + 1], out, at };
}

class ReceptiveFieldExplorer extends LiveFigure {
  constructor(model, el) {
    super(model, el, FIELD_TEXT);
    this.build();
    this.start();
  }

  // ---- What a change sets. Another layer keeps the place on the input; another input, or null, is the middle.

  set(values) {
    const all = { ...values };
    const later = (name) => all[name] ?? this.get(name);
    const before = readState((name) => this.get(name));
    const count = readState(later).layers.length;
    all.layer = Math.min(later("layer"), count - 1);
    const after = readState(later);
    const moved = ["network", "size", "stack", "layer"].some((name) => name in values);
    const last = (after.out ?? 1) - 1;
    const sameInput = later("network") === this.get("network") && later("size") === this.get("size");
    ["row", "column"].forEach((name, axis) => {
      if (values[name] === null || (!(name in values) && moved && (!sameInput || !before.out))) {
        all[name] = Math.floor((last + 1) / 2);
      } else if (name in values || !moved) all[name] = Math.min(later(name), last);
      else {
        const centre = before.field.start + before.at[axis] * before.field.jump + before.field.size / 2;
        const index = Math.round((centre - after.field.start - after.field.size / 2) / after.field.jump);
        all[name] = clamp(index, 0, last);
      }
    });
    super.set(all);
  }

  // The stack with one entry of the chosen layer changed.
  edited(entry, value) {
    const stack = this.get("stack").map((layer) => [...layer]);
    stack[this.state.layer][LAYER.indexOf(entry)] = value;
    return { stack };
  }

  add() {
    const { layer } = this.state;
    const stack = [...this.get("stack")];
    stack.splice(layer + 1, 0, [...NEW_LAYER]);
    this.set({ stack, layer: layer + 1 });
  }

  remove() {
    const { layer } = this.state;
    const stack = this.get("stack").filter((_, i) => i !== layer);
    this.set({ stack, layer: Math.max(layer - 1, 0) });
  }

  // ---- Links: stack=c3.1.1.1_p2.2.0.1 lists the layers of one's own, at=ROW_COLUMN the output.

  linkValues() {
    const { own, layer, at } = this.state;
    const values = { net: this.get("network") };
    if (own) {
      values.size = this.get("size");
      values.stack = this.get("stack")
        .map(([kind, ...numbers]) => kind[0] + numbers.join("."))
        .join("_");
    }
    Object.assign(values, { layer, at: at.join("_") });
    if (!this.get("effective")) values.effective = 0;
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the preset's where the link names one; else the last layer, the output in the
  // middle. A link that gives nothing but `predict` leaves the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const whole = (text, [least, most]) => {
      const number = /^\d{1,3}$/.test(text ?? "") ? Number(text) : NaN;
      return number >= least && number <= most ? number : undefined;
    };
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const named = parameters.get("net");
    const known = named === "own" || Object.hasOwn(this.get("networks"), named ?? "");
    const values = { network: this.get("network"), ...preset, effective: parameters.get("effective") !== "0", predict };
    if (known) values.network = named;
    const stack = this.readStack(parameters.get("stack"));
    if (stack) values.stack = stack;
    const size = whole(parameters.get("size"), this.get("ranges").size);
    if (size) values.size = size;
    const later = (name) => values[name] ?? this.get(name);
    const count = readState(later).layers.length;
    const layer = whole(parameters.get("layer"), [0, count - 1]);
    values.layer = layer ?? preset?.layer ?? count - 1;
    const last = (readState(later).out ?? 1) - 1;
    const [row, column] = (parameters.get("at") ?? "").split("_").map((text) => whole(text, [0, last]));
    const middle = Math.floor((last + 1) / 2);
    return { ...values, row: row ?? middle, column: column ?? middle };
  }

  // "c3.1.1.1_p2.2.0.1" → the trait's form, or null.
  readStack(text) {
    const { layers: most, ...limits } = this.get("limits");
    const layers = (text ?? "").split("_").map((layer) => {
      const [, kind, numbers] = /^([cp])((?:\d{1,2}\.){3}\d{1,2})$/.exec(layer) ?? [];
      return kind && [kind === "c" ? "conv" : "pool", ...numbers.split(".").map(Number)];
    });
    const isLegal = (layer) =>
      layer && Object.values(limits).every(([least, most], k) => layer[k + 1] >= least && layer[k + 1] <= most);
    return layers.length <= most && layers.every(isLegal) ? layers : null;
  }

  // ---- The elements, made once

  build() {
    const { text } = this;
    this.picture = new FieldPicture(this.id);
    this.cone = new ConePicture();
    this.message = html("div", { class: "rfe-message" });
    this.stage = html("div", { class: "rfe-stage-box" }, this.question(), this.message, this.picture.node);
    const point = (find) => (x, y) => this.state.out && this.set(this.picture[find](x, y));
    this.drag(this.picture.parts.inputTarget, this.picture.node, point("atInput"));
    this.drag(this.picture.parts.outputTarget, this.picture.node, point("atOutput"));
    this.formulas = html("div", { class: "rfe-formulas" });
    this.root.append(
      this.choices(),
      this.placeControls(),
      this.stage,
      this.legend(),
      ...this.statusLine(),
      this.editor(),
      this.formulas,
      this.tableOfLayers(),
      html("div", { class: "rfe-end" }, html("p", { class: "lf-note" }, text.measured), this.linkButton()),
    );
  }

  choices() {
    const { text } = this;
    const names = Object.entries(this.get("networks")).map(([key, { name }]) => [key, name]);
    const isOwn = () => this.get("network") === "own";
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect({ row: null, column: null }),
      this.select(
        text.network,
        [...names, ["own", text.own]],
        () => this.get("network"),
        (network) => ({ network, layer: this.lastLayer(network) }),
      ),
      this.checkbox(
        text.effective,
        () => this.get("effective") && !isOwn(),
        (effective) => ({ effective }),
        isOwn,
      ),
      this.predictCheckbox(),
    );
  }

  lastLayer(network) {
    return (network === "own" ? this.get("stack") : this.get("networks")[network].layers).length - 1;
  }

  // Layer, row and column. How many there are depends on the state.
  placeControls() {
    const slider = (trait, label, read) => {
      const id = `${this.id}-${trait}`;
      const input = html("input", { type: "range", id, min: 0, "data-trait": trait, ...OWN_KEYS });
      const words = html("span", { class: "rfe-value" });
      input.addEventListener("input", () => this.set({ [trait]: Number(input.value) }));
      this.controls.push(() => {
        const { value, last, shown, disabled } = read(readState((name) => this.get(name)));
        setAttributes(input, { max: last, "aria-valuetext": shown });
        input.value = value;
        input.disabled = Boolean(disabled);
        put(words, shown);
      });
      return html("div", { class: "rfe-place" }, html("label", { for: id }, label), words, input);
    };
    const at = (axis) => (state) => ({
      value: state.at[axis],
      last: (state.out ?? 1) - 1,
      shown: state.out ? this.text.place(state.at[axis], state.out) : "–",
      disabled: !state.out,
    });
    return html(
      "div",
      { class: "rfe-places" },
      slider("layer", this.text.layer, (state) => ({
        value: state.layer,
        last: state.layers.length - 1,
        shown: this.nameOf(state, state.layer),
      })),
      slider("row", this.text.row, at(0)),
      slider("column", this.text.column, at(1)),
    );
  }

  nameOf(state, number) {
    const { name, kind } = state.layers[number];
    return name ?? `${this.text[kind]} ${number + 1}`;
  }

  legend() {
    const keys = Object.entries(this.text.legend).map(([key, words]) =>
      html("span", { class: "rfe-key", "data-key": key }, html("i", { class: `rfe-swatch rfe-swatch-${key}` }), words),
    );
    return html("div", { class: "rfe-legend", "aria-hidden": "true" }, ...keys);
  }

  question() {
    const { text } = this;
    const isRight = (given, right) => given[0] === right[0];
    return this.predictFirst({
      traits: ["network", "stack", "layer"],
      whole: true,
      ask: () => ({ question: this.questionText(), note: text.note, labels: [text.pixels] }),
      answer: () => [this.state.field.size],
      verdict: (given, right) =>
        isRight(given, right) ? text.right(right[0]) : text.wrong(given[0], right[0]),
    });
  }

  questionText() {
    const state = readState((name) => this.get(name));
    return this.text.question(this.nameOf(state, state.layer));
  }

  // The chosen layer's own numbers. A network's are shown, and cannot be changed.
  editor() {
    const { text } = this;
    const { layers: most, ...limits } = this.get("limits");
    const fixed = () => this.get("network") !== "own";
    const now = () => readState((name) => this.get(name));
    const kinds = ["conv", "pool"].map((kind) => [kind, text[kind]]);
    const kind = this.select(
      text.kind,
      kinds,
      () => now().chosen.kind,
      (value) => this.edited("kind", value),
    );
    const letters = { kernel: "F", stride: "S", padding: "P", dilation: "D" };
    const sliders = Object.entries(limits).map(([entry, [min, max]]) =>
      this.numberSlider({
        name: entry,
        symbol: [html("i", {}, letters[entry])],
        label: text[entry],
        words: `${letters[entry]} ${text[entry]}`,
        min,
        max,
        value: () => now().chosen[entry],
        change: (value) => this.edited(entry, value),
        disabled: fixed,
      }),
    );
    const [min, max] = this.get("ranges").size;
    const size = this.numberSlider({
      name: "size",
      symbol: [html("i", {}, "W")],
      label: text.size,
      words: `W ${text.size}`,
      min,
      max,
      value: () => now().size,
      change: (value) => ({ size: value }),
      disabled: fixed,
    });
    const add = this.button(text.add, () => this.add());
    const remove = this.button(text.remove, () => this.remove());
    const copy = this.button(text.makeOwn, () => {
      const { layers, size: input, layer } = this.state;
      const stack = layers.map((one) => LAYER.map((name) => one[name]));
      this.set({ network: "own", stack, size: input, layer });
    });
    this.controls.push(() => {
      const count = now().layers.length;
      kind.querySelector("select").disabled = fixed();
      add.disabled = fixed() || count >= most;
      remove.disabled = fixed() || count <= 1;
      copy.disabled = !fixed() || count > most;
    });
    this.editorName = html("strong", { class: "rfe-editor-name" });
    return html(
      "div",
      { class: "rfe-editor" },
      html("div", { class: "rfe-editor-bar" }, this.editorName, kind, add, remove, copy),
      html("div", { class: "rfe-sliders" }, ...sliders, size),
    );
  }

  // A row for the input and each layer. As many are made as there have ever been; those not needed are hidden.
  tableOfLayers() {
    const { text } = this;
    this.rows = [];
    this.head = html(
      "div",
      { role: "row", class: "rfe-row rfe-head" },
      ...text.heads.map((words) => html("div", { role: "columnheader" }, words)),
    );
    this.table = html("div", { role: "table", class: "rfe-table", "aria-label": text.table }, this.head);
    this.table.addEventListener("click", (event) => {
      const number = this.rows.findIndex(({ node }) => node.contains(event.target));
      if (number > 0) this.set({ layer: number - 1 });
    });
    return html("div", { class: "rfe-table-box" }, this.table, this.cone.node);
  }

  rowNumber(number) {
    while (this.rows.length <= number) {
      const cells = this.text.heads.map((_, i) => html("div", { role: i ? "cell" : "rowheader" }));
      const node = html("div", { role: "row", class: "rfe-row" }, ...cells);
      this.rows.push({ node, cells });
      this.table.append(node);
    }
    return this.rows[number];
  }

  // ---- Drawing, after every change

  draw() {
    this.state = readState((name) => this.get(name));
    const { layers, sizes, layer, out, at, fields } = this.state;
    const upTo = layers.slice(0, layer + 1);
    this.levels = out ? at.map((index) => seen(sizes, upTo, index)) : null; // rows, columns
    // The input with as much of the padding as any layer sees, but at most half the input's size on either side.
    const most = Math.ceil(this.state.size / 2);
    const lo = Math.max(-most, Math.min(...fields.map(({ start }) => start)));
    const ends = fields.map(({ start, jump, size }, l) => (sizes[l] ? start + (sizes[l] - 1) * jump + size : 0));
    this.reach = [lo, Math.min(this.state.size + most, Math.max(this.state.size, ...ends))];
    this.drawStage();
    this.drawTable();
    this.drawFormulas();
    put(this.editorName, `${this.nameOf(this.state, layer)}:`);
    this.speak();
  }

  get effective() {
    return this.get("effective") ? (this.state.chosen.effective ?? null) : null;
  }

  drawStage() {
    const { text, asking } = this;
    const { size, out, field, at, layer } = this.state;
    const name = this.nameOf(this.state, layer);
    const width = Math.max(this.stage.clientWidth, 240);
    const boxes = this.picture.draw({
      width,
      size,
      out,
      reach: this.reach,
      field,
      at,
      read: this.levels?.map(([input]) => input.read),
      effective: this.effective,
      hidden: asking,
      text: {
        input: text.input(size),
        output: asking ? "" : out ? text.output(name, out) : text.noOutput(name),
        picture: text.picture(asking ? "?" : field.size),
      },
    });
    this.stage.style.height = `${boxes.height}px`;
    this.stage.style.setProperty("--rfe-left", `${boxes.beside ? boxes.output.x - 40 : 0}px`);
    this.stage.style.setProperty("--rfe-top", `${boxes.beside ? 24 : boxes.height - 236}px`);
    this.message.hidden = Boolean(out) || asking;
    if (!out) this.message.replaceChildren(...this.refusal());
    for (const key of this.root.querySelectorAll(".rfe-key")) {
      const shown = { read: !this.effective, effective: Boolean(this.effective) }[key.dataset.key] ?? true;
      key.hidden = !shown;
    }
  }

  refusal() {
    const { text } = this;
    const { sizes, layers } = this.state;
    const first = sizes.indexOf(null) - 1;
    return [
      html("strong", {}, text.refused(this.nameOf(this.state, first))),
      html("p", {}, `${text.why(sizes[first])}${layers[first].kind === "pool" ? ` ${text.poolPadding}` : ""}`),
    ];
  }

  drawTable() {
    const { text, asking, state } = this;
    const { layers, sizes, fields, layer } = state;
    const narrow = this.root.clientWidth < 592;
    const height = narrow ? 646 : 456;
    const rowHeight = Math.min(90, Math.floor(height / (layers.length + 1)));
    this.table.style.setProperty("--rfe-row", `${rowHeight}px`);
    this.table.parentNode.style.setProperty("--rfe-rows", `${height}px`);
    fields.forEach((field, l) => {
      const { node, cells } = this.rowNumber(l);
      node.hidden = false;
      node.classList.toggle("rfe-chosen", l === layer + 1);
      node.classList.toggle("rfe-beyond", l > layer + 1);
      const known = !asking || l <= layer;
      const number = (value) => (known ? String(value).replace("-", "−") : "?");
      const words = [
        l ? this.nameOf(state, l - 1) : text.inputRow,
        l ? windowText(layers[l - 1]) : "",
        sizes[l] ?? "–",
        number(field.size),
        this.widthOf(l, known),
        number(field.jump),
        number(field.start),
        "",
      ];
      words.forEach((word, i) => put(cells[i], word));
      for (const cell of cells.slice(0, 2)) setAttributes(cell, { title: cell.textContent || null });
      const level = this.levels?.[1][l];
      if (level && !asking) setAttributes(cells[7], { "aria-label": text.range(level.start, level.end - 1) });
      else setAttributes(cells[7], { "aria-label": "–" });
    });
    this.rows.forEach(({ node }, l) => {
      if (l > layers.length) node.hidden = true;
    });
    if (this.measuredWidth !== this.root.clientWidth) {
      this.measuredWidth = this.root.clientWidth;
      const bars = this.head.lastElementChild;
      const [left, width] = narrow ? [0, this.table.clientWidth] : [bars.offsetLeft, bars.clientWidth];
      this.bars = { left, width };
      this.headHeight = this.head.offsetHeight;
    }
    const bar = narrow ? 10 : Math.min(16, rowHeight - 8);
    this.cone.draw({
      ...this.bars,
      height: this.headHeight + height,
      rowHeight,
      first: this.headHeight + (narrow ? 19 + (rowHeight - 34) / 4 : (rowHeight - bar) / 2),
      bar,
      connect: !narrow,
      levels: fields.map((field, l) => ({
        size: sizes[l],
        field,
        seen: asking ? null : (this.levels?.[1][l] ?? null),
      })),
      reach: this.reach,
    });
  }

  // The effective width of level l, as the table shows it.
  widthOf(l, known) {
    const measured = l && this.get("effective") && this.state.layers[l - 1].effective;
    if (!measured) return "–";
    return known ? measured.width.toFixed(1) : "?";
  }

  drawFormulas() {
    const { chosen, fields, layer } = this.state;
    const lines = recurrence(chosen, fields[layer], fields[layer + 1], layer + 1, this.asking);
    this.formulas.replaceChildren(...lines.map((parts) => html("div", { class: "rfe-formula" }, ...parts)));
  }

  speak() {
    const { text } = this;
    const { out, at, field, layer, own, size } = this.state;
    if (this.asking) return this.say(`${this.questionText()} ${text.toAnswer}`);
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    if (!out) return this.say(...verdict, this.refusal().map((node) => node.textContent).join(" "));
    const reads = this.levels.map(([input]) => input.read);
    const [rows, columns] = reads.map((read) => text.range(read[0], read.at(-1)));
    const all = field.size ** 2;
    const count = reads[0].length * reads[1].length;
    const whole = reads.every((read) => read.length === read.at(-1) - read[0] + 1);
    let where = text.nothing;
    if (count === all) where = text.inside(rows, columns);
    else if (count) {
      where = (whole ? text.outside : text.gaps)(this.number(count), this.number(all), rows, columns);
    }
    const { effective } = this;
    let measured = own ? ` ${text.ownOnly}` : "";
    if (effective) {
      const share = Math.round((100 * effective.width ** 2) / all);
      const centres = at.map((index) => field.start + index * field.jump + field.size / 2);
      const half = effective.width / 2;
      const isCut = centres.some((centre) => centre - half < 0 || centre + half > size);
      measured = ` ${text.width(effective.width.toFixed(0), share, isCut)}`;
    }
    return this.say(
      ...verdict,
      text.sees(this.nameOf(this.state, layer), ...at, this.number(field.size)),
      ` ${where}`,
      measured,
    );
  }
}

export default {
  render({ model, el }) {
    const figure = new ReceptiveFieldExplorer(model, el);
    return () => figure.dispose();
  },
};

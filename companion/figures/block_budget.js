// The block budget: three blocks side by side. Its counting and formulas, its pictures and its words are in files of
// their own.

const STATE = ["channels", "reduction", "groups", "size", "stride", "shortcut", "equal", "batch_norm"];
const DEFAULTS = { reduction: 4, groups: 1, size: 56, stride: 1, shortcut: "identity", equal: "channels" };
const LEGAL = { stride: ["1", "2"], shortcut: ["identity", "projection"], equal: ["channels", "width"] };
const BLOCK_NAMES = ["bottleneck", "basic", "plain"];

class BlockBudget extends LiveFigure {
  constructor(model, el) {
    super(model, el, BUDGET_TEXT);
    this.build();
    this.start();
  }

  // The state as budget() takes it. In a live notebook the traits of one change arrive one by one, so that for a moment
  // the groups may not divide the width.
  state() {
    const { batch_norm: batchNorm, ...state } = Object.fromEntries(STATE.map((name) => [name, this.get(name)]));
    return { ...state, groups: Math.min(state.groups, innerWidth(state)), batchNorm };
  }

  // What a change sets: fewer groups where the width leaves no other choice.
  change(values) {
    const later = { ...this.state(), ...values };
    return { ...values, groups: Math.min(later.groups, innerWidth(later)) };
  }

  // ---- Links

  linkValues() {
    const values = { channels: this.get("channels") };
    for (const [name, value] of Object.entries(DEFAULTS)) if (this.get(name) !== value) values[name] = this.get(name);
    if (this.get("batch_norm")) values.bn = 1;
    if (this.get("block") !== BLOCK_NAMES[0]) values.block = this.get("block");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the preset's where the link names one, else the default. A link that gives nothing
  // but `predict` leaves the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const values = { channels: this.get("channels"), batch_norm: false, ...DEFAULTS, ...preset };
    for (const [name, choices] of Object.entries(this.get("choices"))) {
      const given = choices.find((choice) => String(choice) === parameters.get(name));
      if (given !== undefined) values[name] = given;
    }
    const [least, most] = this.get("ranges").size;
    const size = parameters.get("size") ?? "";
    if (/^\d{1,3}$/.test(size) && Number(size) >= least && Number(size) <= most) values.size = Number(size);
    for (const [name, choices] of Object.entries(LEGAL)) {
      const given = parameters.get(name);
      if (choices.includes(given)) values[name] = name === "stride" ? Number(given) : given;
    }
    if (["0", "1"].includes(parameters.get("bn"))) values.batch_norm = parameters.get("bn") === "1";
    values.groups = Math.min(values.groups, innerWidth(values));
    const block = parameters.get("block");
    return { ...values, block: BLOCK_NAMES.includes(block) ? block : BLOCK_NAMES[0], predict };
  }

  // ---- The elements, made once

  build() {
    const { text } = this;
    const { plain, basic, bottleneck } = text.titles;
    this.pictures = {
      plain: new BlockPicture(plain, 2),
      basic: new BlockPicture(basic, 2),
      bottleneck: new BlockPicture(bottleneck, 3),
    };
    this.bars = ["parameters", "multiplyAdds", "memory"].map((quantity) => ({
      quantity,
      group: new BarGroup(text[quantity], text.names, text.ofBasic),
    }));
    this.formulas = html("div", { class: "bb-formulas" });
    this.root.append(
      this.choicesBar(),
      this.settings(),
      html("div", { class: "bb-blocks" }, ...Object.values(this.pictures).map(({ node }) => node)),
      html("div", { class: "bb-says" }, this.question(), ...this.statusLine()),
      html("div", { class: "bb-groups" }, ...this.bars.map(({ group }) => group.node)),
      this.blockSelect(),
      this.formulas,
      html("div", { class: "bb-end" }, html("p", { class: "lf-note" }, text.convention), this.linkButton()),
    );
  }

  choicesBar() {
    const batchNorm = () => this.get("batch_norm");
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect(),
      this.checkbox(this.text.batchNorm, batchNorm, (on) => ({ batch_norm: on })),
      this.predictCheckbox(),
    );
  }

  settings() {
    const { text } = this;
    const symbol = (letter) => [html("i", {}, letter)];
    const option = (trait, label, options) =>
      this.select(label, options, () => this.get(trait), (value) => this.change({ [trait]: value }));
    const stride = this.select(
      text.stride,
      [[1, 1], [2, 2]],
      () => this.get("stride"),
      (value) => this.change({ stride: Number(value) }),
    );
    return html(
      "div",
      { class: "bb-settings", role: "group", "aria-label": text.settings },
      html(
        "div",
        { class: "bb-sliders" },
        this.powerSlider("channels", symbol("C")),
        this.powerSlider("reduction", symbol("r")),
        this.powerSlider("groups", symbol("g"), (value) => value <= innerWidth(this.state())),
        this.sizeSlider(symbol("H")),
      ),
      html(
        "div",
        { class: "bb-options" },
        option("equal", text.equal, [["channels", text.equalChannels], ["width", text.equalWidth]]),
        stride,
        option("shortcut", text.shortcut, [["identity", text.identity], ["projection", text.projection]]),
      ),
    );
  }

  sizeSlider(symbol) {
    const [min, max] = this.get("ranges").size;
    const value = () => this.get("size");
    const change = (size) => ({ size });
    return this.numberSlider({ name: "size", symbol, label: this.text.size, min, max, value, change });
  }

  // A slider over the numbers that a trait can have: one step of it is the next number.
  powerSlider(trait, symbol, isLegal = () => true) {
    const id = `${this.id}-${trait}`;
    const choices = this.get("choices")[trait];
    const input = html("input", { type: "range", id, min: 0, step: 1, "data-trait": trait, ...OWN_KEYS });
    const shown = html("output", { class: "bb-value", for: id });
    input.addEventListener("input", () => {
      const value = choices[Number(input.value)];
      if (value !== this.get(trait)) this.set(this.change({ [trait]: value }));
    });
    this.controls.push(() => {
      const value = this.state()[trait];
      const most = choices.filter(isLegal).length - 1;
      setAttributes(input, { max: most, "aria-valuetext": value });
      input.value = choices.indexOf(value);
      input.disabled = most === 0;
      put(shown, value);
    });
    const label = html("label", { for: id }, html("span", { class: "lf-symbol" }, ...symbol), " ", this.text[trait]);
    return html("div", { class: "lf-slider" }, label, shown, input);
  }

  blockSelect() {
    const options = BLOCK_NAMES.map((name) => [name, this.text.names[name]]);
    const select = this.select(this.text.block, options, () => this.get("block"), (block) => ({ block }));
    this.inner = html("span", { class: "bb-line" });
    return html("div", { class: "bb-choice" }, select, this.inner);
  }

  question() {
    const { text } = this;
    const percent = (key) => (100 * this.costs.bottleneck[key]) / this.costs.basic[key];
    return this.predictFirst({
      traits: STATE,
      ask: () => ({ question: text.question, note: text.note, labels: text.fields }),
      answer: () => ["parameters", "memory"].map(percent),
      verdict: (given, right) => {
        const isRight = given.every((number, i) => Math.abs(number - right[i]) <= Math.max(1, right[i] / 10));
        const shown = right.map((number) => this.percent(number / 100));
        return isRight ? text.right(...shown) : text.wrong(given, ...shown);
      },
    });
  }

  // 0.059 → "5.9 %", 4.25 → "425 %"
  percent(share) {
    const digits = share < 0.0995 ? 2 : share < 10 ? 3 : 4;
    return this.text.percent(Number((100 * share).toPrecision(digits)));
  }

  // ---- Drawing, after every change

  draw() {
    const state = this.state();
    const layers = blocks(state);
    this.costs = budget(state);
    this.drawPictures(state, layers);
    const hidden = this.asking ? "bottleneck" : "";
    for (const { quantity, group } of this.bars) {
      const values = Object.fromEntries(Object.keys(this.costs).map((name) => [name, this.costs[name][quantity]]));
      group.draw({ values, hidden, write: this.number, percent: (share) => this.percent(share) });
    }
    this.drawFormulas(state, layers);
    this.speak(state, layers);
  }

  drawPictures(state, layers) {
    for (const [name, picture] of Object.entries(this.pictures)) {
      const shortcut = name === "plain" ? "none" : state.shortcut;
      picture.draw({ layers: layers[name], size: state.size, stride: state.stride, shortcut, text: this.text });
    }
  }

  drawFormulas(state, layers) {
    const block = this.get("block");
    const asking = this.asking && block === "bottleneck";
    const chains = budgetFormulas(block, layers[block], state, this.costs[block], asking);
    const step = (pieces) => html("span", { class: "bb-step" }, ...pieces);
    this.formulas.replaceChildren(...chains.map((steps) => html("div", { class: "bb-line" }, ...steps.map(step))));
    this.inner.replaceChildren(...widthFormulas(state));
  }

  // ---- Words

  speak(state, layers) {
    const { text, costs } = this;
    if (this.asking) return this.say(`${text.question} ${text.toAnswer}`);
    if (this.verdict) return this.say(html("strong", {}, this.verdict));
    const { basic, bottleneck } = costs;
    const share = (key) => this.percent(bottleneck[key] / basic[key]);
    const words = text.said({
      parameters: this.number(bottleneck.parameters),
      basic: this.number(basic.parameters),
      share: share("parameters"),
      ratio: Number((basic.parameters / bottleneck.parameters).toPrecision(3)),
      work: share("multiplyAdds"),
      memory: share("memory"),
      channels: state.channels,
      basicChannels: layers.basic[0].from,
      width: innerWidth(state),
    });
    const projected = (name) => this.number(layers[name].at(-1).from * layers[name].at(-1).to);
    const shortcut = state.shortcut === "identity" ? text.free : text.paid(projected("basic"), projected("bottleneck"));
    return this.say(`${words} ${shortcut}`);
  }
}

export default {
  render({ model, el }) {
    const figure = new BlockBudget(model, el);
    return () => figure.dispose();
  },
};

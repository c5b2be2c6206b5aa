// The network chart: points to look at, to point at and to walk along. What is shown and the scales, the picture and
// the words are in files of their own.

const TOLERANCE = 2; // per cent, of a prediction
const QUANTITIES = ["parameters", "multiply_adds"];

class NetworkChart extends LiveFigure {
  constructor(model, el) {
    super(model, el, CHART_TEXT);
    const networks = this.get("networks");
    this.families = Object.keys(SHAPES).filter((family) => networks.some((one) => one.family === family));
    const values = (key) => networks.map((one) => one[key]);
    this.ranges = {
      parameters: logRange(values("parameters")),
      multiply_adds: logRange(values("multiply_adds")),
      top1: fivesRange(values("top1")),
    };
    this.build();
    this.start();
  }

  shownBy(get) {
    return shownNetworks(this.get("networks"), get("x"), get("all_weights"), get("families"));
  }

  // What a change sets: a network that is shown, with it.
  change(values) {
    const later = (name) => values[name] ?? this.get(name);
    return { ...values, selected: keepSelected(later("selected"), this.shownBy(later)) };
  }

  // ---- Links

  linkValues() {
    const values = { network: this.get("selected") };
    if (this.get("x") !== QUANTITIES[0]) values.x = this.get("x");
    if (this.get("all_weights")) values.all = 1;
    if (this.get("front")) values.front = 1;
    if (this.get("families").length) values.families = this.get("families").join("_");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the preset's where the link names one, else the default. A link that gives nothing
  // but `predict` leaves the figure as it is. A network by its name alone has its default weights.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const values = { x: QUANTITIES[0], all_weights: false, front: false, families: [], ...preset };
    const flag = (name, trait) => {
      if (["0", "1"].includes(parameters.get(name))) values[trait] = parameters.get(name) === "1";
    };
    flag("all", "all_weights");
    flag("front", "front");
    if (QUANTITIES.includes(parameters.get("x"))) values.x = parameters.get("x");
    const families = (parameters.get("families") ?? "").split("_");
    if (families.every((family) => this.families.includes(family))) values.families = this.inOrder(families);
    const wanted = parameters.get("network");
    const known = this.get("networks").find(
      (one) => one.id === wanted || (one.default && one.network === wanted),
    );
    values.selected = known?.id ?? values.selected ?? this.get("selected");
    return { ...this.change(values), predict };
  }

  inOrder(families) {
    return this.families.filter((family) => families.includes(family));
  }

  // ---- The elements, made once

  build() {
    const { text } = this;
    this.picture = new ChartPicture();
    this.stage = html("div", { class: "nc-stage" }, this.picture.node);
    this.code = html("code", { translate: "no" });
    const copy = this.copyButton(text.copy, () => this.code.textContent, this.code);
    this.pointing();
    this.root.append(
      this.choicesBar(),
      this.legend(),
      this.stage,
      this.walk(),
      html("div", { class: "nc-says" }, this.question(), ...this.statusLine()),
      html("div", { class: "lf-code nc-code" }, this.code, copy, this.linkButton()),
      html("p", { class: "lf-note nc-source" }, text.source),
    );
  }

  choicesBar() {
    const { text } = this;
    const quantities = QUANTITIES.map((name) => [name, text[name]]);
    const is = (trait) => () => this.get(trait);
    return html(
      "div",
      { class: "lf-bar nc-bar" },
      this.presetSelect(),
      this.select(text.x, quantities, is("x"), (x) => this.change({ x })),
      this.checkbox(text.allWeights, is("all_weights"), (on) => this.change({ all_weights: on })),
      this.checkbox(text.front, is("front"), (on) => ({ front: on })),
      this.predictCheckbox(),
    );
  }

  // A button per family: none pressed shows all.
  legend() {
    const { text } = this;
    const set = (families) => this.set(this.change({ families: this.inOrder(families) }));
    const buttons = this.families.map((family) => {
      const toggle = () => {
        const now = this.get("families");
        set(now.includes(family) ? now.filter((one) => one !== family) : [...now, family]);
      };
      const node = this.button("", toggle, { class: "nc-family", "data-family": family });
      node.append(familySwatch(family), ` ${text.family[family] ?? family}`);
      this.controls.push(() => setAttributes(node, { "aria-pressed": String(this.get("families").includes(family)) }));
      return node;
    });
    const all = this.button(text.all, () => set([]), { class: "nc-family", "data-family": "" });
    this.controls.push(() => setAttributes(all, { "aria-pressed": String(!this.get("families").length) }));
    return html("div", { class: "nc-legend", role: "group", "aria-label": text.families }, all, ...buttons);
  }

  // The networks by name, and a slider that walks along the axis.
  walk() {
    const { text } = this;
    this.list = html("select", { ...OWN_KEYS });
    this.list.addEventListener("change", () => this.set({ selected: this.list.value }));
    const id = `${this.id}-along`;
    this.along = html("input", { type: "range", id, min: 0, step: 1, "data-trait": "selected", ...OWN_KEYS });
    this.along.addEventListener("input", () => this.set({ selected: this.shown[Number(this.along.value)].id }));
    return html(
      "div",
      { class: "nc-walk" },
      html("label", { class: "lf-select" }, `${text.network} `, this.list),
      html("label", { class: "nc-along", for: id }, text.along),
      this.along,
    );
  }

  // A mouse that passes over a point names it, and so does a finger. In predict-first mode only a press does.
  pointing() {
    const pick = (event, reach) => {
      const box = this.picture.node.getBoundingClientRect();
      const id = this.picture.at(event.clientX - box.left, event.clientY - box.top, reach);
      if (id && id !== this.get("selected")) this.set({ selected: id });
    };
    this.stage.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && !event.buttons && !this.get("predict")) pick(event);
    });
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button === 0) pick(event, event.pointerType === "mouse" ? undefined : 2 * REACH);
    });
  }

  question() {
    const { text } = this;
    const name = () => this.nameOf(this.one());
    const top1 = () => fixed(this.one().top1, 3);
    return this.predictFirst({
      traits: ["selected"],
      ask: () => ({ question: text.question(name()), note: text.note, labels: text.fields }),
      answer: () => [this.one().top1],
      verdict: ([given], [right]) =>
        Math.abs(given - right) <= TOLERANCE ? text.right(name(), top1()) : text.wrong(given, name(), top1()),
    });
  }

  // ---- Drawing, after every change

  // In a live notebook the traits of one change arrive one by one, so that for a moment the selected network may not be
  // shown.
  one() {
    const shown = this.shownBy((name) => this.get(name));
    const id = keepSelected(this.get("selected"), shown);
    return shown.find((one) => one.id === id);
  }

  // Networks with several weights shown say which.
  nameOf({ network, weights }) {
    return this.get("all_weights") ? `${network} ${weights}` : network;
  }

  draw() {
    const { text } = this;
    const x = this.get("x");
    const size = QUANTITIES.find((name) => name !== x);
    this.shown = this.shownBy((name) => this.get(name));
    const one = this.one();
    const width = Math.max(this.stage.clientWidth, 240);
    const height = width < 560 ? 420 : 500;
    const front = this.get("front") ? paretoFront(this.shown, x) : [];
    const ranges = { x: this.ranges[x], y: this.ranges.top1, size: this.ranges[size] };
    this.picture.draw({ width, height, shown: this.shown, x, size, ranges, front, text, lang: this.lang });
    this.picture.choose(one, this.asking, one.network);
    setAttributes(this.picture.node, { "aria-label": text.chart(this.shown.length, text[x]) });
    this.drawWalk(one);
    put(this.code, `models.${one.network}(weights="${one.weights}")`);
    this.speak(one, x);
  }

  drawWalk(one) {
    const ids = this.shown.map(({ id }) => id);
    const key = ids.join(" ");
    if (this.listed !== key) {
      this.listed = key;
      const byName = [...this.shown].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
      this.list.replaceChildren(...byName.map((each) => html("option", { value: each.id }, this.nameOf(each))));
    }
    this.list.value = one.id;
    const words = this.asking ? this.text.asked : this.text.valueText;
    setAttributes(this.along, { max: ids.length - 1, "aria-valuetext": words(this.numbers(one)) });
    this.along.value = ids.indexOf(one.id);
    this.along.disabled = ids.length < 2;
  }

  numbers(one) {
    return {
      name: this.nameOf(one),
      parameters: this.number(one.parameters),
      work: fixed(one.multiply_adds, 3),
      top1: fixed(one.top1, 3),
      top5: fixed(one.top5, 3),
      pixels: one.pixels,
      megabytes: fixed(one.megabytes, 1),
    };
  }

  // ---- Words

  speak(one, x) {
    const { text } = this;
    if (this.asking) return this.say(`${text.question(this.nameOf(one))} ${text.toAnswer}`);
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    const better = this.shown.filter((other) => beats(other, one, x));
    const best = better.reduce((a, b) => (a && a.top1 >= b.top1 ? a : b), undefined);
    const place = best
      ? text.beaten[x](better.length, this.nameOf(best), fixed(best.top1, 3))
      : text.onFront[x];
    return this.say(...verdict, `${text.said(this.numbers(one))} ${place}`);
  }
}

export default {
  render({ model, el }) {
    const figure = new NetworkChart(model, el);
    return () => figure.dispose();
  },
};

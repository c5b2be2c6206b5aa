// The logits explorer: K logits, three heads. Its arithmetic and formulas, its panels and its words are in files of
// their own.

const SLIDER_END = 10; // of the logits; what is typed may be larger
const TOLERANCE = 5; // per cent, of a prediction

class LogitsExplorer extends LiveFigure {
  constructor(model, el) {
    super(model, el, LOGITS_TEXT);
    this.names = this.get("names")[this.lang] ?? this.get("classes");
    this.build();
    this.start();
  }

  // The state as heads() takes it. In a live notebook the traits of one change arrive one by one, so that for a moment
  // there may be fewer targets than logits.
  state() {
    const logits = this.get("logits");
    const last = logits.length - 1;
    return {
      logits,
      temperature: this.get("temperature"),
      asked: Math.min(this.get("asked"), last),
      askedTarget: this.get("asked_target"),
      threshold: this.get("threshold"),
      label: Math.min(this.get("label"), last),
      present: logits.map((_, k) => this.get("present")[k] ?? 0),
      thresholds: logits.map((_, k) => this.get("thresholds")[k] ?? 0.5),
    };
  }

  // ---- What a change sets

  // Logits of another number shorten or fill up what goes with them.
  resized(logits) {
    const { asked, label, present, thresholds } = this.state();
    const last = logits.length - 1;
    return {
      logits,
      asked: Math.min(asked, last),
      label: Math.min(label, last),
      present: logits.map((_, k) => present[k] ?? 0),
      thresholds: logits.map((_, k) => thresholds[k] ?? 0.5),
    };
  }

  shifted(amount) {
    return this.get("logits").map((z) => Number((z + amount).toPrecision(6)));
  }

  isLegal(logits) {
    const [least, most] = this.get("ranges").logits;
    return logits.every((z) => z >= least && z <= most);
  }

  // ---- Links: z, labels and ts list one number per class, parted by "_".

  linkValues() {
    const { logits, temperature, asked, askedTarget, threshold, label, present, thresholds } = this.state();
    const values = { z: logits.join("_") };
    if (temperature !== 1) values.T = temperature;
    if (asked) values.ask = asked;
    if (!askedTarget) values.y = 0;
    if (threshold !== 0.5) values.t = threshold;
    if (label) values.label = label;
    if (present.some((y, k) => y !== Number(k === label))) values.labels = present.join("_");
    if (thresholds.some((t) => t !== 0.5)) values.ts = thresholds.join("_");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the preset's where the link names one; else T is 1, thresholds are 0.5, the first
  // class is asked for and right, and the label alone is in the picture. A link that gives nothing but `predict` leaves
  // the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const ranges = this.get("ranges");
    const number = (text, [least, most]) => {
      const value = /^-?\d/.test(text ?? "") ? Number(text) : NaN;
      return value >= least && value <= most ? value : undefined;
    };
    const real = (name, range) => number(parameters.get(name), range);
    const list = (name, range, isLegal) => {
      const values = (parameters.get(name) ?? "").split("_").map((text) => number(text, range));
      return isLegal(values.length) && !values.includes(undefined) ? values : undefined;
    };
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const given = list("z", ranges.logits, (count) => count >= 2 && count <= this.names.length);
    const logits = given ?? preset?.logits ?? this.get("logits");
    const base = preset?.logits.length === logits.length ? preset : undefined;
    const isClass = (k) => Number.isInteger(k);
    const place = (name) => [real(name, [0, logits.length - 1])].find(isClass);
    const label = place("label") ?? base?.label ?? 0;
    const each = (count) => count === logits.length;
    const present = list("labels", [0, 1], each);
    const y = parameters.get("y");
    return {
      logits: [...logits],
      temperature: real("T", ranges.temperature) ?? base?.temperature ?? 1,
      asked: place("ask") ?? base?.asked ?? 0,
      asked_target: y === "0" || y === "1" ? y === "1" : (base?.asked_target ?? true),
      threshold: real("t", ranges.threshold) ?? base?.threshold ?? 0.5,
      label,
      present: present?.every(isClass) ? present : [...(base?.present ?? logits.map((_, k) => Number(k === label)))],
      thresholds: list("ts", [0, 1], each) ?? [...(base?.thresholds ?? logits.map(() => 0.5))],
      predict,
    };
  }

  // ---- The elements, made once

  build() {
    this.formulas = new HeadFormulas(this.names, this.text);
    this.root.style.setProperty("--lg-most", this.names.length);
    this.root.append(
      this.choices(),
      this.sliders(),
      this.adjustments(),
      html("div", { class: "lg-says" }, this.question(), ...this.statusLine()),
      this.panels(),
      this.formulas.node,
      html("div", { class: "lg-end" }, html("p", { class: "lf-note" }, this.text.explain), this.linkButton()),
      html("div", { class: "lg-space" }),
    );
  }

  choices() {
    const counts = this.names.map((_, k) => [k + 1, k + 1]).slice(1);
    const resize = (text) => {
      const count = Number(text);
      const logits = this.get("logits");
      return this.resized(Array.from({ length: count }, (_, k) => logits[k] ?? 0));
    };
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect(),
      this.select(this.text.count, counts, () => this.get("logits").length, resize),
      this.predictCheckbox(),
    );
  }

  sliders() {
    const { text } = this;
    const [min, max] = this.get("ranges").logits;
    const nodes = this.names.map((name, k) => {
      const node = this.numberSlider({
        name: `z${k}`,
        symbol: [html("i", {}, "z")],
        label: name,
        words: text.logitOf(name),
        min,
        max,
        step: 0.1,
        digits: 2,
        value: () => this.get("logits")[k] ?? 0,
        change: (z) => ({ logits: this.get("logits").map((old, j) => (j === k ? z : old)) }),
      });
      setAttributes(node.querySelector("input[type=range]"), { min: -SLIDER_END, max: SLIDER_END });
      return node;
    });
    this.controls.push(() => {
      const count = this.get("logits").length;
      nodes.forEach((node, k) => {
        node.hidden = k >= count;
      });
    });
    return html("div", { class: "lg-sliders", role: "group", "aria-label": text.logits }, ...nodes);
  }

  adjustments() {
    const { text } = this;
    const [min, max] = this.get("ranges").temperature;
    const temperature = this.numberSlider({
      name: "temperature",
      symbol: [html("i", {}, "T")],
      label: text.temperature,
      words: text.temperatureOf,
      min,
      max,
      step: 0.05,
      digits: 2,
      value: () => this.get("temperature"),
      change: (value) => ({ temperature: value }),
    });
    const buttons = [-1, 1].map((amount) => {
      const move = () => {
        const logits = this.shifted(amount);
        if (this.isLegal(logits)) this.set({ logits });
      };
      const words = signedWhole(amount);
      const node = this.button(words, move, { "aria-label": text.shiftBy(words) });
      this.controls.push(() => {
        node.setAttribute("aria-disabled", String(!this.isLegal(this.shifted(amount)))); // keeps its focus
      });
      return node;
    });
    const shift = html("div", { class: "lg-shift" }, html("span", {}, text.shift), ...buttons);
    return html("div", { class: "lg-adjust" }, temperature, shift);
  }

  question() {
    const { text } = this;
    const name = () => this.names[this.state().label];
    return this.predictFirst({
      traits: ["logits", "temperature", "label"],
      ask: () => ({ question: text.question(name()), note: text.note, labels: text.fields }),
      answer: () => {
        const { label } = this.state();
        return [this.got.softmax[label], this.got.sigmoids[label]].map((p) => 100 * p);
      },
      verdict: (given, right) => {
        const isRight = given.every((number, i) => Math.abs(number - right[i]) <= TOLERANCE);
        const shown = right.map(Math.round);
        return isRight ? text.right(name(), shown) : text.wrong(name(), given, shown);
      },
    });
  }

  panels() {
    const { text, names } = this;
    const words = (kind, target, value) => ({
      title: text[kind],
      question: text[`${kind}Question`],
      target: text[target],
      value,
      decision: text.decision,
      loss: text.loss,
      thresholdOf: text.thresholdOf,
    });
    const replaced = (trait, k, value) => ({ [trait]: this.state()[trait].map((old, j) => (j === k ? value : old)) });
    const target = this.checkbox(
      text.askedTarget,
      () => this.get("asked_target"),
      (on) => ({ asked_target: on }),
    );
    this.binary = new HeadPanel(this, {
      kind: "binary",
      names,
      words: words("binary", "asked", "σ(z)"),
      target: "radio",
      onTarget: (k) => this.set({ asked: k }),
      onThreshold: (_, threshold) => this.set({ threshold }),
      below: [target],
    });
    this.multiClass = new HeadPanel(this, {
      kind: "multi-class",
      names,
      words: words("multiClass", "label", "softmax(z/T)"),
      target: "radio",
      onTarget: (label) => this.set({ label }),
      onThreshold: null,
    });
    this.multiLabel = new HeadPanel(this, {
      kind: "multi-label",
      names,
      words: words("multiLabel", "present", "σ(z)"),
      target: "checkbox",
      onTarget: (k, on) => this.set(replaced("present", k, Number(on))),
      onThreshold: (k, threshold) => this.set(replaced("thresholds", k, threshold)),
    });
    const panels = [this.binary, this.multiClass, this.multiLabel].map(({ node }) => node);
    return html("div", { class: "lg-heads", role: "group", "aria-label": text.heads }, ...panels);
  }

  // ---- Drawing, after every change

  draw() {
    const state = this.state();
    this.got = heads(state);
    this.notice(state);
    this.root.style.setProperty("--lg-classes", state.logits.length);
    this.drawPanels(state);
    this.formulas.draw(state, this.got, this.asking);
    this.speak(state);
  }

  drawPanels(state) {
    const { text, names, got, asking } = this;
    const { logits, asked, askedTarget, threshold, label, present, thresholds } = state;
    const loss = (value) => (asking ? "?" : fixed(value, 3));
    const name = names[asked];
    this.binary.draw({
      rows: logits.map((_, k) => ({
        checked: k === asked,
        p: k === asked ? got.sigmoids[k] : null,
        threshold,
        chosen: k === asked && got.yes,
      })),
      decision: asking ? "?" : got.yes ? text.yes(name) : text.no(name),
      lossName: `BCE, y = ${Number(askedTarget)}`,
      loss: loss(got.bce),
      asking,
    });
    this.multiClass.draw({
      rows: got.softmax.map((p, k) => ({ checked: k === label, p, chosen: k === got.choice })),
      decision: asking ? "?" : names[got.choice],
      lossName: text.crossEntropy,
      loss: loss(got.crossEntropy),
      asking,
    });
    this.multiLabel.draw({
      rows: got.sigmoids.map((p, k) => ({
        checked: Boolean(present[k]),
        p,
        threshold: thresholds[k],
        chosen: got.chosen.includes(k),
      })),
      decision: asking ? "?" : got.chosen.map((k) => names[k]).join(", ") || text.none,
      lossName: text.sumOf(logits.length),
      loss: loss(got.bceSum),
      asking,
    });
  }

  // ---- Words

  // Says in words what the last change was, if it is one to learn from. The words stay until the next change.
  notice(state) {
    const { text, names } = this;
    const before = this.before ?? state;
    const now = JSON.stringify(state);
    if (now === this.noticed) return;
    this.noticed = now;
    this.before = state;
    this.remark = "";
    const { logits, temperature } = state;
    if (logits.length !== before.logits.length) return;
    const moves = logits.map((z, k) => z - before.logits[k]);
    const moved = [...moves.keys()].filter((k) => moves[k] !== 0);
    if (temperature !== before.temperature) {
      if (!moved.length) this.remark = temperature < before.temperature ? text.sharper : text.flatter;
    } else if (moved.length === 1) this.remark = text.moved(names[moved[0]], logits.length);
    else if (moved.length && moves.every((move) => Math.abs(move - moves[0]) < 1e-9)) {
      this.remark = text.shifted(`${moves[0] > 0 ? "+" : ""}${fixed(moves[0], 2)}`);
    }
  }

  speak(state) {
    const { text, names, got } = this;
    if (this.asking) return this.say(`${text.question(names[state.label])} ${text.toAnswer}`);
    const { logits, asked, threshold } = state;
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    const dropped = got.chosen.filter((k) => k !== got.choice);
    const sentences = [
      text.binarySaid(names[asked], fixed(got.sigmoids[asked], 3), fixed(threshold, 2), got.yes),
      text.multiClassSaid(names[got.choice], fixed(got.softmax[got.choice], 3)),
      text.multiLabelSaid(got.chosen.map((k) => names[k])),
    ];
    if (!got.chosen.length) sentences.push(text.mustName(names[got.choice]));
    else if (dropped.length) sentences.push(text.drops(dropped.map((k) => names[k])));
    // With a verdict there are words enough.
    if (!this.verdict) {
      if (this.remark) sentences.push(this.remark);
      else if (logits.length === 2) sentences.push(text.twoClasses);
    }
    return this.say(...verdict, sentences.join(" "));
  }
}

// 1 → "+1", −1 → "−1"
function signedWhole(number) {
  return number > 0 ? `+${number}` : `−${-number}`;
}

export default {
  render({ model, el }) {
    const figure = new LogitsExplorer(model, el);
    return () => figure.dispose();
  },
};

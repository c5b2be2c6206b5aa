// The map mixer. First the arithmetic, without any drawing; a test compares it with PyTorch in Chromium. Then the
// figure. Its words, formulas and pictures are in files of their own.

// The map Σ_k weights[k] · maps[k], each map a list of cells, row by row; `others` is a map to add, or null. The score
// is the mean of the map plus the bias, whatever `relu` does: {votes: the map, cells: the same, after the ReLU if there
// is one, mean, score, strongest, weakest: where in `cells` the largest and the smallest are first found}.
export function mixMaps({ maps, weights, others = null, bias = 0, relu = false }) {
  const votes = others ? [...others] : new Array(maps[0].length).fill(0);
  maps.forEach((map, k) => {
    if (weights[k] !== 0) for (let i = 0; i < map.length; i++) votes[i] += weights[k] * map[i];
  });
  const cells = relu ? votes.map((vote) => Math.max(vote, 0)) : votes;
  const mean = meanOf(votes);
  return {
    votes,
    cells,
    mean,
    score: mean + bias,
    strongest: cells.indexOf(Math.max(...cells)),
    weakest: cells.indexOf(Math.min(...cells)),
  };
}

export function meanOf(cells) {
  return cells.reduce((sum, value) => sum + value, 0) / cells.length;
}

// rows × columns cells → height × width values, bilinear: PyTorch's interpolate with align_corners=False, in which a
// cell's value stands at its centre and the border is held constant outside the outermost centres.
export function upsample(cells, [rows, columns], [height, width]) {
  const samples = (from, to) =>
    Array.from({ length: to }, (_, i) => {
      const position = Math.max(0, ((i + 0.5) * from) / to - 0.5);
      const first = Math.floor(position);
      return { first, next: Math.min(first + 1, from - 1), part: position - first };
    });
  const across = samples(columns, width);
  const values = new Float64Array(height * width);
  const line = new Float64Array(columns);
  samples(rows, height).forEach(({ first, next, part }, y) => {
    for (let x = 0; x < columns; x++) {
      line[x] = (1 - part) * cells[first * columns + x] + part * cells[next * columns + x];
    }
    for (let x = 0; x < width; x++) {
      const at = across[x];
      values[y * width + x] = (1 - at.part) * line[at.first] + at.part * line[at.next];
    }
  });
  return values;
}

class MapMixer extends LiveFigure {
  constructor(model, el) {
    super(model, el, MIXER_TEXT);
    this.names = this.get("names")[this.lang] ?? this.get("classes");
    this.means = this.get("shown_maps").map(meanOf);
    const complete = this.names.map((_, index) => this.mixOf(index, this.get("shown_weights")[index], true));
    const largest = Math.max(...complete.flatMap(({ votes }) => votes.map(Math.abs)));
    const power = Math.floor(Math.log10(largest || 1));
    this.digits = 2 - Math.min(0, power); // of sums and activations
    this.weightDigits = Math.max(1, 2 - Math.floor(Math.log10(this.get("ranges").mix[1])));
    this.build();
    this.start();
  }

  mixOf(index, weights, others) {
    return mixMaps({
      maps: this.get("shown_maps"),
      weights,
      others: others ? this.get("other_maps")[index] : null,
      bias: this.get("bias")[index],
      relu: this.get("relu"),
    });
  }

  // ---- Links: w lists the weights, parted by "_"; without it they are the class's own.

  linkValues() {
    const index = this.get("class_index");
    const mix = this.get("mix");
    const values = { class: index };
    if (String(mix) !== String(this.get("shown_weights")[index])) {
      values.w = mix.every((weight) => weight === 0) ? 0 : mix.join("_");
    }
    values.others = Number(this.get("others"));
    values.cell = `${this.get("row")}_${this.get("column")}`;
    if (this.get("relu")) values.relu = 1;
    values.opacity = this.get("opacity");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the class's own mix, or the preset's where the link names one. A link that gives
  // nothing but `predict` leaves the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const ranges = this.get("ranges");
    const number = (text, range) => {
      const value = /^-?\d/.test(text ?? "") ? Number(text) : NaN;
      return value >= range[0] && value <= range[1] ? value : undefined;
    };
    const whole = (text, range) => (/^\d{1,3}$/.test(text ?? "") ? number(text, range) : undefined);
    const flag = (name) => (parameters.has(name) ? parameters.get(name) === "1" : undefined);
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const index = whole(parameters.get("class"), ranges.class_index) ?? preset?.class_index ?? 0;
    const count = this.get("channels").length;
    const listed = (parameters.get("w") ?? "").split("_").map((text) => number(text, ranges.mix));
    const weights = listed.length === 1 && listed[0] === 0 ? new Array(count).fill(0) : listed;
    const isLegal = weights.length === count && !weights.includes(undefined);
    const [row, column] = (parameters.get("cell") ?? "").split("_");
    return {
      class_index: index,
      mix: isLegal ? weights : (preset?.mix ?? [...this.get("shown_weights")[index]]),
      others: flag("others") ?? preset?.others ?? true,
      relu: flag("relu") ?? preset?.relu ?? false,
      opacity: number(parameters.get("opacity"), ranges.opacity) ?? this.get("opacity"),
      row: whole(row, ranges.row) ?? this.get("row"),
      column: whole(column, ranges.column) ?? this.get("column"),
      predict,
    };
  }

  // ---- The elements, made once

  build() {
    this.cellFormula = html("div", { class: "mm-formula mm-cell-formula" });
    this.root.append(
      this.choices(),
      this.stageWithQuestion(),
      ...this.statusLine(),
      this.channelCards(),
      this.scoreLine(),
      this.cellFormula,
      html("div", { class: "mm-end" }, html("p", { class: "lf-note" }, this.text.colours), this.linkButton()),
    );
  }

  choices() {
    const options = this.names.map((name, index) => [index, name]);
    const load = (index) => ({ class_index: index, mix: [...this.get("shown_weights")[index]] });
    return html(
      "div",
      { class: "lf-bar" },
      this.presetSelect(),
      this.select(
        this.text.class,
        options,
        () => this.get("class_index"),
        (index) => load(Number(index)),
      ),
      this.predictCheckbox(),
    );
  }

  stageWithQuestion() {
    const { text } = this;
    const grid = this.get("grid");
    this.overlay = new OverlayPicture(this.get("photograph"), this.get("pixels"), grid);
    this.table = new GridPicture(grid);
    for (const picture of [this.overlay, this.table]) {
      this.drag(picture.node, picture.node, (x, y) => this.set(picture.cellAt(x, y)));
    }
    this.least = html("span");
    this.most = html("span");
    const legend = html(
      "div",
      { class: "mm-legend", "aria-hidden": "true" },
      html("span", {}, this.least, ` ${text.votesAgainst}`),
      html("i", { class: "mm-ramp" }),
      html("span", {}, `${text.votesFor} `, this.most),
    );
    const heading = (words) => html("div", { class: "mm-heading" }, words);
    const isSquare = grid[1] <= 1.4 * grid[0]; // leaves room for the controls beside the two pictures
    return html(
      "div",
      { class: `mm-stage${isSquare ? " mm-square" : ""}` },
      html("div", { class: "mm-half" }, heading(text.overPhotograph), this.overlay.node),
      html(
        "div",
        { class: "mm-half" },
        heading(text.map(`${grid[0]} × ${grid[1]}`)),
        html("div", { class: "mm-table" }, this.table.node, this.question()),
        legend,
      ),
      this.viewControls(),
    );
  }

  question() {
    const { text } = this;
    const columns = this.get("grid")[1];
    const at = (index) => {
      const cell = { row: Math.floor(index / columns), column: index % columns };
      return { ...cell, value: fixed(this.mixed.votes[index], this.digits) };
    };
    return this.predictFirst({
      traits: ["class_index", "mix", "others"],
      whole: true,
      ask: () => ({ question: text.question, note: text.note, labels: [text.row, text.column] }),
      answer: () => this.mixed.votes,
      verdict: ([row, column], votes) => {
        const largest = votes.indexOf(Math.max(...votes));
        const given = column < columns ? votes[row * columns + column] : undefined;
        if (given === votes[largest]) return this.isFlat() ? text.rightFlat : text.right({ row, column });
        const value = given === undefined ? "" : fixed(given, this.digits);
        return text.wrong({ row, column, value }, at(largest));
      },
    });
  }

  viewControls() {
    const { text } = this;
    const slider = (trait, precision) => {
      const [min, max] = this.get("ranges")[trait];
      const value = () => this.get(trait);
      const change = (number) => ({ [trait]: number });
      return this.numberSlider({ name: trait, label: text[trait], min, max, value, change, ...precision });
    };
    const isShown = () => !this.get("relu");
    return html(
      "div",
      { class: "mm-view" },
      slider("opacity", { step: 0.05, digits: 2 }),
      slider("row"),
      slider("column"),
      this.checkbox(text.negative, isShown, (on) => ({ relu: !on })),
    );
  }

  channelCards() {
    const { text } = this;
    const [min, max] = this.get("ranges").mix;
    const grid = this.get("grid");
    this.cards = this.get("channels").map((channel, k) => {
      const map = thumbnail(this.get("shown_maps")[k], grid);
      const adds = html("span", { class: "mm-adds" });
      const slider = this.numberSlider({
        name: `w${k}`,
        symbol: [html("i", {}, "w"), html("sub", {}, channel)],
        label: html("span", { class: "lf-hidden" }, text.weightOf(channel)),
        words: text.weightOf(channel),
        min,
        max,
        step: max / 100,
        digits: this.weightDigits,
        value: () => this.get("mix")[k],
        change: (weight) => ({ mix: this.get("mix").with(k, weight) }),
      });
      const words = text.adds(fixed(this.means[k], this.digits), adds);
      const node = html("div", { class: "mm-card" }, map, slider, html("div", { class: "mm-note" }, ...words));
      return { node, adds };
    });
    this.othersAdd = html("span", { class: "mm-adds" });
    const count = this.get("other_count");
    const others = this.checkbox(
      text.others(this.number(count)),
      () => this.get("others"),
      (on) => ({ others: on }),
    );
    const node = html(
      "div",
      { class: "mm-cards", role: "group", "aria-label": text.weights },
      ...this.cards.map((card) => card.node),
    );
    const adds = html("span", { class: "mm-note" }, ...text.othersAdd(this.othersAdd));
    const rest = html("div", { class: "mm-others" }, others, adds);
    rest.hidden = count === 0;
    return html("div", {}, node, rest);
  }

  scoreLine() {
    this.scoreFormula = html("div", { class: "mm-formula" });
    this.bar = html("i", { class: "mm-bar" });
    this.goal = html("i", { class: "mm-goal" });
    this.network = html("span", { class: "mm-network" });
    return html(
      "div",
      { class: "mm-score" },
      this.scoreFormula,
      this.network,
      html("div", { class: "mm-track", "aria-hidden": "true" }, this.bar, this.goal),
    );
  }

  // ---- Drawing, after every change

  draw() {
    const index = this.get("class_index");
    this.mixed = this.mixOf(index, this.get("mix"), this.get("others"));
    this.drawMap(this.names[index]);
    this.drawCards(index);
    this.drawScore(index);
    this.drawCellFormula(index);
    this.speak(index);
  }

  drawMap(name) {
    const { text, asking } = this;
    const { cells } = this.mixed;
    const largest = Math.max(...cells.map(Math.abs));
    const isTight = this.table.node.clientWidth / (this.get("grid")[1] + 1) < 34; // no room for −12.3
    const tens = Math.max(0, Math.floor(Math.log10(largest || 1)));
    const pixels = this.get("pixels");
    this.overlay.draw({
      values: asking ? null : upsample(cells, this.get("grid"), pixels),
      largest,
      opacity: this.get("opacity"),
      alt: text.photograph(name),
    });
    this.table.draw({
      values: asking ? null : cells,
      largest: asking ? 0 : largest,
      digits: Math.max(0, (isTight ? 1 : 2) - tens),
      label: text.mapOf(name),
    });
    for (const picture of [this.overlay, this.table]) picture.point(this.get("row"), this.get("column"));
    const shown = asking ? "?" : fixed(largest, this.digits);
    this.most.textContent = shown;
    this.least.textContent = asking || !largest ? shown : `−${shown}`;
  }

  drawCards(index) {
    const mix = this.get("mix");
    this.cards.forEach(({ node, adds }, k) => {
      node.classList.toggle("mm-for", mix[k] > 0);
      node.classList.toggle("mm-against", mix[k] < 0);
      adds.textContent = signed(mix[k] * this.means[k], this.digits);
    });
    const others = this.get("others") ? meanOf(this.get("other_maps")[index]) : 0;
    this.othersAdd.textContent = signed(others, this.digits);
  }

  drawScore(index) {
    const { text, asking, digits } = this;
    const { mean, score } = this.mixed;
    const bias = this.get("bias")[index];
    const network = this.get("scores")[index];
    const steps = scoreSum({
      mean: asking ? "?" : fixed(mean, digits),
      bias,
      biasSize: fixed(Math.abs(bias), digits),
      score: asking ? "?" : fixed(score, digits),
      words: text,
    });
    this.scoreFormula.replaceChildren(...steps);
    const missing = Number((network - score).toFixed(digits));
    const words = missing > 0 ? text.missing : text.tooMuch;
    const difference = missing ? `${fixed(Math.abs(missing), digits)} ${words}` : text.complete;
    this.network.replaceChildren(
      `${text.network(this.names[index])}: `,
      html("strong", {}, fixed(network, digits)),
      asking ? "" : ` · ${difference}`,
    );
    // From the smaller of 0 and both scores to the larger.
    const [low, high] = [Math.min(0, score, network), Math.max(0, score, network)];
    const share = (value) => (100 * (value - low)) / (high - low || 1);
    const [from, to] = [share(Math.min(0, score)), share(Math.max(0, score))];
    this.bar.style.cssText = asking ? "width: 0" : `left: ${from}%; width: ${to - from}%`;
    this.bar.classList.toggle("mm-below", score < 0);
    this.goal.style.left = `${share(network)}%`;
    this.goal.hidden = asking;
  }

  drawCellFormula(index) {
    const { digits, text, asking } = this;
    const cell = this.get("row") * this.get("grid")[1] + this.get("column");
    const mix = this.get("mix");
    const other = this.get("other_maps")[index][cell];
    this.cellFormula.replaceChildren(
      ...cellSum({
        row: this.get("row"),
        column: this.get("column"),
        digits: this.weightDigits,
        terms: this.get("channels").map((channel, k) => ({
          weight: mix[k],
          activation: fixed(this.get("shown_maps")[k][cell], digits),
          channel,
        })),
        others: this.get("others") && {
          value: other,
          size: fixed(Math.abs(other), digits),
          words: text.othersShort,
        },
        total: asking ? "?" : fixed(this.mixed.votes[cell], digits),
      }),
    );
  }

  // ---- Words

  isFlat() {
    const { votes } = this.mixed;
    return votes.every((vote) => vote === votes[0]);
  }

  place(index) {
    const columns = this.get("grid")[1];
    return {
      row: Math.floor(index / columns),
      column: index % columns,
      value: fixed(this.mixed.cells[index], this.digits),
    };
  }

  speak(index) {
    const { text, digits } = this;
    if (this.asking) return this.say(`${text.question} ${text.toAnswer}`);
    const { cells, score, strongest, weakest } = this.mixed;
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    const isEmpty = !this.get("others") && this.get("mix").every((weight) => weight === 0);
    const sentences = [];
    if (isEmpty) sentences.push(text.empty);
    else if (cells[strongest] === cells[weakest]) sentences.push(text.flat);
    else {
      if (cells[strongest] > 0) sentences.push(text.strongest(this.place(strongest)));
      if (cells[weakest] < 0) sentences.push(text.weakest(this.place(weakest)));
    }
    const network = this.get("scores")[index];
    const missing = Number((network - score).toFixed(digits));
    const amount = fixed(Math.abs(missing), digits);
    const ending = missing ? (missing > 0 ? text.missingBy : text.tooMuchBy)(amount) : text.completeNow;
    const scores = text.scores(fixed(score, digits), fixed(network, digits), this.names[index]) + ending;
    return this.say(...verdict, [...sentences, scores].join(" "));
  }
}

export default {
  render({ model, el }) {
    const figure = new MapMixer(model, el);
    return () => figure.dispose();
  },
};

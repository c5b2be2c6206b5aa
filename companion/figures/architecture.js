// The architecture explorer. Its arithmetic, picture and words are in files of their own.

// A name that may be broken after its dots, and before a capital: features. denseblock1., Batch Norm2d.
const breakable = (name) =>
  name.split(/(?<=[._])|(?<=[a-z])(?=[A-Z])/).flatMap((part, i) => (i ? [html("wbr"), part] : [part]));

const MEASURES = ["parameters", "multiply_adds", "memory"];

class ArchitectureExplorer extends LiveFigure {
  constructor(model, el) {
    super(model, el, ARCHITECTURE_TEXT);
    this.known = new Map(); // what has been computed of a network once
    this.build();
    this.start();
  }

  // A network with what does not depend on the size: the run at its own size, and the sizes that work.
  network(key = this.get("network")) {
    if (!this.known.has(key)) {
      const network = networkOf(this.get("architectures"), key);
      const [, most] = this.get("ranges").size;
      const home = this.run(network, network.size);
      const last = lastMap(network);
      const ends = network.blocks.find(({ first, layers }) => first + layers.length - 1 === last);
      const channels = ends?.channels ?? network.layers[last].after; // of all branches, where the last block has some
      const name = this.text.names[key] ?? network.name;
      this.known.set(key, { ...network, name, home, last, lastChannels: channels, legal: legalSizes(network, most), most });
    }
    return this.known.get(key);
  }

  // The shapes at a size; what each block costs; what all cost.
  run(network, size) {
    const { shapes, broken } = runNetwork(network, size);
    const costs = network.blocks.map(({ first, layers }) => {
      const sum = { parameters: 0, multiply_adds: 0, memory: 0 };
      layers.forEach((layer, i) => {
        const cost = costOf(layer, shapes[first + i]);
        for (const measure of MEASURES) sum[measure] += cost[measure];
      });
      return sum;
    });
    const total = (measure) => costs.reduce((sum, cost) => sum + cost[measure], 0);
    return { shapes, broken, costs, totals: Object.fromEntries(MEASURES.map((measure) => [measure, total(measure)])) };
  }

  // ---- What a change sets: another network starts at its own size, with its first block.

  set(values) {
    const all = { ...values };
    const { blocks, size } = this.network(all.network ?? this.get("network"));
    if ("network" in all && all.network !== this.get("network")) {
      all.size ??= size;
      all.block ??= 0;
    }
    if ("block" in all) all.block = clamp(all.block, 0, blocks.length - 1);
    super.set(all);
  }

  // ---- Links: net=vgg16&size=244&block=0&by=memory

  linkValues() {
    const values = { net: this.get("network"), size: this.get("size"), block: this.get("block") };
    if (this.get("measure") !== MEASURES[0]) values.by = this.get("measure");
    if (this.get("predict")) values.predict = 1;
    return values;
  }

  // What is missing or illegal is the preset's where the link names one; else the network's own size, its first block
  // and the parameters. A link that gives nothing but `predict` leaves the figure as it is.
  readLink(parameters) {
    const predict = parameters.get("predict") === "1";
    if ([...parameters.keys()].every((name) => name === "fig" || name === "predict")) return { predict };
    const preset = this.get("presets").find(({ name }) => name === parameters.get("preset"))?.state;
    const named = parameters.get("net");
    const known = Object.hasOwn(this.get("architectures").networks, named ?? "");
    const key = known ? named : (preset?.network ?? this.get("network"));
    const network = this.network(key);
    const whole = (name, [least, most]) => {
      const text = parameters.get(name) ?? "";
      const number = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
      return number >= least && number <= most ? number : undefined;
    };
    const measure = parameters.get("by") ?? preset?.measure;
    return {
      network: key,
      size: whole("size", this.get("ranges").size) ?? preset?.size ?? network.size,
      block: whole("block", [0, network.blocks.length - 1]) ?? preset?.block ?? 0,
      measure: MEASURES.includes(measure) ? measure : MEASURES[0],
      predict,
    };
  }

  // ---- The elements, made once

  build() {
    const { text } = this;
    this.picture = new ArchitecturePicture(this.id);
    this.stage = html("div", { class: "ae-stage" }, this.question(), this.picture.node);
    this.drag(this.picture.parts.target, this.picture.node, (x) => this.set({ block: this.picture.at(x) }));
    this.legend = html("div", { class: "ae-legend", "aria-hidden": "true" });
    this.legendNote = html("p", { class: "lf-note ae-scale" });
    this.root.append(
      this.choices(),
      this.sliders(),
      this.stage,
      this.legend,
      this.legendNote,
      ...this.statusLine(),
      this.tilesOfTotals(),
      html("div", { class: "ae-tables" }, this.listOfBlocks(), this.tableOfLayers()),
      html("div", { class: "ae-end" }, html("p", { class: "lf-note" }, text.counted), this.linkButton()),
    );
  }

  choices() {
    const { text } = this;
    return html(
      "div",
      { class: "lf-bar ae-bar" },
      this.presetSelect(),
      this.select(
        text.network,
        this.families(),
        () => this.get("network"),
        (network) => ({ network }),
      ),
      this.select(
        text.measure,
        MEASURES.map((measure) => [measure, text.measures[measure]]),
        () => this.get("measure"),
        (measure) => ({ measure }),
      ),
      this.predictCheckbox(),
    );
  }

  // The networks to choose from: those of a family together, unless it has but one.
  families() {
    const found = new Map();
    for (const [key, { family, name }] of Object.entries(this.get("architectures").networks)) {
      if (!found.has(family)) found.set(family, []);
      found.get(family).push([key, this.text.names[key] ?? name]);
    }
    return [...found].flatMap(([family, members]) => (members.length > 1 ? [[family, members]] : members));
  }

  sliders() {
    const { text } = this;
    const [min, max] = this.get("ranges").size;
    const size = this.numberSlider({
      name: "size",
      symbol: [html("i", {}, "W")],
      label: text.size,
      words: `W ${text.size}`,
      min,
      max,
      value: () => this.get("size"),
      change: (value) => ({ size: value }),
    });
    const id = `${this.id}-block`;
    const input = html("input", { type: "range", id, min: 0, "data-trait": "block", ...OWN_KEYS });
    const words = html("span", { class: "ae-value" });
    input.addEventListener("input", () => this.set({ block: Number(input.value) }));
    this.controls.push(() => {
      const { blocks } = this.network();
      const block = this.get("block");
      const shown = text.place(blocks[block].name, block, blocks.length);
      setAttributes(input, { max: blocks.length - 1, "aria-valuetext": shown });
      input.value = block;
      if (words.textContent !== shown) words.replaceChildren(html("span", {}, ...breakable(shown)));
    });
    const place = html("div", { class: "ae-place" }, html("label", { for: id }, text.block), words, input);
    return html("div", { class: "ae-sliders" }, size, place);
  }

  question() {
    const { text } = this;
    return this.predictFirst({
      traits: ["network", "size"],
      whole: true,
      ask: () => ({ question: this.questionText(), note: text.note, labels: [text.side] }),
      answer: () => [this.lastSide() ?? 0],
      verdict: ([given], [right]) => (given === right ? text.right(right) : text.wrong(given, right)),
    });
  }

  questionText() {
    return this.text.question(this.network().name, this.get("size"));
  }

  // The shape of the last maps.
  lastShape({ last, lastChannels }) {
    return [lastChannels, ...this.now.shapes[last].slice(1)];
  }

  // The side of the last maps at the present size, null if the network breaks.
  lastSide() {
    const network = this.network();
    const { shapes, broken } = runNetwork(network, this.get("size"));
    return broken ? null : shapes[network.last][1];
  }

  // Tables and lists are made of <div>s with roles: a site's theme has rules of its own for <table>, <dl> and the like.

  tilesOfTotals() {
    this.tiles = {};
    const tiles = Object.entries(this.text.tiles).map(([name, words]) => {
      const [value, note] = [html("div", { class: "ae-number" }), html("div", { class: "ae-note" })];
      this.tiles[name] = { value, note };
      const label = html("div", { class: "ae-label" }, words);
      return html("div", { role: "listitem", class: `ae-tile ae-tile-${name}` }, label, value, note);
    });
    return html("div", { role: "list", class: "ae-tiles" }, ...tiles);
  }

  listOfBlocks() {
    const { text } = this;
    this.rows = [];
    this.list = html("div", { role: "rowgroup" });
    this.list.addEventListener("click", (event) => {
      const block = this.rows.findIndex(({ node }) => node.contains(event.target));
      if (block >= 0) this.set({ block });
    });
    this.listBox = this.scrolling("ae-list", text.list, this.grid(text.list, text.listHeads, this.list));
    return this.listBox;
  }

  tableOfLayers() {
    const { text } = this;
    this.layers = html("div", { role: "rowgroup" });
    this.caption = html("p", { class: "ae-caption" });
    this.layerBox = this.scrolling("ae-layers", "", this.grid(text.layersTable, text.layerHeads, this.layers));
    return html("div", { class: "ae-detail" }, this.caption, this.layerBox);
  }

  grid(label, heads, body) {
    const cells = heads.map((words) => html("div", { role: "columnheader" }, words));
    const head = html("div", { role: "rowgroup" }, html("div", { role: "row", class: "ae-row ae-head" }, ...cells));
    return html("div", { role: "table", class: "ae-grid", "aria-label": label }, head, body);
  }

  scrolling(name, label, table) {
    const box = { class: `ae-scroll ${name}`, role: "region", tabindex: 0, "aria-label": label };
    return html("div", { ...box, ...OWN_KEYS }, table);
  }

  // ---- Drawing, after every change

  draw() {
    const network = this.network();
    const size = this.get("size");
    const key = `${network.name} ${size}`;
    if (this.runKey !== key) {
      this.runKey = key;
      this.now = size === network.size ? network.home : this.run(network, size);
    }
    const { shapes, broken } = this.now;
    this.state = network.blocks.map((block, i) => {
      const { first, layers, kind, widths, shortcut, channels } = block;
      const after = shapes[first + layers.length - 1];
      const shape = after && typeof channels === "number" && after.length > 1 ? [channels, ...after.slice(1)] : after;
      return { name: block.name, kind, widths, shortcut, shape, broken: broken?.block === i };
    });
    this.drawPicture(network);
    this.drawLegend();
    this.drawTiles(network);
    this.drawList();
    this.drawLayers(network);
    this.speak(network);
  }

  // The shares of every block. Of a network that breaks, parameters are all there is.
  shares() {
    const measure = this.get("measure");
    const { costs, totals, broken } = this.now;
    if (broken && measure !== "parameters") return null;
    return costs.map((cost) => cost[measure] / totals[measure]);
  }

  drawPicture(network) {
    const { text, asking } = this;
    const shares = this.asking && this.get("measure") !== "parameters" ? null : this.shares();
    const now = this.get("block");
    // The side of a square map; that of the grid on which tokens lie; features are 1 × 1.
    const side = (shape) => (shape.length === 3 ? shape[1] : shape.length === 2 ? Math.floor(Math.sqrt(shape[0])) : 1);
    const blocks = this.state.map(({ shape, kind, widths, shortcut, broken }, i) => {
      const own = network.blocks[i].channels;
      const channels = typeof own === "number" ? own : own.at(-1);
      const known = shape && !asking;
      return { kind, widths, shortcut, channels, side: known ? side(shape) : null, broken: broken && !asking };
    });
    const amount = shares ? percent(shares[now]) : "–";
    this.picture.draw({
      width: Math.max(this.stage.clientWidth, 240),
      blocks,
      shares,
      now,
      labels: !asking,
      words: { share: amount, picture: text.picture(network.name, this.get("size"), blocks.length) },
    });
  }

  drawLegend() {
    const { text } = this;
    const kinds = Object.keys(text.kinds).filter((kind) => this.state.some((block) => block.kind === kind));
    if (this.now.broken && !this.asking) kinds.push("broken");
    const shown = kinds.join();
    if (this.legendShown !== shown) {
      this.legendShown = shown;
      this.legend.replaceChildren(
        ...kinds.map((kind) => html("span", { class: "ae-key" }, swatch(this.id, kind), text.kinds[kind])),
      );
    }
    put(this.legendNote, `${text.tall} ${text.bars(text.measures[this.get("measure")])}.`);
  }

  drawTiles(network) {
    const { text, asking } = this;
    const { totals, broken } = this.now;
    const { home, size, unused, legal, most } = network;
    const known = !asking && !broken;
    const ratio = (measure) => (totals[measure] / home.totals[measure]).toPrecision(3);
    const set = (name, value, note) => {
      put(this.tiles[name].value, value);
      put(this.tiles[name].note, note);
    };
    set("parameters", this.number(totals.parameters), unused ? text.notUsed(this.number(unused)) : "");
    set(
      "multiply_adds",
      known ? shortNumber(totals.multiply_adds) : "–",
      known && this.get("size") !== size ? text.nativeRatio(ratio("multiply_adds"), size) : "",
    );
    set("memory", known ? text.megabytes((totals.memory / 1e6).toPrecision(3)) : "–", text.perPicture);
    set("last", known ? shapeText(this.lastShape(network)) : asking ? "?" : "–", "");
    set("legal", legal.map((span) => text.span(span, most)).join(", ") || "–", text.upTo(most));
  }

  drawList() {
    const { text, asking } = this;
    const shares = asking && this.get("measure") !== "parameters" ? null : this.shares();
    const now = this.get("block");
    while (this.rows.length > this.state.length) this.rows.pop().node.remove();
    while (this.rows.length < this.state.length) {
      const cells = text.listHeads.map((_, i) => html("div", { role: i ? "cell" : "rowheader" }));
      this.rows.push({ node: html("div", { role: "row", class: "ae-row" }, ...cells), cells });
      this.list.append(this.rows.at(-1).node);
    }
    this.state.forEach(({ name, shape, broken }, i) => {
      const { node, cells } = this.rows[i];
      const none = broken ? "✕" : "–";
      if (cells[0].textContent !== name) cells[0].replaceChildren(...breakable(name));
      put(cells[1], asking ? "?" : shape ? shapeText(shape) : none);
      put(cells[2], shares ? percent(shares[i]) : "–");
      node.classList.toggle("ae-chosen", i === now);
      setAttributes(node, { "aria-current": i === now ? "true" : null });
      node.classList.toggle("ae-refusing", broken && !asking);
    });
    const chosen = this.rows[now].node;
    const visible = [this.listBox.scrollTop, this.listBox.scrollTop + this.listBox.clientHeight];
    const shown = `${this.get("network")} ${now} ${this.root.clientWidth}`;
    if (this.scrolledTo !== shown) {
      this.scrolledTo = shown;
      const top = chosen.offsetTop;
      if (top < visible[0] + 30 || top + chosen.offsetHeight > visible[1]) {
        this.listBox.scrollTop = top - this.listBox.clientHeight / 2;
      }
    }
  }

  drawLayers(network) {
    const { text, asking } = this;
    const now = this.get("block");
    const shown = `${this.runKey} ${now} ${asking} ${this.get("measure")}`;
    if (this.layersShown === shown) return;
    this.layersShown = shown;
    const { first, layers, name, kind, widths, shortcut } = network.blocks[now];
    const { shapes, broken } = this.now;
    const size = this.get("size");
    const rows = layers.map((layer, i) => {
      const before = layer.source < 0 ? [network.channels, size, size] : shapes[layer.source];
      const refused = broken?.layer === first + i && !asking;
      const reached = before && !asking && (shapes[first + i] || refused);
      const side = reached ? sizeFormula(layer, before) : null;
      return html(
        "div",
        { role: "row", class: refused ? "ae-row ae-refusing" : "ae-row" },
        html("div", { role: "rowheader" }, ...breakable(layer.name.replace(`${name}.`, ""))),
        html("div", { role: "cell" }, ...breakable(layerText(layer))),
        html("div", { role: "cell" }, asking ? "?" : refused ? "✕" : shapeText(shapes[first + i])),
        html("div", { role: "cell" }, side ?? ""),
      );
    });
    this.layers.replaceChildren(...rows);
    setAttributes(this.layerBox, { "aria-label": text.layersOf(name) });
    const facts = [text.kinds[kind]];
    const { shape } = this.state[now];
    if (shape && !asking) facts.push(text.onward(shapeText(shape)));
    if (kind === "inception") facts.push(text.parts(widths));
    else if (widths.length) facts.push(text.grown(widths));
    if (kind === "residual" || kind === "inverted") facts.push(shortcut ? text.added : text.notAdded);
    const measure = this.get("measure");
    const cost = this.now.costs[now][measure];
    const shares = asking && measure !== "parameters" ? null : this.shares();
    if (shares) {
      const amount = measure === "memory" ? text.megabytes((cost / 1e6).toPrecision(3)) : this.number(cost);
      facts.push(text.share(percent(shares[now]), text.measures[measure], amount));
    }
    this.caption.replaceChildren(html("strong", {}, ...breakable(name)), `: ${facts.join("; ")}.`);
  }

  speak(network) {
    const { text } = this;
    if (this.asking) return this.say(`${this.questionText()} ${text.toAnswer}`);
    const verdict = this.verdict ? [html("strong", {}, this.verdict), " "] : [];
    return this.say(...verdict, (this.now.broken ? this.breakWords(network) : this.workWords(network)).join(" "));
  }

  breakWords(network) {
    const { text } = this;
    const { shapes, broken } = this.now;
    const { name, legal, most } = network;
    const size = this.get("size");
    const { layer, got, needs } = broken;
    const works = text.worksFor(legal.map((span) => text.span(span, most)).join(", "));
    if (layer < 0) return [text.exactOnly(name, size, needs), works];
    const { name: own, kind, rule, source } = network.layers[layer];
    const words = [text.breaksAt(name, size, own, kind)];
    if (rule[0] === "linear") {
      const before = shapes[source];
      words.push(text.features(this.number(needs), before.join(" · "), this.number(got)));
    } else words.push(text.windowLacks(`${rule[1]}×${rule[1]}`, got, needs - got));
    return [...words, works];
  }

  workWords(network) {
    const { text } = this;
    const { totals } = this.now;
    const { name, size, last, layers, home } = network;
    const words = [text.works(name, this.get("size"), shapeText(this.lastShape(network)))];
    const pooling = layers.find(({ rule, source }) => rule[0] === "adaptive" && source === last);
    if (pooling) words.push(text.hides(pooling.rule[1]));
    else {
      const tokens = layers.find(({ after, isMap }) => !isMap && after.length === 2);
      words.push(tokens ? text.tokens(tokens.after[0]) : text.unhidden);
    }
    if (this.get("size") === size) words.push(text.atHome);
    else words.push(text.ratio((totals.multiply_adds / home.totals.multiply_adds).toPrecision(3), size));
    return words;
  }
}

export default {
  render({ model, el }) {
    const figure = new ArchitectureExplorer(model, el);
    return () => figure.dispose();
  },
};

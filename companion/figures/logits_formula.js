// From logits to a decision. First the arithmetic, without any drawing; a test compares it in Chromium with its twin in
// logits.py. Then the formulas with their numbers put in, in MathML.

// 1/(1 + e^−x) without overflow: e is raised to no positive number.
export function sigmoid(x) {
  const small = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : small) / (1 + small);
}

// ln(1 + e^x), which is −ln σ(−x), without overflow and exact where it is small.
export function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

// What the three heads make of the same K logits. `asked` is the class of the binary question, `askedTarget` its right
// answer; `label` the right class of the multi-class question; `present` the K targets, 0 or 1, of the multi-label one.
export function heads({ logits, temperature, asked, askedTarget, threshold, label, present, thresholds }) {
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const choice = logits.indexOf(Math.max(...logits));
  const scaled = logits.map((z) => z / temperature);
  const top = scaled[choice];
  const powers = scaled.map((s) => Math.exp(s - top)); // the largest is 1
  const others = sum(powers.filter((_, k) => k !== choice));
  const sigmoids = logits.map(sigmoid);
  const bces = logits.map((z, k) => softplus(present[k] ? -z : z));
  return {
    sigmoids,
    softmax: powers.map((power) => power / (1 + others)),
    yes: sigmoids[asked] >= threshold,
    choice,
    chosen: [...logits.keys()].filter((k) => sigmoids[k] >= thresholds[k]),
    bce: softplus(askedTarget ? -logits[asked] : logits[asked]),
    logSumExp: top + Math.log1p(others),
    crossEntropy: top - scaled[label] + Math.log1p(others),
    bces,
    bceSum: sum(bces),
  };
}

// 0.0001 → ["<", "0.001"], 0.9999 → [">", "0.999"], 0.25 → ["=", "0.250"]: never 0, and no probability is 1.
function rounded(value, isProbability) {
  if (value < 0.0005) return ["<", "0.001"];
  if (isProbability && value > 0.9995) return [">", "0.999"];
  return ["=", fixed(value, 3)];
}

// The formulas of the three heads. They are made once, for the largest number of classes; a change of the state only
// changes their texts and hides terms.
class HeadFormulas {
  constructor(names, text) {
    this.names = names;
    this.refreshers = []; // each brings one text or one term in line with a state
    const blocks = [
      [text.binary, this.binary()],
      [text.multiClass, this.multiClass()],
      [text.multiLabel, this.multiLabel(text)],
    ];
    this.node = html(
      "div",
      { class: "lg-formulas" },
      ...blocks.map(([title, lines], i) =>
        html(
          "div",
          { class: `lg-formula lg-formula-${i + 1}` },
          html("div", { class: "lg-formula-title" }, title),
          ...lines.map((terms) => html("div", { class: "lg-line" }, ...terms)),
        ),
      ),
    );
  }

  // `state`: as for heads(); `got`: what that gives; `asking`: results are question marks.
  draw(state, got, asking) {
    for (const refresh of this.refreshers) refresh(state, got, asking);
  }

  // ---- Parts that follow the state

  live(node, read) {
    this.refreshers.push((...now) => put(node, read(...now)));
    return node;
  }

  // A number that `read` gives as text.
  number(read) {
    return this.live(mn(""), read);
  }

  name(read) {
    return this.live(upright(""), (state) => this.names[read(state)]);
  }

  // The sign and the number of a result, "= 0.250" or "< 0.001".
  result(read, isProbability) {
    const of = (place) => (state, got, asking) =>
      asking ? ["=", "?"][place] : rounded(read(got, state), isProbability)[place];
    return [this.live(infix("="), of(0)), this.live(math("mn", { class: "lf-result" }), of(1))];
  }

  shownWhere(term, isShown) {
    this.refreshers.push((...now) => {
      const hidden = !isShown(...now);
      if (hidden !== term.hasAttribute("hidden")) setAttributes(term, { hidden });
    });
    return term;
  }

  power(read) {
    return math("msup", {}, mi("e"), this.live(mn(""), read));
  }

  // ln(1 + e^…), with the number `read` gives.
  softplus(read) {
    return logOf(mn(1), mo("+"), this.power(read));
  }

  // ---- The three

  binary() {
    const z = ({ logits, asked }) => logits[asked];
    const p = () => sub("p", this.name(({ asked }) => asked));
    const e = (sign) => math("msup", {}, mi("e"), row(...(sign ? [mo("−")] : []), mi("z")));
    const lossOf = (target, ...terms) => this.shownWhere(formula(mi("L"), mo("="), ...terms), target);
    const probability = [
      formula(p(), mo("="), fraction(mn(1), row(mn(1), mo("+"), e("−")))),
      formula(
        infix("="),
        fraction(
          mn(1),
          row(
            mn(1),
            mo("+"),
            this.power((state) => fixed(-z(state), 2)),
          ),
        ),
        ...this.result((got, { asked }) => got.sigmoids[asked], true),
      ),
    ];
    const loss = [
      lossOf(({ askedTarget }) => askedTarget, ...minusLog(mi("p")), mo("="), ...logOf(mn(1), mo("+"), e("−"))),
      lossOf(
        ({ askedTarget }) => !askedTarget,
        ...minusLog(mn(1), mo("−"), mi("p")),
        mo("="),
        ...logOf(mn(1), mo("+"), e("")),
      ),
      formula(
        infix("="),
        ...this.softplus((state) => fixed(state.askedTarget ? -z(state) : z(state), 2)),
        ...this.result((got) => got.bce),
      ),
    ];
    return [probability, loss];
  }

  multiClass() {
    const label = ({ label: k }) => k;
    const other = ({ label: k }) => 1 - k; // where there are two classes
    const hasTwo = ({ logits }) => logits.length === 2;
    const indexed = (letter, read) => sub(letter, this.name(read));
    const over = (above) => row(above, mo("/"), mi("T"));
    const scaled = (state, k) => fixed(state.logits[k] / state.temperature, 2);
    const sum = () => [math("munder", {}, mo("∑"), mi("j")), math("msup", {}, mi("e"), over(sub("z", mi("j"))))];
    const terms = this.names.map((_, k) => {
      const opening = k ? [] : [bracket("(", "prefix")];
      const after = this.live(bracket("", "postfix"), ({ logits }) => (k < logits.length - 1 ? " +" : ")"));
      const power = this.power((state) => (k < state.logits.length ? scaled(state, k) : ""));
      const term = formula(...opening, power, after);
      return this.shownWhere(term, ({ logits }) => k < logits.length);
    });
    const probability = [
      formula(over(indexed("z", label))),
      formula(
        infix("="),
        this.number((state) => fixed(state.logits[state.label], 2)),
        mo("/"),
        this.number(({ temperature }) => fixed(temperature, 2)),
        mo("="),
        this.number((state) => scaled(state, state.label)),
      ),
      formula(
        indexed("p", label),
        mo("="),
        fraction(math("msup", {}, mi("e"), over(indexed("z", label))), row(...sum())),
      ),
    ];
    const numbers = [
      formula(infix("="), this.power((state) => scaled(state, state.label)), mo("/")),
      ...terms,
      formula(...this.result((got, state) => got.softmax[state.label], true)),
      this.shownWhere(
        formula(
          infix("="),
          mi("σ"),
          ...bracketed(over(row(...bracketed(indexed("z", label), mo("−"), indexed("z", other))))),
          mo("="),
          mi("σ"),
          ...bracketed(
            this.number((state) => {
              const { logits, temperature, label: k } = state;
              return hasTwo(state) ? fixed((logits[k] - logits[1 - k]) / temperature, 2) : "";
            }),
          ),
        ),
        hasTwo,
      ),
    ];
    const loss = [
      formula(mi("L"), mo("="), ...minusLog(indexed("p", label))),
      formula(
        infix("="),
        upright("ln"),
        ...sum(),
        mo("−"),
        over(indexed("z", label)),
      ),
      formula(
        infix("="),
        this.number((state, got, asking) => (asking ? "?" : fixed(got.logSumExp, 3))),
        this.live(mo("−"), (state) => (state.logits[state.label] < 0 ? "+" : "−")),
        this.number((state) => fixed(Math.abs(state.logits[state.label]) / state.temperature, 3)),
        ...this.result((got) => got.crossEntropy),
      ),
    ];
    return [probability, numbers, loss];
  }

  multiLabel(text) {
    const terms = this.names.map((name, k) => {
      const has = ({ logits }) => k < logits.length;
      const exponent = (state) => (has(state) ? fixed(state.present[k] ? -state.logits[k] : state.logits[k], 2) : "");
      const words = this.live(math("mtext", { class: "lg-under" }), (state, got, asking) => {
        if (!has(state)) return "";
        const [sign, number] = asking ? ["=", "?"] : rounded(got.bces[k]);
        return `${name}: ${sign === "=" ? "" : sign}${number}`;
      });
      const term = formula(infix(k ? "+" : "="), math("munder", {}, row(...this.softplus(exponent)), words));
      return this.shownWhere(term, has);
    });
    const mean = html("span", { class: "lf-note" }, ` (${text.mean} `, this.meanNumber(), ")");
    const sum = html("span", { class: "lg-sum" }, formula(...this.result((got) => got.bceSum)), mean);
    return [[formula(mi("L"), mo("="), math("munder", {}, mo("∑"), mi("k")), ...bce()), ...terms, sum]];
  }

  meanNumber() {
    return this.live(html("span", { class: "lg-digits" }), ({ logits }, got, asking) => {
      const [sign, number] = asking ? ["=", "?"] : rounded(got.bceSum / logits.length);
      return `${sign} ${number}`;
    });
  }
}

const bracket = (sign, form) => math("mo", { stretchy: "false", form }, sign);
const bracketed = (...parts) => [bracket("(", "prefix"), ...parts, bracket(")", "postfix")];
const upright = (name) => math("mi", { class: "lf-upright" }, name);
const sub = (letter, index) => {
  if (letter === "z") index.classList.add("lg-low"); // p and y reach below the line themselves
  return math("msub", {}, mi(letter), index);
};
const space = () => math("mspace", { width: "0.17em" });
const logOf = (...parts) => [upright("ln"), ...bracketed(...parts)];
const minusLog = (...parts) => [mo("−"), ...(parts.length > 1 ? logOf(...parts) : [upright("ln"), space(), ...parts])];
const bce = () => [upright("BCE"), ...bracketed(sub("z", mi("k")), mo(","), sub("y", mi("k")))];

// The block budget. First the counting, without any drawing; a test compares it in Chromium with its twin in
// block_budget.py. Then the formulas with their numbers put in, in MathML.

const BYTES = 4; // of a float32

// The channels of a bottleneck's 3×3: those that come out of the block, divided by the reduction.
export function innerWidth({ channels, reduction, stride }) {
  return (channels * stride) / reduction;
}

// The convolutions of the three blocks, first to last, a projection at the end: {kernel, from, to, groups, size}, where
// `from` and `to` are channels and `size` is the side of the output. With stride 2 the channels double.
export function blocks({ channels, reduction, groups, size, stride, shortcut, equal }) {
  const width = innerWidth({ channels, reduction, stride });
  const small = Math.ceil(size / stride);
  const layer = (kernel, from, to, side = small, split = 1) => ({ kernel, from, to, groups: split, size: side });
  const outside = channels * stride;
  const [from, to] = equal === "channels" ? [channels, outside] : [width / stride, width];
  const plain = [layer(3, from, to), layer(3, to, to)];
  const bottleneck = [
    layer(1, channels, width, size),
    layer(3, width, width, small, groups),
    layer(1, width, outside),
  ];
  if (shortcut === "identity") return { plain, basic: plain, bottleneck };
  const projection = (a, b) => ({ ...layer(1, a, b), isShortcut: true });
  return {
    plain,
    basic: [...plain, projection(from, to)],
    bottleneck: [...bottleneck, projection(channels, outside)],
  };
}

// What each block costs: {parameters, multiplyAdds, memory}. With batchNorm one follows each convolution: two
// parameters per channel and an output as large. Exact: no number reaches 2⁵³.
export function budget({ batchNorm, ...state }) {
  const sum = (layers, cost) => layers.reduce((total, layer) => total + cost(layer), 0);
  const weights = ({ kernel, from, to, groups }) => kernel * kernel * (from / groups) * to;
  const cost = (layers) => ({
    parameters: sum(layers, (layer) => weights(layer) + (batchNorm ? 2 * layer.to : 0)),
    multiplyAdds: sum(layers, (layer) => weights(layer) * layer.size ** 2),
    memory: BYTES * (batchNorm ? 2 : 1) * sum(layers, ({ to, size }) => to * size ** 2),
  });
  return Object.fromEntries(Object.entries(blocks(state)).map(([name, layers]) => [name, cost(layers)]));
}

// ---- Formulas. A formula is a list of pieces, each a <math> of its own, so that a narrow page can break between them.

// Brackets as high as a letter: their two halves may stand in different pieces.
const OPEN = () => math("mo", { stretchy: "false" }, "(");
const CLOSE = () => math("mo", { stretchy: "false" }, ")");

// How the channels of a block are called: "C", "2C", "w" or "w/2".
function channelNames(block, { stride, equal }) {
  const [from, to] = stride === 1 ? ["C", "C"] : ["C", "2C"];
  if (block === "bottleneck") return { from, inner: "w", to };
  if (equal === "channels") return { from, inner: to, to };
  return { from: stride === 1 ? "w" : "w/2", inner: "w", to: "w" };
}

const CHANNEL = {
  C: () => [mi("C")],
  "2C": () => [mn(2), mi("C")],
  w: () => [mi("w")],
  "w/2": () => [fraction(mi("w"), mn(2))],
};

// Each layer of a block with what it is called: {layer, from, to} in letters.
function named(block, layers, state) {
  const names = channelNames(block, state);
  const body = layers.filter((layer) => !layer.isShortcut);
  return layers.map((layer, i) => ({
    layer,
    from: layer.isShortcut || i === 0 ? names.from : names.inner,
    to: layer.isShortcut || i === body.length - 1 ? names.to : names.inner,
  }));
}

const dotted = (factors) => factors.flatMap((factor, i) => (i ? [mo("·"), ...factor] : factor));

// The weights of one layer: 9·w·w/g. Factors 1 are left out.
function weightTerm({ layer, from, to }, letters) {
  const { kernel, groups } = layer;
  const channel = (name, number) => (letters ? CHANNEL[name]() : [mn(number)]);
  const factors = [channel(from, layer.from), channel(to, layer.to)];
  if (kernel > 1) factors.unshift([mn(kernel * kernel)]);
  if (groups === 1) return dotted(factors);
  return [fraction(row(...dotted(factors)), letters ? mi("g") : mn(groups))];
}

const outputTerm = ({ layer, to }, letters) => (letters ? CHANNEL[to]() : [mn(layer.to)]);

// H², or H′² after a stride.
function area({ layer }, state, letters) {
  const name = layer.size === state.size ? mi("H") : mi("H′");
  return [math("msup", {}, letters ? name : mn(layer.size), mn(2))];
}

// Sums of terms, each times the area of its layers: [[terms, area], …] → pieces, signs and brackets with them.
function sumOfProducts(groups) {
  return groups.flatMap(([terms, factor], k) => {
    const bracket = factor && terms.length > 1;
    return terms.map((term, i) => {
      const first = k === 0 && i === 0;
      const last = i === terms.length - 1;
      return [
        ...(first ? [] : [infix("+")]),
        ...(bracket && i === 0 ? [OPEN()] : []),
        ...term,
        ...(bracket && last ? [CLOSE()] : []),
        ...(factor && last ? [mo("·"), ...factor] : []),
      ];
    });
  });
}

// Layers of equal output size, next to each other, together.
function bySize(layers) {
  const groups = [];
  for (const one of layers) {
    if (groups.at(-1)?.[0].layer.size === one.layer.size) groups.at(-1).push(one);
    else groups.push([one]);
  }
  return groups;
}

// The chains of one block, for parameters, multiply–adds and memory. Each is a list of steps (P, = …, = … and = the
// result), each step a list of pieces.
function budgetFormulas(block, layers, state, cost, asking) {
  const all = named(block, layers, state);
  const { batchNorm } = state;
  const pieces = {
    P: (letters) => {
      const terms = all.map((one) => weightTerm(one, letters));
      const sum = sumOfProducts([[terms, null]]);
      if (!batchNorm) return sum;
      const outputs = all.map((one) => outputTerm(one, letters));
      const norms = sumOfProducts([[outputs, null]]).map((piece, i, { length }) => [
        ...(i === 0 ? [infix("+"), mn(2), mo("·"), OPEN()] : []),
        ...piece,
        ...(i === length - 1 ? [CLOSE()] : []),
      ]);
      return [...sum, ...norms];
    },
    M: (letters) =>
      sumOfProducts(
        bySize(all).map((group) => [group.map((one) => weightTerm(one, letters)), area(group[0], state, letters)]),
      ),
    A: (letters) => {
      const groups = bySize(all);
      const sum = sumOfProducts(
        groups.map((group) => [group.map((one) => outputTerm(one, letters)), area(group[0], state, letters)]),
      );
      const bytes = batchNorm ? [mn(2), mo("·"), mn(BYTES), mo("·")] : [mn(BYTES), mo("·")];
      const open = groups.length > 1;
      return sum.map((piece, i) => [
        ...(i === 0 ? [...bytes, ...(open ? [OPEN()] : [])] : []),
        ...piece,
        ...(open && i === sum.length - 1 ? [CLOSE()] : []),
      ]);
    },
  };
  const values = { P: cost.parameters, M: cost.multiplyAdds, A: cost.memory };
  return Object.entries(pieces).map(([symbol, write]) => {
    const equals = (list) => list.map((piece, i) => formula(...(i === 0 ? [infix("="), ...piece] : piece)));
    const result = math("mn", { class: "lf-result" }, asking ? "?" : values[symbol].toLocaleString("en"));
    return [[formula(mi(symbol))], equals(write(true)), equals(write(false)), [formula(infix("="), result)]];
  });
}

// w = C/r = 256/4 = 64, and H′ after a stride.
function widthFormulas(state) {
  const { channels, reduction, stride, size } = state;
  const doubled = stride === 2;
  const above = doubled ? row(mn(2), mi("C")) : mi("C");
  const number = doubled ? row(mn(2), mo("·"), mn(channels)) : mn(channels);
  const equal = (...parts) => formula(...parts.flatMap((part, i) => (i ? [mo("="), part] : [part])));
  const inner = mn(innerWidth(state));
  const width = equal(mi("w"), fraction(above, mi("r")), fraction(number, mn(reduction)), inner);
  if (stride === 1) return [width];
  const halves = [mi("H"), mn(size)].map((side) => ceiling(fraction(side, mn(2))));
  return [width, equal(mi("H′"), ...halves, mn(Math.ceil(size / 2)))];
}

// The arithmetic of the architecture explorer, without any drawing; a test compares it with companion.architectures
// in Chromium. Then the formula of one window with its numbers put in, in MathML.

// A network of the file companion/data/architectures.json with its blocks put in, and its layers in one list.
export function networkOf({ networks, blocks: shared }, key) {
  const { blocks: stored, ...network } = networks[key];
  const layers = [];
  const blocks = stored.map(([name, number]) => {
    const { kind, layers: rows, ...block } = shared[number];
    const first = layers.length;
    const own = rows.map(([title, source, type, rule, after, each, parameters, groups]) => ({
      name: title === "" || title.startsWith(".") ? name + title : title,
      source: first + source,
      kind: type,
      rule,
      after,
      isMap: typeof after === "number",
      each,
      parameters,
      groups,
    }));
    layers.push(...own);
    return { widths: [], shortcut: false, channels: own.at(-1).after, ...block, name, kind, first, layers: own };
  });
  return { ...network, blocks, layers };
}

const product = (numbers) => numbers.reduce((all, number) => all * number, 1);

// The output size of a window, which is a rule of the file; 0 or less if not even one fits.
export function windowOutput([kind, kernel, stride, padding, dilation, ceilMode], size) {
  const travel = size + 2 * padding - dilation * (kernel - 1) - 1; // how far the window can move
  if (kind === "conv" || !ceilMode) return travel < 0 ? 0 : Math.floor(travel / stride) + 1;
  const output = Math.ceil(travel / stride) + 1;
  // The last window must start inside the input or its left padding.
  return (output - 1) * stride >= size + padding ? output - 1 : output;
}

// [got, needs], or null if the layer takes its input: pixels along one axis, or the numbers of a flattened input.
function refusal({ rule }, before) {
  const [kind, kernel, stride, padding, dilation, ceilMode] = rule;
  if (kind === "linear") {
    const got = product(before);
    return got === rule[1] ? null : [got, rule[1]];
  }
  if ((kind !== "conv" && kind !== "pool") || windowOutput(rule, before[1]) > 0) return null;
  const span = dilation * (kernel - 1) + 1;
  return [before[1], span - 2 * padding - (ceilMode ? stride - 1 : 0)];
}

function shapeAfter({ rule, after, isMap }, before) {
  if (!isMap) return after;
  const [kind] = rule;
  let size = before[1];
  if (kind === "conv" || kind === "pool") size = windowOutput(rule, size);
  else if (kind === "same") size = Math.ceil(size / rule[2]);
  else if (kind === "adaptive") size = rule[1];
  return [after, size, size];
}

// {shapes: of every layer's output, without the batch, null from a break on; broken: null, or {layer, block, got,
// needs}, where layer is -1 if the network takes no size but one}.
export function runNetwork(network, size) {
  const { layers, blocks, channels } = network;
  const shapes = Array(layers.length).fill(null);
  if (network.exact && size !== network.size) {
    return { shapes, broken: { layer: -1, block: 0, got: size, needs: network.size } };
  }
  for (let i = 0; i < layers.length; i++) {
    const { source } = layers[i];
    const before = source < 0 ? [channels, size, size] : shapes[source];
    const refused = refusal(layers[i], before);
    if (refused) {
      const block = blocks.findLastIndex(({ first }) => first <= i);
      return { shapes, broken: { layer: i, block, got: refused[0], needs: refused[1] } };
    }
    shapes[i] = shapeAfter(layers[i], before);
  }
  return { shapes, broken: null };
}

// {parameters, multiply_adds, memory (bytes)} of a layer whose output has this shape, for one picture.
export function costOf({ isMap, each, parameters }, shape) {
  return {
    parameters,
    multiply_adds: shape ? each * (isMap ? product(shape.slice(1)) : 1) : 0,
    memory: shape ? 4 * product(shape) : 0,
  };
}

// The number of the layer that gives the last map: the one that the last adaptive pooling takes, or the last map.
export function lastMap({ layers }) {
  const pooling = layers.findLastIndex(({ rule }) => rule[0] === "adaptive");
  return pooling >= 0 ? layers[pooling].source : layers.findLastIndex(({ isMap }) => isMap);
}

// [[from, to], …]: the runs of sizes from 1 to `most` that the network takes.
function legalSizes(network, most) {
  const found = [];
  for (let size = 1; size <= most; size++) {
    if (runNetwork(network, size).broken) continue;
    if (found.at(-1)?.[1] === size - 1) found.at(-1)[1] = size;
    else found.push([size, size]);
  }
  return found;
}

// The output size of a layer with its numbers put in; null where there is nothing to compute. A window that does not
// fit has a result below 1.
function sizeFormula(layer, before) {
  const { rule, isMap } = layer;
  const [kind, kernel, stride, padding, dilation, ceilMode] = rule;
  const result = (number) => math("mn", { class: "lf-result" }, String(number).replace("-", "−"));
  if (kind === "linear") {
    const factors = before.flatMap((number, i) => (i ? [mo("·"), mn(number)] : [mn(number)]));
    return formula(...factors, mo(refusal(layer, before) ? "≠" : "="), result(rule[1]));
  }
  if (kind === "same") {
    return formula(ceiling(fraction(mn(before[1]), mn(stride))), mo("="), result(Math.ceil(before[1] / stride)));
  }
  if (!isMap || (kind !== "conv" && kind !== "pool") || (kernel === 1 && stride === 1 && !padding)) return null;
  const span = dilation * (kernel - 1) + 1;
  const far = before[1] + 2 * padding - span;
  const padded = padding ? [mo("+"), mn(2), mo("·"), mn(padding)] : [];
  const travel = [mn(before[1]), ...padded, mo("−"), mn(span)];
  if (stride === 1) return formula(...travel, mo("+"), mn(1), mo("="), result(far + 1));
  const rounded = (ceilMode ? Math.ceil : Math.floor)(far / stride) + 1;
  const output = windowOutput(rule, before[1]);
  // A last window that would start in the far padding is dropped.
  const dropped = output > 0 && output < rounded ? [mo("→"), result(output)] : [];
  const division = (ceilMode ? ceiling : floor)(fraction(row(...travel), mn(stride)));
  return formula(division, mo("+"), mn(1), mo("="), result(rounded), ...dropped);
}

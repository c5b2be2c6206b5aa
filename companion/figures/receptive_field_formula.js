// The arithmetic of the receptive-field explorer, of one axis and without any drawing; a test compares it with
// companion.shapes in Chromium. Then the recurrence with its numbers put in, in MathML.
//
// A layer is {kind: "conv" or "pool", kernel, stride, padding, dilation}.

// The input's size and every layer's output size; null from the layer on that PyTorch refuses.
export function outputSizes(size, layers) {
  const sizes = [size];
  for (const { kind, kernel, stride, padding, dilation } of layers) {
    const travel = sizes.at(-1) + 2 * padding - dilation * (kernel - 1) - 1; // how far the window can move
    const refused = sizes.at(-1) === null || travel < 0 || (kind === "pool" && padding > Math.floor(kernel / 2));
    sizes.push(refused ? null : Math.floor(travel / stride) + 1);
  }
  return sizes;
}

// Output i of layer number l sees the input positions start + i·jump, …, start + i·jump + size − 1: {size, jump,
// start} for the input itself, which is number 0, and for each layer.
export function receptiveFields(layers) {
  const fields = [{ size: 1, jump: 1, start: 0 }];
  for (const { kernel, stride, padding, dilation } of layers) {
    const { size, jump, start } = fields.at(-1);
    fields.push({ size: size + dilation * (kernel - 1) * jump, jump: jump * stride, start: start - padding * jump });
  }
  return fields;
}

// What output number `index` of the last layer sees at every level, the input first: the field with its padding,
// from `start` up to, not including, `end`; and the positions really `read`, in rising order. `sizes` as from
// outputSizes(), none of them null.
export function seen(sizes, layers, index) {
  const levels = [{ start: index, end: index + 1, read: [index] }];
  for (let l = layers.length - 1; l >= 0; l--) {
    const { kernel, stride, padding, dilation } = layers[l];
    const { start, end, read } = levels[0];
    const isRead = new Uint8Array(sizes[l]);
    for (const j of read) {
      for (let k = 0; k < kernel; k++) {
        const position = j * stride - padding + k * dilation;
        if (position >= 0 && position < sizes[l]) isRead[position] = 1;
      }
    }
    const positions = [];
    for (let position = 0; position < sizes[l]; position++) if (isRead[position]) positions.push(position);
    levels.unshift({
      start: start * stride - padding,
      end: (end - 1) * stride - padding + dilation * (kernel - 1) + 1,
      read: positions,
    });
  }
  return levels;
}

// The three lines of the recurrence for layer number l: r is the field's size, j the jump, a its start. `asking`
// leaves the results out.
function recurrence(layer, before, after, l, asking) {
  const { kernel, stride, padding, dilation } = layer;
  const dot = () => mo("·");
  const was = (letter) => mi(letter, `${l - 1}`);
  const bracket = (sign) => math("mo", { stretchy: "false" }, sign);
  const lessOne = (term) => [bracket("("), term, mo("−"), mn(1), bracket(")")];
  const gap = dilation === 1 ? [] : [mn(dilation), dot()];
  const result = (number) => math("mn", { class: "lf-result" }, asking ? "?" : String(number).replace("-", "−"));
  const line = (letter, symbols, numbers, number) => [
    formula(mi(letter, `${l}`), mo("="), ...symbols),
    formula(infix("="), ...numbers, infix("="), result(number)),
  ];
  return [
    line(
      "r",
      [was("r"), mo("+"), mi("D"), dot(), ...lessOne(mi("F")), dot(), was("j")],
      [mn(before.size), mo("+"), ...gap, ...lessOne(mn(kernel)), dot(), mn(before.jump)],
      after.size,
    ),
    line("j", [was("j"), dot(), mi("S")], [mn(before.jump), dot(), mn(stride)], after.jump),
    line(
      "a",
      [was("a"), mo("−"), mi("P"), dot(), was("j")],
      [mn(before.start), mo("−"), mn(padding), dot(), mn(before.jump)],
      after.start,
    ),
  ];
}

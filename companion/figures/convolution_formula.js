// The convolution playground. First the arithmetic, without any drawing; a test compares it with PyTorch in Chromium.
// Then its formulas, in MathML.

// How many windows fit along an axis: ⌊(size + 2·padding − kernel)/stride⌋ + 1.
export function windows(size, kernel, stride, padding) {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

// The kernel as it is laid over the window: turned by 180° in each channel if `flip`.
export function laid(kernel, side, flip) {
  if (!flip) return kernel;
  const area = side * side;
  return kernel.map((_, k) => kernel[k - (k % area) + area - 1 - (k % area)]);
}

// Where on an axis of `after` output pixels the one at `place` of `before` lies, ends on ends; a half is rounded up.
export function moved(place, before, after) {
  const gaps = before - 1;
  return Math.floor((2 * Math.min(place, gaps) * (after - 1) + gaps) / (2 * gaps));
}

const LARGEST_WEIGHT = 99;

// What a reader types into a cell → the weight; undefined where it is none. A decimal number, with a point or a comma,
// is rounded to six decimals; a fraction of whole numbers up to 9999 stays as it is.
export function weightOf(text) {
  const plain = text.trim().replace(/^[−–]/, "-").replace(",", ".");
  const [, above, below] = /^([+-]?\d{1,4}) ?\/ ?(\d{1,4})$/.exec(plain) ?? [];
  const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain);
  const value = above ? above / below : isDecimal ? Number(plain) : NaN; // 1/0 is too large, 0/0 is NaN
  if (!(Math.abs(value) <= LARGEST_WEIGHT)) return undefined;
  return (above ? value : Number(value.toFixed(6))) || 0; // no −0
}

// y[i, j] = Σ_c Σ_a Σ_b kernel[c, a, b] · x[c, S·i + a − P, S·j + b − P], with zeros outside x. `pixels`: channel by
// channel, each row by row; `kernel` likewise, of side × side weights per channel. Returns {rows, columns, values,
// least, most}, the values in float64.
export function convolve({ pixels, rows, columns, kernel, side, stride = 1, padding = 0, flip = false }) {
  const weights = laid(kernel, side, flip);
  const [high, wide] = [windows(rows, side, stride, padding), windows(columns, side, stride, padding)];
  if (!(high >= 1 && wide >= 1)) throw new RangeError(`a ${side}×${side} kernel does not fit into ${rows}×${columns}`);
  const values = new Float64Array(high * wide);
  // One weight after the other, each added wherever its pixel lies in the picture.
  for (let k = 0; k < weights.length; k++) {
    const weight = weights[k];
    const b = (k % side) - padding;
    const a = (Math.floor(k / side) % side) - padding;
    const start = Math.floor(k / (side * side)) * rows * columns;
    for (let i = 0; i < high; i++) {
      const y = stride * i + a;
      if (y < 0 || y >= rows) continue;
      const line = start + y * columns;
      for (let j = 0; j < wide; j++) {
        const x = stride * j + b;
        if (x >= 0 && x < columns) values[i * wide + j] += weight * pixels[line + x];
      }
    }
  }
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { rows: high, columns: wide, values, least, most };
}

// What is summed for output pixel (i, j), in the order of the window: [{pixel, weight, product, padding}].
export function terms({ pixels, rows, columns, kernel, side, stride = 1, padding = 0, flip = false }, i, j) {
  return laid(kernel, side, flip).map((weight, k) => {
    const y = stride * i + (Math.floor(k / side) % side) - padding;
    const x = stride * j + (k % side) - padding;
    const isOutside = y < 0 || y >= rows || x < 0 || x >= columns;
    const pixel = isOutside ? 0 : pixels[(Math.floor(k / (side * side)) * rows + y) * columns + x];
    return { pixel, weight, product: weight * pixel, padding: isOutside };
  });
}

// RGB bytes, pixel by pixel → what the kernel slides over: grey from 0 to 255 by the formula of ITU-R BT.601 in
// 1/65536, as Pillow computes it, or three channels of (x − 127)/128.
export function slideOver(bytes, channels) {
  const count = bytes.length / 3;
  const pixels = new Float64Array(channels * count);
  for (let p = 0; p < count; p++) {
    const [r, g, b] = [bytes[3 * p], bytes[3 * p + 1], bytes[3 * p + 2]];
    if (channels === 1) pixels[p] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    else for (let c = 0; c < 3; c++) pixels[c * count + p] = (bytes[3 * p + c] - 127) / 128;
  }
  return pixels;
}

// Rows: ⌊(78 + 2·1 − 3)/2⌋ + 1 = 39. The nodes are made once, and `write` puts the numbers in.
class SizeFormula {
  constructor(words) {
    const names = ["size", "padding", "side", "stride", "out"];
    this.numbers = Object.fromEntries(names.map((name) => [name, mn("")]));
    this.numbers.out.classList.add("lf-result");
    const { size, padding, side, stride, out } = this.numbers;
    const above = row(size, mo("+"), mn(2), mo("·"), padding, mo("−"), side);
    const name = math("mtext", {}, words);
    this.node = formula(name, mo("="), floor(fraction(above, stride)), mo("+"), mn(1), mo("="), out);
  }

  write(values) {
    for (const [name, value] of Object.entries(values)) put(this.numbers[name], value);
  }
}

// y[i, j] = Σ k[a, b] · x[S·i + a − P, S·j + b − P], with i, j, S and P put in; then the products, in text. With `flip`
// the kernel's indices count from its end, with three channels there is one more index.
class SumFormula {
  constructor() {
    this.left = html("span", { class: "cp-formula" });
    this.products = html("p", { class: "cp-products" });
    this.shape = "";
  }

  // Built anew only for another kind of kernel.
  build(side, channels, flip) {
    const shape = `${side} ${channels} ${flip}`;
    if (shape === this.shape) return;
    this.shape = shape;
    const bracket = (sign) => math("mo", { stretchy: "false" }, sign);
    const index = (letter) => (flip ? row(mn(side - 1), mo("−"), mi(letter)) : mi(letter));
    const channel = () => (channels > 1 ? [mi("c")] : []);
    const commas = (indices) => indices.flatMap((one, k) => (k ? [mo(","), one] : [one]));
    const at = (...indices) => [bracket("["), ...commas(indices), bracket("]")];
    this.numbers = ["i", "j", "top", "left"].map(() => mn(""));
    const [i, j, top, left] = this.numbers;
    this.signs = [mo("+"), mo("+")];
    const sigma = math("munder", {}, mo("∑"), row(...commas([...channel(), mi("a"), mi("b")])));
    this.left.replaceChildren(
      formula(mi("y"), ...at(i, j), mo("="), sigma, mi("k"), ...at(...channel(), index("a"), index("b")), mo("·")),
      formula(
        mi("x"),
        ...at(...channel(), row(mi("a"), this.signs[0], top), row(mi("b"), this.signs[1], left)),
      ),
    );
  }

  write({ side, channels, flip, i, j, top, left, products, total, text }) {
    this.build(side, channels, flip);
    [i, j, Math.abs(top), Math.abs(left)].forEach((value, k) => put(this.numbers[k], value));
    [top, left].forEach((value, k) => put(this.signs[k], value < 0 ? "−" : "+"));
    const sum = products.map((product, k) => {
      const sign = product < 0 ? "−" : "+";
      return `${k ? ` ${sign} ` : product < 0 ? "−" : ""}${text(Math.abs(product))}`;
    });
    this.products.firstChild ?? this.products.append("", html("strong", { class: "lf-result" }));
    put(this.products.lastChild, total);
    this.products.firstChild.data = `= ${sum.join("")} = `;
  }
}

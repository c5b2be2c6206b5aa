// The pictures of the convolution playground: input and output, each a canvas with a frame to point.

// Both have a box of one shape, in which the largest output (stride 1, padding 2) just fits.
class FramedPicture {
  constructor() {
    this.canvas = html("canvas", { role: "img", class: "cp-canvas" });
    this.frame = html("i", { class: "cp-frame" });
    this.inner = html("div", { class: "cp-inner" }, this.canvas, this.frame);
    this.node = html("div", { class: "cp-box" }, this.inner);
  }

  // `box`: rows and columns of the box, in which rows × columns pixels are shown as large as they fit.
  resize(rows, columns, [boxRows, boxColumns]) {
    if (this.image?.width === columns && this.image.height === rows) return;
    Object.assign(this.canvas, { width: columns, height: rows });
    this.image = new ImageData(columns, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    const scale = Math.min(boxRows / rows, boxColumns / columns);
    this.inner.style.width = `${(100 * scale * columns) / boxColumns}%`;
    this.inner.style.height = `${(100 * scale * rows) / boxRows}%`;
  }

  show(label) {
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    setAttributes(this.canvas, { "aria-label": label });
  }

  point(row, column, side) {
    const { width, height } = this.image;
    const share = (part, all) => `${(100 * part) / all}%`;
    this.frame.style.cssText =
      `left: ${share(column, width)}; top: ${share(row, height)};` +
      `width: ${share(side, width)}; height: ${share(side, height)}`;
  }

  // The pixel at (x, y), in pixels of the screen within `inner`.
  pixelAt(x, y) {
    const index = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    const { width, height } = this.image;
    return [index(y / this.inner.clientHeight, height), index(x / this.inner.clientWidth, width)];
  }
}

const OPAQUE = 0xff000000;
const grey = (level) => OPAQUE | (level * 0x010101); // 0 to 255; the bytes are R, G, B, A from the lowest

// The picture with its padding around it; outside of that, up to `margin`, nothing. `colour`: in RGB, else in `levels`.
function paintInput(picture, { bytes, levels, rows, columns, padding, margin, colour }) {
  const wide = columns + 2 * margin;
  const zero = grey(colour ? 127 : 0);
  const { pixels } = picture;
  pixels.fill(0);
  for (let y = -padding; y < rows + padding; y++) {
    const line = (y + margin) * wide + margin;
    pixels.fill(zero, line - padding, line + columns + padding);
    if (y < 0 || y >= rows) continue;
    for (let x = 0; x < columns; x++) {
      const p = y * columns + x;
      pixels[line + x] = colour
        ? OPAQUE | (bytes[3 * p + 2] << 16) | (bytes[3 * p + 1] << 8) | bytes[3 * p]
        : grey(levels[p]);
    }
  }
}

// From black at `black` to white at `white`; what lies beyond is cut off there. `values` null: nothing to show yet.
function paintOutput({ pixels }, values, black, white) {
  if (!values) return pixels.fill(0);
  const step = white > black ? 255 / (white - black) : 0;
  for (let i = 0; i < values.length; i++) {
    const level = step ? (values[i] - black) * step : 127.5;
    pixels[i] = grey(level <= 0 ? 0 : level >= 255 ? 255 : Math.round(level));
  }
}

// The pictures of the map mixer: the map over the photograph, the same map as a grid of numbers, and a feature map.

const FOR = [255, 112, 0]; // on a photograph, light page or dark
const AGAINST = [20, 90, 255];

// A canvas cannot be seen by a screen reader; what it shows is said in words elsewhere.
function canvas(height, width, attributes = {}) {
  return html("canvas", { height, width, "aria-hidden": "true", ...attributes });
}

// A feature map in grey, one pixel per cell, from black at 0 (or below it, the smallest) to white at the largest.
function thumbnail(cells, [rows, columns]) {
  const node = canvas(rows, columns, { class: "mm-thumbnail" });
  const least = Math.min(0, ...cells);
  const most = Math.max(...cells);
  const image = new ImageData(columns, rows);
  cells.forEach((value, i) => {
    const grey = most > least ? (255 * (value - least)) / (most - least) : 0;
    image.data.set([grey, grey, grey, 255], 4 * i);
  });
  node.getContext("2d").putImageData(image, 0, 0);
  return node;
}

// The photograph with the upsampled map over it and a frame around one cell. The stronger a vote, the more of the
// photograph it covers; the photograph loses its own colours as the map gains opacity.
class OverlayPicture {
  constructor(url, [height, width], [rows, columns]) {
    this.grid = [rows, columns];
    this.photograph = html("img", { src: url, width, height, draggable: "false" });
    this.canvas = canvas(height, width);
    this.image = new ImageData(width, height);
    this.frame = html("div", { class: "mm-frame" });
    this.node = html("div", { class: "mm-overlay" }, this.photograph, this.canvas, this.frame);
  }

  // `values`: one per pixel, or null for no map; `largest`: the size of the strongest vote.
  draw({ values, largest, opacity, alt }) {
    setAttributes(this.photograph, { alt });
    // Inline: on dark pages the book's theme sets a filter of its own.
    this.photograph.style.filter = `saturate(${values && largest ? 1 - 0.85 * opacity : 1})`;
    const { data } = this.image;
    data.fill(0);
    if (values && largest) {
      const strength = (255 * opacity) / largest;
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const colour = value > 0 ? FOR : AGAINST;
        const j = 4 * i;
        data[j] = colour[0];
        data[j + 1] = colour[1];
        data[j + 2] = colour[2];
        data[j + 3] = strength * Math.abs(value);
      }
    }
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
  }

  point(y, x) {
    const [rows, columns] = this.grid;
    const [height, width] = [100 / rows, 100 / columns];
    this.frame.style.cssText = `left: ${x * width}%; top: ${y * height}%; width: ${width}%; height: ${height}%`;
  }

  // The cell at (x, y), in pixels of the node.
  cellAt(x, y) {
    return cellIn(this.grid, x, y, { width: this.node.clientWidth, height: this.node.clientHeight });
  }
}

// The cell of a grid at (x, y). The grid begins at (left, top), and is so wide and high.
function cellIn([rows, columns], x, y, { left = 0, top = 0, width, height }) {
  const index = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return { row: index((y - top) / height, rows), column: index((x - left) / width, columns) };
}

// The map as a table of numbers, each on its colour.
class GridPicture {
  constructor([rows, columns]) {
    this.grid = [rows, columns];
    const indices = (count) => [...Array(count).keys()];
    this.cells = [];
    const header = (role, text) => html("div", { role, class: "mm-index" }, text);
    const corner = html("div", { role: "cell", class: "mm-index" });
    const heads = indices(columns).map((x) => header("columnheader", x));
    const lines = indices(rows).map((y) => {
      const cells = indices(columns).map(() => html("div", { role: "cell", class: "mm-cell" }));
      this.cells.push(...cells);
      return html("div", { role: "row" }, header("rowheader", y), ...cells);
    });
    const head = html("div", { role: "row" }, corner, ...heads);
    this.node = html("div", { role: "table", class: "mm-grid" }, head, ...lines);
    this.node.style.setProperty("--mm-columns", columns);
  }

  // `values` null: nothing to show yet.
  draw({ values, largest, digits, label }) {
    setAttributes(this.node, { "aria-label": label });
    this.cells.forEach((cell, i) => {
      const value = values ? values[i] : 0;
      const text = values ? fixed(value, digits) : "?";
      if (cell.textContent !== text) cell.textContent = text;
      const strength = largest ? Math.round((100 * value) / largest) : 0;
      cell.style.setProperty("--mm-vote", `var(--mm-${strength < 0 ? "against" : "for"}) ${Math.abs(strength)}%`);
    });
  }

  point(y, x) {
    this.pointed?.classList.remove("mm-pointed");
    this.pointed = this.cells[y * this.grid[1] + x];
    this.pointed.classList.add("mm-pointed");
  }

  // The cell at (x, y), in pixels of the node; the first row and column are the indices.
  cellAt(x, y) {
    const { offsetLeft: left, offsetTop: top } = this.cells[0];
    const { clientWidth, clientHeight } = this.node;
    return cellIn(this.grid, x, y, { left, top, width: clientWidth - left, height: clientHeight - top });
  }
}

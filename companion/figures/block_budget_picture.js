// The pictures of the block budget: the layers of a block with its shortcut, and bars to compare three blocks by.

// One block. Three layers at most; a plain or basic one has two. The elements stay, their texts change.
class BlockPicture {
  constructor(title, layers) {
    this.title = title;
    this.input = html("span", { class: "bb-map" });
    this.output = html("span", { class: "bb-map" });
    this.layers = Array.from({ length: layers }, () => {
      const words = html("span");
      const details = html("small");
      return { words, details, node: html("span", { class: "bb-layer" }, words, details) };
    });
    this.rail = html("span", { class: "bb-rail" }, html("span"));
    this.plus = html("span", { class: "bb-plus" }, "+");
    this.node = html(
      "div",
      { class: "bb-block", role: "img" },
      html("strong", {}, title),
      this.input,
      html("span", { class: "bb-stack" }, ...this.layers.map(({ node }) => node), this.rail),
      this.plus,
      this.output,
    );
  }

  // `layers` as from blocks(); `size` and `stride` of the input; `shortcut`: "none", "identity" or "projection".
  draw({ layers, size, stride, shortcut, text }) {
    const body = layers.filter((layer) => !layer.isShortcut);
    const widest = Math.log2(Math.max(...body.map(({ to }) => to)));
    const narrowest = Math.log2(Math.min(...body.map(({ to }) => to)));
    put(this.input, `${body[0].from} × ${size}²`);
    put(this.output, `${body.at(-1).to} × ${body.at(-1).size}²`);
    body.forEach((layer, i) => {
      const { words, details, node } = this.layers[i];
      const share = widest === narrowest ? 1 : (Math.log2(layer.to) - narrowest) / (widest - narrowest);
      node.style.setProperty("--bb-wide", share); // from 0, the narrowest layer of its block, to 1
      put(words, `${layer.kernel}×${layer.kernel}, ${layer.to}`);
      const strided = stride > 1 && layer === body.find(({ kernel }) => kernel === 3);
      const notes = [strided && `/${stride}`, layer.groups > 1 && text.groupsOf(layer.groups)].filter(Boolean);
      put(details, notes.join(", "));
    });
    this.rail.hidden = shortcut === "none";
    this.plus.style.visibility = shortcut === "none" ? "hidden" : "";
    put(this.rail.firstChild, shortcut === "projection" ? "1×1" : "=");
    const label = text.picture(this.title, body.map(text.layer), text.shortcuts[shortcut]);
    if (this.node.getAttribute("aria-label") !== label) this.node.setAttribute("aria-label", label);
  }
}

// The same quantity of three blocks, drawn to one scale.
class BarGroup {
  constructor(title, names, ofBasic) {
    this.rows = Object.entries(names).map(([block, name]) => {
      const bar = html("span", { class: "bb-bar" });
      const number = html("span", { class: "bb-number" });
      const share = html("span", { class: "bb-share" });
      const track = html("span", { class: "bb-track", "aria-hidden": "true" }, bar);
      const node = html("div", { class: `bb-row bb-${block}` }, html("span", {}, name), track, number, share);
      return { block, bar, number, share, node };
    });
    const caption = html("span", { class: "bb-of", title: ofBasic }, ofBasic);
    this.node = html(
      "div",
      { class: "bb-bars" },
      html("p", { class: "bb-title" }, html("strong", {}, title), caption),
      ...this.rows.map(({ node }) => node),
    );
  }

  // `values`: {block: number}; `hidden`: a block whose number is not shown.
  draw({ values, hidden, write, percent }) {
    const shown = Object.entries(values).filter(([block]) => block !== hidden);
    const largest = Math.max(...shown.map(([, value]) => value));
    for (const { block, bar, number, share } of this.rows) {
      const blank = block === hidden;
      bar.style.width = blank ? "0" : `${(100 * values[block]) / largest}%`;
      put(number, blank ? "?" : write(values[block]));
      put(share, blank ? "" : percent(values[block] / values.basic));
    }
  }
}

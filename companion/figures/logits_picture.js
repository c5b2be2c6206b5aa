// The panels of the logits explorer: one per head, with a row per class. A row has the class's target, a radio button
// or a checkbox; its probability as a bar and as a number; and, where the head has one, its threshold, a range input
// that lies over the bar.

class HeadPanel {
  // `figure`: for ids and keys. `target`: "radio" or "checkbox". `onTarget(k, checked)`; `onThreshold(k, value)`, or
  // null for a head without thresholds. `words`: {title, question, target, value, thresholdOf}.
  constructor(figure, { kind, names, words, target, onTarget, onThreshold, below = [] }) {
    this.target = target;
    this.rows = names.map((name, k) => {
      const input = html("input", { type: target, name: `${figure.id}-${kind}`, value: k, ...OWN_KEYS });
      input.addEventListener("change", () => onTarget(k, input.checked));
      const row = {
        input,
        number: html("span", { class: "lg-number" }),
        bar: html("i", { class: "lg-bar" }),
        mark: html("span", { class: "lg-mark", "aria-hidden": "true" }),
        compare: html("span", { class: "lg-compare" }),
        threshold: onThreshold && this.thresholdInput(kind, k, words.thresholdOf(name), onThreshold),
      };
      const track = html("div", { class: "lg-track" }, html("i", { class: "lg-ground" }, row.bar));
      if (row.threshold) track.append(row.threshold);
      const label = html("label", { class: "lg-name" }, input, html("span", {}, name));
      const value = html("span", { class: "lg-value" }, row.number, row.compare, row.mark);
      row.node = html("div", { class: "lg-row" }, label, value, track);
      return row;
    });
    this.decision = html("strong");
    this.loss = html("strong", { class: "lg-digits" });
    this.lossName = html("span");
    const head = html(
      "div",
      { class: "lg-caption", "aria-hidden": "true" },
      html("span", {}, words.target),
      html("span", { class: "lg-function" }, words.value),
    );
    this.node = html(
      "div",
      { class: `lg-head lg-${kind}`, role: "group", "aria-label": words.title },
      html("div", { class: "lg-title" }, html("strong", {}, words.title), ` ${words.question}`),
      head,
      html(
        "div",
        { class: "lg-rows", role: target === "radio" ? "radiogroup" : "group", "aria-label": words.target },
        ...this.rows.map(({ node }) => node),
      ),
      html("div", { class: "lg-decision" }, `${words.decision}: `, this.decision),
      html("div", { class: "lg-loss" }, html("span", {}, `${words.loss}, `, this.lossName), this.loss),
      html("div", { class: "lg-below" }, ...below),
    );
  }

  thresholdInput(kind, k, label, change) {
    const input = html("input", {
      type: "range",
      class: "lg-threshold",
      min: 0,
      max: 1,
      step: 0.01,
      "data-trait": `${kind}-threshold${k}`,
      "aria-label": label,
      ...OWN_KEYS,
    });
    input.addEventListener("input", () => change(k, Number(input.value)));
    return input;
  }

  // `rows`: per class shown {checked, p, threshold, chosen}; `p` null: a class that this head does not look at.
  draw({ rows, decision, lossName, loss, asking }) {
    this.rows.forEach((row, k) => {
      const now = rows[k];
      row.node.hidden = !now;
      if (!now) return;
      const { checked, p, threshold, chosen } = now;
      const idle = p === null;
      const decided = chosen && !asking;
      if (row.input.checked !== checked) row.input.checked = checked;
      row.node.classList.toggle("lg-idle", idle);
      row.node.classList.toggle("lg-chosen", decided);
      put(row.number, idle ? "" : asking ? "?" : fixed(p, 3));
      put(row.mark, decided ? "✓" : "");
      row.bar.style.width = idle || asking ? "0" : `${100 * p}%`;
      if (!row.threshold) return;
      row.threshold.hidden = idle;
      if (idle) {
        put(row.compare, "");
        return;
      }
      const text = fixed(threshold, 2);
      put(row.compare, `${asking ? "·" : p >= threshold ? "≥" : "<"} ${text}`);
      row.threshold.value = threshold;
      if (row.threshold.getAttribute("aria-valuetext") !== text) row.threshold.setAttribute("aria-valuetext", text);
    });
    put(this.decision, decision);
    put(this.lossName, lossName);
    put(this.loss, loss);
  }
}

// The network chart. First what has no drawing in it: what is shown, the scales, and the Pareto front. A test compares
// it in Chromium with its twin in network_chart.py.

// From the smallest `x` on, the more accurate first; no families means all.
export function shownNetworks(networks, x, allWeights, families) {
  const chosen = networks.filter(
    (one) => (allWeights || one.default) && (!families.length || families.includes(one.family)),
  );
  const order = (a, b) => a[x] - b[x] || b.top1 - a.top1 || (a.id < b.id ? -1 : 1);
  return chosen.sort(order);
}

// Whether a beats b: it is no larger, no less accurate, and not equal in both.
export function beats(a, b, x) {
  return a[x] <= b[x] && a.top1 >= b.top1 && (a[x] < b[x] || a.top1 > b.top1);
}

// Those that none beats, out of networks in the order of shownNetworks().
export function paretoFront(shown, x) {
  const kept = [];
  for (const one of shown) {
    const last = kept.at(-1);
    if (!last || one.top1 > last.top1 || (one.top1 === last.top1 && one[x] === last[x])) kept.push(one);
  }
  return kept;
}

// `selected` if it is shown; else the same network's default weights; else the smallest shown.
export function keepSelected(selected, shown) {
  const [network] = selected.split(".");
  const found =
    shown.find(({ id }) => id === selected) ??
    shown.find((one) => one.network === network && one.default) ??
    shown[0];
  return found?.id ?? "";
}

// Where `value` lies between `least` and `most`, from 0 to 1, on a logarithmic scale.
export function logPosition(value, [least, most]) {
  return Math.log(value / least) / Math.log(most / least);
}

export function linearPosition(value, [least, most]) {
  return (value - least) / (most - least);
}

// The numbers 1, 2 and 5 times a power of ten from `least` to `most`; the powers alone if `sparse`.
export function logTicks([least, most], sparse) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const digit of sparse ? [1] : [1, 2, 5]) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= least && tick <= most) ticks.push(tick);
    }
  }
  return ticks;
}

// A range with some room at either end: a factor on a logarithmic scale, whole fives on the other.
export function logRange(values) {
  return [Math.min(...values) / 1.4, Math.max(...values) * 1.4];
}

export function fivesRange(values) {
  return [5 * Math.floor(Math.min(...values) / 5), 5 * Math.ceil(Math.max(...values) / 5)];
}

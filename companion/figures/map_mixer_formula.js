// The sums of the map mixer with their numbers put in, in MathML. Each is a list of formulas, so that a narrow page
// can break between the terms.

const under = (above, words) => math("munder", {}, above, math("mtext", { class: "mm-under" }, words));
const result = (text) => math("mn", { class: "lf-result" }, text);

// CAM[3, 5] = Σ_k w_k A[k, 3, 5] = 0.21·3.40 − 0.11·0.52 + … + 5.13 = 11.2, indexed as in PyTorch. `terms`: [{weight,
// activation, channel}], as text but for `weight`, which is a number; `others`: {value, size, words}, or null or false
// where they are off; `total` is "?" while a prediction is asked.
function cellSum({ row: y, column: x, terms, others, total, digits }) {
  const bracket = (sign) => math("mo", { stretchy: "false" }, sign);
  const commas = (indices) => indices.flatMap((index, i) => (i ? [mo(","), index] : [index]));
  const at = (...indices) => [bracket("["), ...commas(indices), bracket("]")];
  const cam = [math("mi", { class: "lf-upright" }, "CAM"), ...at(mn(y), mn(x))];
  const weight = math("msub", {}, mi("w"), mi("k"));
  const sigma = math("munder", {}, mo("∑"), mi("k"));
  const left = formula(...cam, mo("="), sigma, weight, mi("A"), ...at(mi("k"), mn(y), mn(x)));
  const products = terms.map(({ weight, activation: a, channel }, k) => {
    const first = weight < 0 ? [infix("="), mo("−")] : [infix("=")];
    const signs = k ? [infix(weight < 0 ? "−" : "+")] : first;
    const product = row(mn(fixed(Math.abs(weight), digits)), mo("·"), mn(a));
    const term = formula(...signs, under(product, channel));
    if (weight === 0) term.classList.add("mm-nothing");
    return term;
  });
  const rest = others && formula(infix(others.value < 0 ? "−" : "+"), under(mn(others.size), others.words));
  return [left, ...products, ...(rest ? [rest] : []), formula(infix("="), result(total))];
}

// score = mean + b = 10.91 + 0.31 = 11.22
function scoreSum({ mean, bias, biasSize, score, words }) {
  const name = (text) => math("mtext", {}, text);
  return [
    formula(name(words.score), mo("="), name(words.mean), mo("+"), mi("b")),
    formula(infix("="), mn(mean), mo(bias < 0 ? "−" : "+"), mn(biasSize), mo("="), result(score)),
  ];
}

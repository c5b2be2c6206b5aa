// The output-size formula of one axis with its numbers put in, in MathML:
// W_out = ⌊(W + 2P − F)/S⌋ + 1 = ⌊(224 + 2·0 − 11)/4⌋ + 1 = ⌊53.25⌋ + 1 = 53 + 1 = 54

// The steps of that chain, each a formula of its own so that a narrow page can break between them. `axis` as from
// readAxes(); `asking` ends the chain in a question mark.
function outputFormula(axis, asking) {
  const letter = (key) => mi(...axis.traits[key].split("_"));
  const number = (key) => mn(axis[key]);
  const round = axis.ceilMode ? ceiling : floor;
  const steps = [
    [mi(axis.traits.size, "out"), mo("="), ...windowCount(letter, axis, round)],
    [mo("="), ...windowCount(number, axis, round)],
  ];
  if (asking) steps.push([mo("="), mo("?")]);
  else if (!axis.refused) {
    const travel = axis.padded - axis.span;
    const [whole, rest] = decimal(travel, axis.stride);
    const emphasised = rest ? [math("mn", { class: axis.ceilMode ? "lf-raised" : "lf-dropped" }, rest)] : [];
    const rounded = (axis.ceilMode ? Math.ceil : Math.floor)(travel / axis.stride);
    const late = axis.startsTooLate ? [mo("−"), mn(1)] : [];
    steps.push(
      [mo("="), round(row(mn(whole), ...emphasised)), mo("+"), mn(1)],
      [mo("="), mn(rounded), mo("+"), mn(1), ...late, mo("="), math("mn", { class: "lf-result" }, axis.out)],
    );
  }
  return steps.map((step) => formula(...step));
}

// ⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1, in letters or in numbers. Without dilation D(F − 1) + 1 is F.
function windowCount(term, axis, round) {
  const span =
    axis.dilation === 1
      ? [term("kernel")]
      : [term("dilation"), mo("("), term("kernel"), mo("−"), mn(1), mo(")"), mo("−"), mn(1)];
  const dot = term("padding").localName === "mn" ? [mo("·")] : [];
  const travel = row(term("size"), mo("+"), mn(2), ...dot, term("padding"), mo("−"), ...span);
  return [round(fraction(travel, term("stride"))), mo("+"), mn(1)];
}

// 213/4 → ["53", ".25"], −1/2 → ["−0", ".5"], 2/3 → ["0", ".666…"].
function decimal(numerator, denominator) {
  const size = Math.abs(numerator);
  const thousandths = (size % denominator) * 1000;
  const digits = String(Math.floor(thousandths / denominator))
    .padStart(3, "0")
    .replace(/0+$/, "");
  const more = thousandths % denominator ? "…" : "";
  return [`${numerator < 0 ? "−" : ""}${Math.floor(size / denominator)}`, digits || more ? `.${digits}${more}` : ""];
}

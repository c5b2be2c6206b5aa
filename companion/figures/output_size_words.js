// The words of the output-size explorer, in English and Korean. Sizes arrive as text ("32 × 32"), an axis as
// readAxes() in output_size.js makes it, with `name` "width" or "height".

const EXPLORER_TEXT = {
  en: {
    title: "Output-size explorer",
    mode: "Layer",
    conv: "convolution",
    max_pool: "max pooling",
    avg_pool: "average pooling",
    size: "input",
    kernel: "kernel",
    stride: "stride",
    padding: "padding",
    dilation: "dilation",
    differs: "height differs",
    ceilMode: "ceil_mode",
    input: (size) => `input ${size}`,
    padded: (size) => `with padding ${size}`,
    output: (size) => `output ${size}`,
    toScale: "drawn to scale",
    legend: { input: "input", padding: "padding", window: "window", unread: "never read", done: "output so far" },
    step: "Window",
    stepOf: (n, all) => `${n} of ${all}`,
    place: (y, x) => `output row ${y}, column ${x}`,
    picture: (input, output) => `A window slides over an input of ${input} and fills an output of ${output}.`,
    summary: (mode, input, output) => `${mode}: ${input} in, ${output} out.`,
    allRead: "Every pixel is read.",
    unread({ name, size, both, first, between, last }) {
      const noun = name === "height" ? "row" : "column";
      const n = first + between + last;
      const few = (count, word) => (count === 1 ? `the last ${word}` : `the last ${count} ${word}s`);
      if (n === size) return "No pixel is read.";
      const rest = both ? ", and as many rows," : "";
      const are = n === 1 && !both ? "is" : "are";
      if (last === n) return capital(`${few(n, noun)}${both ? ` and ${few(n, "row")}` : ""} ${are} never read.`);
      if (between === n) return `${n} of ${size} ${noun}s${rest} ${are} never read: they lie in between.`;
      const parts = [first && `the first ${first}`, between && `${between} in between`, last && `the last ${last}`];
      return `${n} of ${size} ${noun}s${rest} ${are} never read: ${parts.filter(Boolean).join(", ")}.`;
    },
    doesNotFit: "The window does not fit.",
    tooLarge({ name, span, padded, tooLarge, ceilMode, stride }) {
      const noun = name === "height" ? "rows" : "columns";
      const even = ceilMode ? `, and even ceil_mode lets it hang over by at most S − 1 = ${stride - 1}` : "";
      return `It spans ${span} ${noun}; the padded input has ${padded}. That is ${tooLarge} too few${even}.`;
    },
    refused: "PyTorch refuses this padding.",
    tooMuchPadding: ({ traits, kernel, most, padding }) =>
      `Pooling allows at most half the window, ⌊${kernel}/2⌋ = ${most}, and ${traits.padding} is ${padding}.`,
    edge: { width: "The end of a row:", height: "The end of a column:" },
    exact: "the last window ends exactly at the edge.",
    left({ name, stride }, left) {
      const noun = name === "height" ? "row" : "column";
      return left === 1
        ? `after the last window 1 ${noun} is left; one more step needs ${stride}.`
        : `after the last window ${left} ${noun}s are left; one more step needs ${stride}.`;
    },
    hangs: (n) => `the last window hangs over the edge by ${n}, and ceil_mode keeps it.`,
    dropped: "one more window would start in the far padding, so even ceil_mode drops it.",
    lastWindow: "last window",
    noRoom: "no room for this one",
    startsTooLate: "starts too late",
    numerator: "the numerator is negative: no window fits.",
    question: "How large is the output?",
    width: "width",
    height: "height",
    both: "width and height",
    toAnswer: "Enter takes you to the answer.",
    note: "0 if PyTorch refuses. Enter checks, Esc skips.",
    right: (size) => `Right, ${size}.`,
    wrong: (given, size) => `You said ${given}; it is ${size}.`,
    none: "none at all",
  },
  ko: {
    title: "출력 크기 탐색기",
    mode: "계층",
    conv: "합성곱",
    max_pool: "최댓값 풀링",
    avg_pool: "평균값 풀링",
    size: "입력",
    kernel: "커널",
    stride: "스트라이드",
    padding: "패딩",
    dilation: "팽창",
    differs: "높이를 따로",
    ceilMode: "ceil_mode",
    input: (size) => `입력 ${size}`,
    padded: (size) => `패딩 포함 ${size}`,
    output: (size) => `출력 ${size}`,
    toScale: "실제 비율",
    legend: { input: "입력", padding: "패딩", window: "창", unread: "읽히지 않음", done: "지금까지의 출력" },
    step: "창",
    stepOf: (n, all) => `${all}개 중 ${n}번째`,
    place: (y, x) => `출력 ${y}행 ${x}열`,
    picture: (input, output) => `창이 ${input} 입력 위를 움직이며 ${output} 출력을 채웁니다.`,
    summary: (mode, input, output) => `${mode}: 입력 ${input}, 출력 ${output}.`,
    allRead: "모든 픽셀이 읽힙니다.",
    unread({ name, size, both, first, between, last }) {
      const noun = name === "height" ? "행" : "열";
      const n = first + between + last;
      if (n === size) return "읽히는 픽셀이 하나도 없습니다.";
      const never = "어떤 창도 읽지 않습니다";
      const rest = both ? "(행도 같습니다)" : "";
      if (last === n) return `마지막 ${n}${noun}${both ? `과 마지막 ${n}행` : ""}은 ${never}.`;
      if (between === n) return `${size}${noun} 가운데 사이에 낀 ${n}${noun}은${rest} ${never}.`;
      const parts = [
        first && `처음 ${first}${noun}`,
        between && `사이의 ${between}${noun}`,
        last && `마지막 ${last}${noun}`,
      ];
      return `${size}${noun} 가운데 ${n}${noun}은${rest} ${never}: ${parts.filter(Boolean).join(", ")}.`;
    },
    doesNotFit: "창이 들어가지 않습니다.",
    tooLarge({ name, span, padded, tooLarge, ceilMode, stride }) {
      const noun = name === "height" ? "행" : "열";
      const even = ceilMode ? ` ceil_mode에서도 창은 S − 1 = ${stride - 1}까지만 밖으로 나갈 수 있습니다.` : "";
      return `창은 ${span}${noun}에 걸치는데 패딩을 더한 입력은 ${padded}${noun}이라 ${tooLarge}${noun}이 모자랍니다.${even}`;
    },
    refused: "PyTorch는 이 패딩을 받지 않습니다.",
    tooMuchPadding: ({ traits, kernel, most, padding }) =>
      `풀링의 패딩은 창의 절반인 ⌊${kernel}/2⌋ = ${most}까지인데 ${traits.padding}는 ${padding}입니다.`,
    edge: { width: "행의 끝:", height: "열의 끝:" },
    exact: "마지막 창이 가장자리에서 꼭 맞게 끝납니다.",
    left({ name, stride }, left) {
      const noun = name === "height" ? "행" : "열";
      return `마지막 창 뒤에 ${left}${noun}이 남습니다. 한 번 더 움직이려면 ${stride}${noun}이 필요합니다.`;
    },
    hangs: (n) => `마지막 창이 가장자리 밖으로 ${n}만큼 나가지만 ceil_mode가 남겨 둡니다.`,
    dropped: "창이 하나 더 있다면 반대쪽 패딩에서 시작하므로 ceil_mode에서도 버립니다.",
    lastWindow: "마지막 창",
    noRoom: "이 창은 자리가 없음",
    startsTooLate: "너무 늦게 시작",
    numerator: "분자가 음수이므로 들어가는 창이 없습니다.",
    question: "출력의 크기는 얼마일까요?",
    width: "너비",
    height: "높이",
    both: "너비와 높이",
    toAnswer: "Enter를 누르면 답을 적는 칸으로 갑니다.",
    note: "PyTorch가 거부하면 0. Enter로 확인, Esc로 건너뛰기.",
    right: (size) => `맞습니다. ${size}.`,
    wrong: (given, size) => `예측은 ${given}, 답은 ${size}입니다.`,
    none: "출력 없음",
  },
};

// How many positions are unread before the first that is read, after the last, and in between.
function whereUnread({ size, unread }) {
  const isRead = [...Array(size).keys()].map((position) => !unread.includes(position));
  const first = isRead.includes(true) ? isRead.indexOf(true) : 0;
  const last = size - 1 - isRead.lastIndexOf(true);
  return { size, first, last, between: unread.length - first - last };
}

function capital(words) {
  return words[0].toUpperCase() + words.slice(1);
}

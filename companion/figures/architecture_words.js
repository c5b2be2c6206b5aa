// The words of the architecture explorer, in English and Korean.

const ARCHITECTURE_TEXT = {
  en: {
    title: "Architecture explorer",
    names: {},
    network: "Network",
    size: "input size",
    block: "Block",
    place: (name, i, n) => `${name} (${i + 1} of ${n})`,
    measure: "Bars",
    measures: { parameters: "parameters", multiply_adds: "multiply–adds", memory: "memory" },
    picture: (name, size, n) => `${name} at ${size} × ${size}: ${n} blocks, left to right.`,
    tall: "Height: side of the maps (log). Width: channels (log).",
    bars: (measure) => `Share of ${measure} per block`,
    kinds: {
      conv: "convolution",
      pool: "pooling",
      residual: "residual block",
      plain: "plain block",
      inception: "Inception module",
      dense: "dense layer",
      transition: "transition",
      inverted: "inverted residual",
      transformer: "transformer block",
      linear: "linear layer",
      other: "other",
      broken: "does not fit",
    },
    tiles: {
      parameters: "parameters",
      multiply_adds: "multiply–adds",
      memory: "activation memory",
      last: "last maps",
      legal: "sizes that work",
    },
    megabytes: (n) => `${n} MB`,
    notUsed: (n) => `+ ${n} unused`,
    nativeRatio: (ratio, size) => `${ratio} × those at ${size}`,
    perPicture: "in float32",
    upTo: (most) => `of 1 to ${most}`,
    span: ([from, to], most) => (to === most ? `from ${from}` : from === to ? `${from} only` : `${from} to ${to}`),
    list: "All blocks",
    listHeads: ["Block", "Shape after", "Share"],
    layersOf: (name) => `The layers of ${name}`,
    layersTable: "Layers of the block",
    layerHeads: ["Layer", "What", "Shape after", "Side"],
    parts: (widths) => `side by side: ${widths.join(" + ")} channels`,
    grown: ([before, own]) => `${before} + ${own} channels`,
    added: "its input is added to its output",
    notAdded: "no shortcut: the shape changes",
    onward: (shape) => `after it ${shape}`,
    share: (share, measure, amount) => `${share} of the ${measure} (${amount})`,
    works: (name, size, shape) => `${name} at ${size} × ${size}: the last maps are ${shape}.`,
    hides: (to) => `Adaptive pooling makes ${to} × ${to} of whatever comes, so nothing after it notices the size.`,
    unhidden: "No adaptive pooling follows: the flattened maps must have just the right number.",
    tokens: (n) => `They become ${n} tokens: a grid of patches and the class token.`,
    ratio: (ratio, size) => `It takes ${ratio} times the multiply–adds of ${size} × ${size}, with the same parameters.`,
    atHome: "This is the size it was designed for.",
    breaksAt: (name, size, layer, kind) => `${name} at ${size} × ${size} breaks in ${layer} (${kind}).`,
    windowLacks: (window, got, lacks) =>
      `Its ${window} window gets ${got} × ${got}: ${lacks} ${lacks === 1 ? "pixel" : "pixels"} too few per side.`,
    features: (needs, sum, got) => `It takes ${needs} numbers, but ${sum} = ${got} come.`,
    exactOnly: (name, size, needs) =>
      `${name} refuses ${size} × ${size} before its first layer: its position embedding has a row for each patch of a ${needs} × ${needs} picture, and no other.`,
    worksFor: (sizes) => `Sizes that work: ${sizes}.`,
    question: (name, size) => `${name} gets ${size} × ${size}. How large is a side of its last maps?`,
    note: "Before adaptive pooling or flattening; 0 if it breaks. Enter checks, Esc skips.",
    side: "pixels",
    toAnswer: "Enter takes you to the answer.",
    right: (n) => (n ? `Right, ${n}.` : "Right, it breaks."),
    wrong: (given, n) => (n ? `You said ${given}; it is ${n}.` : `You said ${given}; it breaks.`),
    counted: "Counts and shapes come from the networks themselves, by companion.trace; memory is every layer's output, for one picture.",
  },
  ko: {
    title: "신경망 구조 탐색기",
    names: {
      lenet5_modern: "현대식 LeNet-5",
      alexnet_towers: "AlexNet, 두 갈래",
      alexnet_tower: "AlexNet, 한 갈래",
      vgg16_bn: "VGG-16, 배치 정규화",
      googlenet_3: "GoogLeNet, 5×5 대신 3×3",
      plain18: "지름길 없는 18층",
      plain34: "지름길 없는 34층",
      small_resnet8: "작은 ResNet-8",
      small_resnet32: "작은 ResNet-32",
    },
    network: "신경망",
    size: "입력 크기",
    block: "블록",
    place: (name, i, n) => `${name} (${i + 1}/${n})`,
    measure: "막대",
    measures: { parameters: "파라미터", multiply_adds: "곱셈-덧셈", memory: "메모리" },
    picture: (name, size, n) => `${size} × ${size} 입력을 받은 ${name}. 왼쪽에서 오른쪽으로 블록 ${n}개.`,
    tall: "높이: 맵의 한 변(로그). 너비: 채널 수(로그).",
    bars: (measure) => `블록별 ${measure} 비율`,
    kinds: {
      conv: "합성곱",
      pool: "풀링",
      residual: "잔차 블록",
      plain: "지름길 없는 블록",
      inception: "인셉션 모듈",
      dense: "밀집 연결 계층",
      transition: "전이 계층",
      inverted: "역잔차 블록",
      transformer: "트랜스포머 블록",
      linear: "선형 계층",
      other: "기타",
      broken: "들어가지 않음",
    },
    tiles: {
      parameters: "파라미터",
      multiply_adds: "곱셈-덧셈",
      memory: "활성값 메모리",
      last: "마지막 맵",
      legal: "가능한 크기",
    },
    megabytes: (n) => `${n} MB`,
    notUsed: (n) => `+ 미사용 ${n}`,
    nativeRatio: (ratio, size) => `${size}일 때의 ${ratio}배`,
    perPicture: "32비트 실수",
    upTo: (most) => `1–${most} 가운데`,
    span: ([from, to], most) => (to === most ? `${from} 이상` : from === to ? `${from} 하나` : `${from}–${to}`),
    list: "모든 블록",
    listHeads: ["블록", "출력 모양", "비율"],
    layersOf: (name) => `${name}의 계층`,
    layersTable: "블록의 계층",
    layerHeads: ["계층", "내용", "출력 모양", "한 변"],
    parts: (widths) => `나란히 이어 붙임: ${widths.join(" + ")}채널`,
    grown: ([before, own]) => `${before} + ${own}채널`,
    added: "입력을 출력에 더합니다",
    notAdded: "모양이 바뀌므로 지름길이 없습니다",
    onward: (shape) => `출력 ${shape}`,
    share: (share, measure, amount) => `${measure}의 ${share}(${amount})`,
    works: (name, size, shape) => `${name}에 ${size} × ${size} 입력을 넣으면 마지막 맵은 ${shape}입니다.`,
    hides: (to) => `적응형 풀링이 무엇이든 ${to} × ${to} 크기로 만들므로 그 뒤의 계층은 크기를 알아채지 못합니다.`,
    unhidden: "적응형 풀링이 없어서 펼친 맵의 수가 꼭 맞아야 합니다.",
    tokens: (n) => `이 맵은 토큰 ${n}개가 됩니다. 패치 격자에 클래스 토큰을 더한 수입니다.`,
    ratio: (ratio, size) => `곱셈-덧셈은 ${size} × ${size}일 때의 ${ratio}배이고 파라미터는 같습니다.`,
    atHome: "설계할 때 쓴 크기입니다.",
    breaksAt: (name, size, layer, kind) => `${name}에 ${size} × ${size} 입력을 넣으면 ${layer}(${kind})에서 멈춥니다.`,
    windowLacks: (window, got, lacks) =>
      `이 계층의 ${window} 창이 받는 맵은 ${got} × ${got} 크기이고, 한 변에 ${lacks}픽셀이 모자랍니다.`,
    features: (needs, sum, got) => `${needs}개의 수를 받아야 하는데 ${sum} = ${got}개가 옵니다.`,
    exactOnly: (name, size, needs) =>
      `${name}: 첫 계층에 앞서 ${size} × ${size} 입력을 거부합니다. 위치 임베딩에는 ${needs} × ${needs} 이미지의 패치마다 한 행씩만 있기 때문입니다.`,
    worksFor: (sizes) => `가능한 크기: ${sizes}.`,
    question: (name, size) => `${name}에 ${size} × ${size} 입력을 넣습니다. 마지막 맵의 한 변은 얼마일까요?`,
    note: "적응형 풀링이나 펼치기 전의 크기. 멈추면 0. Enter로 확인, Esc로 건너뛰기.",
    side: "픽셀",
    toAnswer: "Enter를 누르면 답을 적는 칸으로 갑니다.",
    right: (n) => (n ? `맞습니다. ${n}.` : "맞습니다. 멈춥니다."),
    wrong: (given, n) => (n ? `예측은 ${given}, 답은 ${n}입니다.` : `예측은 ${given}, 실제로는 멈춥니다.`),
    counted: "수와 모양은 신경망을 직접 추적하여 얻었습니다(companion.trace). 메모리는 이미지 한 장에 대해 모든 계층의 출력을 더한 것입니다.",
  },
};

// A layer in the letters of the size formula: "Conv2d 3×3, S 2, P 1, groups 2".
function layerText({ kind, rule, groups }) {
  const [type, kernel, stride, padding, dilation, ceilMode] = rule;
  const parts = [kind];
  if (type === "conv" || type === "pool" || type === "same") {
    parts[0] += ` ${kernel}×${kernel}`;
    if (stride > 1) parts.push(`S ${stride}`);
    if (padding) parts.push(`P ${padding}`);
    if (dilation > 1) parts.push(`D ${dilation}`);
    if (ceilMode) parts.push("ceil");
  }
  if (groups > 1) parts.push(`G ${groups}`);
  return parts.join(", ");
}

// [64, 56, 56] → "64 × 56 × 56".
const shapeText = (shape) => (shape ? shape.join(" × ") : "–");

// 15470264320 → "15.47 G".
function shortNumber(number) {
  const [unit, letter] = [
    [1e9, " G"],
    [1e6, " M"],
    [1e3, " k"],
  ].find(([least]) => number >= least) ?? [1, ""];
  const count = number / unit;
  return unit === 1 ? String(number) : `${count.toFixed(count < 10 ? 2 : count < 100 ? 1 : 0)}${letter}`;
}

// 0.1234 → "12.3 %"; what is there at all is not called 0.
function percent(share) {
  if (share === 0) return "0 %";
  return share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

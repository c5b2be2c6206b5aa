// The words of the block budget, in English and Korean. Numbers arrive as text.

const BUDGET_TEXT = {
  en: {
    title: "Block budget",
    channels: "channels in",
    reduction: "reduction",
    groups: "groups",
    size: "side of the input",
    stride: "Stride",
    shortcut: "Shortcut",
    identity: "identity",
    projection: "projection (1×1)",
    equal: "Equal",
    equalChannels: "channels",
    equalWidth: "width of the 3×3",
    batchNorm: "count batch norm",
    settings: "The block",
    names: { plain: "plain", basic: "basic", bottleneck: "bottleneck" },
    titles: { plain: "Plain", basic: "Basic", bottleneck: "Bottleneck" },
    parameters: "Parameters",
    multiplyAdds: "Multiply–adds, one picture",
    memory: "Activation memory, bytes",
    ofBasic: "of the basic block's",
    groupsOf: (groups) => `g = ${groups}`,
    layer: ({ kernel, from, to, groups }) =>
      `${kernel}×${kernel} from ${from} to ${to} channels${groups > 1 ? ` in ${groups} groups` : ""}`,
    picture: (title, layers, shortcut) => `${title} block: ${layers.join(", ")}; ${shortcut}.`,
    shortcuts: { none: "no shortcut", identity: "identity shortcut", projection: "projection shortcut" },
    block: "Formulas of the block",
    said: ({ parameters, share, ratio, basic, channels, basicChannels, width, work, memory }) =>
      `The bottleneck on ${channels} channels, ${width} inside, has ${parameters} parameters: ${share} of the ` +
      `${basic} of the basic block on ${basicChannels} (${ratio} to 1). ` +
      `Multiply–adds: ${work}; activation memory: ${memory}.`,
    free: "The identity shortcut has no weights: basic and plain cost the same.",
    paid: (basic, bottleneck) =>
      `The projection takes ${basic} of the basic block's weights and ${bottleneck} of the bottleneck's.`,
    convention:
      "Convolutions have no bias. Memory: the outputs of the convolutions in float32, one picture. Batch norm, where " +
      "counted, adds two parameters per channel and an output as large. Additions and ReLU are not counted.",
    question: "What percentage of the basic block's cost is the bottleneck's?",
    fields: ["parameters", "memory"],
    note: "Enter checks, Esc skips.",
    toAnswer: "Enter takes you to the answer.",
    right: (parameters, memory) =>
      `Right, to within a tenth: ${parameters} of the parameters, ${memory} of the memory.`,
    wrong: (given, parameters, memory) =>
      `You said ${given[0]} % and ${given[1]} %; it is ${parameters} of the parameters and ${memory} of the memory.`,
    percent: (number) => `${number} %`,
  },
  ko: {
    title: "블록 예산",
    channels: "입력 채널",
    reduction: "축소 비율",
    groups: "그룹 수",
    size: "입력 한 변",
    stride: "스트라이드",
    shortcut: "지름길",
    identity: "항등",
    projection: "투영 (1×1)",
    equal: "같게 두는 것",
    equalChannels: "채널 수",
    equalWidth: "3×3의 폭",
    batchNorm: "배치 정규화 포함",
    settings: "블록",
    names: { plain: "단순", basic: "기본", bottleneck: "병목" },
    titles: { plain: "단순", basic: "기본", bottleneck: "병목" },
    parameters: "파라미터",
    multiplyAdds: "곱셈-덧셈, 사진 한 장",
    memory: "활성값 메모리, 바이트",
    ofBasic: "기본 블록 대비",
    groupsOf: (groups) => `g = ${groups}`,
    layer: ({ kernel, from, to, groups }) =>
      `${kernel}×${kernel}, ${from}채널에서 ${to}채널로${groups > 1 ? `, 그룹 ${groups}개` : ""}`,
    picture: (title, layers, shortcut) => `${title} 블록: ${layers.join("; ")}; ${shortcut}.`,
    shortcuts: { none: "지름길 없음", identity: "항등 지름길", projection: "투영 지름길" },
    block: "수식을 볼 블록",
    said: ({ parameters, share, ratio, basic, channels, basicChannels, width, work, memory }) =>
      `병목 블록(${channels}채널, 안쪽 ${width}채널)의 파라미터는 ${parameters}개로, ` +
      `기본 블록(${basicChannels}채널) ${basic}개의 ${share}(${ratio} 대 1)입니다. 곱셈-덧셈은 ${work}, 활성값 메모리는 ${memory}입니다.`,
    free: "항등 지름길에는 가중치가 없어 기본 블록과 단순 블록의 비용이 같습니다.",
    paid: (basic, bottleneck) => `투영의 가중치는 기본 블록에서 ${basic}개, 병목 블록에서 ${bottleneck}개입니다.`,
    convention:
      "합성곱에는 편향이 없습니다. 메모리는 사진 한 장에 대한 합성곱 출력의 크기(32비트 실수)입니다. " +
      "배치 정규화를 포함하면 채널마다 파라미터 두 개와 같은 크기의 출력이 더해집니다. 덧셈과 렐루는 세지 않습니다.",
    question: "병목 블록의 비용은 기본 블록의 몇 퍼센트일까요?",
    fields: ["파라미터", "메모리"],
    note: "Enter로 확인, Esc로 건너뛰기.",
    toAnswer: "Enter를 누르면 답을 적는 칸으로 갑니다.",
    right: (parameters, memory) => `맞습니다(오차 10분의 1 이내). 파라미터는 ${parameters}, 메모리는 ${memory}입니다.`,
    wrong: (given, parameters, memory) =>
      `예측은 ${given[0]}%와 ${given[1]}%, 답은 파라미터 ${parameters}, 메모리 ${memory}입니다.`,
    percent: (number) => `${number}%`,
  },
};

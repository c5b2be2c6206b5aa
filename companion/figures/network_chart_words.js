// The words of the network chart, in English and Korean. Numbers arrive as text, networks under torchvision's names.

const CHART_TEXT = {
  en: {
    title: "Accuracy, size and work of networks",
    x: "Axis",
    parameters: "parameters",
    multiply_adds: "multiply–adds",
    axis: {
      parameters: "parameters, in millions (logarithmic)",
      multiply_adds: "multiply–adds, in 10⁹ (logarithmic)",
    },
    accuracy: "top-1 accuracy, %",
    sizeKey: { parameters: "size: multiply–adds, 10⁹", multiply_adds: "size: parameters, millions" },
    allWeights: "all weights",
    front: "Pareto front",
    families: "Families shown",
    family: {
      Inception: "GoogLeNet, Inception",
      ResNet: "ResNet, ResNeXt",
      MobileNet: "MobileNet, MNASNet",
      Transformer: "ViT, Swin, MaxViT",
      Other: "other",
    },
    all: "all",
    network: "Network",
    along: "from left to right",
    chart: (count, x) => `${count} networks: ${x} from left to right, accuracy upwards.`,
    said: ({ name, parameters, work, top1, top5, pixels, megabytes }) =>
      `${name}: ${parameters} parameters, ${work} billion multiply–adds, ` +
      `${top1} % right (${top5} % among its first five) at ${pixels}×${pixels} pixels, ${megabytes} MB.`,
    valueText: ({ name, parameters, work, top1 }) =>
      `${name}, ${parameters} parameters, ${work} billion multiply–adds, ${top1} per cent`,
    asked: ({ name, parameters, work }) => `${name}, ${parameters} parameters, ${work} billion multiply–adds`,
    onFront: {
      parameters: "None shown beats it: none is both smaller and better.",
      multiply_adds: "None shown beats it: none does less work and is better.",
    },
    beaten: {
      parameters: (count, best, top1) =>
        `${count} shown ${count === 1 ? "beats" : "beat"} it, no larger and no less accurate: best ${best}, ${top1} %.`,
      multiply_adds: (count, best, top1) =>
        `${count} shown ${count === 1 ? "beats" : "beat"} it, at no more work and no less accurate: best ${best}, ${top1} %.`,
    },
    source: "Published with torchvision's weights: ImageNet-1K, each network at an input size of its own.",
    question: (name) => `What is the top-1 accuracy of ${name}?`,
    fields: ["per cent"],
    note: "Enter checks, Esc skips.",
    toAnswer: "Enter takes you to the answer.",
    right: (name, top1) => `Right, to within 2: ${name} has ${top1} %.`,
    wrong: (given, name, top1) => `You said ${given} %; ${name} has ${top1} %.`,
  },
  ko: {
    title: "신경망의 정확도, 크기, 연산량",
    x: "가로축",
    parameters: "파라미터",
    multiply_adds: "곱셈-덧셈",
    axis: {
      parameters: "파라미터, 백만 개 (로그 눈금)",
      multiply_adds: "곱셈-덧셈, 10⁹회 (로그 눈금)",
    },
    accuracy: "top-1 정확도, %",
    sizeKey: { parameters: "점 크기: 곱셈-덧셈, 10⁹회", multiply_adds: "점 크기: 파라미터, 백만 개" },
    allWeights: "모든 가중치",
    front: "파레토 프런트",
    families: "보일 계열",
    family: {
      Inception: "GoogLeNet, Inception",
      ResNet: "ResNet, ResNeXt",
      MobileNet: "MobileNet, MNASNet",
      Transformer: "ViT, Swin, MaxViT",
      Other: "기타",
    },
    all: "모두",
    network: "신경망",
    along: "왼쪽에서 오른쪽으로",
    chart: (count, x) => `신경망 ${count}개. 오른쪽일수록 ${x} 수가 많고, 위일수록 정확합니다.`,
    said: ({ name, parameters, work, top1, top5, pixels, megabytes }) =>
      `${name}: 파라미터 ${parameters}개, 곱셈-덧셈 ${work}×10⁹회, 정확도 ${top1}%(상위 다섯 안에 들 비율 ${top5}%), ` +
      `입력 ${pixels}×${pixels}픽셀, ${megabytes} MB.`,
    valueText: ({ name, parameters, work, top1 }) =>
      `${name}, 파라미터 ${parameters}개, 곱셈-덧셈 ${work}×10⁹회, 정확도 ${top1}퍼센트`,
    asked: ({ name, parameters, work }) => `${name}, 파라미터 ${parameters}개, 곱셈-덧셈 ${work}×10⁹회`,
    onFront: {
      parameters: "보이는 것 중에 더 작으면서 더 정확한 신경망은 없습니다.",
      multiply_adds: "보이는 것 중에 더 적게 계산하면서 더 정확한 신경망은 없습니다.",
    },
    beaten: {
      parameters: (count, best, top1) =>
        `보이는 것 중에 더 크지 않으면서 덜 정확하지도 않은 신경망이 ${count}개 있습니다. 가장 정확한 것은 ${best}(${top1}%)입니다.`,
      multiply_adds: (count, best, top1) =>
        `보이는 것 중에 연산이 더 많지 않으면서 덜 정확하지도 않은 신경망이 ${count}개 있습니다. 가장 정확한 것은 ${best}(${top1}%)입니다.`,
    },
    source: "torchvision이 가중치와 함께 발표한 값입니다. ImageNet-1K에서 신경망마다 정해진 입력 크기로 쟀습니다.",
    question: (name) => `다음 신경망의 top-1 정확도는 얼마일까요? ${name}`,
    fields: ["퍼센트"],
    note: "Enter로 확인, Esc로 건너뛰기.",
    toAnswer: "Enter를 누르면 답을 적는 칸으로 갑니다.",
    right: (name, top1) => `맞습니다(오차 2 이내). ${name}: ${top1}%.`,
    wrong: (given, name, top1) => `예측은 ${given}%, 답은 ${name}: ${top1}%입니다.`,
  },
};

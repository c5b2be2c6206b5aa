// The words of the map mixer, in English and Korean. Numbers arrive as text, cells as {row, column, value}.

const MIXER_TEXT = {
  en: {
    title: "Mix the feature maps",
    class: "Class",
    weightOf: (channel) => `weight of channel ${channel}`,
    adds: (mean, contribution) => ["mean ", mean, " · adds ", contribution],
    others: (count) => (count === "1" ? "the 1 other channel" : `all ${count} other channels`),
    othersAdd: (contribution) => ["add ", contribution],
    othersShort: "others",
    negative: "show negative votes",
    opacity: "opacity of the map",
    row: "row",
    column: "column",
    weights: "Weights",
    colours: "Feature maps: black is 0, white their largest value. Map: coloured up to its largest vote.",
    overPhotograph: "the map over the photograph",
    map: (size) => `the map, ${size} cells`,
    photograph: (name) => `The photograph, with the map for ${name} over it`,
    mapOf: (name) => `Map for ${name}, rows and columns counted from 0`,
    votesAgainst: "against",
    votesFor: "for",
    mean: "mean",
    score: "score",
    network: (name) => `the network’s, for ${name}`,
    missing: "missing",
    tooMuch: "too much",
    complete: "nothing missing",
    empty: "Every weight is 0, so the map is empty.",
    flat: "Every cell of the map holds the same number.",
    strongest: (cell) => `The map is strongest in row ${cell.row}, column ${cell.column} (${cell.value}).`,
    weakest: (cell) => `The strongest vote against is in row ${cell.row}, column ${cell.column} (${cell.value}).`,
    scores: (mine, network, name) => `Score ${mine}, the network’s for ${name} is ${network}`,
    missingBy: (amount) => `: ${amount} is missing.`,
    tooMuchBy: (amount) => `: ${amount} too much.`,
    completeNow: ": the sum is complete.",
    question: "Which cell of the map will be the largest?",
    note: "Counted from 0. Enter checks, Esc skips.",
    toAnswer: "Enter takes you to the answer.",
    right: (cell) => `Right, row ${cell.row}, column ${cell.column}.`,
    rightFlat: "Right: no cell is larger than that one.",
    wrong: (given, cell) =>
      `You said row ${given.row}, column ${given.column}${given.value ? ` (${given.value})` : ""};` +
      ` it is row ${cell.row}, column ${cell.column}.`,
  },
  ko: {
    title: "특징 맵 섞기",
    class: "클래스",
    weightOf: (channel) => `채널 ${channel}의 가중치`,
    adds: (mean, contribution) => ["평균 ", mean, " · 기여 ", contribution],
    others: (count) => `나머지 채널 ${count}개 전체`,
    othersAdd: (contribution) => ["기여 ", contribution],
    othersShort: "나머지",
    negative: "음의 기여 표시",
    opacity: "맵의 불투명도",
    row: "행",
    column: "열",
    weights: "가중치",
    colours: "특징 맵: 검정은 0, 흰색은 각 맵의 최댓값. 맵의 색: 가장 큰 기여에 맞춘 것.",
    overPhotograph: "사진 위에 겹친 맵",
    map: (size) => `맵의 값, ${size}칸`,
    photograph: (name) => `사진 위에 겹친 ${name} 맵`,
    mapOf: (name) => `${name} 맵, 행과 열은 0부터 셉니다`,
    votesAgainst: "반대",
    votesFor: "찬성",
    mean: "평균",
    score: "점수",
    network: (name) => `네트워크의 ${name} 점수`,
    missing: "부족",
    tooMuch: "초과",
    complete: "부족한 것 없음",
    empty: "모든 가중치가 0이라 맵이 비어 있습니다.",
    flat: "맵의 모든 칸이 같은 값입니다.",
    strongest: (cell) => `맵은 ${cell.row}행 ${cell.column}열에서 가장 강합니다(${cell.value}).`,
    weakest: (cell) => `가장 강한 반대 기여는 ${cell.row}행 ${cell.column}열에 있습니다(${cell.value}).`,
    scores: (mine, network, name) => `점수는 ${mine}, 네트워크의 ${name} 점수는 ${network}`,
    missingBy: (amount) => `, 부족한 값은 ${amount}입니다.`,
    tooMuchBy: (amount) => `, 넘친 값은 ${amount}입니다.`,
    completeNow: "입니다. 합이 완성되었습니다.",
    question: "맵에서 값이 가장 큰 칸은 어디일까요?",
    note: "0부터 셉니다. Enter로 확인, Esc로 건너뛰기.",
    toAnswer: "Enter를 누르면 답을 적는 칸으로 갑니다.",
    right: (cell) => `맞습니다. ${cell.row}행 ${cell.column}열.`,
    rightFlat: "맞습니다. 그 칸보다 큰 칸은 없습니다.",
    wrong: (given, cell) =>
      `예측은 ${given.row}행 ${given.column}열${given.value ? `(${given.value})` : ""},` +
      ` 답은 ${cell.row}행 ${cell.column}열입니다.`,
  },
};

// 3.14159 → "3.14", −0.001 → "0.00"; a minus as wide as a plus.
function fixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

// The same with a plus before what is positive.
function signed(value, digits) {
  const text = fixed(value, digits);
  return Number(text) > 0 ? `+${text}` : text; // "−1" is no number to JavaScript, as is right here
}

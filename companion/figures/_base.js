// What every live figure shares: controls, words in two languages, predict first, links, copying, playing.
//
// A figure is one ES module: this file, then the figure's own, joined by _base.py. Its class extends LiveFigure,
// which wraps the model (the widget's state: `get`, `set`, "change" events), the same in JupyterLab, in Colab and
// on the static page.

const COMMON_TEXT = {
  en: {
    preset: "Preset",
    noPreset: "no preset",
    exactly: (label) => `${label}, typed`,
    predict: "Predict first",
    check: "Check",
    skip: "Skip",
    noNumber: "Type a number, or skip.",
    notWhole: "The answer is a whole number, 0 or more.",
    negative: "The answer is 0 or more.",
    copy: "Copy",
    copied: "Copied",
    copyLink: "Copy link",
    copyFailed: "Selected: copy it with your keyboard",
    play: "Play",
    pause: "Pause",
    next: "Next",
  },
  ko: {
    preset: "예시",
    noPreset: "예시 없음",
    exactly: (label) => `${label} 직접 입력`,
    predict: "먼저 예측하기",
    check: "확인",
    skip: "건너뛰기",
    noNumber: "수를 적거나 건너뛰세요.",
    notWhole: "답은 0 이상의 정수입니다.",
    negative: "답은 0 이상의 수입니다.",
    copy: "복사",
    copied: "복사했습니다",
    copyLink: "링크 복사",
    copyFailed: "선택했습니다. 키보드로 복사하세요",
    play: "재생",
    pause: "멈춤",
    next: "다음",
  },
};

const builder =
  (namespace) =>
  (tag, attributes = {}, ...children) => {
    const node = document.createElementNS(namespace, tag);
    setAttributes(node, attributes);
    node.append(...children);
    return node;
  };
const html = builder("http://www.w3.org/1999/xhtml");
const svg = builder("http://www.w3.org/2000/svg");
const math = builder("http://www.w3.org/1998/Math/MathML");

// true: a bare attribute; false, null, undefined: no attribute.
function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

// Changes a text only where it differs.
function put(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

// 3.14159 → "3.14", −0.001 → "0.00"; a minus as wide as a plus.
function fixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

// JupyterLab takes arrow keys, digits and Enter for the notebook unless the focused element itself says this.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

// Mathematics, in MathML. Letters are variables, everything else is upright.
const mi = (name, sub) => {
  const letter = math("mi", {}, name);
  return sub ? math("msub", {}, letter, math("mi", { class: "lf-upright" }, sub)) : letter;
};
const mn = (number) => math("mn", {}, String(number).replace("-", "−"));
const mo = (sign) => math("mo", {}, sign);
const infix = (sign) => math("mo", { form: "infix" }, sign); // spaced as such where it begins a formula
const row = (...parts) => math("mrow", {}, ...parts);
const fraction = (above, below) => math("mfrac", {}, above, below);
// The brackets are drawn by the stylesheet, at any height in any font; the characters stay for screen readers.
const floor = (...parts) => math("mrow", { class: "lf-floor" }, mo("⌊"), ...parts, mo("⌋"));
const ceiling = (...parts) => math("mrow", { class: "lf-ceiling" }, mo("⌈"), ...parts, mo("⌉"));
const formula = (...parts) => math("math", { displaystyle: "true" }, row(...parts));

let figuresMade = 0;

class LiveFigure {
  constructor(model, el, text) {
    const code = model.get("lang") || document.documentElement.lang || "en";
    this.lang = code.toLowerCase().startsWith("ko") ? "ko" : "en";
    this.text = { ...COMMON_TEXT[this.lang], ...text[this.lang] };
    this.model = model;
    this.root = el;
    this.id = `lf-${Date.now().toString(36)}-${figuresMade++}`; // unique on the page
    this.number = new Intl.NumberFormat(this.lang).format;
    this.controls = []; // functions that bring one control in line with the state
    this.undo = []; // what dispose() has to do
    el.classList.add("lf");
    setAttributes(el, { lang: this.lang, role: "group", "aria-label": this.text.title });
  }

  // ---- State

  get(name) {
    return this.model.get(name);
  }

  // One change event and one message to the kernel, however many values.
  set(values) {
    this.model.set(values);
    this.model.save_changes();
  }

  listen(target, event, handler, options) {
    target.addEventListener(event, handler, options);
    this.undo.push(() => target.removeEventListener(event, handler, options));
  }

  // `draw` is the figure's.
  refresh() {
    for (const refresh of this.controls) refresh();
    this.draw();
  }

  // Draw now, and again after every change of the state and of the width.
  start() {
    const changed = () => this.refresh();
    this.model.on("change", changed);
    this.undo.push(() => this.model.off("change", changed));
    let width = this.root.clientWidth;
    const resized = new ResizeObserver(() => {
      if (this.root.clientWidth === width) return;
      width = this.root.clientWidth;
      this.refresh();
    });
    resized.observe(this.root);
    this.undo.push(() => resized.disconnect());
    this.refresh();
    this.followLinks();
  }

  dispose() {
    for (const step of this.undo) step();
  }

  // ---- Controls. Each is a labelled native element.

  // A whole number: a range input, with its number beside it to type. `change` says what a new value sets.
  slider(trait, symbol, label, change, disabled) {
    const [min, max] = this.get("ranges")[trait];
    const words = `${trait.replace("_", " ")} ${label}`;
    const value = () => this.get(trait);
    return this.numberSlider({ name: trait, symbol, label, words, min, max, value, change, disabled });
  }

  // Any number. `words`: the label in full, for the typed number. `step`: what an arrow key adds; `digits`: decimals
  // shown, 0 for whole numbers only. A real number set here is rounded to six significant digits, so that 0.1 + 0.2
  // is 0.3 in a link.
  numberSlider({ name, symbol = [], label, words = label, min, max, step = 1, digits = 0, value, change, disabled }) {
    const id = `${this.id}-${name}`;
    const whole = digits === 0;
    const shown = () => (whole ? value() : value().toFixed(digits));
    const range = html("input", { type: "range", id, min, max, step, "data-trait": name, ...OWN_KEYS });
    const typed = html("input", {
      type: "number",
      min,
      max,
      step: whole ? null : "any",
      inputmode: whole ? "numeric" : null, // a telephone's keys for decimals have no minus
      "aria-label": this.text.exactly(words),
      ...OWN_KEYS,
    });
    const round = (number) => (whole ? Math.round(number) : Number(number.toPrecision(6)));
    const apply = (input) => {
      const number = Math.min(max, Math.max(min, round(Number(input.value))));
      if (input.value !== "" && Number.isFinite(number) && number !== value()) this.set(change(number));
      else typed.value = shown();
    };
    range.addEventListener("input", () => apply(range));
    typed.addEventListener("change", () => apply(typed));
    this.controls.push(() => {
      range.value = value();
      typed.value = shown();
      range.disabled = typed.disabled = disabled?.() ?? false;
      if (!whole) setAttributes(range, { "aria-valuetext": shown() });
    });
    return html(
      "div",
      { class: "lf-slider" },
      html("label", { for: id }, html("span", { class: "lf-symbol" }, ...symbol), " ", label),
      typed,
      range,
    );
  }

  checkbox(label, checked, change, disabled = () => false) {
    const input = html("input", { type: "checkbox", ...OWN_KEYS });
    input.addEventListener("change", () => this.set(change(input.checked)));
    this.controls.push(() => {
      input.checked = checked();
      input.disabled = disabled();
    });
    return html("label", { class: "lf-check" }, input, ` ${label}`);
  }

  predictCheckbox() {
    const isOn = () => this.get("predict");
    return this.checkbox(this.text.predict, isOn, (on) => ({ predict: on }));
  }

  // `options`: [[value, words], …], or [label, options] for some that belong together.
  select(label, options, selected, change) {
    const input = html(
      "select",
      { ...OWN_KEYS },
      ...options.map(([value, words]) =>
        Array.isArray(words)
          ? html("optgroup", { label: value }, ...words.map(([own, name]) => html("option", { value: own }, name)))
          : html("option", { value }, words),
      ),
    );
    input.addEventListener("change", () => {
      const values = change(input.value);
      if (values) this.set(values);
    });
    this.controls.push(() => {
      input.value = selected();
    });
    return html("label", { class: "lf-select" }, `${label} `, input);
  }

  // Shows the preset whose state is the present one, or says that none is.
  presetSelect(also = {}) {
    const presets = this.get("presets");
    const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b); // some values are arrays
    const isNow = ({ state }) => Object.keys(state).every((trait) => same(state[trait], this.get(trait)));
    const options = [
      ["", `(${this.text.noPreset})`],
      ...presets.map((preset) => [preset.name, this.lang === "ko" ? preset.ko : preset.name]),
    ];
    return this.select(
      this.text.preset,
      options,
      () => presets.find(isNow)?.name ?? "",
      (name) => {
        const preset = presets.find((one) => one.name === name);
        return preset && { ...preset.state, ...also };
      },
    );
  }

  button(label, action, attributes = {}) {
    const node = html("button", { type: "button", ...OWN_KEYS, ...attributes }, label);
    node.addEventListener("click", action);
    return node;
  }

  // Copies what `content()` gives. `shown` is the element selected where the browser allows no copying.
  copyButton(label, content, shown) {
    const node = this.button(
      label,
      async () => {
        const done = await copyText(content());
        if (!done && shown) getSelection().selectAllChildren(shown);
        node.textContent = done ? this.text.copied : this.text.copyFailed;
        clearTimeout(this.copiedTimer);
        this.copiedTimer = setTimeout(() => {
          node.textContent = label;
        }, 2000);
      },
      { "aria-live": "polite" },
    );
    this.undo.push(() => clearTimeout(this.copiedTimer));
    return node;
  }

  // ---- Words. Seen at once, spoken when the reader has paused: a slider being dragged does not chatter.

  statusLine() {
    const seen = html("p", { class: "lf-sentence", "aria-hidden": "true" });
    const spoken = html("div", { class: "lf-hidden", role: "status" });
    this.undo.push(() => clearTimeout(this.sayTimer));
    this.say = (...parts) => {
      seen.replaceChildren(...parts);
      const words = seen.textContent;
      clearTimeout(this.sayTimer);
      this.sayTimer = setTimeout(() => {
        if (spoken.textContent !== words) spoken.textContent = words;
      }, 500);
    };
    return [seen, spoken];
  }

  // ---- Predict first. While `this.asking`, the figure hides its result.
  //
  // traits: a change of one of these asks again. ask(): {question, note, labels} of the numbers to ask for.
  // answer(): the right numbers. verdict(given, right): words. whole: the answers are whole numbers, and so must be what
  // is given. Focus stays where it is when a question comes up; Enter on the control just used goes to it, Enter
  // answers, Escape skips, and both lead back to that control. What is no answer is refused where the note was.

  predictFirst({ traits, ask, answer, verdict, whole = false }) {
    const present = () => JSON.stringify(traits.map((trait) => this.get(trait)));
    let seen = present();
    let inputs = [];
    let cameFrom = null;
    this.asking = this.get("predict");
    this.verdict = "";
    const question = html("legend");
    const fields = html("div", { class: "lf-fields" });
    const note = html("p", { class: "lf-note", id: `${this.id}-note` });
    const form = html(
      "form",
      { class: "lf-predict", novalidate: true },
      html(
        "fieldset",
        {},
        question,
        fields,
        note,
        html(
          "div",
          { class: "lf-buttons" },
          html("button", { type: "submit", ...OWN_KEYS }, this.text.check),
          this.button(this.text.skip, () => end()),
        ),
      ),
    );
    const end = (words = "") => {
      const inside = form.contains(document.activeElement);
      this.asking = false;
      this.verdict = words;
      this.refresh();
      if (inside) cameFrom?.focus();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = inputs.map((input) => (input.value === "" ? NaN : Number(input.value)));
      const wrong = given.findIndex((number) => !(number >= 0) || (whole && !Number.isInteger(number)));
      if (wrong < 0) return end(verdict(given, answer()));
      const { noNumber, notWhole, negative } = this.text;
      refuse(wrong, Number.isNaN(given[wrong]) ? noNumber : whole ? notWhole : negative);
      return inputs[wrong].focus();
    });
    const refuse = (wrong, words) => {
      inputs.forEach((input, i) => setAttributes(input, { "aria-invalid": i === wrong ? "true" : null }));
      setAttributes(note, { class: words ? "lf-note lf-refused" : "lf-note", role: words ? "alert" : null });
      put(note, words || ask().note);
    };
    fields.addEventListener("input", () => refuse(-1));
    this.root.addEventListener("keydown", (event) => {
      if (!this.asking) return;
      if (event.key === "Escape") end();
      else if (event.key === "Enter" && event.target.matches("input, select") && !form.contains(event.target)) {
        event.preventDefault();
        inputs[0].focus();
      }
    });
    this.root.addEventListener("focusin", (event) => {
      if (!form.contains(event.target)) cameFrom = event.target;
    });
    const renew = () => {
      const { question: words, labels } = ask();
      question.textContent = words;
      const inputmode = whole ? "numeric" : "decimal";
      const described = { "aria-describedby": note.id, ...OWN_KEYS };
      inputs = labels.map(() => html("input", { type: "number", min: 0, step: "any", inputmode, ...described }));
      refuse(-1);
      fields.replaceChildren(...labels.map((label, i) => html("label", {}, `${label} `, inputs[i])));
    };
    this.controls.push(() => {
      const now = present();
      if (now !== seen) {
        seen = now;
        this.verdict = "";
        this.asking = this.get("predict");
        if (this.asking) renew();
      }
      this.asking &&= this.get("predict");
      form.hidden = !this.asking;
    });
    this.askAgain = () => {
      seen = null;
    };
    renew();
    return form;
  }

  // ---- Playing: `advance()` moves on by one and says whether there is more. Who asked for less motion steps by hand.

  playButton(advance, milliseconds) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let timer = null;
    const label = () => {
      node.textContent = calm.matches ? this.text.next : timer ? this.text.pause : this.text.play;
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      label();
    };
    const node = this.button(
      "",
      () => {
        if (timer) return stop();
        const more = advance();
        if (more && !calm.matches)
          timer = setInterval(() => {
            if (!advance()) stop();
          }, milliseconds);
        return label();
      },
      { class: "lf-play" },
    );
    this.listen(calm, "change", stop);
    this.undo.push(() => clearInterval(timer));
    this.stopPlaying = () => {
      if (timer) stop();
    };
    label();
    return node;
  }

  // Calls `move(x, y)`, in pixels of `frame`, for a press on the target and while the pointer is dragged. A finger
  // that touches a handle drags it and does not scroll the page.
  drag(target, frame, move, { handle = false } = {}) {
    const report = (event) => {
      const box = frame.getBoundingClientRect();
      move(event.clientX - box.left, event.clientY - box.top);
    };
    target.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      target.setPointerCapture(event.pointerId);
      report(event);
    });
    target.addEventListener("pointermove", (event) => {
      if (target.hasPointerCapture(event.pointerId)) report(event);
    });
    if (handle) target.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  // ---- Links, on the static page only: in a notebook the address belongs to JupyterLab or Colab.
  //
  // A link reads #fig=NAME&…; `linkValues()` gives what follows, `readLink(parameters)` what it sets.

  followLinks() {
    if (!this.model.static) return;
    const read = (event) => {
      // The event's address: by now `write` may have put the state before the link back into `location`.
      const address = new URL(event?.newURL || location.href);
      const parameters = new URLSearchParams(address.hash.slice(1));
      if (parameters.get("fig") !== this.get("name")) return;
      this.askAgain();
      this.set(this.readLink(parameters));
      this.refresh();
      this.root.scrollIntoView({ block: "start" });
    };
    read();
    this.listen(window, "hashchange", read);
    const write = () => {
      clearTimeout(this.linkTimer);
      this.linkTimer = setTimeout(() => history.replaceState(history.state, "", this.hash()), 300);
    };
    this.model.on("change", write);
    this.undo.push(
      () => this.model.off("change", write),
      () => clearTimeout(this.linkTimer),
    );
  }

  hash() {
    return `#${new URLSearchParams({ fig: this.get("name"), ...this.linkValues() })}`;
  }

  linkButton() {
    if (!this.model.static) return "";
    return this.copyButton(this.text.copyLink, () => location.href.split("#")[0] + this.hash());
  }
}

// The modern way is missing on pages without a secure origin and in some frames; the old way is not.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = html("textarea", { class: "lf-hidden" }, text);
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}

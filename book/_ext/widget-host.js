// Revives saved Jupyter widgets on a page without a kernel: the live figures, which are anywidget models. A widget
// of any other kind says that it needs a kernel. A classic script, deferred: from file:// a browser runs no module,
// except, as here, one that the page itself holds.
(() => {
  const SCRIPT = 'script[type="application/vnd.jupyter.widget-';
  const NEEDS_KERNEL = {
    en: "This control needs a running kernel: open the chapter in JupyterLab or Colab.",
    ko: "이 컨트롤은 실행 중인 커널이 필요합니다. 이 장을 JupyterLab이나 Colab에서 여세요.",
  };
  const FAILED = { en: "This figure could not be drawn.", ko: "이 그림을 그리지 못했습니다." };
  const inPageLanguage = (words) => (document.documentElement.lang.startsWith("ko") ? words.ko : words.en);

  // What a figure may ask of its model. `static` says that there is no kernel and that the page's address is ours.
  class Model {
    static = true;
    #state;
    #listeners = new Map();

    constructor(state) {
      this.#state = { ...state };
    }

    get(name) {
      return this.#state[name];
    }

    set(name, value) {
      const values = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(values).filter((key) => this.#state[key] !== values[key]);
      Object.assign(this.#state, values);
      for (const key of changed) this.#emit(`change:${key}`, values[key]);
      if (changed.length) this.#emit("change");
    }

    save_changes() {} // there is no kernel to tell

    on(event, listener) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
      this.#listeners.get(event).add(listener);
    }

    off(event, listener) {
      this.#listeners.get(event)?.delete(listener);
    }

    #emit(event, value) {
      for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(this, value);
    }
  }

  const modules = new Map(); // one per source, however many figures share it

  function load(source) {
    if (!modules.has(source)) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      modules.set(
        source,
        import(url).finally(() => URL.revokeObjectURL(url)),
      );
    }
    return modules.get(source);
  }

  function addStyle(css) {
    if ([...document.head.querySelectorAll("style")].some((style) => style.textContent === css)) return;
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  }

  async function show(saved, place) {
    const el = document.createElement("div");
    place(el);
    if (saved?.model_module !== "anywidget") {
      el.textContent = inPageLanguage(NEEDS_KERNEL);
      return;
    }
    try {
      const { _esm, _css, ...state } = saved.state;
      if (_css) addStyle(_css);
      const { default: widget } = await load(_esm);
      const model = new Model(state);
      await widget.initialize?.({ model });
      await widget.render({ model, el });
    } catch (error) {
      console.error(error);
      el.removeAttribute("class");
      el.textContent = inPageLanguage(FAILED);
    }
  }

  function revive() {
    const states = {};
    for (const script of document.querySelectorAll(`${SCRIPT}state+json"]`)) {
      Object.assign(states, JSON.parse(script.textContent).state);
    }
    for (const script of document.querySelectorAll(`${SCRIPT}view+json"]`)) {
      const frame = script.closest(".live-figure");
      const place = frame ? (el) => frame.append(el) : (el) => script.before(el);
      show(states[JSON.parse(script.textContent).model_id], place);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", revive);
  else revive();
})();

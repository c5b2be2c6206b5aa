"""From logits to a decision: the same K numbers read by three heads, binary, multi-class and multi-label.

A head is a squashing function, a rule that decides, and a loss that is a negative log-likelihood (Bishop 2006, sections
4.2, 4.3.2 and 4.3.4; temperature as in Guo et al. 2017, equation 9). `heads` computes all three with `math` alone. The
front end does the same (`logits_formula.js`), so that the figure lives on a static page; a test holds the one against
the other, and a second one holds `heads` against PyTorch.
"""

import math
from collections.abc import Sequence
from html import escape

import traitlets

from companion.figures._base import IllegalValue, LiveFigure, Real, Reals, Whole, source

CLASSES = ["cat", "dog", "koala", "rocket", "panda"]
KOREAN = ["고양이", "개", "코알라", "로켓", "판다"]
LARGEST = 30  # of a logit; the sliders end at 10, a larger one can be typed
FEWEST, MOST = 2, 5  # classes


def sigmoid(x: float) -> float:
    """1/(1 + e^−x), without overflow: e is raised to no positive number."""
    small = math.exp(-abs(x))
    return (1 if x >= 0 else small) / (1 + small)


def softplus(x: float) -> float:
    """ln(1 + e^x), which is −ln σ(−x), without overflow and exact where it is small."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def heads(
    logits: Sequence[float], temperature: float = 1.0, asked: int = 0, asked_target: bool = True,
    threshold: float = 0.5, label: int = 0, present: Sequence[float] | None = None,
    thresholds: Sequence[float] | None = None,
) -> dict:  # fmt: skip
    """What the three heads make of the same K logits z, and what each answer costs.

    Args:
        logits: the K numbers z.
        temperature: T > 0; the softmax is of z/T. The sigmoids do not use it.
        asked: the class of the binary question, counted from 0.
        asked_target: its right answer y.
        threshold: of the binary decision, yes where σ(z) ≥ threshold.
        label: the right class of the multi-class question.
        present: (K,) the multi-hot target, 1 where the class is in the picture; without it `label` alone is.
        thresholds: (K,) of the multi-label decision; without them 0.5 each.

    Returns:
        sigmoids (K,) and softmax (K,); yes: bool; choice: the class of the largest logit, the first of several; chosen:
        the classes at or above their thresholds; bce: the binary loss −ln p(y); log_sum_exp: ln Σ e^(z/T);
        cross_entropy: −ln softmax[label]; bces (K,) and their sum bce_sum.
    """
    count = len(logits)
    present = [float(k == label) for k in range(count)] if present is None else present
    thresholds = [0.5] * count if thresholds is None else thresholds
    choice = max(range(count), key=lambda k: logits[k])
    scaled = [z / temperature for z in logits]
    top = scaled[choice]
    powers = [math.exp(s - top) for s in scaled]  # the largest is 1
    others = sum(power for k, power in enumerate(powers) if k != choice)
    sigmoids = [sigmoid(z) for z in logits]
    bces = [softplus(-z if y else z) for z, y in zip(logits, present, strict=True)]
    return {
        "sigmoids": sigmoids,
        "softmax": [power / (1 + others) for power in powers],
        "yes": sigmoids[asked] >= threshold,
        "choice": choice,
        "chosen": [k for k in range(count) if sigmoids[k] >= thresholds[k]],
        "bce": softplus(-logits[asked] if asked_target else logits[asked]),
        "log_sum_exp": top + math.log1p(others),
        "cross_entropy": top - scaled[label] + math.log1p(others),
        "bces": bces,
        "bce_sum": sum(bces),
    }


def _state(
    logits, temperature=1.0, asked=0, asked_target=True, threshold=0.5, label=0, present=None, thresholds=None
) -> dict:
    """A whole state; without `present` the label alone is in the picture."""
    return {
        "logits": [float(z) for z in logits],
        "temperature": temperature,
        "asked": asked,
        "asked_target": asked_target,
        "threshold": threshold,
        "label": label,
        "present": [float(k == label) for k in range(len(logits))] if present is None else [float(y) for y in present],
        "thresholds": [0.5] * len(logits) if thresholds is None else list(thresholds),
    }


START = (2.0, 1.0, 0.1, -1.0)


def _preset(name: str, ko: str, logits: Sequence[float], **options) -> dict:
    return {"name": name, "ko": ko, "state": _state(logits, **options)}


PRESETS = [
    _preset("start", "시작", START),
    _preset("all shifted by 3", "모두 3만큼 이동", [z + 3 for z in START]),
    _preset("sure", "확신", (6, 0.5, -1, -3)),
    _preset("unsure", "불확실", (0.4, 0.3, 0.2, 0.1)),
    _preset("sure and wrong", "확신하지만 틀림", (6, 0.5, -1, -3), asked_target=False, label=1),
    _preset("two things in the picture", "사진에 둘이 있음", (3, 2.5, -2, -3), present=(1, 1, 0, 0)),
    _preset("nothing we know", "아는 것이 없음", (-2, -2.5, -4, -3.5), asked_target=False, present=(0, 0, 0, 0)),
    _preset("strict thresholds", "엄격한 임계값", (3, 1.5, -1, -3), threshold=0.9, present=(1, 1, 0, 0),
            thresholds=(0.9, 0.9, 0.9, 0.9)),
    _preset("T = 0.25, sharper", "T = 0.25, 더 뾰족하게", START, temperature=0.25),
    _preset("T = 5, flatter", "T = 5, 더 평평하게", START, temperature=5.0),
    _preset("two classes", "클래스 둘", (2, 1)),
    _preset("five classes", "클래스 다섯", (2, 1, 0.1, -1, 1.5)),
]  # fmt: skip


# What the figure was measured to need with five classes, in rem, below these widths of the page and above them.
_HEIGHTS = {400: 131.6, 560: 125.1, 610: 117.65, 750: 114, 840: 69.5}
_TERMS = ", ".join(f"min({rem:g}rem, ({width}px - 100vw) * 999)" for width, rem in _HEIGHTS.items())
MIN_HEIGHT = f"max(65.85rem, {_TERMS})"


class LogitsExplorer(LiveFigure):
    """Drag K logits, and watch three heads make three decisions of them, at three losses.

    Args:
        logits: K numbers from −30 to 30, K from 2 to 5 and at most the number of classes. Anything that can be read as
            a sequence of numbers, a tensor among them.
        classes: the names to choose from, 2 to 5; the K first are shown. Without them cat, dog, koala, rocket, panda.
        names: the names in other languages, {"ko": [...]}; without it they are `classes`.
        temperature: T of the softmax, 0.1 to 10.
        asked: the class of the binary question, counted from 0.
        asked_target: its right answer.
        threshold: of the binary decision, 0 to 1.
        label: the right class of the multi-class question.
        present: K times 0 or 1: which classes are in the picture; without it `label` alone is.
        thresholds: K numbers from 0 to 1; without them 0.5 each.
        predict: ask for a prediction before showing the result of a change of the logits or of T.
        preset: start from the preset of this name; the arguments above go before it.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and but for `classes` and `names` they can be set.
    Logits of another number shorten or fill up what goes with them. `figure.heads` has what is shown, unrounded.

    Raises:
        ValueError: a value out of its range, or an unknown preset.
    """

    _esm = source("_base.js", "logits_words.js", "logits_formula.js", "logits_picture.js", "logits.js")
    _css = source("_base.css", "logits.css")

    logits = Reals(START)
    temperature = Real(1.0, 0.1, 10)
    asked = Whole(0, 0, MOST - 1)
    asked_target = traitlets.Bool(True).tag(sync=True)
    threshold = Real(0.5, 0, 1)
    label = Whole(0, 0, MOST - 1)
    present = Reals((1.0, 0.0, 0.0, 0.0))
    thresholds = Reals((0.5,) * 4)

    classes = traitlets.List().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)

    min_height = traitlets.Unicode(MIN_HEIGHT).tag(sync=True)

    def __init__(
        self, logits=None, classes=None, names=None, temperature=None, asked=None, asked_target=None, threshold=None,
        label=None, present=None, thresholds=None, predict=False, preset=None, name="logits", lang="",
    ):  # fmt: skip
        classes, names = _checked_names(classes, names)
        self.presets = [one for one in PRESETS if len(one["state"]["logits"]) <= len(classes)]
        given = {
            "logits": logits, "temperature": temperature, "asked": asked, "asked_target": asked_target,
            "threshold": threshold, "label": label, "present": present, "thresholds": thresholds,
        }  # fmt: skip
        given = {trait: value for trait, value in given.items() if value is not None}
        state = _state(START[: len(classes)]) if preset is None else self.preset(preset)
        if "logits" in given or "label" in given:
            z = type(self).logits.validate(self, given.get("logits", state["logits"]))
            state = _state(z, label=given.get("label", 0)) if preset is None else state | _of_length(len(z), state)
        super().__init__(
            **(state | given), classes=classes, names=names, ranges=self.ranges | {"logits": [-LARGEST, LARGEST]},
            predict=predict, name=name, lang=lang,
        )  # fmt: skip

    @property
    def heads(self) -> dict:
        """What `companion.figures.logits.heads` says of the present state."""
        return heads(
            self.logits, self.temperature, self.asked, self.asked_target, self.threshold, self.label, self.present,
            self.thresholds,
        )  # fmt: skip

    def __repr__(self) -> str:
        logits = ", ".join(f"{z:g}" for z in self.logits)
        return f"LogitsExplorer(logits=({logits}), temperature={self.temperature:g})"

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table(self, "en"), "ko": _table(self, "ko")}

    @traitlets.validate("logits")
    def _check_logits(self, proposal: dict) -> tuple[float, ...]:
        logits, most = proposal["value"], len(self.classes) or MOST
        if not FEWEST <= len(logits) <= most or not all(-LARGEST <= z <= LARGEST for z in logits):
            raise IllegalValue(
                f"logits must be {FEWEST} to {most} numbers from {-LARGEST} to {LARGEST}, got {_plain(logits)}"
            )
        return logits

    @traitlets.validate("present", "thresholds")
    def _check_per_class(self, proposal: dict) -> tuple[float, ...]:
        name, values, count = proposal["trait"].name, proposal["value"], len(self.logits)
        is_legal = (lambda v: v in (0, 1)) if name == "present" else (lambda v: 0 <= v <= 1)
        if len(values) != count or not all(map(is_legal, values)):
            kind = "times 0 or 1" if name == "present" else "numbers from 0 to 1"
            raise IllegalValue(f"{name} must be {count} {kind}, one per logit, got {_plain(values)}")
        return values

    @traitlets.validate("asked", "label")
    def _check_class(self, proposal: dict) -> int:
        name, value, last = proposal["trait"].name, proposal["value"], len(self.logits) - 1
        if value > last:
            raise IllegalValue(f"{name} must be a whole number from 0 to {last}, got {value}")
        return value

    @traitlets.observe("logits")
    def _follow_count(self, change: dict) -> None:
        state = {name: getattr(self, name) for name in ("asked", "label", "present", "thresholds")}
        for name, value in _of_length(len(self.logits), state).items():
            setattr(self, name, value)


def _plain(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"


def _of_length(count: int, state: dict) -> dict:
    """What goes with `count` logits: more classes are not in the picture and have threshold 0.5."""
    return {
        "asked": min(state["asked"], count - 1),
        "label": min(state["label"], count - 1),
        "present": (*state["present"], *[0.0] * count)[:count],
        "thresholds": (*state["thresholds"], *[0.5] * count)[:count],
    }


def _checked_names(classes, names) -> tuple[list[str], dict[str, list[str]]]:
    """Names per class, and in other languages; where there are none, `classes` stand for them."""
    own = classes is None
    lists = {"classes": list(CLASSES if own else classes)}
    translations = {"ko": KOREAN if own else lists["classes"]} | (names or {})
    lists |= {f"names[{code!r}]": list(words) for code, words in translations.items()}
    count = len(lists["classes"])
    if not FEWEST <= count <= MOST:
        raise ValueError(f"classes must be {FEWEST} to {MOST} names, got {lists['classes']!r}")
    for argument, words in lists.items():
        if len(words) != count or len(set(words)) != count or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{argument} must be {count} different names, got {words!r}")
    return lists["classes"], {code: list(words) for code, words in translations.items()}


HEADINGS = {
    "en": ("State", "Logits", "T", "Sigmoids", "Softmax", "Binary", "Argmax", "Multi-label", "BCE", "Cross-entropy",
           "Sum of K BCE"),
    "ko": ("상태", "로짓", "T", "시그모이드", "소프트맥스", "이진", "최댓값(argmax)", "다중 레이블", "BCE",
           "교차 엔트로피", "BCE K개의 합"),
}  # fmt: skip
ANSWERS = {"en": ("yes", "no", "none"), "ko": ("예", "아니요", "없음")}


def _table(figure: LogitsExplorer, language: str) -> str:
    """The presets as an HTML table: what comes in, the probabilities, the three decisions and the three losses."""
    names = figure.names["ko"] if language == "ko" else figure.classes
    yes, no, none = ANSWERS[language]
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for preset in figure.presets:
        state = preset["state"]
        got = heads(**state)
        cells = [
            ", ".join(f"{z:g}" for z in state["logits"]),
            f"{state['temperature']:g}",
            ", ".join(f"{p:.3f}" for p in got["sigmoids"]),
            ", ".join(f"{p:.3f}" for p in got["softmax"]),
            f"{names[state['asked']]}: {yes if got['yes'] else no}",
            names[got["choice"]],
            ", ".join(names[k] for k in got["chosen"]) or none,
            *(f"{got[loss]:.3f}" for loss in ("bce", "cross_entropy", "bce_sum")),
        ]
        cells = "".join(f"<td>{escape(cell).replace('-', '−')}</td>" for cell in cells)
        rows.append(f'<th scope="row">{escape(preset["ko" if language == "ko" else "name"])}</th>{cells}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"

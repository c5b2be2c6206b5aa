"""The output-size explorer: a window slides over a padded input, and the output grid fills up.

The front end recomputes everything itself (`output_size.js`), so that the figure lives on a static page; a test
holds its arithmetic against `companion.shapes`.
"""

from fractions import Fraction
from html import escape

import traitlets

from companion.figures._base import Choice, IllegalValue, LiveFigure, Whole, source
from companion.shapes import conv_output_size, pool_output_size, unread

AXES = {"W": "H", "F": "F_h", "S": "S_h", "P": "P_h", "D": "D_h"}  # the width's trait: the height's
MODES = ("conv", "max_pool", "avg_pool")


def _both_axes(sizes: dict) -> dict:
    """{"W": 5, "F": (3, 2)} as traits of both axes, {"W": 5, "H": 5, "F": 2, "F_h": 3}. Pairs: (height, width)."""
    state = {}
    for width, size in sizes.items():
        pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        if len(pair) != 2:
            raise ValueError(f"{width} must be a whole number or a (height, width) pair, got {size!r}")
        state |= {width: pair[1], AXES[width]: pair[0]}
    return state


def _is_square(state: dict) -> bool:
    return all(state[width] == state[height] for width, height in AXES.items())


def _state(W, F, S=1, P=0, D=1, mode="conv", ceil_mode=False) -> dict:
    state = _both_axes({"W": W, "F": F, "S": S, "P": P, "D": D})
    return state | {"square": _is_square(state), "mode": mode, "ceil_mode": ceil_mode}


def _preset(name: str, *sizes, ko: str = "", **options) -> dict:
    return {"name": name, "ko": ko or name, "state": _state(*sizes, **options)}


# The layers: LeCun et al. 1998, section II.B (S2 averages 2×2 windows); Krizhevsky et al. 2012, section 3.5, whose
# conv1 is printed with 224 pixels but needs P=2, or 227, for the 55×55 of its figure 2; Simonyan & Zisserman 2015,
# section 2.1; He et al. 2016, table 1; Szegedy et al. 2015, table 1.
PRESETS = [
    _preset("LeNet C1", 32, 5),
    _preset("LeNet S2", 28, 2, 2, mode="avg_pool"),
    _preset("LeNet C3", 14, 5),
    _preset("AlexNet conv1, 224, P=0", 224, 11, 4),
    _preset("AlexNet conv1, 224, P=2", 224, 11, 4, 2),
    _preset("AlexNet conv1, 227, P=0", 227, 11, 4),
    _preset("AlexNet pooling, 55, 3×3/2", 55, 3, 2, mode="max_pool", ko="AlexNet 풀링, 55, 3×3/2"),
    _preset("VGG 3×3", 224, 3, 1, 1),
    _preset("ResNet stem", 224, 7, 2, 3, ko="ResNet 첫 합성곱 계층"),
    _preset("Dilation 2, 16, 3×3", 16, 3, 1, 2, 2, ko="팽창 2, 16, 3×3"),
    _preset("GoogLeNet pooling, 112, ceil_mode", 112, 3, 2, mode="max_pool", ceil_mode=True,
            ko="GoogLeNet 풀링, 112, ceil_mode"),
    _preset("AvgPool2d((3,2), (2,1)) on 5×5", 5, (3, 2), (2, 1), mode="avg_pool",
            ko="AvgPool2d((3,2), (2,1)), 입력 5×5"),
]  # fmt: skip
START = _state(8, 3, 2)  # the smallest example in which the floor drops a column


class OutputSizeExplorer(LiveFigure):
    """How large is what comes out of a convolution or a pooling layer, and which pixels are never read?

    Args:
        W: input size in pixels, 1 to 256. This and the next four: a number, or a (height, width) pair.
        F: kernel size, 1 to 11.
        S: stride, 1 to 8.
        P: padding per side, 0 to 5.
        D: dilation, 1 to 4. Average pooling has none in PyTorch and ignores it.
        mode: "conv", "max_pool" or "avg_pool".
        ceil_mode: round up instead of down. A convolution always rounds down and ignores it.
        step: the window shown, counted from 0 and row by row over the output.
        predict: ask for the output size before showing it.
        preset: start from the preset of this name; the arguments above go before it. Without a preset what is
            left out is 8, 3, 2, 0 and 1, a convolution.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and can be set. So are `H`, `F_h`, `S_h`, `P_h`
    and `D_h`, the height's. While `square` is true they follow the width's; setting one to another value ends that.

    Raises:
        ValueError: a value out of its range, or an unknown preset.
    """

    _esm = source(
        "_base.js", "output_size_words.js", "output_size_formula.js", "output_size_picture.js", "output_size.js"
    )
    _css = source("_base.css", "output_size.css")

    W, H = Whole(START["W"], 1, 256), Whole(START["H"], 1, 256)
    F, F_h = Whole(START["F"], 1, 11), Whole(START["F_h"], 1, 11)
    S, S_h = Whole(START["S"], 1, 8), Whole(START["S_h"], 1, 8)
    P, P_h = Whole(START["P"], 0, 5), Whole(START["P_h"], 0, 5)
    D, D_h = Whole(START["D"], 1, 4), Whole(START["D_h"], 1, 4)
    square = traitlets.Bool(True).tag(sync=True)
    mode = Choice(MODES)
    ceil_mode = traitlets.Bool(False).tag(sync=True)
    step = Whole(0, 0, 266**2 - 1)  # W=256, F=1, S=1, P=5 has the most windows

    presets = traitlets.List(PRESETS).tag(sync=True)
    # 92rem where there is room for one column only, 51rem elsewhere.
    min_height = traitlets.Unicode("clamp(51rem, (640px - 100vw) * 999, 92rem)").tag(sync=True)

    def __init__(
        self,
        W=None, F=None, S=None, P=None, D=None,
        mode=None, ceil_mode=None, step=0, predict=False, preset=None, name="output-size", lang="",
    ):  # fmt: skip
        given = {"W": W, "F": F, "S": S, "P": P, "D": D}
        options = {"mode": mode, "ceil_mode": ceil_mode}
        state = START if preset is None else self.preset(preset)
        state = state | _both_axes({name: size for name, size in given.items() if size is not None})
        state |= {name: option for name, option in options.items() if option is not None}
        state["square"] = _is_square(state)
        super().__init__(**state, step=step, predict=predict, name=name, lang=lang)

    @property
    def out(self) -> tuple[int, int] | None:
        """The output's (height, width), or None where PyTorch would refuse."""
        return _output_size({name: getattr(self, name) for name in START})

    def __repr__(self) -> str:
        pairs = {width: (getattr(self, height), getattr(self, width)) for width, height in AXES.items()}
        sizes = [f"{name}={pair[1] if self.square else pair}" for name, pair in pairs.items()]
        ceil_mode = ["ceil_mode=True"] if self.ceil_mode else []
        return f"OutputSizeExplorer({', '.join([*sizes, f'mode={self.mode!r}', *ceil_mode])})"

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table("en"), "ko": _table("ko")}

    @traitlets.observe(*AXES, "square")
    def _follow_width(self, change: dict) -> None:
        if self.square:
            for width, height in AXES.items():
                setattr(self, height, getattr(self, width))

    @traitlets.observe(*AXES.values())
    def _leave_square(self, change: dict) -> None:
        if not _is_square({name: getattr(self, name) for name in START}):
            self.square = False

    @traitlets.observe(*START)
    def _keep_step(self, change: dict) -> None:
        self.step = min(self.step, self._windows() - 1)

    @traitlets.validate("step")
    def _check_step(self, proposal: dict) -> int:
        last = self._windows() - 1
        if proposal["value"] > last:
            raise IllegalValue(
                f"step must be a whole number from 0 to {last}, for {self.out} windows, got {proposal['value']}"
            )
        return proposal["value"]

    def _windows(self) -> int:
        height, width = self.out or (1, 1)
        return height * width


def _window(state: dict) -> dict:
    """The arguments of `companion.shapes`, as (height, width) pairs."""
    names = ("size", "kernel", "stride", "padding", "dilation")
    pairs = [(state[height], state[width]) for width, height in AXES.items()]
    window = dict(zip(names, pairs, strict=True))
    return window | {"dilation": (1, 1)} if state["mode"] == "avg_pool" else window


def _output_size(state: dict) -> tuple[int, int] | None:
    try:
        if state["mode"] == "conv":
            return conv_output_size(**_window(state))
        return pool_output_size(**_window(state), ceil_mode=state["ceil_mode"])
    except ValueError:
        return None


HEADINGS = {
    "en": ("Layer", *AXES, "(W + 2P − D(F − 1) − 1)/S + 1", "Output", "Rows never read", "Columns never read"),
    "ko": ("계층", *AXES, "(W + 2P − D(F − 1) − 1)/S + 1", "출력", "읽히지 않는 행", "읽히지 않는 열"),
}


def _table(language: str) -> str:
    """The presets as an HTML table: sizes as height × width where they differ."""
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for preset in PRESETS:
        state, name = preset["state"], preset["ko" if language == "ko" else "name"]
        window = _window(state)
        ceil_mode = state["ceil_mode"] and state["mode"] != "conv"
        exact = [
            Fraction(size + 2 * padding - dilation * (kernel - 1) - 1, stride) + 1
            for size, kernel, stride, padding, dilation in zip(*window.values(), strict=True)
        ]
        cells = [
            *(_times(pair) for pair in window.values()),
            _times([f"{float(value):g}" for value in exact]),
            _times(_output_size(state)),
            *(len(positions) for positions in unread(**window, ceil_mode=ceil_mode)),
        ]
        cells = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<th scope="row">{escape(name)}</th>{cells}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"


def _times(pair) -> str:
    height, width = pair
    return f"{width}" if height == width else f"{height} × {width}"

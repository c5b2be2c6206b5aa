"""The block budget: what a plain, a basic and a bottleneck block cost, side by side.

The blocks are those of He et al. 2016 ("Deep Residual Learning for Image Recognition", figure 5): two 3×3 convolutions
without and with a shortcut, and 1×1, 3×3, 1×1. A stride of 2 stands in the bottleneck's 3×3 convolution, as in
torchvision; the paper has it in the first 1×1. Groups are those of ResNeXt (Xie et al. 2017), of the same 3×3.

The front end counts for itself (`block_budget_formula.js`), so that the figure lives on a static page; a test holds it
against `budget`, and another `budget` against real modules.
"""

from html import escape
from typing import NamedTuple

import traitlets

from companion.figures._base import Choice, IllegalValue, LiveFigure, Whole, source
from companion.shapes import conv_multiply_adds, conv_output_size, conv_parameters

CHANNELS = tuple(2**power for power in range(4, 12))  # 16 to 2048
REDUCTIONS = (1, 2, 4, 8)
GROUPS = (1, 2, 4, 8, 16, 32)
BLOCKS = ("plain", "basic", "bottleneck")
BYTES = 4  # of a float32


class Layer(NamedTuple):
    """One convolution of a block, without bias. `output_size` is the side of its output in pixels."""

    kernel: int
    in_channels: int
    out_channels: int
    groups: int
    output_size: int
    is_shortcut: bool = False


class Cost(NamedTuple):
    """parameters, multiply–adds for one picture, and the bytes of the outputs that `budget` counts."""

    parameters: int
    multiply_adds: int
    memory: int


def inner_width(channels: int, reduction: int, stride: int) -> int:
    """The channels of a bottleneck's 3×3: those that come out of the block, divided by the reduction."""
    return channels * stride // reduction


def blocks(
    channels: int, reduction: int = 4, groups: int = 1, size: int = 56, stride: int = 1,
    shortcut: str = "identity", equal: str = "channels",
) -> dict[str, list[Layer]]:  # fmt: skip
    """The convolutions of the three blocks, first to last, a projection at the end.

    Args:
        channels: of what goes into the bottleneck. With stride 2 twice as many come out (He et al. 2016, section 3.3).
        reduction: how many times narrower the bottleneck is inside than at its end.
        groups: of the bottleneck's 3×3; must divide its channels.
        size: side of the input in pixels.
        stride: 1 or 2.
        shortcut: "identity" (with stride 2: every other pixel, and zeros for the new channels) or "projection", a 1×1
            convolution with the block's stride.
        equal: what the other blocks share with the bottleneck: "channels", those that go in and come out; or "width",
            those of its 3×3 convolution.

    Returns:
        {"plain": [Layer, …], "basic": […], "bottleneck": […]}.
    """
    width = inner_width(channels, reduction, stride)
    small = conv_output_size(size, 3, stride, padding=1)
    inside, outside = channels, channels * stride
    basic_in, basic_out = (inside, outside) if equal == "channels" else (width // stride, width)
    plain = [Layer(3, basic_in, basic_out, 1, small), Layer(3, basic_out, basic_out, 1, small)]
    bottleneck = [
        Layer(1, inside, width, 1, size),
        Layer(3, width, width, groups, small),
        Layer(1, width, outside, 1, small),
    ]
    if shortcut == "identity":
        return {"plain": plain, "basic": plain, "bottleneck": bottleneck}
    return {
        "plain": plain,
        "basic": [*plain, Layer(1, basic_in, basic_out, 1, small, True)],
        "bottleneck": [*bottleneck, Layer(1, inside, outside, 1, small, True)],
    }


def budget(
    channels: int, reduction: int = 4, groups: int = 1, size: int = 56, stride: int = 1,
    shortcut: str = "identity", equal: str = "channels", batch_norm: bool = False,
) -> dict[str, Cost]:  # fmt: skip
    """What the three blocks cost; the arguments are those of `blocks`.

    Counted as in `companion.trace`: the convolutions' weights (they have no bias), their multiply–adds, and their
    outputs in float32 for one picture. With `batch_norm` one follows each convolution: two more parameters per channel
    and an output as large; its elementwise work is no multiply–add. The addition and ReLU are not counted.
    """
    costs = {}
    for name, layers in blocks(channels, reduction, groups, size, stride, shortcut, equal).items():
        numbers = sum(layer.out_channels * layer.output_size**2 for layer in layers)
        weights = [
            conv_parameters(layer.in_channels, layer.out_channels, layer.kernel, layer.groups, bias=False)
            for layer in layers
        ]
        work = [
            conv_multiply_adds(layer.in_channels, layer.out_channels, layer.kernel, layer.output_size, layer.groups)
            for layer in layers
        ]
        normalised = 2 * sum(layer.out_channels for layer in layers) if batch_norm else 0
        costs[name] = Cost(sum(weights) + normalised, sum(work), BYTES * numbers * (2 if batch_norm else 1))
    return costs


class Power(traitlets.Int):
    """A synchronised whole number out of `values`."""

    def __init__(self, default: int, values: tuple[int, ...]):
        super().__init__(default)
        self.values = values
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> int:
        if isinstance(value, bool) or value not in self.values:
            raise IllegalValue(f"{self.name} must be one of {', '.join(map(str, self.values))}, got {value!r}")
        return int(value)


def _state(
    channels=256, reduction=4, groups=1, size=56, stride=1, shortcut="identity", equal="channels", batch_norm=False
) -> dict:
    return {
        "channels": channels, "reduction": reduction, "groups": groups, "size": size, "stride": stride,
        "shortcut": shortcut, "equal": equal, "batch_norm": batch_norm,
    }  # fmt: skip


def _preset(name: str, ko: str = "", **options) -> dict:
    return {"name": name, "ko": ko or name, "state": _state(**options)}


# He et al. 2016, table 1; Xie et al. 2017, table 1. Real blocks are counted with their batch norm.
PRESETS = [
    _preset("256 channels, both blocks", "256채널, 두 블록 모두"),
    _preset("basic on 64, bottleneck on 256", "기본 64채널, 병목 256채널", equal="width"),
    _preset("ResNet-34, 56×56, basic", "ResNet-34, 56×56, 기본", channels=64, batch_norm=True),
    _preset("ResNet-34, conv3_1, stride 2", "ResNet-34, conv3_1, 스트라이드 2", channels=64, stride=2,
            shortcut="projection", batch_norm=True),
    _preset("ResNet-50, conv2_x", equal="width", batch_norm=True),
    _preset("ResNet-50, conv3_1, stride 2", "ResNet-50, conv3_1, 스트라이드 2", stride=2, shortcut="projection",
            equal="width", batch_norm=True),
    _preset("ResNet-50, conv5_x", channels=2048, size=7, equal="width", batch_norm=True),
    _preset("ResNeXt-50, 32 groups", "ResNeXt-50, 그룹 32개", reduction=2, groups=32, batch_norm=True),
    _preset("256 channels, no reduction", "256채널, 축소 없음", reduction=1),
]  # fmt: skip

# What the figure was measured to need, in rem, below these widths of the page and above them.
_HEIGHTS = {
    350: 127.4, 400: 126.1, 440: 114.7, 480: 110.5, 520: 105.5, 580: 102.8, 610: 99.4, 640: 97.4, 700: 94, 750: 89.9,
    800: 81.2, 850: 78.9, 900: 76.6,
}  # fmt: skip
_TERMS = ", ".join(f"min({rem:g}rem, ({width}px - 100vw) * 999)" for width, rem in _HEIGHTS.items())
MIN_HEIGHT = f"max(74.8rem, {_TERMS})"


class BlockBudget(LiveFigure):
    """What do a plain, a basic and a bottleneck block cost, in parameters, multiply–adds and memory?

    Args:
        channels: what goes into the bottleneck: 16, 32, 64, …, 2048. With stride 2 twice as many come out.
        reduction: 1, 2, 4 or 8: how many times narrower the bottleneck is inside than at its end.
        groups: 1, 2, 4, 8, 16 or 32, of the bottleneck's 3×3, at most its channels.
        size: side of the input in pixels, 7 to 112.
        stride: 1 or 2, in the first 3×3 of each block.
        shortcut: "identity" or "projection".
        equal: "channels": all blocks take in the same channels; "width": all 3×3 convolutions are equally wide.
        batch_norm: count a batch norm after each convolution.
        block: whose formulas are written out: "bottleneck", "basic" or "plain".
        predict: ask for a prediction before showing the bottleneck's costs.
        preset: start from the preset of this name; the arguments above go before it. Without it, 256 channels.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and can be set. A change that leaves the groups without
    a divisor lowers them. `figure.budget` has the numbers shown.

    Raises:
        ValueError: a value out of its range, groups that do not divide the channels, or an unknown preset.
    """

    _esm = source(
        "_base.js", "block_budget_words.js", "block_budget_formula.js", "block_budget_picture.js", "block_budget.js"
    )
    _css = source("_base.css", "block_budget.css")

    channels = Power(256, CHANNELS)
    reduction = Power(4, REDUCTIONS)
    groups = Power(1, GROUPS)
    size = Whole(56, 7, 112)
    stride = Whole(1, 1, 2)
    shortcut = Choice(("identity", "projection"))
    equal = Choice(("channels", "width"))
    batch_norm = traitlets.Bool(False).tag(sync=True)
    block = Choice(("bottleneck", "basic", "plain"))

    choices = traitlets.Dict({"channels": list(CHANNELS), "reduction": list(REDUCTIONS), "groups": list(GROUPS)}).tag(
        sync=True
    )
    presets = traitlets.List(PRESETS).tag(sync=True)
    min_height = traitlets.Unicode(MIN_HEIGHT).tag(sync=True)

    def __init__(
        self, channels=None, reduction=None, groups=None, size=None, stride=None, shortcut=None, equal=None,
        batch_norm=None, block="bottleneck", predict=False, preset=None, name="block-budget", lang="",
    ):  # fmt: skip
        given = {
            "channels": channels, "reduction": reduction, "groups": groups, "size": size, "stride": stride,
            "shortcut": shortcut, "equal": equal, "batch_norm": batch_norm,
        }  # fmt: skip
        state = _state() if preset is None else self.preset(preset)
        state = state | {trait: value for trait, value in given.items() if value is not None}
        super().__init__(**state, block=block, predict=predict, name=name, lang=lang)

    @property
    def width(self) -> int:
        """The channels of the bottleneck's 3×3."""
        return inner_width(self.channels, self.reduction, self.stride)

    @property
    def budget(self) -> dict[str, Cost]:
        """{"plain": Cost, "basic": Cost, "bottleneck": Cost} of the present state."""
        return budget(**{trait: getattr(self, trait) for trait in _state()})

    def __repr__(self) -> str:
        state = ", ".join(f"{trait}={getattr(self, trait)!r}" for trait in _state())
        return f"BlockBudget({state})"

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table("en"), "ko": _table("ko")}

    @traitlets.validate("groups")
    def _check_groups(self, proposal: dict) -> int:
        if self.width % proposal["value"]:
            raise IllegalValue(
                f"groups must divide the {self.width} channels of the bottleneck's 3×3, got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.observe("channels", "reduction", "stride")
    def _lower_groups(self, change: dict) -> None:
        self.groups = min(self.groups, self.width)  # powers of two: the smaller divides the larger


HEADINGS = {
    "en": ("State", "Block", "Channels in → out", "Parameters", "Multiply–adds", "Activation memory (bytes)"),
    "ko": ("상태", "블록", "채널 입력 → 출력", "파라미터", "곱셈-덧셈", "활성값 메모리(바이트)"),
}
NAMES = {
    "en": {"plain": "plain", "basic": "basic", "bottleneck": "bottleneck"},
    "ko": {"plain": "단순", "basic": "기본", "bottleneck": "병목"},
}


def _table(language: str) -> str:
    """The presets as an HTML table, a row per block."""
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for preset in PRESETS:
        state = preset["state"]
        costs = budget(**state)
        layers = blocks(**{trait: value for trait, value in state.items() if trait != "batch_norm"})
        label = escape(preset["ko" if language == "ko" else "name"])
        for block in BLOCKS:
            body = [layer for layer in layers[block] if not layer.is_shortcut]
            channels = f"{body[0].in_channels} → {body[-1].out_channels}"
            cells = "".join(f"<td>{cell}</td>" for cell in (channels, *(f"{cost:,}" for cost in costs[block])))
            first = f'<th scope="rowgroup" rowspan="{len(BLOCKS)}">{label}</th>' if block == BLOCKS[0] else ""
            rows.append(f'{first}<th scope="row">{NAMES[language][block]}</th>{cells}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"

"""The network chart: accuracy against size or work, for every classification network whose weights torchvision has.

The numbers are those that torchvision publishes with its weights (`weights.meta`), read when a figure is made: nothing
is typed here, and nothing is fetched. Each network was measured on ImageNet-1K's validation set, at an input size of
its own.
"""

from collections.abc import Iterable
from functools import cache
from html import escape
from math import isfinite

import traitlets

from companion.figures._base import Choice, IllegalValue, LiveFigure, source

# By how the names of the networks begin; what begins otherwise is "Other".
FAMILIES = {
    "AlexNet": ("alexnet",),
    "VGG": ("vgg",),
    "Inception": ("googlenet", "inception"),
    "ResNet": ("resnet", "resnext", "wide_resnet"),
    "DenseNet": ("densenet",),
    "SqueezeNet": ("squeezenet",),
    "ShuffleNet": ("shufflenet",),
    "MobileNet": ("mobilenet", "mnasnet"),
    "EfficientNet": ("efficientnet",),
    "RegNet": ("regnet",),
    "ConvNeXt": ("convnext",),
    "Transformer": ("vit", "swin", "maxvit"),
    "Other": ("",),
}
QUANTITIES = ("parameters", "multiply_adds")
# One network per chapter, for the table of readers without JavaScript.
BOOK = ("alexnet", "vgg16", "googlenet", "resnet50", "densenet121", "mobilenet_v2", "efficientnet_b0", "vit_b_16")


@cache
def published() -> tuple[dict, ...]:
    """What torchvision says of its weights for classification, a dictionary for each.

    network, weights: as in `torchvision.models.get_model(network, weights=weights)`; id is both, with a point between.
    family: a key of FAMILIES.
    default: whether these are the network's default weights.
    parameters: how many; multiply_adds: in 10⁹, for one picture; megabytes: of the file (2²⁰ bytes).
    top1, top5: accuracy on ImageNet-1K in per cent; pixels: side of the picture it was measured with.

    Weights without an accuracy (VGG-16's features, published for other uses) are left out.
    """
    from torchvision import models  # here, because it takes long to import

    entries = []
    for network in models.list_models(module=models):
        weights = models.get_model_weights(network)
        for one in weights:
            meta = one.meta
            accuracy = meta["_metrics"].get("ImageNet-1K", {})
            if not isfinite(accuracy.get("acc@1", float("nan"))):
                continue
            crop = one.transforms.keywords["crop_size"]
            entries.append(
                {
                    "id": f"{network}.{one.name}",
                    "network": network,
                    "weights": one.name,
                    "family": next(name for name, starts in FAMILIES.items() if network.startswith(starts)),
                    "default": one is weights.DEFAULT,
                    "parameters": meta["num_params"],
                    "multiply_adds": meta["_ops"],
                    "top1": accuracy["acc@1"],
                    "top5": accuracy["acc@5"],
                    "megabytes": meta["_file_size"],
                    "pixels": crop,
                }
            )
    return tuple(entries)


def shown(networks: Iterable[dict], x: str, all_weights: bool = False, families: Iterable[str] = ()) -> list[dict]:
    """Those of these families (of all, if there are none), from the smallest `x` on, the more accurate first."""
    families = tuple(families)
    chosen = (
        one for one in networks if (all_weights or one["default"]) and (not families or one["family"] in families)
    )
    return sorted(chosen, key=lambda one: (one[x], -one["top1"], one["id"]))


def front(networks: Iterable[dict], x: str) -> list[str]:
    """The ids of the Pareto front: networks that none beats. One beats another if it is no larger in `x`, no less
    accurate, and not equal in both."""
    best, kept = (0, -1.0), []
    for one in shown(networks, x, all_weights=True):
        if one["top1"] > best[1] or (one[x], one["top1"]) == best:
            best = (one[x], one["top1"])
            kept.append(one["id"])
    return kept


class Families(traitlets.TraitType):
    """A synchronised tuple of families."""

    def __init__(self):
        super().__init__(())
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> tuple[str, ...]:
        names = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
        known = list(dict.fromkeys(one["family"] for one in obj.networks)) if obj.networks else list(FAMILIES)
        if not all(name in known for name in names):
            raise IllegalValue(f"{self.name} must be some of {', '.join(map(repr, known))}, got {value!r}")
        return tuple(name for name in FAMILIES if name in names)


START = "resnet50"


def _state(x="parameters", all_weights=False, front=False, families=(), selected=START) -> dict:
    return {"x": x, "all_weights": all_weights, "front": front, "families": list(families), "selected": selected}


def _preset(name: str, ko: str, **options) -> dict:
    return {"name": name, "ko": ko, "state": _state(**options)}


# `selected` names a network here; a figure puts its default weights in.
PRESETS = [
    _preset("by parameters", "파라미터로"),
    _preset("by multiply–adds", "곱셈-덧셈으로", x="multiply_adds"),
    _preset("front, by parameters", "프런트, 파라미터로", front=True, selected="efficientnet_b0"),
    _preset("front, by multiply–adds", "프런트, 곱셈-덧셈으로", x="multiply_adds", front=True,
            selected="regnet_y_800mf"),
    _preset("VGG and ResNet", "VGG와 ResNet", families=("VGG", "ResNet"), selected="vgg16"),
    _preset("old and new recipes: ResNet", "옛 학습법과 새 학습법: ResNet", all_weights=True, families=("ResNet",)),
    _preset("small networks", "작은 신경망", x="multiply_adds", front=True, selected="mobilenet_v2",
            families=("SqueezeNet", "ShuffleNet", "MobileNet", "EfficientNet")),
    _preset("compound scaling: EfficientNet", "복합 확장: EfficientNet", x="multiply_adds", families=("EfficientNet",),
            selected="efficientnet_b0"),
    _preset("Transformers, all weights", "트랜스포머, 모든 가중치", all_weights=True, families=("Transformer",),
            selected="vit_b_16"),
]  # fmt: skip

# What the figure was measured to need, in rem, below these widths of the page and above them.
_HEIGHTS = {
    350: 90.2, 400: 86.4, 440: 80.5, 480: 76.3, 520: 72.8, 580: 67.9, 610: 65.1, 700: 62.9, 750: 61.6, 840: 58,
}  # fmt: skip
_TERMS = ", ".join(f"min({rem:g}rem, ({width}px - 100vw) * 999)" for width, rem in _HEIGHTS.items())
MIN_HEIGHT = f"max(53.2rem, {_TERMS})"


class NetworkChart(LiveFigure):
    """Which network is how accurate, at what size and at what work?

    Args:
        x: "parameters" or "multiply_adds", on the logarithmic axis; a point's size shows the other.
        all_weights: show all weights that were published for each network; else the default ones.
        front: draw the Pareto front of what is shown: each network for which none is both smaller and better.
        families: names of `FAMILIES`; only these are shown. None of them means all.
        selected: the network that is named: "resnet50" for its default weights, or "resnet50.IMAGENET1K_V1".
        predict: ask for the accuracy of a network before showing it.
        preset: start from the preset of this name; the arguments above go before it.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and can be set. Where `selected` is no longer shown,
    the same network with other weights takes its place, or the smallest shown. `figure.networks` has the numbers.

    Raises:
        ValueError: an unknown network, family, quantity or preset.
    """

    _esm = source(
        "_base.js", "network_chart_words.js", "network_chart_formula.js", "network_chart_picture.js", "network_chart.js"
    )
    _css = source("_base.css", "network_chart.css")

    networks = traitlets.List().tag(sync=True)
    x = Choice(QUANTITIES)
    all_weights = traitlets.Bool(False).tag(sync=True)
    front = traitlets.Bool(False).tag(sync=True)
    families = Families()
    selected = traitlets.Unicode().tag(sync=True)

    min_height = traitlets.Unicode(MIN_HEIGHT).tag(sync=True)

    def __init__(
        self, x=None, all_weights=None, front=None, families=None, selected=None, predict=False, preset=None,
        name="network-chart", lang="",
    ):  # fmt: skip
        self.networks = list(published())
        full = {one["network"]: one["id"] for one in self.networks if one["default"]}
        self.presets = [
            preset | {"state": preset["state"] | {"selected": full[preset["state"]["selected"]]}} for preset in PRESETS
        ]
        given = {"x": x, "all_weights": all_weights, "front": front, "families": families, "selected": selected}
        state = _state() if preset is None else self.preset(preset)
        state = state | {trait: value for trait, value in given.items() if value is not None}
        super().__init__(predict=predict, name=name, lang=lang)
        selected = state.pop("selected")
        for trait, value in state.items():
            setattr(self, trait, value)
        self.selected = selected

    @property
    def shown(self) -> list[dict]:
        """The entries shown, from the smallest on."""
        return shown(self.networks, self.x, self.all_weights, self.families)

    @property
    def pareto_front(self) -> list[str]:
        """The ids of those shown that none shown beats, from the smallest on."""
        return front(self.shown, self.x)

    def __repr__(self) -> str:
        families = f", families={self.families!r}" if self.families else ""
        return (
            f"NetworkChart(x={self.x!r}, all_weights={self.all_weights}, front={self.front}{families}, "
            f"selected={self.selected!r})"
        )

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table(self.networks, "en"), "ko": _table(self.networks, "ko")}

    @traitlets.validate("selected")
    def _check_selected(self, proposal: dict) -> str:
        value, now = proposal["value"], self.shown
        for one in now:
            if value == one["id"] or (one["default"] and value == one["network"]):
                return one["id"]
        exists = any(value in (one["id"], one["network"]) for one in self.networks)
        why = "which is not shown now" if exists else "which torchvision does not have"
        names = ", ".join(one["id"] for one in now[:3])
        raise IllegalValue(f"selected must be a network shown, such as {names}, got {value!r}, {why}")

    @traitlets.observe("all_weights", "families")
    def _keep_selected(self, change: dict) -> None:
        if self.selected:
            self.selected = keep(self.selected, self.shown)


def keep(selected: str, shown_now: list[dict]) -> str:
    """`selected` if it is shown; else the same network's default weights; else the smallest shown."""
    network = selected.split(".")[0]
    for is_wanted in (
        lambda one: one["id"] == selected,
        lambda one: one["network"] == network and one["default"],
        lambda one: True,
    ):
        for one in shown_now:
            if is_wanted(one):
                return one["id"]
    return ""


HEADINGS = {
    "en": ("Network", "Weights", "Parameters", "Multiply–adds (10⁹)", "Top-1 accuracy (%)", "File (MB)",
           "Input (pixels)", "On the front"),
    "ko": ("신경망", "가중치", "파라미터", "곱셈-덧셈(10⁹)", "top-1 정확도(%)", "파일(MB)", "입력(픽셀)", "프런트"),
}  # fmt: skip
FRONTS = {
    "en": {"parameters": "by parameters", "multiply_adds": "by multiply–adds"},
    "ko": {"parameters": "파라미터", "multiply_adds": "곱셈-덧셈"},
}


def _table(networks: list[dict], language: str) -> str:
    """The book's networks and those of either front, by their default weights, as an HTML table."""
    default = shown(networks, "parameters")
    fronts = {x: front(default, x) for x in QUANTITIES}
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for one in default:
        on = [FRONTS[language][x] for x, ids in fronts.items() if one["id"] in ids]
        if not on and one["network"] not in BOOK:
            continue
        cells = (
            one["weights"], f"{one['parameters']:,}", f"{one['multiply_adds']:,.3f}", f"{one['top1']:.3f}",
            f"{one['megabytes']:,.1f}", one["pixels"], ", ".join(on),
        )  # fmt: skip
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        rows.append(f'<th scope="row">{escape(one["network"])}</th>{cells}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"

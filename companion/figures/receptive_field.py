"""The receptive-field explorer: point at an output of a stack of layers, and see what it sees of the input.

The front end computes the fields itself (`receptive_field_formula.js`), so that the figure lives on a static page; a
test holds it against `companion.shapes`. The effective fields were measured (`tools/make_receptive_fields.py`).
"""

import base64
import io
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import traitlets
from torch import nn

from companion.data.packaged import read_packaged
from companion.figures._base import Choice, IllegalValue, LiveFigure, Whole, source
from companion.models.lenet import LeNet5
from companion.shapes import ReceptiveField, Seen, conv_output_size, pool_output_size, receptive_field, seen
from companion.trace import trace

FILE = Path(__file__).parents[1] / "data" / "receptive_fields.npz"
SHA256 = "b1f3045e428674a4f4603b91b7bf34ab5992e8dc8994c0950edc1c244fc7939a"


class Network(NamedTuple):
    """A network to choose: its name, how to make it with random weights, the (C, H, W) it is used with."""

    name: str
    make: Callable[[], nn.Module]
    input_shape: tuple[int, int, int]


def _of_torchvision(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        import torchvision  # not before it is needed: a second, and other figures do without

        return getattr(torchvision.models, name)(weights=None)

    return make


NETWORKS = {
    "lenet5": Network("LeNet-5", LeNet5, (1, 32, 32)),
    "alexnet": Network("AlexNet", _of_torchvision("alexnet"), (3, 224, 224)),
    "vgg16": Network("VGG-16", _of_torchvision("vgg16"), (3, 224, 224)),
    "resnet18": Network("ResNet-18", _of_torchvision("resnet18"), (3, 224, 224)),
}


class Layer(NamedTuple):
    """kind: "conv" or "pool"; window: (kernel, stride, padding, dilation) of either axis."""

    name: str
    kind: str
    window: tuple[int, int, int, int]


@cache
def layers_of(network: str) -> tuple[Layer, ...]:
    """The layers with a window along the main path, from the network's trace, up to where positions are joined.

    A shortcut of ResNet adds nothing to what the main path sees: its 1×1 window is the middle of that path's.
    """
    _, make, input_shape = NETWORKS[network]
    with torch.device("meta"):
        model = make()
    return tuple(
        Layer(row.name, "conv" if "Conv" in row.kind else "pool", (row.kernel, row.stride, row.padding, row.dilation))
        for row in trace(model, input_shape).rows
        if row.kernel is not None and "downsample" not in row.name
    )


@cache
def _measured() -> dict[str, np.ndarray]:
    """What tools/make_receptive_fields.py stored: a map and a width per layer."""
    with np.load(io.BytesIO(read_packaged(FILE, SHA256))) as arrays:
        return dict(arrays)


def _for_the_page(network: str) -> dict:
    """Name, input size and layers, each with its measured field: `side` × `side` bytes in base64, and its width."""
    layers = []
    for name, kind, window in layers_of(network):
        cells, width = _measured()[f"{network}/{name}"], _measured()[f"{network}/{name}/width"]
        effective = {"side": len(cells), "width": round(float(width), 1), "cells": base64.b64encode(cells).decode()}
        layers.append({"name": name, "layer": [kind, *window], "effective": effective})
    return {"name": NETWORKS[network].name, "size": NETWORKS[network].input_shape[1], "layers": layers}


# A layer of one's own: (kind, kernel, stride, padding, dilation), and what each may be.
KINDS = ("conv", "pool")
LIMITS = {"kernel": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 8)}
MOST_LAYERS = 8


class Stack(traitlets.TraitType):
    """A synchronised tuple of 1 to 8 layers, each (kind, kernel, stride, padding, dilation).

    What is left out is PyTorch's default: stride 1, or the kernel of a pooling; padding 0; dilation 1.
    """

    def __init__(self, default: Iterable):
        super().__init__(tuple(map(tuple, default)))
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> tuple[tuple, ...]:
        if not isinstance(value, (tuple, list)) or not 1 <= len(value) <= MOST_LAYERS:
            raise IllegalValue(f"{self.name} must be a list of 1 to {MOST_LAYERS} layers, got {value!r}")
        return tuple(self._layer(f"{self.name}[{number}]", layer) for number, layer in enumerate(value))

    def _layer(self, name: str, layer: object) -> tuple:
        if not isinstance(layer, (tuple, list)) or not 2 <= len(layer) <= 5 or layer[0] not in KINDS:
            raise IllegalValue(
                f'{name} must be ("conv" or "pool", kernel, stride, padding, dilation), the last three optional,'
                f" got {layer!r}"
            )
        kind, kernel, *rest = layer
        numbers = [kernel, *rest, *(kernel if kind == "pool" else 1, 0, 1)[len(rest) :]]
        for (entry, (least, most)), number in zip(LIMITS.items(), numbers, strict=True):
            whole = isinstance(number, Integral) and not isinstance(number, bool)
            if not whole or not least <= number <= most:
                raise IllegalValue(f"{name}: {entry} must be a whole number from {least} to {most}, got {number!r}")
        return (kind, *map(int, numbers))


CONV = ("conv", 3, 1, 1, 1)
POOL = ("pool", 2, 2, 0, 1)
START_STACK = (CONV, CONV, POOL, CONV)


def _sizes(size: int, layers: Iterable[tuple]) -> list[int | None]:
    """Input size and output sizes; None from the layer on that PyTorch would refuse."""
    sizes = [size]
    for kind, *window in layers:
        try:
            sizes.append((conv_output_size if kind == "conv" else pool_output_size)(sizes[-1], *window))
        except (ValueError, TypeError):
            sizes.append(None)
    return sizes


@cache
def _presets() -> list[dict]:
    def whole(network: str, name: str, number: int = -1, ko: str = "") -> dict:
        layer = range(len(layers_of(network)))[number]
        return {"name": name, "ko": ko, "state": {"network": network, "layer": layer}}

    def own(name: str, ko: str, size: int, *stack: tuple) -> dict:
        state = {"network": "own", "stack": [list(layer) for layer in stack], "size": size, "layer": len(stack) - 1}
        return {"name": name, "ko": ko, "state": state}

    plain = ("conv", 3, 1, 0, 1)
    return [
        whole("lenet5", "LeNet-5, C5", ko="LeNet-5, C5"),
        whole("alexnet", "AlexNet, last pooling", ko="AlexNet, 마지막 풀링"),
        whole("vgg16", "VGG-16, second convolution", 1, ko="VGG-16, 두 번째 합성곱"),
        whole("vgg16", "VGG-16, last pooling", ko="VGG-16, 마지막 풀링"),
        whole("resnet18", "ResNet-18, stem", 1, ko="ResNet-18, 첫 풀링까지"),
        whole("resnet18", "ResNet-18, last convolution", ko="ResNet-18, 마지막 합성곱"),
        own("One 7×7", "7×7 한 번", 16, ("conv", 7, 1, 0, 1)),
        own("Three 3×3", "3×3 세 번", 16, plain, plain, plain),
        own("Stride 2, three times", "스트라이드 2 세 번", 32, *[("conv", 3, 2, 1, 1)] * 3),
        own("Convolution and pooling, twice", "합성곱과 풀링 두 번", 28, CONV, POOL, CONV, POOL),
        own("Dilation 1, 2, 4, 8", "팽창 1, 2, 4, 8", 40, *[("conv", 3, 1, d, d) for d in (1, 2, 4, 8)]),
        own("Dilation 2, twice: gaps", "팽창 2 두 번: 틈", 16, *[("conv", 3, 1, 2, 2)] * 2),
    ]


class ReceptiveFieldExplorer(LiveFigure):
    """What does one output of a stack of layers see of the input, and how much of it counts?

    Args:
        network: "lenet5", "alexnet", "vgg16", "resnet18", or "own" for `stack`. Without it "vgg16", or "own" if
            `stack` or `size` is given.
        layer: which layer, counted from 0; without it the last one.
        row, column: which output of that layer, counted from 0; without them the one in the middle.
        stack: 1 to 8 layers of your own, first layer first, each ("conv" or "pool", kernel, stride, padding, dilation),
            kernel up to 11, the others up to 8. What is left out is PyTorch's default.
        size: their input's height and width in pixels, 1 to 256.
        effective: show the effective field of a network's layer, as measured with random weights.
        predict: ask for the field's size before showing it.
        preset: start from the preset of this name; the arguments above go before it.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and can be set. `layer`, `row` and `column` are kept
    within what there is. `networks` has the four networks' layers and measured fields, for reading.

    Raises:
        ValueError: a value out of its range, or an unknown preset.
    """

    _esm = source(
        "_base.js",
        "receptive_field_words.js",
        "receptive_field_formula.js",
        "receptive_field_picture.js",
        "receptive_field.js",
    )
    _css = source("_base.css", "receptive_field.css")

    network = Choice((*NETWORKS, "own"))
    layer = Whole(0, 0, 63)
    row, column = Whole(0, 0, 383), Whole(0, 0, 383)
    stack = Stack(START_STACK)
    size = Whole(16, 1, 256)
    effective = traitlets.Bool(True).tag(sync=True)

    networks = traitlets.Dict().tag(sync=True)
    limits = traitlets.Dict(LIMITS | {"layers": MOST_LAYERS}).tag(sync=True)
    # As measured; less room needs more height: below 610 px of page, below 750, below 860, and above.
    min_height = traitlets.Unicode(
        "max(84.5rem, min(88rem, (860px - 100vw) * 999), min(92rem, (750px - 100vw) * 999),"
        " min(148rem, (610px - 100vw) * 999))"
    ).tag(sync=True)

    def __init__(
        self,
        network=None, layer=None, row=None, column=None, stack=None, size=None,
        effective=True, predict=False, preset=None, name="receptive-field", lang="",
    ):  # fmt: skip
        state = {"network": "vgg16" if stack is None and size is None else "own"}
        state |= {} if preset is None else self.preset(preset)
        given = {"network": network, "layer": layer, "stack": stack, "size": size}
        state |= {trait: value for trait, value in given.items() if value is not None}
        chosen = state.pop("layer", None)
        super().__init__(
            **state, networks={key: _for_the_page(key) for key in NETWORKS},
            effective=effective, predict=predict, name=name, lang=lang,
        )  # fmt: skip
        # What these may be depends on the others.
        self.layer = len(self._layers()) - 1 if chosen is None else chosen
        middle = (self.out or 1) // 2
        self.row, self.column = (middle if at is None else at for at in (row, column))

    def _layers(self) -> list[tuple]:
        """(kind, kernel, stride, padding, dilation) of all layers."""
        if self.network == "own":
            return list(self.stack)
        return [(kind, *window) for _, kind, window in layers_of(self.network)]

    def _input_size(self) -> int:
        return self.size if self.network == "own" else NETWORKS[self.network].input_shape[1]

    @property
    def out(self) -> int | None:
        """Height and width of the chosen layer's output; None where PyTorch would refuse."""
        return _sizes(self._input_size(), self._layers())[self.layer + 1]

    @property
    def field(self) -> ReceptiveField:
        """Size, jump and start of the chosen layer's receptive field, of either axis."""
        return receptive_field(window for _, *window in self._layers()[: self.layer + 1])

    @property
    def seen(self) -> tuple[tuple[Seen, ...], tuple[Seen, ...]] | None:
        """What the output at (row, column) sees at each level, see `companion.shapes.seen`: (rows, columns)."""
        if self.out is None:
            return None
        windows = [tuple(window) for _, *window in self._layers()[: self.layer + 1]]
        return seen(windows, self._input_size(), (self.row, self.column))

    def __repr__(self) -> str:
        own = f", stack={list(self.stack)}, size={self.size}" if self.network == "own" else ""
        place = f"layer={self.layer}, row={self.row}, column={self.column}"
        return f"ReceptiveFieldExplorer(network={self.network!r}, {place}{own})"

    @traitlets.default("presets")
    def _default_presets(self) -> list[dict]:
        return _presets()

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table("en"), "ko": _table("ko")}

    @traitlets.observe("network", "stack", "size", "layer")
    def _keep_place(self, change: dict) -> None:
        self.layer = min(self.layer, len(self._layers()) - 1)
        last = (self.out or 1) - 1
        self.row, self.column = min(self.row, last), min(self.column, last)

    @traitlets.validate("layer", "row", "column")
    def _check_place(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        last = len(self._layers()) - 1 if name == "layer" else (self.out or 1) - 1
        if value > last:
            raise IllegalValue(f"{name} must be a whole number from 0 to {last}, got {value}")
        return value


HEADINGS = {
    "en": ("Layer", "Output", "Field", "Jump", "Start", "Effective width"),
    "ko": ("계층", "출력", "수용 영역", "간격", "시작", "유효 너비"),
}


def _table(language: str) -> str:
    """The presets as an HTML table."""
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for preset in _presets():
        state, name = preset["state"], preset["ko" if language == "ko" else "name"]
        if state["network"] == "own":
            layers, size, width = state["stack"], state["size"], "–"
        else:
            chosen = layers_of(state["network"])
            layers, size = [(kind, *window) for _, kind, window in chosen], NETWORKS[state["network"]].input_shape[1]
            width = _measured()[f"{state['network']}/{chosen[state['layer']].name}/width"]
            width = f"{width:.1f}"
        layers = layers[: state["layer"] + 1]
        field = receptive_field(window for _, *window in layers)
        cells = [_sizes(size, layers)[-1], *field, width]
        cells = "".join(f"<td>{cell}</td>".replace("-", "−") for cell in cells)
        rows.append(f'<th scope="row">{escape(name)}</th>{cells}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"

"""The layers of the book's networks as data: what each does to a square input of any size, without PyTorch.

`companion/data/architectures.json` is made from the networks themselves, by `tools/make_architectures.py`; nothing in
it is typed by hand. It has every row of their `companion.trace`, sorted into blocks: a residual block, an Inception
module, a dense layer; elsewhere a convolution, a pooling or a linear layer with what follows it elementwise. (A
dropout between pooling and a linear layer goes with the linear layer.)

The file: {"networks": {key: {"family", "name", "channels", "size", "exact", "unused", "blocks": [[name, number], …]}
}, "blocks": [{"kind", "layers", …}, …]}, where number says which of the second list; equal blocks are stored once.

Not in it: VGG-11, -13 and -19 with batch norm, ResNet-101 and -152 as v1, ResNets with other shortcuts, small plain
networks and those of other depths (each differs from one that is there as another pair does), LeNetTwoClass, and what
chapters build in their cells.
"""

import json
from functools import cache
from math import prod
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

from companion.data.packaged import read_packaged
from companion.shapes import conv_output_size, pool_output_size

FILE = Path(__file__).parent / "data" / "architectures.json"
SHA256 = "aac09cc7ec4ec6b1126b3766af6ba7c73af7684fc3811e1fb4a8379e62917d67"


class Layer(NamedTuple):
    """A row of the network's trace.

    name: as in `named_modules()`. In the file, what follows its block's name: "", ".conv1"; or all of it.
    source: number, within the network, of the layer that gives the input's height and width; -1 is the input.
    rule: what the output's size follows from. One of
        ("conv", kernel, stride, padding, dilation),
        ("pool", kernel, stride, padding, dilation, ceil_mode),
        ("same", kernel, stride): TensorFlow's padding, ceil(size / stride),
        ("adaptive", size): that size whatever comes,
        ("keep",): an elementwise operation or a normalisation,
        ("linear", in_features): takes the flattened input, which must have so many numbers,
        ("fixed",): the size of the input has no part in it.
    after: output channels of a map, or the shape of what is no map, without the batch.
    each: multiply–adds per output position of a map, or in all.
    parameters: trainable numbers. groups: of a convolution, else 1.
    """

    name: str
    source: int
    kind: str
    rule: tuple
    after: int | tuple[int, ...]
    each: int
    parameters: int
    groups: int

    @property
    def is_map(self) -> bool:
        return not isinstance(self.after, tuple)


class Block(NamedTuple):
    """Layers shown as one box: number `first` of the network and those after it.

    channels: of what goes on to the next block. widths: of the parts it is concatenated from, if it is: an Inception
    module's branches, or a dense layer's input and its own maps. shortcut: the block's input is added to its output.
    """

    name: str
    kind: str
    first: int
    layers: tuple[Layer, ...]
    channels: int | tuple[int, ...]
    widths: tuple[int, ...]
    shortcut: bool


class Architecture(NamedTuple):
    """family: networks of one stand together. channels, size: of the input it was designed for. exact: it takes no
    other size. unused: parameters that a prediction does not use, such as GoogLeNet's auxiliary heads."""

    family: str
    name: str
    channels: int
    size: int
    exact: bool
    unused: int
    blocks: tuple[Block, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for block in self.blocks for layer in block.layers)


class Break(NamedTuple):
    """Why a network cannot take an input.

    layer: the number of the first layer that refuses; -1 if the network does before any. block: the same of blocks.
    got, needs: pixels along one axis of a window's input and the least that would do; numbers of a linear layer's
        input and its in_features; or pixels of the picture and the only size that would do.
    """

    layer: int
    block: int
    got: int
    needs: int


class Run(NamedTuple):
    """What an input of one size becomes: shapes of every layer's output, without the batch, None from a break on."""

    shapes: tuple[tuple[int, ...] | None, ...]
    broken: Break | None


@cache
def content() -> dict:
    """The file, as it is."""
    return json.loads(read_packaged(FILE, SHA256))


@cache
def architecture(key: str) -> Architecture:
    """The network of this key, such as "vgg16".

    Raises:
        ValueError: there is none; the message lists the keys.
    """
    networks, shared = content()["networks"], content()["blocks"]
    if key not in networks:
        raise ValueError(f"network must be one of {', '.join(map(repr, networks))}, got {key!r}")
    stored, blocks, first = networks[key], [], 0
    for name, number in stored["blocks"]:
        block = shared[number]
        layers = tuple(
            Layer(
                name + title if title[:1] in ("", ".") else title,
                first + source,
                kind,
                tuple(rule),
                after if isinstance(after, int) else tuple(after),
                *numbers,
            )
            for title, source, kind, rule, after, *numbers in block["layers"]
        )
        channels = block.get("channels", layers[-1].after)
        widths, shortcut = tuple(block.get("widths", ())), block.get("shortcut", False)
        blocks.append(Block(name, block["kind"], first, layers, channels, widths, shortcut))
        first += len(layers)
    facts = (stored[name] for name in Architecture._fields if name != "blocks")
    return Architecture(*facts, tuple(blocks))


def run(key: str, size: int) -> Run:
    """The shape after every layer of a network, for a square input.

    Args:
        key: the network's, such as "vgg16".
        size: the input's height and width in pixels, at least 1.

    Raises:
        ValueError: there is no such network, or size is no such number. (That the network refuses the size is no
            error but an answer: `Run.broken`.)
    """
    network = architecture(key)
    if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
        raise ValueError(f"size must be a whole number of pixels, at least 1, got {size!r}")
    layers = network.layers
    if network.exact and size != network.size:
        return Run((None,) * len(layers), Break(-1, 0, size, network.size))
    shapes = []
    for number, layer in enumerate(layers):
        before = shapes[layer.source] if layer.source >= 0 else (network.channels, size, size)
        refused = _refusal(layer, before)
        if refused:
            block = max(index for index, block in enumerate(network.blocks) if block.first <= number)
            return Run((*shapes, *(None,) * (len(layers) - number)), Break(number, block, *refused))
        shapes.append(_shape_after(layer, before))
    return Run(tuple(shapes), None)


def _refusal(layer: Layer, before: tuple) -> tuple[int, int] | None:
    """(got, needs), or None if the layer takes its input."""
    kind, *numbers = layer.rule
    if kind == "linear":
        return None if prod(before) == numbers[0] else (prod(before), numbers[0])
    if kind in ("conv", "pool"):
        try:
            _window(layer.rule, before[1])
        except ValueError:
            needs = before[1]
            while True:
                needs += 1
                try:
                    _window(layer.rule, needs)
                except ValueError:
                    continue
                return before[1], needs
    return None


def _window(rule: tuple, size: int) -> int:
    kind, *window = rule
    if kind == "conv":
        return conv_output_size(size, *window)
    return pool_output_size(size, *window[:4], ceil_mode=bool(window[4]))


def _shape_after(layer: Layer, before: tuple) -> tuple[int, ...]:
    if not layer.is_map:
        return layer.after
    kind, *numbers = layer.rule
    if kind in ("conv", "pool"):
        size = _window(layer.rule, before[1])
    elif kind == "same":
        size = -(-before[1] // numbers[1])
    elif kind == "adaptive":
        size = numbers[0]
    else:
        size = before[1]
    return layer.after, size, size


def multiply_adds(layer: Layer, shape: tuple) -> int:
    """Of a layer whose output has this shape, for one picture."""
    return layer.each * prod(shape[1:]) if layer.is_map else layer.each


def memory(shape: tuple) -> int:
    """Bytes of an output of this shape in float32, for one picture."""
    return 4 * prod(shape)


@cache
def smallest_size(key: str) -> int:
    """The least size of a square input that the network takes."""
    return next(size for size in range(1, architecture(key).size + 1) if run(key, size).broken is None)

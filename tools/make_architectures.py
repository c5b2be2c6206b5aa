"""Make companion/data/architectures.json: the layers of the book's networks, as the architecture explorer shows them.

    python tools/make_architectures.py

Each network is made on the meta device, without weights, and run once at the input size it was designed for, by the
recorder behind `companion.trace`. The file has no size in it but that one: of every layer it keeps what its output
size follows from. What the file holds is described in `companion.architectures`. Nothing is downloaded.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from companion.models.alexnet import AlexNetOneTower, AlexNetTwoTowers
from companion.models.by_name import BY_NAME
from companion.models.efficientnet import EfficientNetLite0
from companion.models.googlenet import GoogLeNet
from companion.models.lenet import LeNet5, LeNet5Modern
from companion.models.resnet import plain18, plain34, resnet50, small_resnet
from companion.models.scene import PlainNet, ResidualNet
from companion.operations import Field, name_of
from companion.recorder import Recorder
from companion.trace import Row, Trace, trace

TARGET = Path(__file__).resolve().parents[1] / "companion" / "data" / "architectures.json"


class Network(NamedTuple):
    """maker: makes it, without arguments. blocks: {pattern of a module's name: kind of block}; what matches is one box.
    Outside them, a box is a convolution, a pooling or a linear layer with what follows it elementwise; a dropout of
    flattened maps goes with the linear layer after it."""

    family: str
    name: str
    maker: Callable[[], nn.Module]
    blocks: dict[str, str] = {}
    channels: int = 3
    size: int = 224

    def make(self) -> nn.Module:
        with torch.device("meta"):
            return self.maker()


RESNET = {r"layer\d\.\d+": "residual"}
PLAIN = {r"layer\d\.\d+": "plain"}
INCEPTION = {r"inception\d[a-e]": "inception"}
DENSENET = {r"features\.denseblock\d\.denselayer\d+": "dense", r"features\.transition\d": "transition"}
MOBILENET = {r"features\.(?:[1-9]|1[0-7])(?=\.)": "inverted"}
INVERTED = {r"features\.[1-7]\.\d+": "inverted"}
TRANSFORMER = {r"encoder\.layers\.encoder_layer_\d+": "transformer"}
SMALL = {"channels": 1, "size": 28}
SCENE = {"channels": 1, "size": 64}
NETWORKS = {
    "lenet5": Network("LeNet", "LeNet-5", LeNet5, channels=1, size=32),
    "lenet5_modern": Network("LeNet", "LeNet-5, modern", LeNet5Modern, channels=1, size=32),
    "alexnet": Network("AlexNet", "AlexNet", BY_NAME["alexnet"]),
    "alexnet_towers": Network("AlexNet", "AlexNet, two towers", AlexNetTwoTowers, size=227),
    "alexnet_tower": Network("AlexNet", "AlexNet, one tower", AlexNetOneTower, size=227),
    "vgg11": Network("VGG", "VGG-11", BY_NAME["vgg11"]),
    "vgg13": Network("VGG", "VGG-13", BY_NAME["vgg13"]),
    "vgg16": Network("VGG", "VGG-16", BY_NAME["vgg16"]),
    "vgg16_bn": Network("VGG", "VGG-16, batch norm", BY_NAME["vgg16_bn"]),
    "vgg19": Network("VGG", "VGG-19", BY_NAME["vgg19"]),
    "googlenet": Network("GoogLeNet", "GoogLeNet", GoogLeNet, INCEPTION),
    "googlenet_3": Network("GoogLeNet", "GoogLeNet, 3×3 for 5×5", BY_NAME["googlenet"], INCEPTION),
    "resnet18": Network("ResNet", "ResNet-18", BY_NAME["resnet18"], RESNET),
    "resnet34": Network("ResNet", "ResNet-34", BY_NAME["resnet34"], RESNET),
    "resnet50": Network("ResNet", "ResNet-50", BY_NAME["resnet50"], RESNET),
    "resnet50_v1": Network("ResNet", "ResNet-50, v1", partial(resnet50, version="v1"), RESNET),
    "resnet101": Network("ResNet", "ResNet-101", BY_NAME["resnet101"], RESNET),
    "resnet152": Network("ResNet", "ResNet-152", BY_NAME["resnet152"], RESNET),
    "plain18": Network("ResNet", "Plain-18", plain18, PLAIN),
    "plain34": Network("ResNet", "Plain-34", plain34, PLAIN),
    "small_resnet8": Network("ResNet", "Small ResNet-8", partial(small_resnet, 8), RESNET, **SMALL),
    "small_resnet32": Network("ResNet", "Small ResNet-32", partial(small_resnet, 32), RESNET, **SMALL),
    "densenet121": Network("DenseNet", "DenseNet-121", BY_NAME["densenet121"], DENSENET),
    "mobilenet_v2": Network("MobileNet", "MobileNet-V2", BY_NAME["mobilenet_v2"], MOBILENET),
    "efficientnet_b0": Network("EfficientNet", "EfficientNet-B0", BY_NAME["efficientnet_b0"], INVERTED),
    "efficientnet_lite0": Network("EfficientNet", "EfficientNet-Lite0", EfficientNetLite0, INVERTED),
    "vit_b_16": Network("ViT", "ViT-B/16", BY_NAME["vit_b_16"], TRANSFORMER),
    "scene_plain": Network("Scenes", "PlainNet", PlainNet, **SCENE),
    "scene_residual": Network("Scenes", "ResidualNet", ResidualNet, {r"features\.[345]": "residual"}, **SCENE),
}


# Where the input of each layer comes from.


class Origin(NamedTuple):
    """What a tensor is made of: the calls or operations that made its parts, and their widths if they were joined.

    makers: in the order of computation; None is the network's input. widths: channels of what was concatenated.
    added: something was added to something else of the same size.
    """

    makers: tuple
    widths: tuple[int, ...] = ()
    added: bool = False


class SourceRecorder(Recorder):
    """Also notes, for every row to be, the origin of its input: `origins[id(call or step)]`."""

    def __init__(self, model: nn.Module, input_size: tuple[int, int]):
        super().__init__(model, input_size)
        self.origins: dict[int, tuple[Origin, tuple]] = {}

    def _noted(self, name: str, module: nn.Module, forward: Callable) -> Callable:
        def run(*args, **kwargs):
            call = self.under_way[-1]
            data = [tensor for tensor in args if hasattr(tensor, "origin")]
            before = (data[0].origin, tuple(data[0].shape)) if data else None
            output = forward(*args, **kwargs)
            if is_leaf(call) and before:
                self.origins[id(call)] = before
                first = output if isinstance(output, torch.Tensor) else output[0]
                first.origin = Origin((call,))
            return output

        return super()._noted(name, module, run)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        call = self.under_way[-1]
        known = len(call.inside)
        result = super().__torch_dispatch__(func, types, args, kwargs)
        flat = [entry for arg in args for entry in (arg if isinstance(arg, (list, tuple)) else [arg])]
        data = [tensor for tensor in flat if hasattr(tensor, "origin")]
        if not data or not isinstance(result, torch.Tensor):
            return result
        # A factor per channel, as of squeeze and excitation, is not where the positions come from.
        data = [tensor for tensor in data if tensor.shape[-2:] == result.shape[-2:]] or data
        makers = tuple({id(maker): maker for tensor in data for maker in tensor.origin.makers}.values())
        op, several = name_of(func), len(data) > 1
        own = data[0].origin if not several else Origin(makers)
        if op == "cat":
            own = Origin(makers, tuple(tensor.shape[1] for tensor in data))
        elif op == "add" and several:
            own = Origin(makers, added=True)
        if len(call.inside) > known:  # a row, unless the call turns out to be one
            step = call.inside[-1]
            self.origins[id(step)] = (data[0].origin, tuple(data[0].shape))
            own = Origin((step,))
        result.origin = own
        return result


def is_leaf(call) -> bool:
    return not any(hasattr(step, "inside") for step in call.inside)


def leaves(call) -> Iterator:
    """The calls and operations that are rows of the trace, in its order."""
    if hasattr(call, "inside") and not is_leaf(call):
        for step in call.inside:
            yield from leaves(step)
    else:
        yield call


class Layer(NamedTuple):
    """A row of the trace, with its module (None for an operation) and its input's shape.

    sources: numbers of the rows that the input comes from, -1 for the network's input. comes: how many numbers the
    latest of them gives for one picture.
    """

    row: Row
    module: nn.Module | None
    input_shape: tuple
    sources: tuple[int, ...]
    comes: int
    origin: Origin


def layers_of(model: nn.Module, traced: Trace) -> list[Layer]:
    """The rows of the trace with their origins. The model, already on the meta device, is spent by the recorder."""
    input_shape, rows = traced.input_shape, traced.rows
    modules = dict(model.eval().named_modules())
    recorder = SourceRecorder(model, input_shape[2:])
    with torch.no_grad(), torch.device("meta"):
        image = torch.empty(input_shape)
        image.receptive_field, image.origin = Field((1, 1), (1, 1), (0, 0)), Origin((None,))
        with recorder:
            model(image)
    calls = list(leaves(recorder.root))
    numbers = {id(call): number for number, call in enumerate(calls)}
    numbers[id(None)] = -1
    layers = []
    for row, call in zip(rows, calls, strict=True):
        origin, shape = recorder.origins[id(call)]
        sources = tuple(sorted(numbers[id(maker)] for maker in origin.makers))
        module = None if "(functional)" in row.kind else modules[row.name]
        comes = prod(rows[sources[-1]].output_shape) if sources[-1] >= 0 else prod(input_shape)
        layers.append(Layer(row, module, shape, sources, comes, origin))
    return layers


# From a layer to what its output size follows from.


def rule_of(layer: Layer) -> list:
    """How the output follows from the input, see `companion.architectures.Layer.rule`.

    A linear layer that takes one of several tokens has no say in the size: `comes` is what is there to take from.
    """
    row, module = layer.row, layer.module
    before, after = layer.input_shape, row.output_shape
    if row.kernel is not None:
        window = [row.kernel, row.stride, row.padding, row.dilation]
        if type(module).__name__ == "SamePaddingConv2d":
            return ["same", row.kernel, row.stride]
        if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)) or "pool" in row.kind:
            return ["pool", *window, int(bool(getattr(module, "ceil_mode", False)))]
        return ["conv", *window]
    if len(before) == 4 and "adaptive" in row.kind.lower():
        return ["adaptive", after[2]]
    if len(before) == 4 and row.kind.startswith("average"):
        return ["adaptive", 1]
    if len(before) == 4 and before[2:] == after[2:]:
        return ["keep"]
    if len(before) == len(after) == 4:
        raise ValueError(f"{row.name} ({row.kind}): no rule makes {after[2:]} of {before[2:]}")
    if isinstance(module, nn.Linear) and layer.comes == module.in_features:
        return ["linear", module.in_features]
    return ["fixed"]


def described(layer: Layer) -> list:
    """[kind, rule, channels or shape after, multiply–adds per position, parameters, groups]"""
    row = layer.row
    is_map = len(row.output_shape) == 4
    positions = prod(row.output_shape[2:]) if is_map else 1
    each, rest = divmod(row.multiply_adds, positions)
    if rest:
        raise ValueError(f"{row.name}: {row.multiply_adds} multiply–adds are no multiple of {positions} positions")
    after = row.output_shape[1] if is_map else list(row.output_shape[1:])
    kind = row.kind.removesuffix(" (functional)")
    return [kind, rule_of(layer), after, each, row.parameters, getattr(layer.module, "groups", 1)]


def blocks_of(network: Network, layers: list[Layer]) -> list[tuple[str, str, list[int]]]:
    """(name, kind, numbers of its layers) of every box."""
    blocks = []
    waiting = []  # elementwise layers of flattened maps: what follows flattening goes with what follows them
    for number, layer in enumerate(layers):
        found = [(re.match(pattern, layer.row.name), kind) for pattern, kind in network.blocks.items()]
        match, kind = next(((match, kind) for match, kind in found if match), (None, None))
        if match:
            if not blocks or blocks[-1][0] != match[0]:
                blocks.append((match[0], kind, []))
            blocks[-1][2].append(number)
            continue
        rule = rule_of(layer)[0]
        begins = rule not in ("keep", "fixed") or isinstance(layer.module, (nn.LayerNorm, nn.Linear))
        begins = begins or layer.input_shape != layer.row.output_shape
        if not begins and len(layer.input_shape) == 2 and blocks[-1][1] != "linear":
            waiting.append(number)
            continue
        if not blocks or begins or blocks[-1][1] in network.blocks.values():
            kinds = {"same": "conv", "adaptive": "pool", "keep": "other", "fixed": "other"}
            kind = "linear" if isinstance(layer.module, nn.Linear) else kinds.get(rule, rule)
            blocks.append((block_name(layer), kind, waiting))
            waiting = []
        blocks[-1][2].append(number)
    if waiting:
        raise ValueError(f"{network.name}: no layer follows {layers[waiting[0]].row.name}")
    return blocks


def block_name(layer: Layer) -> str:
    """The layer's, or what it does if the network calls a function."""
    if layer.row.name.startswith("("):
        kind = layer.row.kind.removesuffix(" (functional)")
        return "mean" if kind.startswith("average") else kind
    return layer.row.name.removesuffix(".conv")


def pack(network: Network, model: nn.Module, shapes: list, known: dict[str, int]) -> dict:
    """The network, its blocks as [name, number of its entry in `shapes`]. Equal blocks share an entry."""
    traced = trace(model, (network.channels, network.size, network.size))
    layers = layers_of(model, traced)
    blocks = blocks_of(network, layers)
    packed = []
    for index, (name, kind, numbers) in enumerate(blocks):
        first, inside = numbers[0], []
        if numbers != list(range(first, numbers[-1] + 1)):
            raise ValueError(f"{network.name}: the layers of {name} do not follow one another")
        for number in numbers:
            layer = layers[number]
            # All sources have the same size. What comes from before this block has that of the block's input, -1.
            source = max(layer.sources)
            title = layer.row.name.removeprefix(name) if f"{layer.row.name}.".startswith(f"{name}.") else layer.row.name
            inside.append([title, max(source - first, -1), *described(layer)])
        after = layers[blocks[index + 1][2][0]] if index + 1 < len(blocks) else None
        entry = {"kind": kind, "layers": inside}
        if after and len(after.input_shape) == 4 and after.input_shape[1] != inside[-1][4]:
            entry["channels"] = after.input_shape[1]
        if after and after.origin.widths and len(after.input_shape) == 4:
            widths = after.origin.widths
            entry["widths"] = list(widths) if kind == "inception" else [sum(widths[:-1]), widths[-1]]
        if kind in ("residual", "inverted"):
            joined = [layers[number].origin for number in numbers] + ([after.origin] if after else [])
            entry["shortcut"] = any(origin.added for origin in joined[1:])
        text = json.dumps(entry)
        if text not in known:
            known[text] = len(shapes)
            shapes.append(entry)
        packed.append([name, known[text]])
    return {
        "family": network.family,
        "name": network.name,
        "channels": network.channels,
        "size": network.size,
        # What a network refuses before its first layer: every size but one (a position embedding's).
        "exact": getattr(model, "smallest_input", 1) == getattr(model, "largest_input", None),
        "unused": traced.unused,
        "blocks": packed,
    }


def make() -> dict:
    shapes, known = [], {}
    networks = {key: pack(network, network.make(), shapes, known) for key, network in NETWORKS.items()}
    return {"networks": networks, "blocks": shapes}


def write(content: dict) -> bytes:
    """A line per network and per block, so that a change can be read."""

    def compact(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    networks = ",\n".join(f"{compact(key)}:{compact(value)}" for key, value in content["networks"].items())
    blocks = ",\n".join(map(compact, content["blocks"]))
    return f'{{"networks":{{\n{networks}\n}},"blocks":[\n{blocks}\n]}}\n'.encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    content = write(make())
    arguments.output.write_bytes(content)
    print(f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()

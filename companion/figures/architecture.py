"""The architecture explorer: any network of the book at any input size, as a picture of blocks.

The front end computes the shapes itself (`architecture_formula.js`), so that the figure lives on a static page; a test
holds it against `companion.architectures`, which another holds against `companion.trace`.
"""

from functools import cache
from html import escape

import traitlets

from companion.architectures import Run, architecture, content, multiply_adds, run, smallest_size
from companion.figures._base import Choice, IllegalValue, LiveFigure, Whole, source

MEASURES = ("parameters", "multiply_adds", "memory")
LARGEST = 512  # pixels


def _preset(name: str, ko: str, network: str, size: int, block: int | None = None, measure: str = MEASURES[0]) -> dict:
    """block: None is the one that breaks, or the first."""
    if block is None:
        broken = run(network, size).broken
        block = broken.block if broken else 0
    return {"name": name, "ko": ko, "state": {"network": network, "size": size, "block": block, "measure": measure}}


def _number(network: str, name: str) -> int:
    return next(i for i, block in enumerate(architecture(network).blocks) if block.name == name)


@cache
def _presets() -> list[dict]:
    return [
        _preset("LeNet-5, 32", "LeNet-5, 32", "lenet5", 32),
        _preset("LeNet-5, 28: breaks", "LeNet-5, 28: 멈춤", "lenet5", 28),
        _preset("AlexNet, 224", "AlexNet, 224", "alexnet", 224, _number("alexnet", "classifier.1")),
        _preset("AlexNet, 63: just fits", "AlexNet, 63: 겨우 들어감", "alexnet", 63, _number("alexnet", "features.12")),
        _preset("AlexNet, 62: breaks", "AlexNet, 62: 멈춤", "alexnet", 62),
        _preset("Two towers, 227", "두 갈래, 227", "alexnet_towers", 227),
        _preset("Two towers, 224: breaks", "두 갈래, 224: 멈춤", "alexnet_towers", 224),
        _preset("VGG-16, 224: memory", "VGG-16, 224: 메모리", "vgg16", 224, 0, "memory"),
        _preset("VGG-16, 244: a slip for 224", "VGG-16, 244: 224를 잘못 적음", "vgg16", 244, 0, "multiply_adds"),
        _preset("GoogLeNet, module 3a", "GoogLeNet, 모듈 3a", "googlenet", 224, _number("googlenet", "inception3a")),
        _preset("ResNet-50, 224", "ResNet-50, 224", "resnet50", 224, 3, "multiply_adds"),
        _preset("ResNet-50, 32", "ResNet-50, 32", "resnet50", 32, 3, "multiply_adds"),
        _preset("ResNet-152, 224", "ResNet-152, 224", "resnet152", 224, 2),
        _preset("DenseNet-121, 28: breaks", "DenseNet-121, 28: 멈춤", "densenet121", 28),
        _preset("MobileNet-V2, 224: memory", "MobileNet-V2, 224: 메모리", "mobilenet_v2", 224, 2, "memory"),
        _preset("EfficientNet-B0, 224", "EfficientNet-B0, 224", "efficientnet_b0", 224, 2),
        _preset("ViT-B/16, 224", "ViT-B/16, 224", "vit_b_16", 224, 1),
        _preset("ViT-B/16, 256: breaks", "ViT-B/16, 256: 멈춤", "vit_b_16", 256),
    ]


class ArchitectureExplorer(LiveFigure):
    """What happens to an input in a network of the book, block by block, and what does it cost?

    Args:
        network: "vgg16" and the like; the keys of `companion/data/architectures.json`, see `networks()`. Which variants
            are left out, `companion.architectures` says.
        size: the input's height and width in pixels, 1 to 512; without it the one the network was designed for.
        block: number of the block whose layers are listed, from 0.
        measure: what the bars show, "parameters", "multiply_adds" or "memory" (of the activations).
        predict: ask for the side of the last maps before showing it.
        preset: start from the preset of this name; the arguments above go before it.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    All these but `preset` are traits: they follow the controls, and can be set. `block` is kept within what there is.

    Attributes:
        result: `companion.architectures.Run`: the shape after every layer, and what breaks.
        presets: see `LiveFigure`.

    Raises ValueError for a value out of range or an unknown preset.
    """

    _esm = source(
        "_base.js", "architecture_formula.js", "architecture_words.js", "architecture_picture.js", "architecture.js"
    )
    _css = source("_base.css", "architecture.css")

    network = Choice(content()["networks"])
    size = Whole(224, 1, LARGEST)
    block = Whole(0, 0, 999)
    measure = Choice(MEASURES)
    architectures = traitlets.Dict().tag(sync=True)
    # As measured; less room needs more height: below 610 px of page, below 750, and above.
    min_height = traitlets.Unicode(
        "max(65rem, min(91.5rem, (750px - 100vw) * 999), min(118rem, (610px - 100vw) * 999))"
    ).tag(sync=True)

    def __init__(
        self,
        network=None, size=None, block=None, measure=None,
        predict=False, preset=None, name="architecture", lang="",
    ):  # fmt: skip
        state = {"network": "vgg16", "block": 0} | ({} if preset is None else self.preset(preset))
        given = {"network": network, "size": size, "block": block, "measure": measure}
        state |= {trait: value for trait, value in given.items() if value is not None}
        chosen = state.pop("block")
        if "size" not in state and state["network"] in content()["networks"]:
            state["size"] = architecture(state["network"]).size
        super().__init__(**state, architectures=content(), predict=predict, name=name, lang=lang)
        self.block = chosen  # what it may be depends on the network

    @staticmethod
    def networks() -> dict[str, str]:
        """{key: name} of the networks to choose from."""
        return {key: architecture(key).name for key in content()["networks"]}

    @property
    def result(self) -> Run:
        return run(self.network, self.size)

    def __repr__(self) -> str:
        return f"ArchitectureExplorer(network={self.network!r}, size={self.size}, block={self.block})"

    @traitlets.default("presets")
    def _default_presets(self) -> list[dict]:
        return _presets()

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table("en"), "ko": _table("ko")}

    @traitlets.observe("network")
    def _keep_block(self, change: dict) -> None:
        self.block = min(self.block, len(architecture(self.network).blocks) - 1)

    @traitlets.validate("block")
    def _check_block(self, proposal: dict) -> int:
        last = len(architecture(self.network).blocks) - 1
        if proposal["value"] > last:
            raise IllegalValue(f"block must be a whole number from 0 to {last}, got {proposal['value']}")
        return proposal["value"]


HEADINGS = {
    "en": ("Preset", "Input", "Last maps", "Breaks in", "Parameters", "Multiply–adds", "Smallest size"),
    "ko": ("예시", "입력", "마지막 맵", "멈추는 계층", "파라미터", "곱셈-덧셈", "가장 작은 크기"),
}


def last_maps(key: str, size: int) -> tuple[int, int, int] | None:
    """Shape of a network's last maps: what its last adaptive pooling takes, or those after which there are none.

    None if the network does not take the size.
    """
    network, (shapes, broken) = architecture(key), run(key, size)
    if broken:
        return None
    poolings = [layer.source for layer in network.layers if layer.rule[0] == "adaptive"]
    last = poolings[-1] if poolings else max(n for n, layer in enumerate(network.layers) if layer.is_map)
    ends = {block.first + len(block.layers) - 1: block.channels for block in network.blocks}
    channels = ends.get(last)
    return (channels if isinstance(channels, int) else shapes[last][0], *shapes[last][1:])


@cache
def _table(language: str) -> str:
    """The presets as an HTML table."""
    rows = ["".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS[language])]
    for preset in _presets():
        key, size = preset["state"]["network"], preset["state"]["size"]
        network, (shapes, broken) = architecture(key), run(key, size)
        layers = network.layers
        if broken:
            where = network.name if broken.layer < 0 else layers[broken.layer].name
            maps, operations = "–", "–"
        else:
            where = "–"
            maps = " × ".join(map(str, last_maps(key, size)))
            operations = f"{sum(multiply_adds(*pair) for pair in zip(layers, shapes, strict=True)):,}"
        parameters = f"{sum(layer.parameters for layer in layers):,}"
        cells = (f"{size} × {size}", maps, where, parameters, operations, smallest_size(key))
        body = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        rows.append(f'<th scope="row">{escape(preset["ko" if language == "ko" else "name"])}</th>{body}')
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"

"""Mix the maps: a class activation map is a weighted sum of the last feature maps, put together by hand.

CAM_c(x, y) = Σ_k w_k^c A_k(x, y) (Zhou et al. 2016, equation 2), and the class's score is the mean of that map plus
the bias; the paper takes the sum for the mean, and no bias. The front end computes both itself (`map_mixer.js`), so
that the figure lives on a static page; a test holds its arithmetic against PyTorch.
"""

import base64
import io
import math
from collections.abc import Sequence
from html import escape

import torch
import traitlets
from PIL import Image
from torch import Tensor

from companion.figures._base import IllegalValue, LiveFigure, Real, Reals, Whole, source

DIGITS = 6  # significant digits of every number sent to the page
SHORTER_SIDE = 224  # pixels of the photograph sent; a larger one is scaled down
MOST_CHARACTERS = 25_000  # of the photograph as a data URL
LARGEST_GRID = 32  # cells along a side of a map, which the page shows with their numbers


class MapMixer(LiveFigure):
    """Give each feature map a weight, and watch the class activation map and the score come together.

    A network may have a thousand maps, too many for sliders. The figure shows `shown` of them and adds the others as
    one more term, with a switch, so that with the class's own weights and that switch on, the sum is the whole map
    and its mean, plus the bias, is the network's score. What is shown is chosen by |w_k^c · mean A_k|, how much channel
    k adds to the score of class c or takes from it: the two largest of each class, then the largest of all.

    Args:
        image: what the network saw: (3, H, W) in [0, 1], or a PIL image. Sent once, as a JPEG of about 25 kB at most in
            text form, its shorter side at most 224 pixels.
        maps: (C, h, w), the last feature maps A of that image from one forward pass; h and w at most 32.
        weights: (K, C), the rows of the linear layer that belong to the K classes to choose from.
        classes: their K names.
        bias: (K,), the linear layer's biases; without it they are 0.
        names: the K names in other languages, {"ko": [...]}; without it they are `classes`.
        shown: how many channels get a slider, at least 2 K (or all).
        class_index: the class whose own weights, bias and score stand for comparison, counted from 0.
        mix: the `shown` weights to start from; without them all are 0.
        others: add what all other channels contribute to the class.
        relu: set what is negative in the map to 0 before it is laid over the photograph.
        opacity: of the map over the photograph, 0 to 1.
        row, column: the cell whose sum is written out, counted from 0; without them the one in the middle.
        predict: ask for the largest cell before showing the map of a new mix.
        preset: start from the preset of this name; `class_index`, `mix`, `others` and `relu` go before it.
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    Traits that follow the controls and can be set: `class_index`, `mix`, `others`, `relu`, `opacity`, `row`, `column`
    and `predict`. To set `class_index` leaves `mix` as it is; `figure.mix = figure.shown_weights[1]` loads the own
    weights of class 1. For reading, with numbers rounded to 6 significant digits: `channels` (the numbers of the
    channels shown), `shown_maps`, `shown_weights`, `other_maps`, `bias`, `scores` (the network's).

    Raises:
        ValueError: shapes that do not belong together, or a value out of its range.
    """

    _esm = source("_base.js", "map_mixer_words.js", "map_mixer_picture.js", "map_mixer_formula.js", "map_mixer.js")
    _css = source("_base.css", "map_mixer.css")

    class_index = Whole(0, 0, 999)
    mix = Reals()
    others = traitlets.Bool(False).tag(sync=True)
    relu = traitlets.Bool(False).tag(sync=True)
    opacity = Real(0.7, 0, 1)
    row, column = Whole(0, 0, LARGEST_GRID - 1), Whole(0, 0, LARGEST_GRID - 1)

    photograph = traitlets.Unicode().tag(sync=True)  # data URL
    pixels = traitlets.List().tag(sync=True)  # [height, width] of the photograph
    grid = traitlets.List().tag(sync=True)  # [h, w]
    classes = traitlets.List().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    channels = traitlets.List().tag(sync=True)
    shown_maps = traitlets.List().tag(sync=True)  # one list of h·w numbers, row by row, per channel shown
    shown_weights = traitlets.List().tag(sync=True)  # per class, one number per channel shown
    other_maps = traitlets.List().tag(sync=True)  # per class, Σ w_k A_k over the channels not shown
    other_count = traitlets.Int().tag(sync=True)
    bias = traitlets.List().tag(sync=True)
    scores = traitlets.List().tag(sync=True)

    def __init__(
        self, image, maps, weights, classes, bias=None, names=None, name="map-mixer", lang="", *,
        shown=8, class_index=None, mix=None, others=None, relu=None, opacity=0.7, row=None, column=None,
        predict=False, preset=None,
    ):  # fmt: skip
        maps, weights, bias = _checked(maps, weights, bias)
        classes, names = _checked_names(classes, names, len(weights))
        count, height, width = maps.shape
        contributions = weights * maps.mean((1, 2))  # (K, C)
        channels = _choose(contributions, shown)
        is_other = torch.ones(count, dtype=torch.bool)
        is_other[channels] = False
        data = {
            "grid": [height, width],
            "channels": channels,
            "shown_maps": _rounded(maps[channels].flatten(1)),
            "shown_weights": _rounded(weights[:, channels]),
            "other_maps": _rounded(torch.einsum("kc,chw->khw", weights[:, is_other], maps[is_other]).flatten(1)),
            "other_count": count - len(channels),
            "bias": _rounded(bias),
            "scores": _rounded(contributions.sum(1) + bias),
        }
        own = data["shown_weights"]
        limit = _limit(max(abs(weight) for row_ in own for weight in row_))
        ranges = {"class_index": [0, len(own) - 1], "row": [0, height - 1], "column": [0, width - 1]}
        url, pixels = _photograph(image)

        self.presets = _presets(own, contributions[:, channels], channels, classes, names)
        state = {"class_index": 0, "mix": [0.0] * len(channels), "others": False, "relu": False}
        state |= {} if preset is None else self.preset(preset)
        given = {"class_index": class_index, "mix": mix, "others": others, "relu": relu}
        state |= {trait: value for trait, value in given.items() if value is not None}
        super().__init__(
            **data, **state, photograph=url, pixels=pixels, classes=classes, names=names,
            ranges=self.ranges | ranges | {"mix": [-limit, limit]}, opacity=opacity,
            row=height // 2 if row is None else row, column=width // 2 if column is None else column,
            min_height=_min_height([height, width], len(channels)), predict=predict, name=name, lang=lang,
        )  # fmt: skip

    @property
    def cam(self) -> Tensor:
        """The map of the present mix, (h, w) in float64, before any ReLU."""
        cells = torch.tensor(self.mix, dtype=torch.float64) @ torch.tensor(self.shown_maps, dtype=torch.float64)
        if self.others:
            cells += torch.tensor(self.other_maps[self.class_index], dtype=torch.float64)
        return cells.unflatten(0, self.grid)

    @property
    def score(self) -> float:
        """What the present mix would score: the mean of `cam` plus the bias of the class."""
        return self.cam.mean().item() + self.bias[self.class_index]

    def __repr__(self) -> str:
        maps = "×".join(map(str, [len(self.channels) + self.other_count, *self.grid]))
        return (
            f"MapMixer(maps={maps}, shown={len(self.channels)}, classes={tuple(self.classes)},"
            f" class_index={self.class_index}, others={self.others})"
        )

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table(self, "en"), "ko": _table(self, "ko")}

    @traitlets.validate("class_index", "row", "column")
    def _check_whole(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        last = self.ranges[name][1]
        if value > last:
            raise IllegalValue(f"{name} must be a whole number from 0 to {last}, got {value}")
        return value

    @traitlets.validate("mix")
    def _check_mix(self, proposal: dict) -> tuple[float, ...]:
        mix, count = proposal["value"], len(self.channels)
        least, most = self.ranges["mix"]
        if len(mix) != count or not all(least <= weight <= most for weight in mix):
            raise IllegalValue(f"mix must be {count} numbers from {least:g} to {most:g}, got {mix}")
        return mix


def _checked(maps, weights, bias) -> tuple[Tensor, Tensor, Tensor]:
    """The three in float64 on the CPU: (C, h, w), (K, C), (K,)."""

    def numbers(name: str, value) -> Tensor:
        tensor = torch.as_tensor(value).detach().to("cpu", torch.float64)
        if not tensor.isfinite().all():
            raise ValueError(f"{name} must be finite numbers, got inf or nan")
        return tensor

    maps, weights = numbers("maps", maps), numbers("weights", weights)
    shape = tuple(maps.shape)
    if maps.ndim != 3 or not all(1 <= side <= LARGEST_GRID for side in shape[1:]) or shape[0] < 1:
        raise ValueError(f"maps must be (C, h, w) of one image, h and w from 1 to {LARGEST_GRID}, got shape {shape}")
    if weights.ndim != 2 or weights.shape[1] != len(maps) or len(weights) < 1:
        raise ValueError(f"weights must be (K, {len(maps)}) for {len(maps)} maps, got shape {tuple(weights.shape)}")
    bias = torch.zeros(len(weights), dtype=torch.float64) if bias is None else numbers("bias", bias)
    if bias.shape != weights.shape[:1]:
        raise ValueError(f"bias must be ({len(weights)},) for {len(weights)} rows of weights, got {tuple(bias.shape)}")
    return maps, weights, bias


def _checked_names(classes, names, count: int) -> tuple[list[str], dict[str, list[str]]]:
    """Names per class, and in other languages; where there are none, `classes` stand for them."""
    lists = {"classes": list(classes)} | {f"names[{code!r}]": list(words) for code, words in (names or {}).items()}
    for argument, words in lists.items():
        if len(words) != count or len(set(words)) != count or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{argument} must be {count} different names, one per row of weights, got {words!r}")
    return lists["classes"], {"ko": lists["classes"]} | {code: list(words) for code, words in (names or {}).items()}


def _choose(contributions: Tensor, shown: int) -> list[int]:
    """The channels to show: the two of each class that add or take most, then the largest of all.

    Sorted by the class to which a channel matters most, and within it by how much.
    """
    classes, count = contributions.shape
    least = min(2 * classes, count)
    if not isinstance(shown, int) or not least <= shown <= count:
        raise ValueError(f"shown must be a whole number from {least}, two per class, to {count}, got {shown!r}")
    size, matters_to = contributions.abs().max(0)
    chosen = set(contributions.abs().topk(min(2, count)).indices.flatten().tolist())
    by_size = size.argsort(descending=True).tolist()
    chosen |= set([channel for channel in by_size if channel not in chosen][: shown - len(chosen)])
    return sorted(chosen, key=lambda channel: (matters_to[channel].item(), -size[channel].item(), channel))


def _rounded(tensor: Tensor) -> list:
    if tensor.ndim > 1:
        return [_rounded(part) for part in tensor]
    return [float(f"{number:.{DIGITS}g}") for number in tensor.tolist()]


def _limit(largest: float) -> float:
    """A round number with room above the largest weight, where the sliders end."""
    if largest == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    steps = (1.5, 2, 3, 4, 5, 6, 8, 10, 15)
    return float(f"{next(step for step in steps if step * power >= 1.25 * largest) * power:.2g}")


def _photograph(image: Tensor | Image.Image) -> tuple[str, list[int]]:
    """The image as a JPEG data URL, in the best quality that fits, and its [height, width]."""
    if isinstance(image, Tensor):
        if image.ndim != 3 or len(image) != 3 or not -0.01 <= image.min() <= image.max() <= 1.01:
            raise ValueError(
                f"image must be (3, H, W) with values in [0, 1], got {tuple(image.shape)}"
                f" from {image.min():.3g} to {image.max():.3g}"
            )
        rgb = image.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)
        image = Image.fromarray(rgb.permute(1, 2, 0).contiguous().numpy())
    elif not isinstance(image, Image.Image):
        raise ValueError(f"image must be a (3, H, W) tensor or a PIL image, got {type(image).__name__}")
    image = image.convert("RGB")
    scale = min(1, SHORTER_SIDE / min(image.size))
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
    for quality in range(90, 10, -4):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True)
        url = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
        if len(url) <= MOST_CHARACTERS:
            break
    return url, [image.height, image.width]


def _presets(own: list, contributions: Tensor, channels: list[int], classes: list[str], names: dict) -> list[dict]:
    """Own weights of each class; none; the strongest channel of class 0 alone; the negative weights that take most."""
    zeros = [0.0] * len(channels)
    presets = [
        {
            "name": f"real weights: {english}",
            "ko": f"실제 가중치: {korean}",
            "state": {"class_index": index, "mix": own[index], "others": True},
        }
        for index, (english, korean) in enumerate(zip(classes, names["ko"], strict=True))
    ]
    presets.append({"name": "all weights 0", "ko": "모든 가중치 0", "state": {"mix": zeros, "others": False}})
    strongest = contributions[0].argmax().item()
    alone = zeros[:strongest] + [own[0][strongest]] + zeros[strongest + 1 :]
    presets.append(
        {
            "name": "one channel only",
            "ko": "채널 하나만",
            "state": {"class_index": 0, "mix": alone, "others": False},
        }
    )
    against = contributions.clamp(max=0).sum(1).argmin().item()
    negative = [min(weight, 0.0) for weight in own[against]]
    if any(negative):
        presets.append(
            {
                "name": f"negative weights only: {classes[against]}",
                "ko": f"음의 가중치만: {names['ko'][against]}",
                "state": {"class_index": against, "mix": negative, "others": False, "relu": False},
            }
        )
    return presets


def _min_height(grid: Sequence[int], shown: int) -> str:
    """What the figure was measured to need with 8 channels, in rem, below these widths of the page and above them."""
    is_square = grid[1] <= 1.4 * grid[0]  # as in map_mixer.js, which then puts more side by side
    below = {490: 142, 750: 85} if is_square else {490: 116, 610: 106, 750: 74.5}
    card, above = 6.05, 61  # a row of cards: four, two, or on a telephone one, which is lower
    rem = {width: height + (shown - 8) * (4.2 if width == 490 else card / 2) for width, height in below.items()}
    terms = [f"min({height:g}rem, ({width}px - 100vw) * 999)" for width, height in rem.items()]
    return f"max({above + (shown - 8) * card / 4:g}rem, {', '.join(terms)})"


HEADINGS = {
    "en": ("Channel", "Mean of its map", "weight", "adds", "All others", "Bias", "Score"),
    "ko": ("채널", "특징 맵의 평균", "가중치", "더하는 값", "나머지 전체", "편향", "점수"),
}


def _table(figure: MapMixer, language: str) -> str:
    """Each class's own mix as an HTML table: weight and contribution of the channels shown, the rest, the score."""
    channel, mean, weight, adds, others, bias, score = HEADINGS[language]
    names = figure.names["ko"] if language == "ko" else figure.classes
    means = [sum(cells) / len(cells) for cells in figure.shown_maps]
    rows = [[channel, mean, *(f"{name}, {word}" for name in names for word in (weight, adds))]]
    for k, number in enumerate(figure.channels):
        cells = [value for row in figure.shown_weights for value in (row[k], row[k] * means[k])]
        rows.append([number, f"{means[k]:.3g}", *(f"{value:.3g}" for value in cells)])
    other = [sum(cells) / len(cells) for cells in figure.other_maps]
    for heading, values in ((others, other), (bias, figure.bias), (score, figure.scores)):
        rows.append([heading, "", *(cell for value in values for cell in ("", f"{value:.4g}"))])
    head, *body = [[escape(str(cell)) for cell in row] for row in rows]
    lines = ["".join(f'<th scope="col">{cell}</th>' for cell in head)]
    lines += [f'<th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) for row in body]
    return f"<table><tr>{'</tr><tr>'.join(lines)}</tr></table>"

"""The convolution playground: change a kernel's numbers and see what it makes of a photograph.

What a convolutional layer computes is a cross-correlation, y[i, j] = Σ k[u, v] · x[S·i + u − P, S·j + v − P]
(Goodfellow et al. 2016, section 9.1); the convolution of mathematics turns the kernel by 180° first. The front
end computes the output itself (`convolution_formula.js`), so that the figure lives on a static page; a test holds it
against `torch.nn.functional.conv2d`.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from html import escape
from math import isqrt

import numpy as np
import torch
import traitlets
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from companion.data import photograph
from companion.figures._base import Choice, IllegalValue, LiveFigure, Reals, Whole, source
from companion.shapes import conv_output_size

ROWS, COLUMNS = 78, 104  # of the pictures: small enough to send, large enough to recognise
LARGEST_PADDING = 2
MOST_IMAGES = 4
LENGTHS = (9, 25, 27)  # of a kernel: 3×3 and 5×5 on grey, 3×3 on red, green and blue
LARGEST_WEIGHT = 99
DIGITS = 6  # significant digits of a network's weights


class Kernel(Reals):
    """A synchronised kernel, kept as a flat tuple; a nested sequence or a tensor can be assigned."""

    def validate(self, obj: traitlets.HasTraits, value: object) -> tuple[float, ...]:
        with suppress(ValueError):  # a ragged list: refused below, in words
            array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
            value = array.ravel() if array.dtype.kind in "fiu" else value
        numbers = super().validate(obj, value)
        if len(numbers) not in LENGTHS or max(map(abs, numbers)) > LARGEST_WEIGHT:
            raise IllegalValue(
                f"{self.name} must be 9 numbers (3×3 on grey), 25 (5×5 on grey) or 27 (3×3 on red, green and blue),"
                f" each from -{LARGEST_WEIGHT} to {LARGEST_WEIGHT}; got {len(numbers)}: {numbers}"
            )
        return numbers


def _preset(name: str, ko: str, kernel, scale: str = "signed", stride: int = 1) -> dict:
    numbers = np.asarray(kernel, dtype=np.float64).ravel().tolist()
    state = {"kernel": numbers, "scale": scale, "stride": stride, "padding": 0, "flip": False}
    return {"name": name, "ko": ko, "state": state}


# Sobel's operator is in every textbook with its numbers (Gonzalez & Woods 2018, section 3.6, like the Laplacian); the
# blurs and the sharpening sum to 1, so that what is flat stays as it is, and the others to 0.
_BINOMIAL_3, _BINOMIAL_5 = np.array([1, 2, 1]) / 4, np.array([1, 4, 6, 4, 1]) / 16
_SOBEL_X = np.outer([1, 2, 1], [-1, 0, 1])
PRESETS = [
    _preset("identity", "항등", [0, 0, 0, 0, 1, 0, 0, 0, 0], "picture"),
    _preset("box blur 3×3", "상자 블러 3×3", np.full(9, 1 / 9), "picture"),
    _preset("box blur 5×5", "상자 블러 5×5", np.full(25, 1 / 25), "picture"),
    _preset("Gaussian blur 3×3", "가우스 블러 3×3", np.outer(_BINOMIAL_3, _BINOMIAL_3), "picture"),
    _preset("Gaussian blur 5×5", "가우스 블러 5×5", np.outer(_BINOMIAL_5, _BINOMIAL_5), "picture"),
    _preset("Sobel x", "소벨 x", _SOBEL_X),
    _preset("Sobel y", "소벨 y", _SOBEL_X.T),
    _preset("sharpen", "선명하게", [0, -1, 0, -1, 5, -1, 0, -1, 0], "picture"),
    _preset("Laplacian", "라플라시안", [0, 1, 0, 1, -4, 1, 0, 1, 0]),
]
START = "Sobel x"


class ConvolutionPlayground(LiveFigure):
    """Change the numbers of a kernel, its stride and padding, and see what it makes of a photograph.

    A kernel of 9 or 25 numbers slides over the photograph in grey, whose pixels go from 0 to 255. One of 27 numbers is
    three 3×3 kernels, on red, green and blue, whose products are summed: the pixels are then (x − 127)/128, as
    EfficientNet-Lite0 gets them. Padding adds zeros, after that scaling: black around a grey picture, mid-grey around a
    coloured one.

    Args:
        images: {name: image}, one to four: PIL images or tensors (3, H, W) in [0, 1], at least 104 wide and 78 high.
            What is sent of each is the largest part of the middle with sides 4:3, scaled to 104×78. Without it, two
            photographs of `companion.data`.
        names: the names in other languages, {"ko": [...]}; without it they are those of `images`.
        filters: (K, 3, 3, 3), the weights of a network's first layer. The `shown` of largest norm become presets.
        network: the name of that network, for the presets.
        shown: how many filters, 1 to 8.
        image: the name of the image to start from; without it, the first.
        kernel: 9, 25 or 27 numbers, flat or nested, each from -99 to 99.
        stride: 1 to 4.
        padding: zeros on each side, 0 to 2.
        flip: turn the kernel by 180° first: the convolution of mathematics.
        scale: how the output is drawn. "picture": black is 0 and white 255 (for three channels -1 and 1), the rest
            is cut off there; "signed": mid-grey is 0, black and white are -m and m, m the largest |value|.
        row, column: the output pixel whose sum is written out, counted from 0; without them the one in the middle.
            Where the output is smaller, its last row or column is shown.
        predict: ask for the output's size before showing the output.
        preset: start from the preset of this name, which sets stride, padding and flip as well; `kernel`, `stride`,
            `padding`, `flip` and `scale` go before it. Without either, "Sobel x".
        name: tells several figures on one page apart.
        lang: "en", "ko", or "" for the page's language.

    Traits that follow the controls and can be set: `image`, `kernel`, `stride`, `padding`, `flip`, `scale`, `row`,
    `column` and `predict`. Where another kernel, stride or padding changes the output's size, `row` and `column` keep
    their place in the picture.

    Raises:
        ValueError: a value out of its range, or an image or filters of another shape.
    """

    _esm = source(
        "_base.js", "convolution_words.js", "convolution_picture.js", "convolution_formula.js", "convolution.js"
    )
    _css = source("_base.css", "convolution.css")

    image = traitlets.Unicode().tag(sync=True)
    kernel = Kernel(PRESETS[0]["state"]["kernel"])
    stride = Whole(1, 1, 4)
    padding = Whole(0, 0, LARGEST_PADDING)
    flip = traitlets.Bool(False).tag(sync=True)
    scale = Choice(("picture", "signed"))
    row, column = Whole(0, 0, ROWS + 2 * LARGEST_PADDING - 3), Whole(0, 0, COLUMNS + 2 * LARGEST_PADDING - 3)

    images = traitlets.Dict().tag(sync=True)  # {name: the bytes of (78, 104, 3) in base64}
    names = traitlets.Dict().tag(sync=True)
    size = traitlets.List([ROWS, COLUMNS]).tag(sync=True)

    def __init__(
        self, images=None, filters=None, name="convolution", lang="", *,
        names=None, network="EfficientNet-Lite0", shown=6, image=None, kernel=None, stride=None, padding=None,
        flip=None, scale=None, row=None, column=None, predict=False, preset=None,
    ):  # fmt: skip
        if images is None:
            images = {"cat": photograph("chelsea"), "coffee": photograph("coffee")}
            names = {"ko": ["고양이", "커피"]} | (names or {})
        images = _checked_images(images)
        self.presets = PRESETS + _filter_presets(filters, network, shown)
        state = self.preset(START if preset is None else preset)
        given = {"kernel": kernel, "stride": stride, "padding": padding, "flip": flip, "scale": scale}
        state = state | {trait: value for trait, value in given.items() if value is not None}
        super().__init__(
            images=images, names=_checked_names(names, images), image=next(iter(images)) if image is None else image,
            **state, min_height=MIN_HEIGHT, predict=predict, name=name, lang=lang,
        )  # fmt: skip
        rows, columns = self.output_size
        self.row = rows // 2 if row is None else row
        self.column = columns // 2 if column is None else column
        self._placed = (self.output_size, (self.row, self.column))

    @property
    def channels(self) -> int:
        """1, or 3 for a kernel on red, green and blue."""
        return 3 if len(self.kernel) == 27 else 1

    @property
    def weight(self) -> Tensor:
        """The kernel as `conv2d` takes it, (1, channels, F, F) in float64, turned if `flip` says so."""
        weight = _weight(self.kernel)
        return weight.flip(2, 3) if self.flip else weight

    @property
    def pixels(self) -> Tensor:
        """What the kernel slides over, (channels, 78, 104) in float64."""
        return _pixels(self.images[self.image], self.channels)

    @property
    def output_size(self) -> tuple[int, int]:
        """Rows and columns of the output, from `companion.shapes`."""
        return conv_output_size((ROWS, COLUMNS), self.weight.shape[-1], self.stride, self.padding)

    @property
    def output(self) -> Tensor:
        """The output, (rows, columns) in float64, from `conv2d`."""
        return F.conv2d(self.pixels[None], self.weight, stride=self.stride, padding=self.padding)[0, 0]

    def __repr__(self) -> str:
        kernel = "3×3×3" if self.channels == 3 else "×".join(2 * [str(self.weight.shape[-1])])
        return (
            f"ConvolutionPlayground(image={self.image!r}, kernel={kernel}, stride={self.stride}, padding="
            f"{self.padding}, flip={self.flip})"
        )

    @traitlets.default("fallback")
    def _fallback(self) -> dict:
        return {"en": _table(self, "en"), "ko": _table(self, "ko")}

    _placed = None  # output size, and row and column, when last seen

    @traitlets.observe("kernel", "stride", "padding", "row", "column")
    def _keep_place(self, change: dict) -> None:
        seen, size = self._placed, self.output_size
        if seen is None:
            return
        place = (self.row, self.column)
        self._placed = (size, place)
        if size == seen[0]:
            return
        # A row or column that came together with the change stays, such as the page's, which moves it itself.
        self.row, self.column = (
            moved(now, *sizes) if now == then else now
            for now, then, sizes in zip(place, seen[1], zip(seen[0], size, strict=True), strict=True)
        )

    @traitlets.validate("image")
    def _check_image(self, proposal: dict) -> str:
        if proposal["value"] not in self.images:
            names = ", ".join(map(repr, self.images))
            raise IllegalValue(f"image must be one of {names}, got {proposal['value']!r}")
        return proposal["value"]


def moved(place: int, before: int, after: int) -> int:
    """Where on an axis of `after` output pixels the one at `place` of `before` lies, ends on ends; a half rounds up."""
    gaps = before - 1
    return (2 * min(place, gaps) * (after - 1) + gaps) // (2 * gaps)


def _weight(kernel: Sequence[float]) -> Tensor:
    """(1, channels, F, F) in float64."""
    channels = 3 if len(kernel) == 27 else 1
    side = isqrt(len(kernel) // channels)
    return torch.tensor(kernel, dtype=torch.float64).reshape(1, channels, side, side)


def _pixels(encoded: str, channels: int) -> Tensor:
    """(channels, 78, 104) in float64: grey from 0 to 255, by the formula of ITU-R BT.601, or RGB as (x − 127)/128."""
    rgb = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(ROWS, COLUMNS, 3)
    if channels == 3:
        return torch.from_numpy((rgb.astype(np.float64) - 127) / 128).permute(2, 0, 1)
    return torch.from_numpy(np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.float64))[None]


def _checked_images(images: Mapping[str, Image.Image | Tensor]) -> dict[str, str]:
    if not isinstance(images, Mapping) or not 1 <= len(images) <= MOST_IMAGES:
        raise ValueError(f"images must be 1 to {MOST_IMAGES} images by name, {{name: image}}, got {images!r}")
    return {str(name): _bytes(f"images[{name!r}]", image) for name, image in images.items()}


def _bytes(argument: str, image: Image.Image | Tensor) -> str:
    """The middle of the image, 104×78, as (row, column, RGB) bytes in base64."""
    if isinstance(image, Tensor):
        if image.ndim != 3 or len(image) != 3 or not -0.01 <= image.min() <= image.max() <= 1.01:
            raise ValueError(
                f"{argument} must be (3, H, W) with values in [0, 1], got {tuple(image.shape)}"
                f" from {image.min():.3g} to {image.max():.3g}"
            )
        rgb = image.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)
        image = Image.fromarray(rgb.permute(1, 2, 0).contiguous().numpy())
    elif not isinstance(image, Image.Image):
        raise ValueError(f"{argument} must be a (3, H, W) tensor or a PIL image, got {type(image).__name__}")
    if image.width < COLUMNS or image.height < ROWS:
        size = f"{image.width}×{image.height}"
        raise ValueError(f"{argument} must be at least {COLUMNS} wide and {ROWS} high, got {size}")
    small = ImageOps.fit(image.convert("RGB"), (COLUMNS, ROWS), Image.Resampling.LANCZOS)
    return base64.b64encode(small.tobytes()).decode()


def _checked_names(names: Mapping[str, Iterable[str]] | None, images: Mapping) -> dict[str, list[str]]:
    """The names in English and in other languages."""
    lists = {code: list(words) for code, words in (names or {}).items()}
    for code, words in lists.items():
        if len(words) != len(images) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"names[{code!r}] must be {len(images)} names, one per image, got {words!r}")
    return {"en": list(images), "ko": list(images)} | lists


def _filter_presets(filters: Tensor | None, network: str, shown: int) -> list[dict]:
    """The filters of largest norm, the largest first, with the stride of the layer they come from."""
    if filters is None:
        return []
    filters = torch.as_tensor(filters).detach().to("cpu", torch.float64)
    if filters.ndim != 4 or filters.shape[1:] != (3, 3, 3) or not filters.isfinite().all():
        raise ValueError(f"filters must be finite numbers of shape (K, 3, 3, 3), got shape {tuple(filters.shape)}")
    if isinstance(shown, bool) or not isinstance(shown, int) or not 1 <= shown <= 8:
        raise ValueError(f"shown must be a whole number from 1 to 8, got {shown!r}")
    numbers = filters.flatten(1).norm(dim=1).argsort(descending=True)[:shown].tolist()
    presets = []
    for number in numbers:
        kernel = [float(f"{weight:.{DIGITS}g}") for weight in filters[number].flatten().tolist()]
        presets.append(_preset(f"{network} filter {number}", f"{network} 필터 {number}", kernel, stride=2))
    return presets


# What the figure was measured to need: the controls and words, in rem, and the pictures, which grow with the page.
# Below a width of 610 pixels these stand one above the other, below 750 the controls come after the window.
MIN_HEIGHT = (
    "max(46.7rem + min(37.96vw, 370.6px), min(72.1rem + 37.96vw, (750px - 100vw) * 999),"
    " min(78.4rem + 151.85vw, (610px - 100vw) * 999), min(83.6rem + 151.85vw, (490px - 100vw) * 999))"
)

HEADINGS = {
    "en": ("Kernel", "Stride", "Padding", "Output, rows × columns", "Smallest value", "Largest value"),
    "ko": ("커널", "스트라이드", "패딩", "출력, 행 × 열", "최솟값", "최댓값"),
}


def _table(figure: ConvolutionPlayground, language: str) -> str:
    """What each preset makes of the first image, as an HTML table."""
    encoded = next(iter(figure.images.values()))
    rows = [HEADINGS[language]]
    for preset in figure.presets:
        state = preset["state"]
        weight = _weight(state["kernel"])
        steps = {key: state[key] for key in ("stride", "padding")}
        output = F.conv2d(_pixels(encoded, weight.shape[1])[None], weight, **steps)[0, 0]
        size = "{} × {}".format(*output.shape)
        label = preset["ko"] if language == "ko" else preset["name"]
        rows.append((label, *steps.values(), size, f"{output.min():.4g}", f"{output.max():.4g}"))
    head, *body = [[escape(str(cell)) for cell in row] for row in rows]
    lines = ["".join(f'<th scope="col">{cell}</th>' for cell in head)]
    lines += [f'<th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) for row in body]
    return f"<table><tr>{'</tr><tr>'.join(lines)}</tr></table>"

"""Figures that more than one chapter draws, and `subplots` for those that only one does.

Every function returns a matplotlib `Figure`. End a cell with the call, and the notebook shows it, once; give it a
name instead, and nothing is shown until the name ends a cell, or `savefig` is called.

Figures have a white ground of their own, so that they read the same on light and dark pages, and the colours of
Okabe & Ito ("Color Universal Design", 2008), which colour-blind readers can tell apart; lines differ in more than
colour.
"""

import functools
import io
import itertools
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from companion.cam import overlay
from companion.history import History

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)

STYLE = {
    "figure.facecolor": "white",
    "figure.dpi": 144,  # 7 inches are 1,008 pixels: sharp on a projector
    "figure.constrained_layout.use": True,
    "axes.facecolor": "white",
    "axes.edgecolor": "black",
    "axes.labelcolor": "black",
    "text.color": "black",
    "xtick.color": "black",
    "ytick.color": "black",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "font.size": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
}


class PageFigure(Figure):
    """A figure that shows itself in few bytes: a PNG of at most 128 colours or, if it has photographs, a JPEG."""

    photographs = False  # they need all their colours, which a PNG keeps at ten times the size

    def _ipython_display_(self) -> None:
        from IPython.display import display  # here, because only a notebook has it

        drawing, small = io.BytesIO(), io.BytesIO()
        self.savefig(drawing, format="png")
        image = Image.open(drawing).convert("RGB")
        if self.photographs:
            kind = "jpeg"
            image.save(small, kind, quality=82, optimize=True, progressive=True)
        else:
            kind = "png"
            image = image.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            image.save(small, kind, optimize=True)
        display({f"image/{kind}": small.getvalue(), "text/plain": repr(self)}, raw=True)


def _drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the book's style, whatever the notebook's is.

    The figure is closed for pyplot: notebooks show every open one when a cell ends, that is, a second time.
    """

    @functools.wraps(draw)
    def figure(*args, **kwargs) -> Figure:
        with plt.rc_context(STYLE):
            result = draw(*args, **kwargs)
            interactive = plt.isinteractive()
        plt.interactive(interactive)  # a notebook's first figure turns it on, and rc_context turned it back
        plt.close(result)
        return result

    return figure


def _subplots(*args, **kwargs):
    return plt.subplots(*args, FigureClass=PageFigure, **kwargs)


def subplots(rows: int = 1, columns: int = 1, **kwargs):
    """As `plt.subplots`, in the book's style: returns (figure, axes). End the cell with the figure to show it."""
    axes = None

    @_drawn
    def draw() -> Figure:
        nonlocal axes
        figure, axes = _subplots(rows, columns, **kwargs)
        return figure

    return draw(), axes


@_drawn
def image_grid(images: torch.Tensor, titles: Sequence[object] | None = None, columns: int = 8) -> Figure:
    """Draw images side by side, row by row.

    Args:
        images: (N, 1, H, W) or (N, H, W) in grey, 0 black and 1 white, or (N, 3, H, W) in colour.
        titles: one text above each image.
        columns: images per row.

    Raises:
        ValueError: `images` has another shape, or there are not as many titles as images.
    """
    images = images.detach().cpu().numpy()
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(
            f"images must be (N, 1, H, W), (N, H, W) or (N, 3, H, W), N > 0, got {images.shape}"
        )
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles must have one entry per image: {len(images)}, got {len(titles)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = 7 / max(columns, 6)  # inches: the whole grid is at most 7 wide
    height = side * images.shape[2] / images.shape[3] + (0.22 if titles is not None else 0.04)
    figure, axes = _subplots(rows, columns, figsize=(columns * side, rows * height), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if titles is not None:
            axis.set_title(str(titles[i]), fontsize=9, pad=2)
    figure.photographs = images.shape[1] == 3
    return figure


def _panel(pictures: int, titles: Sequence[object] | None, columns: int, shape: tuple[int, int]):
    """A 7-inch-wide grid of axes without frames for pictures of `shape` (height, width), titled."""
    if titles is not None and len(titles) != pictures:
        raise ValueError(f"titles must have one entry per picture: {pictures}, got {len(titles)}")
    columns = min(columns, pictures)
    rows = -(-pictures // columns)
    side = 7 / max(columns, 3)
    lines = 0 if titles is None else max(str(title).count("\n") + 1 for title in titles)
    height = side * shape[0] / shape[1] + 0.08 + 0.17 * lines
    figure, axes = _subplots(rows, columns, figsize=(columns * side, rows * height), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if titles is not None and i < pictures:
            axis.set_title(str(titles[i]), fontsize=9, pad=4)
    return figure, axes.flat


@_drawn
def heatmap_panel(
    images: torch.Tensor, maps: torch.Tensor | None = None, titles: Sequence[object] | None = None, columns: int = 4
) -> Figure:
    """Draw pictures side by side, each with its heat map laid over it.

    Args:
        images: (N, 3 or 1, H, W) from 0 to 1; or one picture (1, …) for all the maps.
        maps: (N, H, W) from 0 to 1, as `companion.cam.heatmaps` gives them. A map of 0 shows the picture itself;
            None: all are shown as they are.
        titles: one text above each; it may have several lines.
        columns: pictures per row; three columns or fewer are drawn a third of the page wide.

    Raises:
        ValueError: shapes or titles do not go together.
    """
    images = images.detach().cpu()
    maps = torch.zeros(len(images), *images.shape[-2:]) if maps is None else maps.detach().cpu()
    drawn = overlay(images.expand(len(maps), -1, -1, -1) if len(images) == 1 else images, maps)
    figure, axes = _panel(len(drawn), titles, columns, drawn.shape[-2:])
    for axis, picture in zip(axes, drawn.clamp(0, 1), strict=False):
        axis.imshow(picture.movedim(0, -1).numpy())
    figure.photographs = images.shape[1] == 3
    return figure


@_drawn
def cells(
    maps: torch.Tensor, titles: Sequence[object] | None = None, columns: int = 4, numbers: str | None = None
) -> Figure:
    """Draw signed maps (N, h, w) as what they are, h×w numbers: orange above 0, purple below, white at 0.

    Args:
        maps: one scale for all of them, so that they can be compared.
        titles, columns: as `heatmap_panel`.
        numbers: a format such as "{:.1f}" writes each number into its cell.
    """
    maps = maps.detach().cpu()
    largest = maps.abs().max().item() or 1.0
    figure, axes = _panel(len(maps), titles, columns, maps.shape[-2:])
    size = min(10, max(7, 40 / maps.shape[-1]))
    for axis, values in zip(axes, maps.tolist(), strict=False):
        image = axis.imshow(values, cmap="PuOr_r", vmin=-1.25 * largest, vmax=1.25 * largest)
        for row, line in enumerate(values if numbers else []):
            for column, value in enumerate(line):
                red, green, blue, _ = image.to_rgba(value)
                colour = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.45 else "white"
                axis.text(column, row, numbers.format(value), ha="center", va="center", fontsize=size, color=colour)
    return figure


@_drawn
def curves(histories: History | Mapping[str, History]) -> Figure:
    """Draw loss and accuracy by epoch: of one run, or of several with a name each (seeds, variants).

    Training is dashed, validation solid. A history without validation has dashed lines only.
    """
    runs = {"": histories} if isinstance(histories, History) else histories
    figure, axes = _subplots(1, 2, figsize=(7, 2.8))
    for axis, quantity, factor in ((axes[0], "loss", 1), (axes[1], "accuracy", 100)):
        for (name, history), colour in zip(runs.items(), itertools.cycle(COLOURS), strict=False):
            for part, line, marker in (("train", "--", "o"), ("validation", "-", "s")):
                column = f"{part}_{quantity}"
                if column not in history.columns:
                    continue
                label = {"train": "training"}.get(part, part)
                axis.plot(
                    history["epoch"],
                    factor * np.array(history[column]),
                    line,
                    marker=marker,
                    markersize=4,
                    color=colour if name or part == "train" else VERMILION,
                    label=f"{name}, {label}" if name else label,
                )
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(axis="y", color="0.9")
    axes[0].set_ylabel("mean loss")
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylabel("accuracy (%)")
    axes[1].legend(loc="lower right")
    return figure


@_drawn
def confusion(matrix: torch.Tensor, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix (K, K), row: label, column: prediction, with the mistakes in colour.

    The diagonal stays white: next to its large numbers all mistakes would look equally rare.

    Raises:
        ValueError: `matrix` is not K × K for K = len(classes).
    """
    matrix = matrix.cpu().numpy()
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(f"matrix must be {len(classes)}×{len(classes)}, got shape {matrix.shape}")
    size = min(7.0, 1.0 + 0.38 * len(classes))
    figure, axis = _subplots(figsize=(size, size))
    mistakes = np.where(np.eye(len(classes)), 0, matrix)
    # colours end in the middle of their scale, where black is still read on them
    axis.imshow(np.ma.masked_equal(mistakes, 0), cmap="Oranges", vmin=0, vmax=2 * max(1, mistakes.max()))
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            if count:
                weight = "bold" if row == column else "normal"
                axis.text(column, row, f"{count:g}", ha="center", va="center", fontsize=9, weight=weight)
    axis.set_xticks(range(len(classes)), classes)
    axis.set_yticks(range(len(classes)), classes)
    axis.set_xlabel("predicted")
    axis.set_ylabel("label")
    return figure


@_drawn
def bars(values: Mapping[str, float], label: str, numbers: str = "{:,.0f}") -> Figure:
    """Draw one horizontal bar per named value, the first on top, with its number at the end.

    Args:
        values: name: value, from 0 upwards.
        label: what the values are, with their unit.
        numbers: a format for the number, such as "{:.1%}".
    """
    figure, axis = _subplots(figsize=(7, 0.6 + 0.28 * len(values)))
    drawn = axis.barh(list(values), list(values.values()), color=BLUE, height=0.7)
    axis.bar_label(drawn, [numbers.format(value) for value in values.values()], padding=3, fontsize=9)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel(label)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter("{x:,g}")
    return figure


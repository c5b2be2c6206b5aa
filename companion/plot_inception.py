"""Chapter 6's picture of an Inception module, naive and with reductions, with the numbers of one row of table 1."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from companion.plot import BLUE, ORANGE, SKY, subplots

WIDTH, HEIGHT = 0.9, 0.62  # of a box; columns and rows are 1 apart
PALE = {"1×1": "#fbe6bf", "window": "#d5e8f4", "pooling": "#e8e8e8", "map": "white"}
EDGE = {"1×1": ORANGE, "window": BLUE, "pooling": "0.4", "map": "black"}


def inception_modules(
    in_channels: int, ones: int, threes_reduced: int, threes: int, fives_reduced: int, fives: int, pooled: int
) -> Figure:
    """Draw figure 2 of Szegedy et al. 2015 (arXiv:1409.4842): (a) the naive module, (b) the one with reductions.

    Arguments as `companion.models.googlenet.Inception` takes them. Each arrow has its number of channels beside it and
    is as wide as they are many; the pictures run from the top down.
    """
    figure, axes = subplots(1, 2, figsize=(7, 4.1))
    _draw(axes[0], "naive (figure 2a)", in_channels, [
        [("1×1", "1×1", ones)], [("3×3", "window", threes)], [("5×5", "window", fives)],
        [("max\n3×3", "pooling", in_channels)],
    ])  # fmt: skip
    _draw(axes[1], "with reductions (figure 2b)", in_channels, [
        [("1×1", "1×1", ones)],
        [("1×1", "1×1", threes_reduced), ("3×3", "window", threes)],
        [("1×1", "1×1", fives_reduced), ("5×5", "window", fives)],
        [("max\n3×3", "pooling", in_channels), ("1×1", "1×1", pooled)],
    ])  # fmt: skip
    return figure


def _draw(axis: Axes, title: str, in_channels: int, branches: list[list[tuple[str, str, int]]]) -> None:
    """branches: each a list of (text, kind of box, channels out), first layer first."""
    out = 4.2  # depth of the joined map
    _box(axis, 1.5, 0, "map that comes in", "map", width=3.9)
    for x, branch in enumerate(branches):
        start, channels = HEIGHT / 2, in_channels
        depths = [2.1] if len(branch) == 1 else [1.4, 2.8]
        for (text, kind, after), depth in zip(branch, depths, strict=True):
            _arrow(axis, x, start, depth - HEIGHT / 2, channels)
            _box(axis, x, depth, text, kind)
            start, channels = depth + HEIGHT / 2, after
        _arrow(axis, x, start, out - HEIGHT / 2, channels)
    _box(axis, 1.5, out, "side by side, as channels", "map", width=3.9)
    axis.set(title=title, xlim=(-0.5, 3.75), ylim=(out + 0.4, -0.4))
    axis.axis("off")


def _box(axis: Axes, x: float, y: float, text: str, kind: str, width: float = WIDTH * 0.8) -> None:
    axis.add_patch(
        Rectangle((x - width / 2, y - HEIGHT / 2), width, HEIGHT, facecolor=PALE[kind], edgecolor=EDGE[kind])
    )
    axis.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(axis: Axes, x: float, start: float, end: float, channels: int) -> None:
    axis.plot([x, x], [start, end], color=SKY, linewidth=channels / 16, solid_capstyle="butt")
    axis.text(x + 0.04 + channels / 16 / 2 / 50, (start + end) / 2, f"{channels}", va="center", fontsize=9)

"""Figures of chapter 2: a window at work, the windows of a row counted, an equation of matrices, and what one output of
a stack can see."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from companion.plot import BLUE, ORANGE, SKY, VERMILION, subplots

Layer = tuple[int, int, int, int]


def window_step(picture: torch.Tensor, kernel: torch.Tensor, output: torch.Tensor, row: int, column: int) -> Figure:
    """Draw one step of a convolution in numbers: the window on the picture, the kernel, the output with one cell asked.

    Args:
        picture: (H, W), kernel: (F, F), output: (h, w); their numbers are written as whole ones.
        row, column: of the output, counted from 0; the window (stride 1, no padding) starts at the same place.

    Raises:
        ValueError: the output has no such cell.
    """
    if not (0 <= row < len(output) and 0 <= column < output.shape[1]):
        height, width = output.shape
        raise ValueError(
            f"row, column must be from 0, 0 to {height - 1}, {width - 1}, a cell of the output, got {row}, {column}"
        )
    side = kernel.shape[0]
    grids = [("picture", picture, side), ("kernel", kernel, 0), ("output", output, 1)]
    widths = [grid.shape[1] for _, grid, _ in grids]
    figure, axes = subplots(1, 3, figsize=(7, 7.2 * max(len(grid) for _, grid, _ in grids) / (sum(widths) + 2)),
                            width_ratios=widths)  # fmt: skip
    for axis, (title, grid, outlined) in zip(axes, grids, strict=True):
        height, width = grid.shape
        axis.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, -0.05), aspect="equal")
        axis.set_title(title, fontsize=10)
        axis.axis("off")
        for y, line in enumerate(grid.tolist()):
            for x, value in enumerate(line):
                inside = outlined and 0 <= y - row < outlined and 0 <= x - column < outlined
                axis.add_patch(Rectangle((x, y), 1, 1, facecolor="#FBE3B5" if inside else "white", edgecolor="0.7"))
                asked = title == "output" and inside
                axis.text(x + 0.5, y + 0.5, "?" if asked else f"{value:.0f}", ha="center", va="center", fontsize=9)
        if outlined:
            axis.add_patch(Rectangle((column, row), outlined, outlined, fill=False, edgecolor=VERMILION, lw=2.5,
                                     clip_on=False))  # fmt: skip
    return figure


def windows(rows: Mapping[str, tuple[int, Sequence[Sequence[int]]]], columns: int = 2) -> Figure:
    """Draw rows of pixels with the windows that read them, a window below the other.

    A cell of the row is white if it is a pixel, grey if it is padding, and hatched if it is a pixel that no window
    reads. Below it each window is a line of squares, one for every position that it reads.

    Args:
        rows: title: (how many pixels, the windows). A window is its positions: 0 is the first pixel, a negative
            one, or one from the number of pixels upwards, is padding.
        columns: panels side by side.
    """
    first = min(0, *(p for _, found in rows.values() for window in found for p in window))
    last = max(size - 1 for size, _ in rows.values())
    last = max(last, *(p for _, found in rows.values() for window in found for p in window))
    counts = [len(found) for _, found in rows.values()]
    deep = [max(counts[start : start + columns]) + 1.9 for start in range(0, len(counts), columns)]  # by line
    figure, axes = subplots(len(deep), columns, figsize=(7, 0.35 * len(deep) + 0.2 * sum(deep)), squeeze=False,
                            height_ratios=deep)  # fmt: skip
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, (title, (size, found))) in enumerate(zip(axes.flat, rows.items(), strict=False)):
        _draw_row(axis, size, found)
        axis.set(xlim=(first - 0.2, last + 1.2), ylim=(deep[number // columns] - 0.2, -0.2))
        axis.set_title(title, fontsize=9, loc="left")
    return figure


def _draw_row(axis: Axes, size: int, found: Sequence[Sequence[int]]) -> None:
    read = {position for window in found for position in window}
    for position in range(min(0, *read), max(size, *(p + 1 for p in read))):
        pixel = 0 <= position < size
        unread = pixel and position not in read
        ground, edge, hatch = "white" if pixel else "0.85", VERMILION if unread else "0.3", "/////" if unread else None
        axis.add_patch(Rectangle((position, 0), 1, 1, facecolor=ground, edgecolor=edge, hatch=hatch))
        if pixel and not unread:
            axis.text(position + 0.5, 0.53, str(position), ha="center", va="center", fontsize=9)
    for number, window in enumerate(found):
        y = 1.5 + number
        axis.plot([window[0] + 0.5, window[-1] + 0.5], [y, y], color=BLUE, lw=1, zorder=0)
        for position in window:
            axis.add_patch(Rectangle((position + 0.1, y - 0.3), 0.8, 0.6, facecolor=SKY, edgecolor=BLUE))


def equation(terms: Sequence[tuple[str, str, torch.Tensor]], numbers: str | None = None) -> Figure:
    """Draw matrices side by side as an equation, each number a cell: the larger, the darker.

    Args:
        terms: from left to right (sign, name, matrix); the sign stands before the matrix. Each matrix (rows, columns)
            has shades of its own, from its least number to its largest.
        numbers: a format such as "{:.0f}" writes each number into its cell.
    """
    height = max(len(values) for _, _, values in terms)
    width = sum(values.shape[1] for _, _, values in terms) + 2 * len(terms)
    figure, axis = subplots(figsize=(7, min(7 * (height + 1.8) / width, 4)))
    left = 0
    for sign, name, values in terms:
        rows, columns = values.shape
        low, high = values.min().item(), values.max().item()
        span = (high - low) or 1.0
        top = -rows / 2
        axis.text(left - 1, 0, sign, ha="center", va="center", fontsize=16)
        axis.text(left + columns / 2, top - 0.3, f"{name}: {rows}×{columns}", ha="center", va="bottom")
        edges = [left + column for column in range(columns + 1)], [top + row for row in range(rows + 1)]
        axis.pcolormesh(*edges, values, cmap="Oranges", vmin=low - 0.25 * span, vmax=high + 0.5 * span,
                        edgecolors="white", linewidth=1)  # fmt: skip
        for row, line in enumerate(values.tolist() if numbers else []):
            for column, value in enumerate(line):
                axis.text(left + column + 0.5, top + row + 0.5, numbers.format(value), ha="center", va="center",
                          fontsize=9)  # fmt: skip
        left += columns + 2
    axis.set(xlim=(-1.5, left - 1), ylim=(height / 2 + 0.1, -height / 2 - 1.6), aspect="equal")
    axis.axis("off")
    return figure


def field(layers: Sequence[Layer], size: int, output: int) -> Figure:
    """Draw a stack of windows as rows of cells, input below, and colour all that one output depends on.

    Args:
        layers: first layer first, each (kernel, stride, padding, dilation).
        size: pixels of the input.
        output: the output's index, counted from 0.
    """
    sizes = [size]
    for kernel, stride, padding, dilation in layers:
        sizes.append((sizes[-1] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    jumps, starts = [1], [0.0]
    for kernel, stride, padding, dilation in layers:  # the centre of cell i is starts + i·jump, in pixels
        starts.append(starts[-1] + (dilation * (kernel - 1) / 2 - padding) * jumps[-1])
        jumps.append(jumps[-1] * stride)
    figure, axis = subplots(figsize=(7, 0.6 + 0.55 * len(sizes)))
    seen = {output}
    for level in range(len(layers), -1, -1):
        y = len(layers) - level
        for cell in range(sizes[level]):
            x = starts[level] + cell * jumps[level]
            axis.add_patch(Rectangle((x - 0.42, y - 0.3), 0.84, 0.6, facecolor=ORANGE if cell in seen else "white",
                                     edgecolor="0.3"))  # fmt: skip
        kernel, stride, padding, dilation = layers[max(level, 1) - 1]
        name = f"layer {level}: window {kernel}, stride {stride}" if level else "input"
        count = sum(0 <= cell < sizes[level] for cell in seen)
        axis.text(size + 0.2, y, f"{name}\n{count} of {sizes[level]}", va="center", fontsize=9)
        if level:
            below = set()
            for cell in seen:
                for tap in range(kernel):
                    under = cell * stride - padding + tap * dilation
                    below.add(under)
                    if 0 <= cell < sizes[level] and 0 <= under < sizes[level - 1]:
                        axis.plot([starts[level] + cell * jumps[level], starts[level - 1] + under * jumps[level - 1]],
                                  [y + 0.3, y + 0.7], color=ORANGE, lw=1)  # fmt: skip
            seen = below
    axis.set(xlim=(-0.8, size + 6.5), ylim=(len(layers) + 0.6, -0.6))
    axis.axis("off")
    return figure

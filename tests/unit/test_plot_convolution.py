"""The figures of chapter 2 show what they say: numbers in their cells, the unread hatched, the field coloured."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from companion.plot import ORANGE
from companion.plot_convolution import equation, field, window_step, windows
from companion.shapes import conv_output_size, receptive_field, unread

PICTURE = torch.arange(25.0).view(5, 5)
KERNEL = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
W, X = torch.arange(6.0).view(2, 3), torch.arange(-6.0, 6).view(3, 4)
STACK = [(3, 1, 0, 1), (3, 2, 1, 1), (2, 1, 0, 2)]


def row(size, kernel, stride=1, padding=0, dilation=1):
    outputs = range(conv_output_size(size, kernel, stride, padding, dilation))
    return size, [[i * stride - padding + j * dilation for j in range(kernel)] for i in outputs]


def step():
    output = F.conv2d(PICTURE[None, None], KERNEL[None, None])[0, 0]
    return window_step(PICTURE, KERNEL, output, 1, 2)


FIGURES = {
    "step": step,
    "windows": lambda: windows({"plain": row(8, 3), "stride 2, padding 1": row(8, 3, 2, 1), "far": row(9, 3, 2, 0, 2)}),
    "field": lambda: field(STACK, 15, 2),
    "equation": lambda: equation([("", "Y", W @ X), ("=", "W", W), ("·", "X", X)], numbers="{:.0f}"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_texts_can_be_read_and_nothing_is_cut_off(name):
    figure = FIGURES[name]()
    drawing = io.BytesIO()
    figure.savefig(drawing, format="png")
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert texts and all(text.get_fontsize() >= 9 for text in texts)
    pixels = np.array(Image.open(drawing).convert("RGB"))
    frame = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
    assert all((edge == 255).all() for edge in frame) and (pixels != 255).any()


def test_window_step_writes_the_numbers_and_outlines_the_window():
    picture, kernel, output = step().axes
    assert [text.get_text() for text in picture.texts] == [str(n) for n in range(25)]
    assert [text.get_text() for text in kernel.texts] == ["-1", "0", "1", "-2", "0", "2", "-1", "0", "1"]
    assert [text.get_text() for text in output.texts] == ["8"] * 5 + ["?"] + ["8"] * 3
    outlines = [[(p.get_xy(), p.get_width()) for p in axis.patches if p.get_linewidth() > 2] for axis in step().axes]
    assert outlines == [[((2, 1), 3)], [], [((2, 1), 1)]]


@pytest.mark.parametrize("place", [(3, 0), (0, 3), (-1, 0)])
def test_window_step_refuses_a_cell_that_is_not_there(place):
    with pytest.raises(ValueError, match="row, column must be from 0, 0 to 2, 2.*got"):
        window_step(PICTURE, KERNEL, torch.zeros(3, 3), *place)


@pytest.mark.parametrize("arguments", [(8, 3), (8, 3, 2), (9, 2, 3), (7, 3, 2, 1), (10, 3, 2, 0, 2), (6, 1, 3)])
def test_windows_hatches_the_unread_and_draws_every_position(arguments):
    size, found = row(*arguments)
    (axis,) = windows({"row": (size, found)}, columns=1).axes
    hatched = [int(patch.get_x()) for patch in axis.patches if patch.get_hatch()]
    assert tuple(hatched) == unread(*arguments)
    drawn = [patch for patch in axis.patches if patch.get_y() > 1]
    assert len(drawn) == sum(map(len, found))
    assert len(axis.lines) == len(found)


def test_equation_draws_each_number_as_a_cell():
    axis = equation([("", "Y", W @ X), ("=", "W", W), ("·", "X", X)], numbers="{:.0f}").axes[0]
    assert [mesh.get_array().tolist() for mesh in axis.collections] == [(W @ X).tolist(), W.tolist(), X.tolist()]
    texts = [text.get_text() for text in axis.texts]
    assert {"=", "·", "Y: 2×4", "W: 2×3", "X: 3×4"} < set(texts)
    numbers = [text for matrix in (W @ X, W, X) for text in map("{:.0f}".format, matrix.flatten().tolist())]
    assert [text for text in texts if text.lstrip("-").isdigit()] == numbers
    for text, number in zip(
        [t for t in axis.texts if t.get_text().lstrip("-").isdigit()][:8], (W @ X).flatten(), strict=True
    ):
        column, row = (int(np.floor(v)) for v in (text.get_position()[0], text.get_position()[1] + 1))
        assert (W @ X)[row, column] == number == float(text.get_text())
    bare = equation([("", "x", torch.ones(2, 1))]).axes[0]  # all alike
    assert [text.get_text() for text in bare.texts] == ["", "x: 2×1"]


def test_field_colours_what_one_output_sees():
    figure = field(STACK, 15, 2)
    cells = figure.axes[0].patches
    seen = receptive_field(STACK)
    bottom = [patch for patch in cells if patch.get_y() == max(patch.get_y() for patch in cells)]
    coloured = [patch.get_x() for patch in bottom if to_hex(patch.get_facecolor()).upper() == ORANGE]
    first = seen.start + 2 * seen.jump
    assert round(min(coloured) + 0.42) == max(first, 0)
    assert round(max(coloured) + 0.42) == min(first + seen.size - 1, 14)
    sizes = [text.get_text().split("of ")[1] for text in figure.axes[0].texts]
    assert sizes[-1] == "15" and sizes[0] == str(conv_output_size(conv_output_size(13, 3, 2, 1), 2, dilation=2))

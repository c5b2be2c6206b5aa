"""Figures are shown once, are small, and can be read: text sizes, ground, colours."""

import base64
import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.text import Text
from nbclient import NotebookClient
from PIL import Image

from companion.history import History
from companion.plot import COLOURS, STYLE, bars, confusion, curves, image_grid, subplots


def history(shift=0.0, validation=True):
    rows = []
    for epoch in range(1, 6):
        row = {"epoch": epoch, "train_loss": 1 / epoch + shift, "train_accuracy": 1 - 0.3 / epoch - shift}
        if validation:
            row |= {"validation_loss": 0.5 / epoch + shift, "validation_accuracy": 1 - 0.1 / epoch - shift}
        rows.append({**row, "lr": 0.01, "seconds": 1.0})
    return History(rows)


def figures():
    torch.manual_seed(0)
    return {
        "grey images": image_grid(torch.rand(20, 1, 28, 28), titles=[f"{n} → 9" for n in range(20)]),
        "colour images": image_grid(torch.rand(2, 3, 16, 16)),
        "one run": curves(history()),
        "three runs": curves({f"seed {s}": history(s / 50) for s in range(3)}),
        "confusion": confusion(torch.randint(0, 200, (10, 10)), list("0123456789")),
        "bars": bars({"conv1": 156, "fc1": 48120}, "parameters"),
    }


@pytest.fixture(scope="module")
def drawn():
    return figures()


NAMES = ["grey images", "colour images", "one run", "three runs", "confusion", "bars"]


def test_none_is_left_open():
    plt.close("all")
    figures()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_at_least_nine_points_and_black_on_white(drawn, name):
    figure = drawn[name]
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert texts or name == "colour images"
    assert all(text.get_fontsize() >= 9 for text in texts)
    assert all(text.get_color() == "black" for text in texts)
    assert figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off(drawn, name):
    """A frame of two pixels has no ink: whatever reached beyond the edge would cross it."""
    drawing = io.BytesIO()
    drawn[name].savefig(drawing, format="png")
    pixels = np.array(Image.open(drawing).convert("RGB"))
    frame = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
    assert all((edge == 255).all() for edge in frame) and (pixels != 255).any()


def test_ground_stays_white_in_a_dark_style():
    with plt.style.context("dark_background"):
        figure = curves(history())
    assert figure.get_facecolor() == (1, 1, 1, 1) and figure.axes[0].get_facecolor() == (1, 1, 1, 1)
    assert figure.axes[0].xaxis.label.get_color() == "black"


def test_style_is_not_left_behind():
    before = dict(plt.rcParams)
    curves(history())
    assert dict(plt.rcParams) == before and STYLE["figure.dpi"] != before["figure.dpi"]


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_stand_out_from_white(colour):
    """WCAG asks for 3:1 of lines that carry meaning: the three colours used first have it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    contrast = 1.05 / (luminance + 0.05)
    assert contrast > (3 if COLOURS.index(colour) < 3 else 2)


# What is drawn.


def test_image_grid_draws_each_image():
    images = torch.rand(5, 1, 4, 4)
    figure = image_grid(images, titles=range(5), columns=3)
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(figure.axes) == 6 and len(shown) == 5
    assert all(np.array_equal(np.squeeze(a), image[0]) for a, image in zip(shown, images, strict=True))
    assert [axis.get_title() for axis in figure.axes] == ["0", "1", "2", "3", "4", ""]
    assert all(axis.images[0].get_clim() == (0, 1) for axis in figure.axes[:5])  # equal greys mean equal values


def test_image_grid_takes_grey_images_without_channel():
    assert len(image_grid(torch.rand(2, 4, 4)).axes) == 2


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 4, 4), (0, 1, 4, 4)])
def test_image_grid_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="images must be .*got"):
        image_grid(torch.rand(shape))


def test_image_grid_refuses_too_few_titles():
    with pytest.raises(ValueError, match="titles must have one entry per image: 3, got 2"):
        image_grid(torch.rand(3, 1, 4, 4), titles=["a", "b"])


def test_curves_draw_the_history():
    run = history()
    loss, accuracy = curves(run).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert loss.lines[0].get_ydata().tolist() == run["train_loss"]
    assert accuracy.lines[1].get_ydata().tolist() == [100 * a for a in run["validation_accuracy"]]
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()
    assert loss.lines[0].get_color() != loss.lines[1].get_color()


def test_curves_of_several_runs_have_a_colour_each():
    loss, _ = curves({"ReLU": history(), "tanh": history(0.1)}).axes
    labels = {line.get_label(): line.get_color() for line in loss.lines}
    assert list(labels) == ["ReLU, training", "ReLU, validation", "tanh, training", "tanh, validation"]
    assert labels["ReLU, training"] == labels["ReLU, validation"] != labels["tanh, training"]


def test_curves_without_validation():
    assert [line.get_label() for line in curves(history(validation=False)).axes[0].lines] == ["training"]


def test_confusion_writes_every_count_and_colours_only_mistakes():
    (axis,) = confusion(torch.tensor([[90, 2], [0, 80]]), ["cat", "dog"]).axes
    written = {tuple(map(int, text.get_position())): text.get_text() for text in axis.texts}
    assert written == {(0, 0): "90", (1, 0): "2", (1, 1): "80"}  # (column, row); no zeros
    assert axis.images[0].get_array().filled(0).tolist() == [[0, 2], [0, 0]]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "label")
    with pytest.raises(ValueError, match=r"matrix must be 3×3, got shape \(2, 2\)"):
        confusion(torch.ones(2, 2), ["a", "b", "c"])


def test_bars():
    (axis,) = bars({"fc1": 0.75, "fc2": 0.25}, "share", "{:.0%}").axes
    assert [bar.get_width() for bar in axis.patches] == [0.75, 0.25]
    assert [text.get_text() for text in axis.texts] == ["75%", "25%"]
    assert axis.yaxis_inverted()  # the first on top


# In a notebook.


SETUP = """
import torch
from companion.history import History
from companion.plot import *
torch.manual_seed(0)
"""
CELLS = {
    "image_grid(torch.rand(4, 1, 28, 28))": 1,
    "figure = bars({'a': 1}, 'things')": 0,
    "figure": 1,
    "confusion(torch.randint(0, 200, (10, 10)), list('0123456789'))": 1,
    "image_grid(torch.rand(1, 3, 64, 64))": 1,
    "rows = [dict(epoch=i, train_loss=1 / i, train_accuracy=1 - .3 / i, validation_loss=.5 / i,"
    " validation_accuracy=1 - .1 / i, lr=1., seconds=1.) for i in range(1, 6)]\n"
    "curves({f'seed {s}': History(rows) for s in range(3)})": 1,
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, *CELLS, "plt.plot([1, 2])")]
    book = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return book.cells[1:]


def test_notebook_shows_each_figure_once(notebook):
    for cell, expected in zip(notebook[:-1], CELLS.values(), strict=True):
        shown = [output for output in cell.outputs if {"image/png", "image/jpeg"} & set(output.get("data", {}))]
        assert len(cell.outputs) == len(shown) == expected, cell.source
        for output in shown:
            assert output.data["text/plain"].startswith("<PageFigure size ")
            assert "0x" not in output.data["text/plain"]


def test_notebook_pngs_are_small_opaque_and_whole(notebook):
    total = 0
    for cell in notebook[:-1]:
        for output in cell.outputs:
            content = base64.b64decode(output.data.get("image/png") or output.data["image/jpeg"])
            image = Image.open(io.BytesIO(content))
            image.load()
            assert "transparency" not in image.info and image.mode in ("P", "RGB")
            assert min(image.convert("RGB").getpixel((0, 0))) >= (255 if image.format == "PNG" else 250)  # JPEG rounds
            assert len(content) < 30_000
            total += len(content)
    assert total < 100_000


def test_notebook_keeps_a_photographs_colours(notebook):
    (output,) = notebook[4].outputs
    image = Image.open(io.BytesIO(base64.b64decode(output.data["image/jpeg"])))
    assert image.mode == "RGB" and len(image.getcolors(1 << 20)) > 1000


def test_notebook_still_shows_what_pyplot_draws_afterwards(notebook):
    """The first figure turns on the notebook's drawing; the book's style must not take that back."""
    assert any("image/png" in output.get("data", {}) for output in notebook[-1].outputs)


def test_subplots_have_the_style_and_are_shown_by_name():
    figure, (left, right) = subplots(1, 2, figsize=(6, 2))
    assert plt.get_fignums() == []
    assert figure.get_dpi() == STYLE["figure.dpi"] and not left.spines["top"].get_visible()
    assert figure.axes == [left, right]

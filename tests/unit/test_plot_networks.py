"""The chart of chapters 4 to 8: every row of a table is counted once, in its own block, and drawn as its share."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text
from torch import nn

from companion.plot import PageFigure
from companion.plot_networks import TITLES, Sums, sums, where_it_sits
from companion.trace import trace


class Small(nn.Module):
    """Layers by name, one inside a block, and a step written out in `forward`."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False), nn.ReLU())
        self.layer10 = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.layer10(self.layer1(self.conv1(x)))
        return self.fc(x.mean(dim=(2, 3)))


BLOCKS = {"stem": "conv1", "layer1": "layer1", "rest": ["layer10", "fc"]}


@pytest.fixture(scope="module")
def table():
    return trace(Small(), (1, 8, 8))


def test_sums_by_hand(table):
    found = sums(table, BLOCKS)
    assert found["stem"] == Sums(4 * 9, 4 * 9 * 64, 4 * 4 * 64)
    assert found["layer1"] == Sums(8 * 4 * 9, 8 * 4 * 9 * 16, 2 * 4 * 8 * 16)  # the convolution and the ReLU
    # layer10 is not inside layer1; the mean over positions follows it and is no layer of its own
    assert found["rest"] == Sums(8 * 8 + 90, 8 * 8 * 16 + 80, 4 * (8 * 16 + 8 + 10))


def test_nothing_is_lost_or_counted_twice(table):
    found = sums(table, BLOCKS)
    for quantity in Sums._fields:
        assert sum(getattr(block, quantity) for block in found.values()) == getattr(table, quantity)
    assert list(found) == list(BLOCKS)


def test_the_first_block_that_fits_gets_the_row(table):
    found = sums(table, {"convolution": "layer1.0", "layer1": "layer1", "rest": ("conv1", "layer10", "fc")})
    assert found["layer1"] == Sums(0, 0, 4 * 8 * 16)  # only the ReLU is left


def test_what_has_no_parameters_goes_with_the_row_before(table):
    assert sums(table, {"stem": "conv1", "conv": "layer1.0", "rest": ("layer10", "fc")}) == {  # no block for the ReLU
        "stem": Sums(4 * 9, 4 * 9 * 64, 4 * 4 * 64),
        "conv": Sums(8 * 4 * 9, 8 * 4 * 9 * 16, 2 * 4 * 8 * 16),
        "rest": Sums(8 * 8 + 90, 8 * 8 * 16 + 80, 4 * (8 * 16 + 8 + 10)),
    }


def test_a_layer_that_is_used_twice_goes_where_it_was_used():
    """AlexNetTwoTowers calls one ReLU seven times."""
    relu = nn.ReLU()
    table = trace(nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), relu, nn.Conv2d(2, 3, 1, bias=False), relu), (1, 2, 2))
    found = sums(table, {"first": "0", "second": "2"})
    assert [block.memory for block in found.values()] == [2 * 4 * 2 * 4, 2 * 4 * 3 * 4]


@pytest.mark.parametrize(
    "blocks, named",
    [
        ({"stem": "conv1", "layer1": "layer1"}, "layer10.0"),  # "layer1" must not stand for layer10
        ({"layer1": "layer1", "rest": ["layer10", "fc"]}, "conv1"),
        ({**BLOCKS, "neck": "neck"}, "neck"),
        ({}, "conv1"),
    ],
)
def test_bad_blocks_are_named(table, blocks, named):
    with pytest.raises(ValueError, match=named):
        sums(table, blocks)
    with pytest.raises(ValueError, match=named):
        where_it_sits(table, blocks)


def test_the_figure_shows_the_shares_and_the_totals(table):
    plt.close("all")
    figure = where_it_sits(table, BLOCKS)
    assert isinstance(figure, PageFigure) and not plt.get_fignums()
    for axis, quantity in zip(figure.axes, Sums._fields, strict=True):
        values = [getattr(block, quantity) for block in sums(table, BLOCKS).values()]
        lengths = [bar.get_width() for bar in axis.patches]
        assert lengths == pytest.approx([value / sum(values) for value in values])
        assert axis.get_title() == f"{TITLES[quantity]}\n{sum(values):,}"
        assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first block on top
        assert [label.get_text() for label in axis.texts] == [f"{100 * length:.0f} %" for length in lengths]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(BLOCKS)
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert shown and min(text.get_fontsize() for text in shown) >= 9


def test_small_and_absent_shares_are_told_apart():
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(64, 100))
    figure = where_it_sits(trace(model, (1, 8, 8)), {"tiny": "0", "none": ("1", "2"), "large": "3"})
    assert [label.get_text() for label in figure.axes[0].texts] == ["< 1 %", "0", "100 %"]

"""`companion.figures.block_budget`: what it counts against real modules, counted, and the figure's traits."""

import random

import pytest
import torch
import traitlets
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

from companion.figures.block_budget import (
    BLOCKS,
    CHANNELS,
    GROUPS,
    PRESETS,
    REDUCTIONS,
    BlockBudget,
    blocks,
    budget,
    inner_width,
)
from companion.trace import trace


class Block(nn.Module):
    """A block of He et al. 2016, written without the code under test: `kernels` and `widths` of its convolutions."""

    def __init__(self, kernels, widths, groups, stride, shortcut, batch_norm):
        super().__init__()
        layers, strided = [], False
        for kernel, before, after in zip(kernels, widths, widths[1:], strict=False):
            first = kernel == 3 and not strided
            strided = strided or first
            grouped = groups if kernel == 3 else 1
            layers.append(
                nn.Conv2d(before, after, kernel, stride if first else 1, kernel // 2, groups=grouped, bias=False)
            )
            layers += [nn.BatchNorm2d(after)] if batch_norm else []
        self.body = nn.Sequential(*layers)
        self.stride, self.shortcut = stride, shortcut
        if shortcut == "projection":
            layers = [nn.Conv2d(widths[0], widths[-1], 1, stride, bias=False)]
            self.downsample = nn.Sequential(*layers, *([nn.BatchNorm2d(widths[-1])] if batch_norm else []))

    def forward(self, x):
        out = self.body(x)
        if self.shortcut == "none":
            return out
        if self.shortcut == "projection":
            return out + self.downsample(x)
        x = x[:, :, :: self.stride, :: self.stride]
        return out + F.pad(x, (0, 0, 0, 0, 0, out.shape[1] - x.shape[1]))


def real_blocks(channels, reduction, groups, size, stride, shortcut, equal, batch_norm) -> dict:
    """{name: (module, input shape)} on the meta device."""
    out = channels * stride
    width = out // reduction
    before, after = (channels, out) if equal == "channels" else (width // stride, width)
    with torch.device("meta"):
        return {
            "plain": (Block((3, 3), (before, after, after), 1, stride, "none", batch_norm), (before, size, size)),
            "basic": (Block((3, 3), (before, after, after), 1, stride, shortcut, batch_norm), (before, size, size)),
            "bottleneck": (
                Block((1, 3, 1), (channels, width, width, out), groups, stride, shortcut, batch_norm),
                (channels, size, size),
            ),
        }


def counted(module, input_size) -> tuple[int, int, int]:
    table = trace(module, input_size)
    rows = [row for row in table.rows if row.kind in ("Conv2d", "BatchNorm2d")]
    assert sum(p.numel() for p in module.parameters()) == table.parameters
    return table.parameters, table.multiply_adds, sum(row.memory for row in rows)


def some_states(count: int) -> list[dict]:
    chance = random.Random(1)
    states = [preset["state"] for preset in PRESETS]
    while len(states) < count:
        state = {
            "channels": chance.choice(CHANNELS),
            "reduction": chance.choice(REDUCTIONS),
            "stride": chance.choice((1, 2)),
            "size": chance.randint(7, 112),
            "shortcut": chance.choice(("identity", "projection")),
            "equal": chance.choice(("channels", "width")),
            "batch_norm": chance.random() < 0.5,
        }
        width = inner_width(state["channels"], state["reduction"], state["stride"])
        states.append(state | {"groups": chance.choice([g for g in GROUPS if width % g == 0])})
    return states


def test_the_budget_is_that_of_real_modules():
    for state in some_states(60):
        got = budget(**state)
        assert set(got) == set(BLOCKS)
        for name, (module, input_size) in real_blocks(**state).items():
            assert tuple(got[name]) == counted(module, input_size), (name, state)


@pytest.mark.parametrize(("groups", "base_width", "reduction"), [(1, 64, 4), (32, 4, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_it_is_that_of_torchvisions_blocks(stride, groups, base_width, reduction):
    def downsample(inside, outside):
        return nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    shortcut = "projection" if stride == 2 else "identity"
    options = {"stride": stride, "shortcut": shortcut, "equal": "width", "batch_norm": True}
    got = budget(256, reduction, groups, 56, **options)
    planes = 64 * stride
    module = Bottleneck(
        256, planes, stride, downsample(256, 4 * planes) if stride == 2 else None, groups, base_width
    )  # fmt: skip
    assert tuple(got["bottleneck"]) == counted(module, (256, 56, 56))
    width = inner_width(256, reduction, stride)
    before = width // stride
    module = BasicBlock(before, width, stride, downsample(before, width) if stride == 2 else None)
    assert tuple(got["basic"]) == counted(module, (before, 56, 56))


def test_the_comparisons_of_the_book():
    equal = BlockBudget().budget
    assert (equal["basic"].parameters, equal["bottleneck"].parameters) == (1_179_648, 69_632)
    assert round(equal["basic"].parameters / equal["bottleneck"].parameters, 1) == 16.9
    replaced = BlockBudget(preset="basic on 64, bottleneck on 256").budget
    assert (replaced["basic"].parameters, replaced["bottleneck"].parameters) == (73_728, 69_632)
    assert round(replaced["bottleneck"].parameters / replaced["basic"].parameters, 2) == 0.94
    assert replaced["bottleneck"].memory == 3 * replaced["basic"].memory
    resnet_34 = BlockBudget(preset="ResNet-34, 56×56, basic", batch_norm=False).budget
    assert resnet_34["basic"].parameters == 73_728
    assert resnet_34["basic"] == resnet_34["plain"], "an identity shortcut costs nothing"
    grouped = blocks(256, 2, 32)["bottleneck"][1]
    assert (grouped.in_channels, grouped.groups) == (128, 32)


def test_presets_are_states_of_their_own_and_legal():
    states = [tuple(preset["state"].items()) for preset in PRESETS]
    assert len(set(states)) == len(states)
    for preset in PRESETS:
        figure = BlockBudget(preset=preset["name"])
        assert {name: getattr(figure, name) for name in preset["state"]} == preset["state"]
        assert figure.budget == budget(**preset["state"])
    assert BlockBudget(preset="ResNeXt-50, 32 groups", size=28).size == 28
    with pytest.raises(ValueError, match="preset must be one of '256 channels, both blocks', .* got 'AlexNet'"):
        BlockBudget(preset="AlexNet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 48}, "channels must be one of 16, 32, 64, .*, 2048, got 48"),
        ({"channels": "64"}, "channels must be one of .*, got '64'"),
        ({"reduction": True}, "reduction must be one of 1, 2, 4, 8, got True"),
        ({"groups": 3}, "groups must be one of 1, 2, 4, 8, 16, 32, got 3"),
        ({"channels": 64, "groups": 32}, "groups must divide the 16 channels of the bottleneck's 3×3, got 32"),
        ({"size": 6}, "size must be a whole number from 7 to 112, got 6"),
        ({"stride": 3}, "stride must be a whole number from 1 to 2, got 3"),
        ({"shortcut": "none"}, "shortcut must be one of 'identity', 'projection', got 'none'"),
        ({"equal": "size"}, "equal must be one of 'channels', 'width', got 'size'"),
        ({"block": "dense"}, "block must be one of 'bottleneck', 'basic', 'plain', got 'dense'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlockBudget(**arguments)
    figure = BlockBudget()
    with pytest.raises(traitlets.TraitError, match=message):
        for name, value in arguments.items():
            setattr(figure, name, value)


def test_traits_follow_each_other():
    figure = BlockBudget(channels=256, reduction=2, groups=32)
    assert figure.width == 128
    figure.reduction = 8
    assert (figure.width, figure.groups) == (32, 32)
    figure.channels = 64
    assert (figure.width, figure.groups) == (8, 8), "lowered to what divides"
    figure.stride = 2
    assert (figure.width, figure.groups) == (16, 8)
    # As a front end sends them, all at once.
    figure.set_state({"channels": 16, "reduction": 8, "groups": 2, "stride": 1, "predict": True})
    assert (figure.width, figure.groups, figure.predict) == (2, 2, True)
    assert repr(figure) == (
        "BlockBudget(channels=16, reduction=8, groups=2, size=56, stride=1, shortcut='identity', equal='channels', "
        "batch_norm=False)"
    )


def test_the_table_for_readers_without_javascript():
    figure = BlockBudget()
    for language, name in (("en", "bottleneck"), ("ko", "병목")):
        table = figure.fallback[language]
        assert table.count("<tr>") == 1 + 3 * len(PRESETS)
        assert f"{name}</th><td>256 → 256</td><td>69,632</td><td>218,365,952</td><td>4,816,896</td>" in table
    assert set(figure.get_state()) >= {"channels", "choices", "presets", "ranges", "fallback"}

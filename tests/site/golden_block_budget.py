"""The golden table of the block budget: states, and what `companion.figures.block_budget.budget` says of each."""

import itertools
import random

from companion.figures.block_budget import BLOCKS, CHANNELS, GROUPS, PRESETS, REDUCTIONS, budget, inner_width

ARGUMENTS = ("channels", "reduction", "groups", "size", "stride", "shortcut", "equal", "batch_norm")
SIZES = (7, 14, 55, 56)
CHOICES = ((1, 2), ("identity", "projection"), ("channels", "width"), (False, True))


def is_legal(channels, reduction, groups, size, stride, *_) -> bool:
    return inner_width(channels, reduction, stride) % groups == 0


def states() -> list[tuple]:
    """The presets, every legal choice at four sizes, and 2,000 drawn with any size."""
    table = [tuple(preset["state"][name] for name in ARGUMENTS) for preset in PRESETS]
    table += filter(lambda state: is_legal(*state), itertools.product(CHANNELS, REDUCTIONS, GROUPS, SIZES, *CHOICES))
    chance = random.Random(20260101)
    while len(table) < 14_000:
        drawn = [chance.choice(values) for values in (CHANNELS, REDUCTIONS, GROUPS)]
        state = (*drawn, chance.randint(7, 112), *(chance.choice(values) for values in CHOICES))
        table += [state] if is_legal(*state) else []
    return table


def expected(state: tuple) -> list[list[int]]:
    """[parameters, multiply–adds, bytes] of the plain, the basic and the bottleneck block."""
    costs = budget(**dict(zip(ARGUMENTS, state, strict=True)))
    return [list(costs[block]) for block in BLOCKS]

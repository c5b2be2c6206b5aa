"""The golden table of the output-size explorer: layers along one axis, and what `companion.shapes` says of each."""

import itertools
import random

from companion.shapes import conv_output_size, pool_output_size, unread

MODES = ("conv", "max_pool", "avg_pool")
AXIS = ("size", "kernel", "stride", "padding", "dilation")

# Where implementations go wrong; the property tests of companion.shapes hold these against PyTorch.
INSTRUCTIVE = [
    ((224, 11, 4, 0, 1), "conv", False),  # 54.25: the floor drops a column
    ((224, 11, 4, 2, 1), "conv", False),
    ((227, 11, 4, 0, 1), "conv", False),
    ((32, 3, 2, 0, 2), "conv", False),  # dilation and stride together leave gaps
    ((16, 1, 8, 5, 1), "conv", False),  # windows that lie wholly in the padding; first columns unread
    ((1, 1, 1, 0, 1), "conv", False),
    ((7, 11, 1, 2, 1), "conv", False),  # just fits
    ((6, 11, 1, 2, 1), "conv", False),  # one too large
    ((30, 11, 1, 5, 4), "conv", False),  # one too large, by its dilation
    ((256, 11, 8, 5, 4), "conv", False),
    ((55, 3, 2, 0, 1), "max_pool", False),
    ((112, 3, 2, 0, 1), "max_pool", True),  # the last window hangs over
    ((2, 3, 2, 0, 1), "max_pool", True),  # the only window hangs over
    ((1, 3, 2, 0, 1), "max_pool", True),  # too large even so
    ((5, 2, 4, 1, 1), "max_pool", True),  # one more window would start in the far padding
    ((4, 2, 2, 1, 1), "avg_pool", True),
    ((8, 2, 2, 1, 1), "max_pool", False),
    ((8, 2, 2, 2, 1), "max_pool", False),  # more padding than half the kernel
    ((8, 1, 1, 1, 1), "avg_pool", False),
    ((20, 3, 2, 1, 4), "max_pool", True),  # half the kernel, whatever the dilation
    ((20, 3, 2, 2, 4), "max_pool", True),
]


def states() -> list[tuple]:
    """Every small layer, the instructive ones, and 3,000 drawn from the figure's whole range."""
    small = itertools.product(range(1, 16), (1, 2, 3, 5), (1, 2, 3, 5), (0, 1, 2), (1, 2, 3))
    table = []
    for axis in small:
        table += [(axis, "conv", False), (axis, "max_pool", False), (axis, "max_pool", True)]
        if axis[-1] == 1:
            table += [(axis, "avg_pool", False), (axis, "avg_pool", True)]
    chance = random.Random(20260101)
    for _ in range(3000):
        mode = chance.choice(MODES)
        bounds = ((1, 256), (1, 11), (1, 8), (0, 5), (1, 1 if mode == "avg_pool" else 4))
        axis = tuple(chance.randint(*bound) for bound in bounds)
        table.append((axis, mode, mode != "conv" and chance.random() < 0.5))
    return INSTRUCTIVE + table


def expected(axis: tuple, mode: str, ceil_mode: bool) -> list:
    """[output size, positions never read], or ["padding"] or ["window"], what PyTorch refuses."""
    window = dict(zip(AXIS, axis, strict=True))
    try:
        out = conv_output_size(**window) if mode == "conv" else pool_output_size(**window, ceil_mode=ceil_mode)
    except ValueError as error:
        return ["padding" if str(error).startswith("padding=") else "window"]
    return [out, list(unread(**window, ceil_mode=ceil_mode))]

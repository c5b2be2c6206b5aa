"""The golden table of the receptive-field explorer: stacks along one axis, and what `companion.shapes` says."""

import random

from companion.figures.receptive_field import NETWORKS, layers_of
from companion.shapes import conv_output_size, pool_output_size, receptive_field, seen

# Where implementations go wrong.
INSTRUCTIVE = [
    (6, [("conv", 3, 2, 0, 1)]),  # the floor drops the last pixel
    (5, [("conv", 3, 1, 2, 2)]),  # dilation: gaps, and a start in the padding
    (3, [("conv", 1, 1, 1, 1)]),  # windows that lie wholly in the padding
    (4, [("conv", 1, 2, 0, 1), ("conv", 3, 1, 1, 1)]),  # a padded zero between two layers depends on no pixel
    (9, [("conv", 2, 5, 1, 1), ("conv", 2, 1, 1, 2)]),  # pixels between the windows
    (7, [("conv", 3, 1, 1, 1), ("pool", 2, 2, 1, 1)]),
    (7, [("pool", 2, 2, 2, 1)]),  # more padding than half the kernel
    (7, [("pool", 3, 2, 1, 3), ("conv", 2, 1, 0, 1)]),
    (4, [("conv", 3, 1, 0, 1), ("conv", 3, 1, 0, 1), ("conv", 1, 1, 0, 1)]),  # does not fit, and all after it
]
BOUNDS = ((1, 11), (1, 8), (0, 8), (1, 8))
SMALL = ((1, 4), (1, 3), (0, 2), (1, 3))


def states() -> list[tuple]:
    """(size, layers, output): every output of the instructive and of the small stacks, some of the four networks' and
    of stacks drawn from the figure's whole range."""
    chance = random.Random(20260101)

    def layer(bounds):
        return (chance.choice(["conv", "conv", "pool"]), *(chance.randint(*bound) for bound in bounds))

    stacks = list(INSTRUCTIVE)
    stacks += [(chance.randint(1, 24), [layer(SMALL) for _ in range(chance.randint(1, 4))]) for _ in range(2700)]
    table = [(size, layers, index) for size, layers in stacks for index in range(last(size, layers) + 1)]
    for key, network in NETWORKS.items():
        size, layers = network.input_shape[1], [(kind, *window) for _, kind, window in layers_of(key)]
        for count in range(1, len(layers) + 1):
            end = last(size, layers[:count])
            table += [(size, layers[:count], index) for index in sorted({0, end // 3, end // 2, end})]
    for _ in range(1500):
        size, layers = chance.randint(1, 256), [layer(BOUNDS) for _ in range(chance.randint(1, 8))]
        table.append((size, layers, chance.randint(0, last(size, layers))))
    return table


def sizes(size: int, layers: list[tuple]) -> list[int | None]:
    found = [size]
    for kind, *window in layers:
        try:
            found.append(found[-1] and (conv_output_size if kind == "conv" else pool_output_size)(found[-1], *window))
        except ValueError:
            found.append(None)
    return found


def last(size: int, layers: list[tuple]) -> int:
    return (sizes(size, layers)[-1] or 1) - 1


def expected(size: int, layers: list[tuple], index: int) -> list:
    """[sizes, fields, levels]: what the three functions of the page should return; levels None where refused."""
    found = sizes(size, layers)
    windows = [tuple(window) for _, *window in layers]
    fields = [list(receptive_field(windows[:count])) for count in range(len(windows) + 1)]
    levels = None
    if found[-1] is not None:
        levels = [[one.start, one.end, list(one.read)] for one in seen(windows, size, index)]
    return [found, fields, levels]

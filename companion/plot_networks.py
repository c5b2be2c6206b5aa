"""Where a network's parameters, operations and memory sit: one chart, the same for every network of chapters 4 to 8."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from companion.plot import BLUE, GREEN, VERMILION, subplots
from companion.trace import Trace

QUANTITIES = {"parameters": BLUE, "multiply_adds": VERMILION, "memory": GREEN}
TITLES = {"parameters": "parameters", "multiply_adds": "multiply–adds", "memory": "activations (bytes)"}


class Sums(NamedTuple):
    """What a block of layers costs, for the batch that was traced.

    parameters: trainable numbers. multiply_adds: as `companion.trace` counts them. memory: bytes of all the layers'
    outputs as float32.
    """

    parameters: int
    multiply_adds: int
    memory: int


def sums(table: Trace, blocks: Mapping[str, str | Sequence[str]]) -> dict[str, Sums]:
    """Add up a table's rows block by block.

    Args:
        table: what `trace` returns.
        blocks: name of the block: the name of a layer, or several. "layer1" stands for itself and for every layer
            inside it ("layer1.0.conv1", not "layer10"). The block named first of those that fit gets the row.
            A layer without parameters (a ReLU, a pooling) that fits no block, and an operation written out in the
            network's own `forward`, belong to the block of the row before.

    Returns:
        A `Sums` for each block, in the order of `blocks`.

    Raises:
        ValueError: a layer with parameters, or the first row, fits no block, or a block has no row; the message has
            its name.
    """
    prefixes = {name: (layers,) if isinstance(layers, str) else tuple(layers) for name, layers in blocks.items()}
    members = {name: [] for name in prefixes}
    last = None
    for row in table.rows:
        layer = row.name.removesuffix("(in forward)").strip()
        fitting = [
            name
            for name, layers in prefixes.items()
            if any(layer == prefix or layer.startswith(f"{prefix}.") for prefix in layers)
        ]
        if fitting:
            last = fitting[0]
        elif (layer and row.parameters) or last is None:
            raise ValueError(f"blocks must have a block for every layer, got none for {row.name!r}")
        members[last].append(row)
    if empty := [name for name, rows in members.items() if not rows]:
        raise ValueError(f"blocks must have at least one layer of {table.model} each, got none for {empty[0]!r}")
    return {
        name: Sums(*(sum(getattr(row, quantity) for row in rows) for quantity in Sums._fields))
        for name, rows in members.items()
    }


def where_it_sits(table: Trace, blocks: Mapping[str, str | Sequence[str]]) -> Figure:
    """Draw each block's share of the parameters, the multiply–adds and the memory of the activations.

    Three panels of horizontal bars, one bar for each block, the first on top. A bar's length and the number at its
    end are the block's share; the panel's title has the total.

    Args:
        table: what `trace` returns; the totals are for its batch.
        blocks: as `sums` takes them.

    Raises:
        ValueError: as `sums`.
    """
    found = sums(table, blocks)
    names = list(found)
    figure, axes = subplots(1, 3, sharey=True, figsize=(7, 0.85 + 0.28 * len(names)))
    for axis, (quantity, colour) in zip(axes, QUANTITIES.items(), strict=True):
        values = [getattr(block, quantity) for block in found.values()]
        total = sum(values)
        shares = [value / total if total else 0.0 for value in values]
        drawn = axis.barh(names, shares, color=colour, height=0.7)
        axis.bar_label(drawn, list(map(_percent, shares)), padding=3, fontsize=9)
        axis.set_title(f"{TITLES[quantity]}\n{total:,}", fontsize=10)
        axis.set_xlim(0, 1.28 * max(shares) or 1)
        axis.set_xticks([])
        axis.spines["bottom"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    axes[0].invert_yaxis()  # shared: all three
    return figure


def _percent(share: float) -> str:
    """A whole percentage; "0" only where there is nothing at all."""
    if share == 0:
        return "0"
    return "< 1 %" if share < 0.005 else f"{100 * share:.0f} %"

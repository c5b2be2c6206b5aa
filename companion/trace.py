"""The table of a network: what each layer does to its input's shape, and what it costs.

    >>> trace(LeNet5Modern(), (1, 32, 32))

The model is copied without its weights, onto PyTorch's meta device, where tensors have a shape and no numbers. The
copy is run once, and every operation that PyTorch performs is looked at on its way: its multiply–adds, the
parameters it uses and what it does to the receptive field. So a pooling written as a function call inside `forward`
counts as much as an `nn.MaxPool2d`, and nothing is believed about a layer because of its name.

This file has the table and `trace`, which fills it. Read on in `recorder` (the copy, and the record of its run), then
in `operations` (what one operation does).
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, prod

import torch
from torch import nn

from companion.operations import NOT_FOLLOWED, Field, pair, short
from companion.recorder import Recorder, copy_without_weights
from companion.shapes import Size


@dataclass(frozen=True)
class Row:
    """One call of a layer, or one operation written out in a `forward`.

    name: the layer's name in `model.named_modules()`. For an operation in a `forward`: the parameters it uses, or
        "(in forward)" after the name of the module whose `forward` it is.
    kind: the layer's class, or the operation with "(functional)".
    kernel, stride, padding, dilation: of the window, as an int, or (height, width) where they differ; None where
        there is no window, or more than one. Padding added by a step of its own (reflecting, say) is not in it.
    output_shape: with the batch: (N, C, H, W) or (N, features). A tuple of shapes if there are several outputs.
    parameters: trainable numbers used. Shared ones appear in every row that uses them.
    multiply_adds: multiplications, each with its addition, in convolutions and matrix products, for the whole
        batch. Nothing else is counted: no bias, no elementwise work.
    receptive_field: how many input pixels one output depends on, as an int or (height, width); None where it is
        not followed. See `trace`.
    memory: bytes of the output as float32, whether it is written in place or not.
    """

    name: str
    kind: str
    kernel: Size | None
    stride: Size | None
    padding: Size | None
    dilation: Size | None
    output_shape: tuple
    parameters: int
    multiply_adds: int
    receptive_field: Size | None
    memory: int


@dataclass(frozen=True, repr=False)
class Trace:
    """The rows of a network in the order of computation, and their totals.

    model, input_shape: the model's class, and the (N, C, H, W) it was traced for.
    parameters: all those a prediction uses, shared ones once.
    unused: the model's other parameters, such as GoogLeNet's auxiliary heads.
    state_bytes: bytes of all its parameters and buffers, floating-point ones as float32, shared ones once: what a
        file of its `state_dict` holds. `meta["_file_size"]` of torchvision's weights is that, with a little for
        names and the like, in 2²⁰ bytes.
    multiply_adds, memory: sums over the rows.
    """

    model: str
    input_shape: tuple[int, ...]
    rows: list[Row]
    parameters: int
    unused: int
    state_bytes: int

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def memory(self) -> int:
        return sum(row.memory for row in self.rows)

    def __str__(self) -> str:
        titles, *body = self._cells()
        widths = [max(map(len, column)) for column in zip(titles, *body, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if title in _LEFT else text.rjust(width)
                for title, text, width in zip(titles, line, widths, strict=True)
            ).rstrip()
            for line in (titles, *body)
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([self._caption(), "", lines[0], rule, *lines[1:-1], rule, lines[-1], *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        titles, *body, totals = self._cells()

        def line(texts: list[str], scope: str) -> str:
            cells = []
            for title, text in zip(titles, texts, strict=True):
                heading = scope == "col" or title == titles[0]
                start, end = (f'th scope="{scope}"', "th") if heading else ("td", "td")
                align = "left" if title in _LEFT else "right"
                text = html.escape(text)
                if title == "kind" and len(text) > 12:  # the longest words of a table may break: AdaptiveAvgPool2d
                    text, align = re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", text), f"{align}; white-space: normal"
                cells.append(f'<{start} style="text-align: {align}">{text}</{end}>')
            return f"<tr>{''.join(cells)}</tr>"

        return "\n".join(
            [
                f"<table><caption>{html.escape(self._caption())}</caption>",
                f"<thead>{line(titles, 'col')}</thead>",
                "<tbody>",
                *(line(texts, "row") for texts in body),
                "</tbody>",
                f"<tfoot>{line(totals, 'row')}</tfoot></table>",
                *(f"<p>{html.escape(note)}</p>" for note in self._notes()),
            ]
        )

    def _cells(self) -> list[list[str]]:
        """The table as text: titles, a line per row, totals."""
        columns: dict[str, Callable[[Row], object]] = {
            "layer": lambda row: row.name,
            "kind": lambda row: row.kind,
            "kernel": lambda row: row.kernel and "×".join(map(str, pair(row.kernel))),
            "stride": lambda row: row.stride,
            "padding": lambda row: row.padding,
            "dilation": lambda row: row.dilation,
            "output shape": lambda row: row.output_shape,
            "parameters": lambda row: row.parameters,
            "multiply–adds": lambda row: row.multiply_adds or None,
            "receptive field": lambda row: row.receptive_field,
            "memory (bytes)": lambda row: row.memory,
        }
        if all(row.dilation in (None, 1) for row in self.rows):
            del columns["dilation"]
        totals = {
            "layer": "total",
            "parameters": self.parameters,
            "multiply–adds": self.multiply_adds,
            "memory (bytes)": self.memory,
        }
        return [
            list(columns),
            *([_text(value(row)) for value in columns.values()] for row in self.rows),
            [_text(totals.get(title)) for title in columns],
        ]

    def _caption(self) -> str:
        return f"{self.model}, input {self.input_shape}"

    def _notes(self) -> list[str]:
        notes = []
        again = sum(row.parameters for row in self.rows) - self.parameters
        if again:
            notes.append(f"{again:,} parameters in these rows are shared with other rows: the total has them once.")
        if self.unused:
            notes.append(f"{self.unused:,} parameters of the model are not used in a prediction.")
        return notes


_LEFT = {"layer", "kind", "output shape"}  # the columns of words; numbers are aligned at their last digit


def _text(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def trace(model: nn.Module, input_size: tuple[int, ...]) -> Trace:
    """Run a copy of `model` without weights on an image without pixels, and return the table of what happened.

    The model may live on any device. It is neither moved nor changed, and no weight is allocated. The copy is in
    evaluation mode (no dropout, no auxiliary heads) and in float32; hooks registered by you do not run. The first
    run on the meta device may wait one or two seconds while PyTorch loads its compiler, unless torchvision or an
    optimizer has done that already.

    Args:
        model: any module whose forward takes one batch of images, (N, C, H, W).
        input_size: (C, H, W), for a batch of one, or (N, C, H, W).

    Returns:
        A `Trace`, with a row for every call of a layer that calls no other layer, and for every operation in the
        `forward` of one that does, if it has a window, uses parameters, multiplies matrices, or changes height or
        width. A layer used twice appears twice.

        Parameters and multiply–adds are counted as in the metadata of torchvision's weights
        (`meta["num_params"]`, and `meta["_ops"]` in 10⁹).

        The receptive field follows the data. Where branches meet, it is the smallest range that holds all of
        theirs. It counts padding and so may exceed the input, until positions are joined (by flattening, global
        pooling or group normalisation): from there on it is the part of the input that all positions see
        together, as a rule the whole input. Where adaptive pooling has windows of several lengths, the longest
        counts. It is not followed (None) through transposed convolution, upsampling, attention, nor through
        linear layers and permutations that keep positions apart.

    Raises:
        ValueError: model is no module, input_size is no such tuple, or a layer cannot take its input; the message
            names the layer, its input's shape and the formula with the numbers put in.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be an nn.Module, such as nn.Conv2d(1, 6, 5), got {model!r}")
    if (
        not isinstance(input_size, (tuple, list))
        or len(input_size) not in (3, 4)
        or any(type(n) is not int or n < 1 for n in input_size)
    ):
        raise ValueError(f"input_size must be (C, H, W) or (N, C, H, W), integers from 1, got {input_size!r}")
    input_shape = (1,) * (4 - len(input_size)) + tuple(input_size)
    twin = copy_without_weights(model)
    recorder = Recorder(twin, input_shape[2:])
    # Not in inference mode, even if the caller is: it would show composite operations instead of basic ones.
    with torch.inference_mode(False), torch.no_grad(), torch.device("meta"):
        image = torch.empty(input_shape)
        image.receptive_field = Field((1, 1), (1, 1), (0, 0))
        with recorder:
            try:
                twin(image)
            except (RuntimeError, ValueError, IndexError, AssertionError) as error:
                raise ValueError(recorder.explain(error)) from error
    numels = {name: parameter.numel() for name, parameter in twin.named_parameters()}
    steps = list(recorder.root.rows())
    rows = [
        Row(
            name=step.name,
            kind=step.kind,
            **dict(zip(("kernel", "stride", "padding", "dilation"), step.window or (None,) * 4, strict=True)),
            output_shape=step.output_shapes[0] if len(step.output_shapes) == 1 else tuple(step.output_shapes),
            parameters=sum(numels[name] for name in step.parameters),
            multiply_adds=step.multiply_adds,
            receptive_field=None if step.field in (None, NOT_FOLLOWED) else short(map(ceil, step.field.size)),
            memory=4 * sum(map(prod, step.output_shapes)),
        )
        for step in steps
    ]
    parameters = sum(numels[name] for name in {name for step in steps for name in step.parameters})
    unused = sum(numels.values()) - parameters
    state = {id(tensor): tensor for tensor in twin.state_dict(keep_vars=True).values() if torch.is_tensor(tensor)}
    state_bytes = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    return Trace(type(model).__name__, input_shape, rows, parameters, unused, state_bytes)

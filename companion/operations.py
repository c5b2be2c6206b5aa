"""What one basic operation of PyTorch does: its window, its multiply–adds, and the receptive field after it.

Whatever a layer is called, PyTorch carries it out as operations of its ATen library: `nn.Linear` as "addmm", say. Here
`op` is the name of such an operation, and `values` its arguments by name. `recorder` asks for each operation of a run.
"""

from fractions import Fraction
from math import ceil, prod
from typing import NamedTuple

import torch

from companion.shapes import Size, adaptive_windows

VIEWS = {
    "view", "unsafe_view", "reshape_alias", "t", "transpose", "permute", "expand", "unsqueeze", "squeeze",
    "slice", "select", "split", "split_with_sizes", "chunk", "unbind", "detach", "alias", "as_strided",
}  # fmt: skip
# Besides those that PyTorch itself tags as pointwise.
_ELEMENTWISE = {"cat", "hardswish", "prelu_kernel", "threshold", "native_dropout", "copy", "to_copy"}
ADAPTIVE = {"adaptive_avg_pool2d", "adaptive_max_pool2d"}
_PADS = {"constant_pad_nd", "reflection_pad2d", "replication_pad2d"}
_REDUCTIONS = {"mean", "sum", "amax", "amin", "prod", "linalg_vector_norm"}
KINDS = {
    "convolution": "conv2d",
    "max_pool2d_with_indices": "max_pool2d",
    "constant_pad_nd": "pad",
    "addmm": "linear",
    "mm": "linear",
    "bmm": "matmul",
    "mean": "average over positions",
}


def name_of(func) -> str:
    """Without its in-place underscore: in place or not makes no difference here."""
    return func._schema.name.removeprefix("aten::").strip("_")


def window_of(op: str, values: dict) -> tuple | None:
    """Kernel, stride, padding and dilation as (height, width) pairs; None if the operation has no window."""
    if op == "convolution" and values["weight"].ndim == 4:
        kernel = tuple(values["weight"].shape[2:])
    elif op in ("max_pool2d_with_indices", "avg_pool2d"):
        kernel = values["kernel_size"]
    else:
        return None
    return tuple(map(pair, (kernel, values["stride"] or kernel, values["padding"], values.get("dilation", 1))))


def multiply_adds_of(op: str, values: dict, output: torch.Tensor) -> int:
    """Those of convolutions and matrix products, for the whole batch; 0 for everything else."""
    if op == "convolution":
        # Each weight is used once per position: of the output, or of the input if the convolution is transposed.
        positions = (values["input"] if values["transposed"] else output).shape[2:]
        return output.shape[0] * values["weight"].numel() * prod(positions)
    if op in ("mm", "bmm"):
        return output.numel() * values["self"].shape[-1]
    if op == "addmm":
        return output.numel() * values["mat1"].shape[-1]
    if op == "baddbmm":
        return output.numel() * values["batch1"].shape[-1]
    return 0


def pair(value) -> tuple[int, int]:
    """PyTorch's operations take one number or a list of one or two."""
    height, *width = value if isinstance(value, (tuple, list)) else [value]
    return height, *(width or [height])


def short(entries) -> Size:
    """One number for axes that agree."""
    entries = tuple(entries)
    return entries[0] if len(set(entries)) == 1 else entries


# The receptive field.


class Field(NamedTuple):
    """A receptive field as (height, width) pairs, see `shapes.ReceptiveField`. It travels with its tensor.

    Unless the jump is 0, the tensor's last two axes are height and width. Jump 0 means that every number in the
    tensor sees the same part of the input.
    """

    size: tuple
    jump: tuple
    start: tuple


NOT_FOLLOWED = Field((0, 0), (0, 0), (0, 0))


def field_of(tensor: torch.Tensor) -> Field | None:
    """None if the tensor does not depend on the input, as a parameter does not."""
    return getattr(tensor, "receptive_field", None)


def follow(func, values: dict, data: list[torch.Tensor], output: torch.Tensor, input_size: tuple) -> Field:
    """The receptive field after an operation on `data`, the tensors that depend on the input."""
    op = name_of(func)
    x, field = data[0], field_of(data[0])
    spatial = {x.ndim - 2, x.ndim - 1}
    if any(field_of(tensor) == NOT_FOLLOWED for tensor in data):
        return NOT_FOLLOWED
    if all(field_of(tensor).jump == (0, 0) for tensor in data):
        return _union([field_of(tensor) for tensor in data])
    if op in VIEWS:
        flattened = output.ndim == 2 and output.shape[0] == x.shape[0] and output.numel() == x.numel()
        if flattened or x.shape[-2:] == (1, 1):  # of a single position, any view sees the same
            return _joined(x, input_size)
        same = output.shape[-2:] == x.shape[-2:] and output.stride()[-2:] == x.stride()[-2:]
        return field if same else NOT_FOLLOWED
    if op in _REDUCTIONS:
        axes = {axis % x.ndim for axis in values.get("dim") or range(x.ndim)}
        if spatial <= axes:
            return _joined(x, input_size)
        return NOT_FOLLOWED if spatial & axes else field
    if op in ("softmax", "log_softmax"):
        return NOT_FOLLOWED if values["dim"] % x.ndim in spatial else field
    if op == "native_group_norm":
        return _joined(x, input_size)
    if op in _PADS:
        left, _, top = (*(values.get("pad") or values["padding"]), 0, 0)[:3]
        start = tuple(s - p * j for s, p, j in zip(field.start, (top, left), field.jump, strict=True))
        return field._replace(start=start)
    if op in ADAPTIVE:
        return _through_adaptive(field, x.shape[-2:], output.shape[-2:])
    window = window_of(op, values)
    if window and not values.get("transposed"):
        return _through(field, *window)
    if op == "avg_pool3d" and tuple(values["kernel_size"])[1:] == (1, 1) == tuple(values["stride"])[1:]:
        return field  # over channels only, as local response normalisation does
    if op == "cat" and values["dim"] % x.ndim in spatial:
        return NOT_FOLLOWED
    if op in _ELEMENTWISE or "batch_norm" in op or torch.Tag.pointwise in func.tags:
        alike = all(t.shape[-2:] == output.shape[-2:] and field_of(t).jump == field.jump for t in data)
        return _union([field_of(t) if alike else _joined(t, input_size) for t in data])
    return NOT_FOLLOWED


def _through(field: Field, kernel: tuple, stride: tuple, padding: tuple, dilation: tuple) -> Field:
    """The recurrence of `shapes.receptive_field`."""
    axes = list(zip(*field, kernel, stride, padding, dilation, strict=True))
    return Field(
        size=tuple(size + d * (f - 1) * jump for size, jump, _, f, _, _, d in axes),
        jump=tuple(jump * s for _, jump, _, _, s, _, _ in axes),
        start=tuple(start - p * jump for _, jump, start, _, _, p, _ in axes),
    )


def _through_adaptive(field: Field, size: tuple, output_size: tuple) -> Field:
    """The longest window counts; where they differ in length, the jump is their average."""
    windows = [adaptive_windows(n, out) for n, out in zip(size, output_size, strict=True)]
    kernel = [max(end - start for start, end in axis) for axis in windows]
    stride = [Fraction(n, out) for n, out in zip(size, output_size, strict=True)]
    return _through(field, kernel, stride, (0, 0), (1, 1))


def _joined(tensor: torch.Tensor, input_size: tuple) -> Field:
    """What all positions of a map see together, padding left out."""
    size, start = [], []
    for n, w, f, j, s in zip(tensor.shape[-2:], input_size, *field_of(tensor), strict=True):
        first, last = max(s, 0), min(ceil(s + (n - 1) * j + f), w) - 1
        size.append(last - first + 1)
        start.append(first)
    return Field(tuple(size), (0, 0), tuple(start))


def _union(fields: list[Field]) -> Field:
    """The smallest range that holds all; their jumps are the same."""
    start = tuple(map(min, zip(*(field.start for field in fields), strict=True)))
    ends = ([s + f for s, f in zip(field.start, field.size, strict=True)] for field in fields)
    end = map(max, zip(*ends, strict=True))
    return Field(tuple(e - s for e, s in zip(end, start, strict=True)), fields[0].jump, start)

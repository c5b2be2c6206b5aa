"""What a sliding window does to sizes, and what it costs: whole numbers, computed without PyTorch.

A *window* is the kernel of a convolution or of a pooling layer. Along one axis of length W, with padding P on
each side, kernel F, stride S and dilation D, window number i covers the input positions

    i·S − P,  i·S − P + D,  …,  i·S − P + D·(F − 1)        for i = 0, 1, …, output − 1

(position 0 is the first pixel; a negative position lies in the padding), so that it spans D·(F − 1) + 1
positions. Everything below follows from that line. Height and width never mix, so each function treats one
axis and does it twice.

Sizes are integers, or (height, width) pairs where the two differ. An integer stands for both axes. The result
is an integer when every argument is one, else a (height, width) tuple. Padding is per side, as in PyTorch.

Sources: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285,
2016; A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill,
2019. The rules are those of `torch.nn.functional`; the tests compare the two.
"""

from collections.abc import Iterable
from numbers import Integral
from typing import NamedTuple

Size = int | tuple[int, int]


def conv_output_size(size: Size, kernel: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1) -> Size:
    """How many windows of a convolution fit:
    floor((size + 2·padding − dilation·(kernel − 1) − 1) / stride) + 1.

    Args:
        size: input height and width in pixels, at least 1.
        kernel, stride, dilation: at least 1.
        padding: zeros added on each side, at least 0.

    Returns:
        The output size: an int, or (height, width) if any argument is a pair.

    Raises:
        ValueError: an argument is out of range, or not even one window fits.

    Source: Dumoulin & Visin 2016, section 5.1 (dilated convolution), with PyTorch's names.
    """
    arguments = (size, kernel, stride, padding, dilation)
    axes = _axes(*arguments)
    return _as_given([_conv_axis(*axis) for axis in axes], arguments)


def pool_output_size(
    size: Size,
    kernel: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Size:
    """How many windows a max or average pooling layer takes, by PyTorch's rules.

    As `conv_output_size`, but
      - `stride=None` means "as large as the kernel";
      - padding may be at most half the kernel: floor(kernel / 2), whatever the dilation;
      - with `ceil_mode` the division rounds up, so that the last window may hang over the right edge. It must
        still *start* inside the input or its left padding; a window that would start in the right padding is
        dropped.

    Args:
        size: input height and width in pixels, at least 1.
        kernel, stride, dilation: at least 1. (Average pooling has no dilation: leave it at 1.)
        padding: positions added on each side, 0 to floor(kernel / 2).
        ceil_mode: round up instead of down.

    Returns:
        The output size: an int, or (height, width) if any argument is a pair.

    Raises:
        ValueError: an argument is out of range, or not even one window fits.

    Source: the documentation of `torch.nn.MaxPool2d` and `torch.nn.AvgPool2d`.
    """
    stride = kernel if stride is None else stride
    arguments = (size, kernel, stride, padding, dilation)
    axes = _axes(*arguments)
    _check_flag("ceil_mode", ceil_mode)
    return _as_given([_pool_axis(*axis, ceil_mode) for axis in axes], arguments)


def adaptive_windows(size: Size, output: Size) -> tuple:
    """The windows of adaptive pooling: output i averages the input positions start, …, end − 1, where
    start = floor(i·size / output) and end = ceil((i + 1)·size / output).

    Where output does not divide size, the windows differ in length and overlap: no single kernel and stride
    would do.

    Args:
        size: input size in pixels, at least 1.
        output: output size, at least 1; it may exceed the input's.

    Returns:
        ((start, end), …), one half-open pair per output position. If an argument is a pair, two such tuples:
        (those of the rows, those of the columns).

    Raises:
        ValueError: an argument is not a size.

    Source: `start_index` and `end_index` in PyTorch's AdaptivePooling.h.
    """
    sizes, outputs = _pair("size", size, least=1), _pair("output", output, least=1)
    axes = [
        tuple((i * n // out, -(-(i + 1) * n // out)) for i in range(out)) for n, out in zip(sizes, outputs, strict=True)
    ]
    return _as_given(axes, (size, output))


def unread(
    size: Size,
    kernel: Size,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple:
    """The input positions that no window reads: what the floor drops at the far edge, and the gaps left
    between windows by a stride larger than the kernel, or by stride and dilation together.

    Args:
        size, kernel, stride, padding, dilation: as in `conv_output_size`.
        ceil_mode: as in `pool_output_size`, whose limit on the padding then holds too.

    Returns:
        The positions in rising order, counted from 0 at the first pixel (padding is not counted). If an
        argument is a pair, two such tuples: (rows, columns). A pixel is unread when its row *or* its column
        is.

    Raises:
        ValueError: as `conv_output_size` or, with `ceil_mode`, `pool_output_size`.
    """
    arguments = (size, kernel, stride, padding, dilation)
    axes = _axes(*arguments)
    _check_flag("ceil_mode", ceil_mode)
    return _as_given([_unread_axis(*axis, ceil_mode) for axis in axes], arguments)


def conv_parameters(in_channels: int, out_channels: int, kernel: Size, groups: int = 1, bias: bool = True) -> int:
    """Trainable numbers of a convolution: out_channels · (in_channels / groups) · height · width of the
    kernel, and one bias per output channel.

    Args:
        in_channels, out_channels: at least 1, multiples of groups.
        kernel: kernel size; an integer means a square.
        groups: every output channel sees only in_channels / groups input channels.
        bias: count the biases.

    Raises:
        ValueError: an argument is out of range, or groups does not divide the channels.
    """
    _check_flag("bias", bias)
    return _conv_weights(in_channels, out_channels, kernel, groups) + (int(out_channels) if bias else 0)


def conv_multiply_adds(in_channels: int, out_channels: int, kernel: Size, output_size: Size, groups: int = 1) -> int:
    """Multiplications (each with its addition) of a convolution on one picture: every weight once per output
    position.

    Adding the bias is not counted, nor is it in the numbers that torchvision publishes with its weights. A
    linear layer is the case kernel 1, output size 1.

    Args:
        in_channels, out_channels, kernel, groups: as in `conv_parameters`.
        output_size: size of the *output*, at least 1; an integer means a square.

    Raises:
        ValueError: an argument is out of range, or groups does not divide the channels.
    """
    height, width = _pair("output_size", output_size, least=1)
    return _conv_weights(in_channels, out_channels, kernel, groups) * height * width


class ReceptiveField(NamedTuple):
    """Output i reads the input positions start + i·jump, …, start + i·jump + size − 1, none outside them.

    Each field is an int, or (height, width). A negative start lies in the padding. With dilation or a stride
    beyond the kernel, not every position in that range is read.
    """

    size: Size
    jump: Size
    start: Size


def receptive_field(layers: Iterable[tuple]) -> ReceptiveField:
    """What one output of a stack of windows sees of the stack's input.

    Going through the layers in order, from (size, jump, start) = (1, 1, 0):

        size ← size + dilation·(kernel − 1)·jump
        start ← start − padding·jump
        jump ← jump·stride

    Args:
        layers: first layer first, each (kernel,), (kernel, stride), (kernel, stride, padding) or
            (kernel, stride, padding, dilation); what is left out is 1, 0 and 1. Each entry is an int, or a
            (height, width) pair.

    Returns:
        ReceptiveField(size, jump, start), of ints, or of (height, width) pairs if any entry is a pair.

    Raises:
        ValueError: a layer is not such a tuple, or an entry is out of range; the message says which layer.

    Source: Araujo, Norris & Sim 2019, where jump is the "effective stride" and −start the "effective
    padding".
    """
    size, jump, start = [1, 1], [1, 1], [0, 0]
    windows, entries = _stack(layers)
    for window in windows:
        for axis, (f, s, p, d) in enumerate(zip(*window, strict=True)):
            size[axis] += d * (f - 1) * jump[axis]
            start[axis] -= p * jump[axis]
            jump[axis] *= s
    return ReceptiveField(*(_as_given(field, entries) for field in (size, jump, start)))


class Seen(NamedTuple):
    """What one output sees at one level of a stack, along one axis.

    start, end: the receptive field at that level, positions start, …, end − 1. It counts the padding: a negative
        start lies in it, and so does an end beyond the level's size.
    read: the positions of the level on which the output really depends, in rising order. None is padding, and
        none lies in a gap between the taps; there may be none at all.
    """

    start: int
    end: int
    read: tuple[int, ...]


def seen(layers: Iterable[tuple], size: Size, index: Size) -> tuple:
    """What one output of a stack sees at every level, from the stack's input to the output itself.

    From the last level back to the first: an output of which the positions a, …, b are seen saw, one level
    earlier, a·stride − padding, …, b·stride − padding + dilation·(kernel − 1). What is *read* is found in the same
    way, position by position, but what falls into the padding is dropped at every level and not at the input only:
    a padded zero in the middle of a stack depends on no pixel.

    Args:
        layers: as in `receptive_field`.
        size: input height and width in pixels, at least 1.
        index: which output, counted from 0; as a pair (row, column).

    Returns:
        One `Seen` for the input and one per layer. If an argument or an entry is a pair, two such tuples: (those
        of the rows, those of the columns).

    Raises:
        ValueError: as `receptive_field`; a window does not fit; or there is no such output.
    """
    windows, entries = _stack(layers)
    pairs = _pair("size", size, least=1), _pair("index", index, least=0)
    axes = []
    for axis, (n, i) in enumerate(zip(*pairs, strict=True)):
        stack = [tuple(entry[axis] for entry in window) for window in windows]
        sizes = [n]
        for number, window in enumerate(stack):
            try:
                sizes.append(_conv_axis(sizes[-1], *window, axis=""))
            except ValueError as refusal:
                raise ValueError(f"layers[{number}]: {refusal}") from refusal
        if i >= sizes[-1]:
            raise ValueError(f"index must be at most {sizes[-1] - 1}, for {sizes[-1]} outputs, got {i}")
        levels = [Seen(i, i + 1, (i,))]
        for (f, s, p, d), w in zip(reversed(stack), reversed(sizes[:-1]), strict=True):
            start, end, read = levels[-1]
            positions = {j * s - p + k * d for j in read for k in range(f)}
            levels.append(
                Seen(start * s - p, (end - 1) * s - p + d * (f - 1) + 1, tuple(sorted(positions & set(range(w)))))
            )
        axes.append(tuple(reversed(levels)))
    return _as_given(axes, [*entries, size, index])


def _stack(layers: Iterable[tuple]) -> tuple[list[tuple], list[Size]]:
    """The layers as ((height, width) of kernel, of stride, of padding, of dilation), and every entry as given."""
    windows, entries = [], []
    for number, layer in enumerate(layers):
        if not isinstance(layer, (tuple, list)) or not 1 <= len(layer) <= 4:
            raise ValueError(
                f"layers[{number}] must be (kernel, stride, padding, dilation), the last three optional, got {layer!r}"
            )
        entries.extend(layer)
        kernel, stride, padding, dilation = (*layer, *(1, 0, 1)[len(layer) - 1 :])
        windows.append(_window_pairs(kernel, stride, padding, dilation, f"layers[{number}]: "))
    return windows, entries


# One axis at a time: w input size, f kernel, s stride, p padding per side, d dilation, as on the board.


def _conv_axis(w: int, f: int, s: int, p: int, d: int, axis: str) -> int:
    span = d * (f - 1) + 1
    if span > w + 2 * p:
        raise ValueError(_too_small(w, p, span, least=span - 2 * p, axis=axis))
    return (w + 2 * p - span) // s + 1


def _pool_axis(w: int, f: int, s: int, p: int, d: int, axis: str, ceil_mode: bool) -> int:
    if p > f // 2:
        raise ValueError(
            f"padding={p} is more than half of kernel={f}{_of(axis)}: pooling takes a padding of 0 to {f // 2}"
        )
    if not ceil_mode:
        return _conv_axis(w, f, s, p, d, axis)
    span = d * (f - 1) + 1
    if span > w + 2 * p + s - 1:
        why = f" and ceil_mode lets it hang over by at most stride − 1 = {s - 1}"
        raise ValueError(_too_small(w, p, span, least=span - 2 * p - (s - 1), axis=axis, why=why))
    output = -(-(w + 2 * p - span) // s) + 1
    return output - 1 if (output - 1) * s >= w + p else output


def _unread_axis(w: int, f: int, s: int, p: int, d: int, axis: str, ceil_mode: bool) -> tuple[int, ...]:
    output = _pool_axis(w, f, s, p, d, axis, ceil_mode) if ceil_mode else _conv_axis(w, f, s, p, d, axis)
    read = {i * s - p + j * d for i in range(output) for j in range(f)}
    return tuple(position for position in range(w) if position not in read)


def _too_small(w: int, p: int, span: int, least: int, axis: str, why: str = "") -> str:
    shape = "high" if axis == "height" else "wide"
    return (
        f"size={w} is too small{_of(axis)}: the {span}-{shape} window needs {span - w - 2 * p} more than "
        f"the padded input's {w + 2 * p} ({w} + 2·{p}){why}; size must be at least {max(least, 1)}"
    )


def _of(axis: str) -> str:
    return f" in {axis}" if axis else ""


# Reading the arguments.


def _pair(name: str, value: Size, least: int) -> tuple[int, int]:
    """`value` as (height, width), checked. A bool is not a size, though Python counts it an integer."""
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(entries) != 2 or not all(_is_integer(entry) and entry >= least for entry in entries):
        raise ValueError(
            f"{name} must be an integer of at least {least}, or a (height, width) pair of them, got {value!r}"
        )
    return int(entries[0]), int(entries[1])


def _window_pairs(kernel: Size, stride: Size, padding: Size, dilation: Size, where: str = "") -> tuple:
    return (
        _pair(where + "kernel", kernel, least=1),
        _pair(where + "stride", stride, least=1),
        _pair(where + "padding", padding, least=0),
        _pair(where + "dilation", dilation, least=1),
    )


def _axes(size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size) -> list[tuple]:
    """(w, f, s, p, d, name of the axis) for height and for width; no name where the two are the same."""
    pairs = (_pair("size", size, least=1), *_window_pairs(kernel, stride, padding, dilation))
    names = ("height", "width") if _any_pair((size, kernel, stride, padding, dilation)) else ("", "")
    return list(zip(*pairs, names, strict=True))


def _as_given(height_and_width: Iterable, arguments: Iterable):
    """One result if every argument was a single number, else (height's, width's)."""
    height, width = height_and_width
    return (height, width) if _any_pair(arguments) else height


def _any_pair(arguments: Iterable) -> bool:
    return any(isinstance(argument, (tuple, list)) for argument in arguments)


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _check_flag(name: str, value: bool) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def _conv_weights(in_channels: int, out_channels: int, kernel: Size, groups: int) -> int:
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
        if not _is_integer(value) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        if value % groups:
            raise ValueError(f"groups={groups} must divide {name}={value}, but leaves a remainder of {value % groups}")
    height, width = _pair("kernel", kernel, least=1)
    return int(out_channels) * (int(in_channels) // int(groups)) * height * width

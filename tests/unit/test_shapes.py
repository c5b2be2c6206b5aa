"""`companion.shapes` against `torch.nn.functional`: the same sizes, or both refuse, on 7,350 random cases; what
is read, seen and counted against gradients and sums.

Real tensors on the CPU, never the meta device: the legality checks live in the kernels. The cases are derived
from the tests themselves (`derandomize`), so a run is repeatable; each test also counts what it has seen, so
that a change of the random ranges cannot quietly leave the interesting cases out.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.shapes import (
    ReceptiveField,
    adaptive_windows,
    conv_multiply_adds,
    conv_output_size,
    conv_parameters,
    pool_output_size,
    receptive_field,
    seen,
    unread,
)

ROOT = Path(__file__).resolve().parents[2]


def cases(number):
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def sizes(least, most):
    """An integer, or a (height, width) pair."""
    one = st.integers(least, most)
    return one | st.tuples(one, one)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def size_or_refusal(ours, **arguments):
    """(height, width) as `ours` has it, or None if it raises ValueError; an int must come from ints only."""
    try:
        size = ours(**arguments)
    except ValueError:
        return None
    assert isinstance(size, tuple) == any(isinstance(value, tuple) for value in arguments.values())
    return pair(size)


def torch_size_or_refusal(function, *arguments, **keywords):
    try:
        return tuple(function(*arguments, **keywords).shape[2:])
    except RuntimeError:
        return None


def windows_divide(size, kernel, stride, padding, dilation):
    return all(
        (w + 2 * p - d * (f - 1) - 1) % s == 0
        for w, f, s, p, d in zip(*map(pair, (size, kernel, stride, padding, dilation)), strict=True)
    )


# Sizes: 2,500 + 2,500 + 1,500 + 600 cases.

WINDOW = {
    "size": sizes(1, 32),
    "kernel": sizes(1, 7),
    "stride": sizes(1, 6),
    "padding": sizes(0, 3),
    "dilation": sizes(1, 4),
}


def test_conv_output_size_is_conv2d():
    seen = Counter()

    @cases(2500)
    @given(**WINDOW)
    def agree(size, kernel, stride, padding, dilation):
        expected = torch_size_or_refusal(
            F.conv2d,
            torch.zeros(1, 1, *pair(size)),
            torch.zeros(1, 1, *pair(kernel)),
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
        ours = size_or_refusal(
            conv_output_size, size=size, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )
        assert ours == expected
        seen["cases"] += 1
        seen["refused"] += expected is None
        if expected:
            seen["dilated"] += max(pair(dilation)) > 1
            seen["does not divide"] += not windows_divide(size, kernel, stride, padding, dilation)

    agree()
    assert seen["cases"] >= 2500
    assert 250 <= seen["refused"] <= 1250
    assert seen["dilated"] >= 300 and seen["does not divide"] >= 300


def test_pool_output_size_is_max_pool2d():
    seen = Counter()

    @cases(2500)
    @given(
        **{**WINDOW, "stride": st.none() | WINDOW["stride"], "padding": st.just(0) | WINDOW["padding"]},
        ceil_mode=st.booleans(),
    )
    def agree(size, kernel, stride, padding, dilation, ceil_mode):
        expected = torch_size_or_refusal(
            F.max_pool2d,
            torch.zeros(1, 1, *pair(size)),
            kernel,
            stride,
            padding,
            dilation,
            ceil_mode=ceil_mode,
        )
        arguments = {
            "size": size,
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
        }
        assert size_or_refusal(pool_output_size, **arguments, ceil_mode=ceil_mode) == expected
        seen["cases"] += 1
        seen["refused"] += expected is None
        if expected:
            arguments["stride"] = kernel if stride is None else stride
            seen["stride left out"] += stride is None
            seen["dilated"] += max(pair(dilation)) > 1
            seen["does not divide"] += not windows_divide(**arguments)
            if ceil_mode:
                fewer = size_or_refusal(pool_output_size, **arguments, ceil_mode=False)
                seen["ceil_mode adds a window"] += fewer != expected
                seen["ceil_mode, but it would start in the padding"] += (
                    not windows_divide(**arguments) and fewer == expected
                )

    agree()
    assert seen["cases"] >= 2500
    assert 250 <= seen["refused"] <= 1600
    for what in ("stride left out", "dilated", "does not divide", "ceil_mode adds a window"):
        assert seen[what] >= 100, what
    assert seen["ceil_mode, but it would start in the padding"] >= 20


def test_pool_output_size_is_avg_pool2d():
    seen = Counter()
    window = {name: values for name, values in WINDOW.items() if name != "dilation"}

    @cases(1500)
    @given(
        **{**window, "stride": st.none() | WINDOW["stride"], "padding": st.just(0) | WINDOW["padding"]},
        ceil_mode=st.booleans(),
    )
    def agree(size, kernel, stride, padding, ceil_mode):
        expected = torch_size_or_refusal(
            F.avg_pool2d, torch.zeros(1, 1, *pair(size)), kernel, stride, padding, ceil_mode
        )
        arguments = {"size": size, "kernel": kernel, "stride": stride, "padding": padding}
        assert size_or_refusal(pool_output_size, **arguments, ceil_mode=ceil_mode) == expected
        seen["cases"] += 1
        seen["accepted"] += expected is not None

    agree()
    assert seen["cases"] >= 1500 and 300 <= seen["accepted"] <= 1400


def test_padding_of_pooling_is_limited_by_the_kernel_not_by_its_dilated_span():
    """Every (kernel, padding, dilation) of a small grid: the boundary itself, which random cases may miss."""
    for kernel in range(1, 8):
        for padding in range(5):
            for dilation in range(1, 5):
                x = torch.zeros(1, 1, 30, 30)
                expected = torch_size_or_refusal(F.max_pool2d, x, kernel, 1, padding, dilation)
                ours = size_or_refusal(
                    pool_output_size, size=30, kernel=kernel, stride=1, padding=padding, dilation=dilation
                )
                assert ours == expected, (kernel, padding, dilation)


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"kernel": 0}, {"kernel": -1}, {"stride": 0}, {"padding": -1}, {"dilation": 0}]
)
def test_values_out_of_range_are_refused_by_both(wrong):
    legal = {"size": 9, "kernel": 3, "stride": 2, "padding": 1, "dilation": 1}
    for value in (wrong, {name: (n, legal[name]) for name, n in wrong.items()}):
        size, kernel, *rest = ({**legal, **value}).values()
        image = torch.zeros(1, 1, *pair(size))
        assert torch_size_or_refusal(F.max_pool2d, image, kernel, *rest) is None
        if min(pair(kernel)) >= 0:
            weight = torch.zeros(1, 1, *pair(kernel))
            assert torch_size_or_refusal(F.conv2d, image, weight, None, *rest) is None
        for ours in (conv_output_size, pool_output_size):
            with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
                ours(size, kernel, *rest)


def test_adaptive_windows_average_as_adaptive_avg_pool2d():
    seen = Counter()

    @cases(600)
    @given(sizes(1, 14), sizes(1, 17), st.integers(0, 2**32))
    def agree(size, output, seed):
        image = torch.randn(pair(size), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        windows = adaptive_windows(size, output)
        rows, columns = windows if isinstance(size, tuple) or isinstance(output, tuple) else (windows, windows)
        means = torch.stack(
            [torch.stack([image[top:bottom, left:right].mean() for left, right in columns]) for top, bottom in rows]
        )
        torch.testing.assert_close(means, F.adaptive_avg_pool2d(image[None, None], output)[0, 0], rtol=0, atol=1e-14)
        seen["cases"] += 1
        seen["windows differ"] += len({end - start for start, end in rows}) > 1

    agree()
    assert seen["cases"] >= 600 and seen["windows differ"] >= 100


def test_known_sizes():
    assert conv_output_size(32, 5) == 28
    assert conv_output_size(224, 11, stride=4) == 54
    assert conv_output_size(224, 11, stride=4, padding=2) == conv_output_size(227, 11, stride=4) == 55
    assert pool_output_size(55, 3, 2) == 27
    assert pool_output_size(28, 2) == 14
    assert pool_output_size(5, (3, 2), stride=(2, 1)) == (2, 4)
    assert pool_output_size(7, (3, 2), stride=(2, 1)) == (3, 6)
    assert adaptive_windows(5, 3) == ((0, 2), (1, 4), (3, 5))
    assert adaptive_windows((4, 5), (2, 1)) == (((0, 2), (2, 4)), ((0, 5),))


def test_ceil_mode_window_must_start_in_the_input_or_its_left_padding():
    assert pool_output_size(5, 2, 2, ceil_mode=True) == 3  # starts at 0, 2, 4: the last hangs over
    assert pool_output_size(5, 2, 2, padding=1, ceil_mode=True) == 3  # −1, 1, 3 fit exactly
    assert pool_output_size(4, 2, 2, padding=1, ceil_mode=True) == 3
    assert pool_output_size(3, 2, 3, padding=1, ceil_mode=True) == 2  # −1, 2
    assert pool_output_size(2, 2, 3, padding=1, ceil_mode=True) == 1  # a second would start at 2, in the padding


# What is read.


def test_unread_is_where_a_convolution_of_ones_has_no_gradient():
    seen = Counter()

    @cases(500)
    @given(sizes(1, 24), sizes(1, 5), sizes(1, 7), sizes(0, 2), sizes(1, 4))
    def agree(size, kernel, stride, padding, dilation):
        arguments = (size, kernel, stride, padding, dilation)
        x = torch.ones(1, 1, *pair(size), requires_grad=True)
        if size_or_refusal(conv_output_size, **dict(zip(WINDOW, arguments, strict=True))) is None:
            with pytest.raises(ValueError, match="window needs"):
                unread(*arguments)
            return
        F.conv2d(x, torch.ones(1, 1, *pair(kernel)), None, stride, padding, dilation).sum().backward()
        ours = unread(*arguments)
        if not any(isinstance(argument, tuple) for argument in arguments):
            ours = (ours, ours)
        rows, columns = (
            torch.isin(torch.arange(n), torch.tensor(gap)) for n, gap in zip(pair(size), ours, strict=True)
        )
        assert torch.equal(x.grad[0, 0] == 0, rows[:, None] | columns)
        seen["compared"] += 1
        seen["something unread"] += bool(rows.any() or columns.any())

    agree()
    assert seen["compared"] >= 300 and seen["something unread"] >= 150


def test_unread_is_where_a_single_one_never_reaches_the_maximum():
    """Picture number w is 0 everywhere but 1 at w; w is read if max pooling lets the 1 through."""
    seen = Counter()

    @cases(500)
    @given(
        st.integers(1, 24),
        st.integers(1, 5),
        st.integers(1, 7),
        st.integers(0, 2),
        st.integers(1, 3),
        st.booleans(),
    )
    def agree(size, kernel, stride, padding, dilation, ceil_mode):
        pictures = torch.eye(size)[:, None, None, :]  # (N = size, 1, 1, W = size)
        padding = min(padding, kernel // 2)
        window = ((1, kernel), (1, stride), (0, padding), (1, dilation))
        try:
            pooled = F.max_pool2d(pictures, *window, ceil_mode=ceil_mode)
        except RuntimeError:
            return  # no window fits
        passed = (pooled == 1).flatten(1).any(dim=1)
        positions = tuple((~passed).nonzero().flatten().tolist())
        assert unread(size, kernel, stride, padding, dilation, ceil_mode) == positions
        seen["compared"] += 1
        seen["something unread"] += bool(positions)
        seen["read by a window that hangs over"] += bool(
            ceil_mode
            and pool_output_size(size, kernel, stride, padding, dilation, True) > 1
            and positions != unread(size, kernel, stride, padding, dilation)
        )

    agree()
    assert seen["compared"] >= 350
    assert seen["something unread"] >= 100 and seen["read by a window that hangs over"] >= 30


def test_known_unread():
    assert unread(224, 11, 4) == (223,)
    assert unread(224, 11, 4, 2) == ()
    assert unread(227, 11, 4) == ()
    assert unread(6, 1, 3) == (1, 2, 4, 5)
    assert unread(5, 2, 2) == (4,) and unread(5, 2, 2, ceil_mode=True) == ()
    with pytest.raises(ValueError, match="half of kernel"):
        unread(5, 2, 2, 2, ceil_mode=True)


# Receptive field.


def test_receptive_field_is_where_a_random_stack_has_a_gradient():
    seen = Counter()
    layer = st.tuples(sizes(1, 4), sizes(1, 3), sizes(0, 2), sizes(1, 2))

    @cases(500)
    @given(st.lists(layer, min_size=1, max_size=4), st.data())
    def agree(layers, data):
        field = receptive_field(layers)
        assert isinstance(field.size, tuple) == any(isinstance(a, tuple) for each in layers for a in each)
        x = torch.ones(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
        y = x
        for kernel, stride, padding, dilation in layers:
            try:
                ones = torch.ones(1, 1, *pair(kernel), dtype=torch.float64)
                y = F.conv2d(y, ones, None, stride, padding, dilation)
            except RuntimeError:
                return  # the stack has shrunk the picture below its next window
        output = tuple(data.draw(st.integers(0, n - 1), label="output") for n in y.shape[2:])
        y[0, 0][output].backward()
        nonzero = x.grad[0, 0].nonzero()
        for axis in (0, 1):
            size, jump, start = (pair(value)[axis] for value in field)
            first = start + output[axis] * jump
            last = first + size - 1
            reached = nonzero[:, axis]
            if len(reached):
                assert first <= reached.min() and reached.max() <= last
            if all(
                s + i * j >= 0 and s + i * j + n <= 40 for n, j, s, i in zip(*map(pair, field), output, strict=True)
            ):
                # No padding on the way: both ends of the field are really reached.
                assert (reached.min(), reached.max()) == (first, last)
                seen["exact"] += 1
        seen["compared"] += 1

    agree()
    assert seen["compared"] >= 300 and seen["exact"] >= 200


def test_known_receptive_fields():
    assert receptive_field([]) == (1, 1, 0)
    assert receptive_field([(3, 1, 1)] * 2) == (5, 1, -2)
    assert receptive_field([(3,)] * 3) == receptive_field([(7,)]) == (7, 1, 0)
    assert receptive_field([(5,), (2, 2), (5,), (2, 2), (5,)]) == (32, 4, 0)  # LeNet-5 up to C5
    assert receptive_field([(7, 2, 3), (3, 2, 1)]) == (11, 4, -5)  # ResNet's stem
    assert receptive_field([(3, 1, 0, 2)]) == (5, 1, 0)
    assert receptive_field([((3, 5), 1, 0), (2, (2, 1))]) == ReceptiveField((4, 6), (2, 1), (0, 0))
    assert receptive_field(iter([(3,)])).size == 3


# What one output sees.


def test_what_is_read_is_where_a_random_stack_has_a_gradient_whatever_the_padding_and_the_gaps():
    """At every level of the stack; and the field with its padding is that of the recurrence."""
    counted = Counter()
    layer = st.tuples(sizes(1, 4), sizes(1, 4), sizes(0, 3), sizes(1, 3))

    @cases(250)
    @given(st.lists(layer, min_size=1, max_size=4), sizes(8, 28), st.data())
    def agree(layers, size, data):
        levels = [torch.ones(1, 1, *pair(size), dtype=torch.float64, requires_grad=True)]
        for kernel, stride, padding, dilation in layers:
            ones = torch.ones(1, 1, *pair(kernel), dtype=torch.float64)
            try:
                levels.append(F.conv2d(levels[-1], ones, None, stride, padding, dilation))
            except RuntimeError:
                with pytest.raises(ValueError, match=r"layers\[\d\]: size=.* too small"):
                    seen(layers, size, 0)
                return
        index = tuple(data.draw(st.integers(0, n - 1), label="index") for n in levels[-1].shape[2:])
        rows, columns = seen(layers, size, index)
        gradients = torch.autograd.grad(levels[-1][0, 0][index], levels)
        for level, (gradient, row, column) in enumerate(zip(gradients, rows, columns, strict=True)):
            reached = torch.zeros_like(gradient[0, 0], dtype=torch.bool)
            at = [torch.tensor(one.read, dtype=torch.long) for one in (row, column)]
            reached[at[0][:, None], at[1]] = True
            assert torch.equal(gradient[0, 0] != 0, reached)
            field = receptive_field(layers[level:])
            for axis, one in enumerate((row, column)):
                n, jump, start = (pair(value)[axis] for value in field)
                assert (one.start, one.end) == (start + index[axis] * jump, start + index[axis] * jump + n)
                inside = [p for p in range(gradient.shape[2 + axis]) if one.start <= p < one.end]
                counted["with gaps"] += one.read != tuple(inside)
                counted["nothing read"] += not one.read
                counted["levels"] += 1

    agree()
    assert counted["levels"] >= 700 and counted["with gaps"] >= 150 and counted["nothing read"] >= 15


def test_known_sights():
    vgg = [(3, 1, 1), (3, 1, 1), (2, 2)]
    assert [(one.start, one.end, len(one.read)) for one in seen(vgg, 8, 0)] == [
        (-2, 4, 4),
        (-1, 3, 3),
        (0, 2, 2),
        (0, 1, 1),
    ]
    assert seen([(3, 2)], 6, 1) == ((2, 5, (2, 3, 4)), (1, 2, (1,)))  # the last pixel is never read
    assert seen([(3, 1, 2, 2)], 5, 0)[0] == (-2, 3, (0, 2))  # dilation: every other one
    assert seen([(1, 1, 1)], 3, 0)[0] == (-1, 0, ())  # a window that lies wholly in the padding
    assert seen([], 4, 2) == ((2, 3, (2,)),)
    rows, columns = seen([((3, 1), 1)], 5, (0, 4))
    assert (rows[0].read, columns[0].read) == ((0, 1, 2), (4,))
    # A zero of the padding between two layers depends on no pixel: row 3 is not read, though the field reaches it.
    assert seen([(1, 2), (3, 1, 1)], 4, 1)[0] == (0, 5, (0, 2))


# Counts.


def test_conv_parameters_and_multiply_adds_are_those_of_conv2d():
    """Multiply–adds by measurement: with input and weights all ones, they are the sum of the output."""

    @cases(300)
    @given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), sizes(1, 4), st.booleans(), sizes(4, 8))
    def agree(per_group, out_per_group, groups, kernel, bias, size):
        channels = (per_group * groups, out_per_group * groups)
        conv = torch.nn.Conv2d(*channels, kernel, groups=groups, bias=bias)
        assert conv_parameters(*channels, kernel, groups, bias) == sum(p.numel() for p in conv.parameters())
        ones = torch.ones_like(conv.weight)
        products = F.conv2d(torch.ones(1, channels[0], *pair(size)), ones, groups=groups)
        output_size = conv_output_size(size, kernel)
        assert conv_multiply_adds(*channels, kernel, output_size, groups) == products.sum().item()

    agree()


def test_known_counts():
    assert conv_parameters(1, 6, 5) == 156
    assert conv_parameters(96, 256, 5, groups=2) == 307_456  # AlexNet's second layer, in its two towers
    assert conv_parameters(16, 32, (1, 3), bias=False) == 1536
    assert conv_multiply_adds(1, 6, 5, 28) == 117_600
    assert conv_multiply_adds(400, 120, 1, 1) == 48_000


# Refusals.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv_output_size(7, 11), "the 11-wide window needs 4 more than the padded input's 7 "),
        (lambda: conv_output_size(7, 11), "size must be at least 11"),
        (lambda: conv_output_size(7, 3, padding=2, dilation=6), "13-wide window needs 2 more than .* 11"),
        (
            lambda: conv_output_size((5, 9), 7),
            "size=5 is too small in height: the 7-high window needs 2 more",
        ),
        (lambda: conv_output_size(9, (3, 11)), "in width: the 11-wide window needs 2 more"),
        (lambda: pool_output_size(2, 3, 2), "needs 1 more .* size must be at least 3"),
        (
            lambda: pool_output_size(1, 4, 2, ceil_mode=True),
            "at most stride − 1 = 1; size must be at least 3",
        ),
        (lambda: pool_output_size(9, 3, 2, padding=2), "padding=2 is more than half of kernel=3: .* 0 to 1"),
        (lambda: pool_output_size(9, (2, 3), 1, (1, 2)), "kernel=3 in width"),
        (lambda: conv_output_size(True, 1), "size must be an integer of at least 1, .* got True"),
        (lambda: conv_output_size(5, 2.0), "kernel must be an integer .* got 2.0"),
        (lambda: conv_output_size(5, 3, stride=0), "stride must be .* at least 1, .* got 0"),
        (lambda: conv_output_size(5, 3, padding=-1), "padding must be .* at least 0, .* got -1"),
        (lambda: conv_output_size(5, 3, padding="same"), "padding must be .* got 'same'"),
        (lambda: conv_output_size((5, 5, 5), 3), r"size must be .*pair.* got \(5, 5, 5\)"),
        (lambda: conv_output_size(5, 3, dilation=(1, False)), r"dilation must be .* got \(1, False\)"),
        (lambda: conv_output_size(5, None), "kernel must be .* got None"),
        (lambda: pool_output_size(5, 3, 2, 0, 1, 1), "ceil_mode must be True or False, got 1"),
        (lambda: adaptive_windows(5, 0), "output must be .* at least 1, .* got 0"),
        (lambda: unread(5, 3, ceil_mode=None), "ceil_mode must be True or False, got None"),
        (lambda: receptive_field([(3, 1), (3, 0)]), r"layers\[1\]: stride must be .* got 0"),
        (
            lambda: receptive_field([3, 1, 1]),
            r"layers\[0\] must be \(kernel, stride, padding, dilation\).* got 3",
        ),
        (lambda: receptive_field([()]), r"layers\[0\] must be .* got \(\)"),
        (lambda: receptive_field([(3, 1, 1, 1, 1)]), r"layers\[0\] must be "),
        (lambda: seen([(3,), (5,)], 6, 0), r"layers\[1\]: size=4 is too small: the 5-wide window needs 1 more"),
        (lambda: seen([(3,)], 6, 4), "index must be at most 3, for 4 outputs, got 4"),
        (lambda: seen([(3,)], 6, -1), "index must be an integer of at least 0, .* got -1"),
        (lambda: seen([(3,)], 0, 0), "size must be an integer of at least 1, .* got 0"),
        (lambda: seen([3], 6, 0), r"layers\[0\] must be "),
        (lambda: conv_parameters(3, 6, 5, groups=2), "groups=2 must divide in_channels=3"),
        (lambda: conv_parameters(4, 6, 5, groups=4), "groups=4 must divide out_channels=6"),
        (lambda: conv_parameters(0, 6, 5), "in_channels must be an integer of at least 1, got 0"),
        (
            lambda: conv_parameters((3, 3), 6, 5),
            r"in_channels must be an integer of at least 1, got \(3, 3\)",
        ),
        (lambda: conv_parameters(1, 6, 5, bias=1), "bias must be True or False, got 1"),
        (lambda: conv_multiply_adds(1, 6, 5, 0), "output_size must be .* got 0"),
    ],
)
def test_bad_input_is_refused_with_its_name_its_value_and_what_is_legal(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_a_refusal_says_is_true():
    """Where it says that the size must be at least n, n is accepted and n − 1 is not."""
    seen = Counter()

    @cases(300)
    @given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 3), st.integers(1, 4), st.booleans())
    def agree(kernel, stride, padding, dilation, ceil_mode):
        window = (kernel, stride, min(padding, kernel // 2), dilation, ceil_mode)
        try:
            pool_output_size(1, *window)
        except ValueError as refusal:
            least = int(str(refusal).rsplit(" ", 1)[1])
            assert pool_output_size(least, *window) == 1
            with pytest.raises(ValueError, match="is too small"):
                pool_output_size(least - 1, *window)
            seen["refused"] += 1

    agree()
    assert seen["refused"] >= 150


def test_numpy_integers_are_integers():
    np = pytest.importorskip("numpy")
    assert conv_output_size(np.int64(32), np.int32(5)) == 28
    assert type(conv_output_size(np.int64(32), 5)) is int


def test_shapes_imports_neither_torch_nor_numpy():
    program = "import sys, companion.shapes; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

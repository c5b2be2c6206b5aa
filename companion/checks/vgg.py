"""Checkers of chapter 5, VGG."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, judge_numbers, normal
from companion.models.vgg import CHANNELS
from companion.shapes import conv_parameters


def merge_kernels(answer: Callable) -> Verdict:
    """Check `answer(first, second)`: the one kernel (5, 5) that does what two kernels (3, 3), one by one, do."""

    def reference(first, second):
        return F.conv2d(F.pad(second, (2, 2, 2, 2))[None, None], first.flip(0, 1)[None, None])[0, 0]

    mistakes = {
        "the first kernel not turned over": lambda a, b: F.conv2d(
            F.pad(b, (2, 2, 2, 2))[None, None], a[None, None]
        )[0, 0],
        "the merged kernel turned over": lambda a, b: reference(a, b).flip(0, 1),
        "the two kernels added up: they are applied one after the other": lambda a, b: F.pad(a + b, (1, 1, 1, 1)),
        "a kernel of 3×3: together they see 5×5": lambda a, b: reference(a, b)[1:4, 1:4],
        "the product of the matrices": lambda a, b: a @ b,
        "rows and columns exchanged": lambda a, b: reference(a, b).T,
    }
    generator = torch.Generator().manual_seed(5)
    return compare(answer, reference, [(normal(generator, 3, 3), normal(generator, 3, 3)) for _ in range(3)], mistakes)


def vgg_parameters(answer: Callable) -> Verdict:
    """Check `answer(convolutions, num_classes)`: the parameters of the VGG with so many convolutions in each stage."""

    def count(stages, num_classes, bias=1, side=7, classes=None):
        total, in_channels = 0, 3
        for convolutions, channels in zip(stages, CHANNELS, strict=True):
            for _ in range(convolutions):
                total += channels * (9 * in_channels + bias)
                in_channels = channels
        sizes = [512 * side**2, 4096, 4096, classes or num_classes]
        return total + sum(outputs * (inputs + bias) for inputs, outputs in zip(sizes, sizes[1:], strict=False))

    def convolutions_only(stages):
        return count(stages, 1) - count((0, 0, 0, 0, 0), 1)

    mistakes = {
        "a network without biases": lambda s, k: count(s, k, bias=0),
        "1,000 classes whatever is asked for": lambda s, k: count(s, k, classes=1000),
        "a first dense layer that reads one number of each map: it reads 7×7": lambda s, k: count(s, k, side=1),
        "a first dense layer that reads 14×14 positions: there are five poolings": lambda s, k: count(s, k, side=14),
        "the convolutions only": lambda s, k: convolutions_only(s),
        "the dense layers only": lambda s, k: count((0, 0, 0, 0, 0), k),
        "a stage whose convolutions all read as many maps as its first": lambda s, k: count((0,) * 5, k) + sum(
            n * c * (9 * i + 1) for n, c, i in zip(s, CHANNELS, (3, *CHANNELS), strict=False)
        ),
        "a stage whose first convolution reads as many maps as it puts out": lambda s, k: count((0,) * 5, k) + sum(
            n * c * (9 * c + 1) for n, c in zip(s, CHANNELS, strict=True)
        ),
    }  # fmt: skip
    cases = [((1, 1, 2, 2, 2), 1000), ((2, 2, 4, 4, 4), 10), ((1, 3, 2, 1, 2), 7)]
    return compare(answer, count, cases, mistakes)


def he_std(answer: Callable) -> Verdict:
    """Check `answer(shape)`: He's standard deviation (fan in) for a weight of this shape, dense or convolution."""

    def by(fan, gain=2.0, power=0.5):
        def std(shape):
            out_channels, in_channels, *window = shape
            area = torch.Size(window).numel()
            return torch.tensor((gain / fan(in_channels, out_channels, area)) ** power, dtype=torch.float64)

        return std

    reference = by(lambda i, o, area: i * area)
    mistakes = {
        "the variance: take its square root": by(lambda i, o, area: i * area, power=1.0),
        "the fan out": by(lambda i, o, area: o * area),
        "a fan without the window's weights": by(lambda i, o, area: i),
        "a window counted along one side only": by(lambda i, o, area: i * round(area**0.5)),
        "the weights for a linear layer: the ReLU halves the mean square": by(lambda i, o, area: i * area, gain=1.0),
        "Glorot's": by(lambda i, o, area: (i + o) * area),
        "one over the number of all the weights": by(lambda i, o, area: i * o * area),
    }

    def as_tensor(shape):
        result = answer(shape)
        unfinished = result is None or result is Ellipsis
        return result if unfinished else torch.as_tensor(result, dtype=torch.float64)

    cases = [((64, 3, 3, 3),), ((512, 256, 3, 3),), ((10, 4096),)]
    return compare(as_tensor, reference, cases, mistakes)


def as_convolution(answer: Callable) -> Verdict:
    """Check `answer(weight, side)`: a dense weight (K, C·side·side) as that of a convolution, (K, C, side, side)."""

    def reference(weight, side):
        return weight.unflatten(1, (-1, side, side))

    mistakes = {
        "rows and columns exchanged": lambda w, s: reference(w, s).mT,
        "channels last: flatten puts the positions of one map together": lambda w, s: w.unflatten(
            1, (s, s, -1)
        ).permute(0, 3, 1, 2),
        "inputs and outputs exchanged": lambda w, s: reference(w, s).transpose(0, 1),
        "one position of each map": lambda w, s: reference(w, s)[:, :, :1, :1],
        "the kernel turned over: conv2d does not turn it": lambda w, s: reference(w, s).flip(2, 3),
    }
    generator = torch.Generator().manual_seed(6)
    cases = [(normal(generator, k, c * s * s), s) for k, c, s in [(5, 3, 2), (4, 4, 4), (2, 6, 3)]]
    return compare(answer, reference, cases, mistakes)


@dataclass(frozen=True)
class StackQuestion:
    """A stack of 3×3 convolutions, to be compared on paper with one large one. The same seed asks the same question."""

    in_channels: int
    channels: int
    convolutions: int
    side: int

    @classmethod
    def from_seed(cls, seed: int) -> "StackQuestion":
        draw = random.Random(seed)
        return cls(draw.choice([1, 2, 3, 4]), draw.choice([6, 8, 10, 12]), draw.choice([2, 3, 4]),
                   draw.choice([10, 12, 14, 20]))  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"A {self.side}×{self.side} input with {self.in_channels} channels meets {self.convolutions} convolutions"
            f" of 3×3,\neach with {self.channels} filters, padding 1 and biases."
        )

    def check(self, kernel: int | None, stack: int | None, single: int | None, numbers: int | None) -> Verdict:
        """Compare four numbers, in this order, and stop at the first that is wrong.

        kernel: the side of the one window that sees as much. stack, single: the parameters of the stack, and of one
        convolution with that window and as many filters. numbers: how many numbers the stack's convolutions put out.
        """
        i, c, n = self.in_channels, self.channels, self.convolutions
        side = 2 * n + 1
        first, other = conv_parameters(i, c, 3), conv_parameters(c, c, 3)
        maps = c * self.side**2
        questions = (
            ("kernel", kernel, side, f"1 + {n}·2", {
                3 * n: "that neighbouring windows overlap", 2 * n: "that a pixel sees itself",
                3: "that each layer sees further than the one before",
            }),
            ("stack", stack, first + (n - 1) * other, f"{c}·(9·{i} + 1) + {n - 1}·{c}·(9·{c} + 1)", {
                n * other: f"that the first convolution reads {i} channels",
                n * first: f"that the others read {c} channels",
                9 * c * (i + (n - 1) * c): "the biases",
            }),
            ("single", single, conv_parameters(i, c, side), f"{c}·({side}²·{i} + 1)", {
                conv_parameters(c, c, side): f"that it reads {i} channels",
                c * i * side**2: "the biases", c * (i * side + 1): "that a window has two sides",
            }),
            ("numbers", numbers, n * maps, f"{n} times {c}·{self.side}²", {
                maps: "that every convolution of the stack puts out maps",
                n * self.side**2: f"that there are {c} maps",
                c * sum((self.side - 2 * k) ** 2 for k in range(1, n + 1)): "the padding",
            }),
        )  # fmt: skip
        return judge_numbers(questions, "All four numbers agree.")


def stack_question(seed: int) -> StackQuestion:
    """A fresh stack of 3×3 convolutions to compare with one large window."""
    return StackQuestion.from_seed(seed)

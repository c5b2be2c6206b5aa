"""Checkers of chapter 8, what came after ResNet."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, normal


def dense_channels(answer: Callable) -> Verdict:
    """Check `answer(start, growth, layers)`: the list of the channels that each layer of a dense block reads, and
    last of all the channels that leave the block: `layers` + 1 integers."""

    def reference(start, growth, layers):
        return [start + growth * i for i in range(layers + 1)]

    mistakes = {
        "the list without its last entry, what leaves the block": lambda s, k, n: reference(s, k, n)[:-1],
        "a list that begins after the first layer: the first one reads the block's input": lambda s, k, n: reference(
            s, k, n
        )[1:],
        "a sum in place of a concatenation: the channels would stay the same": lambda s, k, n: [s] * (n + 1),
        "the new channels alone, without those of the block's input": lambda s, k, n: reference(0, k, n),
        "a list whose entries double": lambda s, k, n: [s * 2**i for i in range(n + 1)],
        "what leaves the block, alone": lambda s, k, n: s + k * n,
        "the growth rate's factor 4: the bottleneck is inside a layer and leaves nothing behind": lambda s, k, n: (
            reference(s, 4 * k, n)
        ),
    }
    cases = [(64, 32, 6), (16, 12, 3), (7, 5, 10)]
    return compare(answer, reference, cases, mistakes)


def separable(answer: Callable) -> Verdict:
    """Check `answer(x, depthwise, pointwise)`: (N, C, H, W), (C, 1, 3, 3), (K, C, 1, 1) → (N, K, H, W)."""

    def reference(x, depthwise, pointwise, padding=1):
        return F.conv2d(F.conv2d(x, depthwise, padding=padding, groups=x.shape[1]), pointwise)

    mistakes = {
        "a convolution without padding: the size should stay": lambda x, d, p: reference(x, d, p, padding=0),
        "the depthwise part alone": lambda x, d, p: F.conv2d(x, d, padding=1, groups=x.shape[1]),
        "the pointwise part alone": lambda x, d, p: F.conv2d(x, p),
        "one kernel, the first, for all channels": lambda x, d, p: reference(x, d[:1].expand_as(d), p),
        "kernels turned by half a turn": lambda x, d, p: reference(x, d.flip(2, 3), p),
        "a ReLU between the two parts: here there is none": lambda x, d, p: F.conv2d(
            F.conv2d(x, d, padding=1, groups=x.shape[1]).relu(), p
        ),
        "channels added up before they are mixed": lambda x, d, p: F.conv2d(
            F.conv2d(x, d.transpose(0, 1), padding=1).expand_as(x), p
        ),
    }
    generator = torch.Generator().manual_seed(41)
    cases = [
        (normal(generator, n, c, h, w), normal(generator, c, 1, 3, 3), normal(generator, k, c, 1, 1))
        for n, c, h, w, k in [(2, 3, 5, 7, 4), (1, 6, 4, 4, 2), (3, 2, 8, 5, 5)]
    ]
    return compare(answer, reference, cases, mistakes)


def patches(answer: Callable) -> Verdict:
    """Check `answer(images, size)`: (N, C, H, W) → (N, T, C·size·size): patches row by row, each channel by channel."""

    def pieces(images, size, order):
        n, c, h, w = images.shape
        grid = images.view(n, c, h // size, size, w // size, size)  # n, c, row, y, column, x
        return grid.permute(order).reshape(n, -1, c * size * size)

    def reference(images, size):
        return pieces(images, size, (0, 2, 4, 1, 3, 5))

    mistakes = {
        "the patches column by column": lambda x, size: pieces(x, size, (0, 4, 2, 1, 3, 5)),
        "the channels last in each patch: a kernel's weights have them first": lambda x, size: pieces(
            x, size, (0, 2, 4, 3, 5, 1)
        ),
        "each patch transposed": lambda x, size: pieces(x, size, (0, 2, 4, 1, 5, 3)),
        "a mere view of the whole: its pieces are runs of pixels, not squares": lambda x, size: x.reshape(
            x.shape[0], -1, x.shape[1] * size * size
        ),
        "the transpose, (N, C·size·size, T)": lambda x, size: reference(x, size).transpose(1, 2),
        "windows with stride 1: patches do not overlap": lambda x, size: F.unfold(x, size).transpose(1, 2),
    }
    generator = torch.Generator().manual_seed(43)
    cases = [
        (normal(generator, 2, 3, 8, 12), 4),
        (normal(generator, 1, 2, 6, 4), 2),
        (normal(generator, 3, 1, 9, 9), 3),
    ]
    return compare(answer, reference, cases, mistakes)


def attention(answer: Callable) -> Verdict:
    """Check `answer(q, k, v)`: three times (heads, T, d) → (heads, T, d), softmax(q kᵀ / √d) v in each head."""

    def reference(q, k, v):
        return (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(2) @ v

    def scaled(q, k, v, by):
        return (q @ k.transpose(1, 2) * by).softmax(2) @ v

    mistakes = {
        "the products without the division by √d": lambda q, k, v: scaled(q, k, v, 1),
        "a division by d instead of its root": lambda q, k, v: scaled(q, k, v, 1 / q.shape[2]),
        "a division by the root of T instead of d": lambda q, k, v: scaled(q, k, v, 1 / math.sqrt(q.shape[1])),
        "the softmax over the queries: each *query's* weights add up to 1": lambda q, k, v: (
            (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(1) @ v
        ),
        "the softmax over the heads": lambda q, k, v: (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(0) @ v,
        "products without a softmax": lambda q, k, v: q @ k.transpose(1, 2) / math.sqrt(q.shape[2]) @ v,
        "queries and keys exchanged": lambda q, k, v: reference(k, q, v),
        "the weights, not yet multiplied by the values": lambda q, k, v: (
            q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
        ).softmax(2),
    }
    generator = torch.Generator().manual_seed(47)
    cases = [tuple(normal(generator, *shape) for _ in range(3)) for shape in [(2, 5, 3), (4, 3, 8), (3, 7, 2)]]
    return compare(answer, reference, cases, mistakes)


ROUNDED = 5.001e-4  # a share may be rounded to three decimals, and a tie either way


@dataclass(frozen=True)
class SeparableQuestion:
    """Two ways to one map, for paper. The same seed asks the same question.

    in_channels, out_channels: C and K. kernel: F, odd. size: side of the map, before and after.
    """

    in_channels: int
    out_channels: int
    kernel: int
    size: int

    @classmethod
    def from_seed(cls, seed: int) -> "SeparableQuestion":
        draw = random.Random(seed)
        c, k = draw.sample((8, 16, 24, 32, 40, 64, 96), 2)
        return cls(c, k, draw.choice((3, 5, 7)), draw.choice((7, 10, 14, 20, 28)))

    def __repr__(self) -> str:
        return (
            f"A {self.kernel}×{self.kernel} convolution with stride 1 turns {self.in_channels} maps of "
            f"{self.size}×{self.size} into {self.out_channels} of the same size,\n"
            f"without biases; once in full, and once as a depthwise and a pointwise one."
        )

    def check(self, full: int | None, separable: int | None, share: float | None) -> Verdict:
        """Compare both multiply–adds, and separable / full to three decimals."""
        c, k, area, places = self.in_channels, self.out_channels, self.kernel**2, self.size**2
        right_full, depthwise, pointwise = c * k * area * places, c * area * places, c * k * places
        both = depthwise + pointwise
        questions = (
            ("full", full, right_full, f"{c}·{k}·{area} weights at {places} places", [
                (c * k * area, "these are the weights: each is used at every place"),
                (c * area * places, "every output map has a kernel for every input map"),
            ]),
            ("separable", separable, both, f"({c}·{area} + {c}·{k})·{places}", [
                (c * area + c * k, "these are the weights: each is used at every place"),
                (depthwise, "that is the depthwise part alone"),
                (pointwise, "that is the pointwise part alone"),
                ((k * area + c * k) * places, "the kernels belong to the input maps, not to the output's"),
                (depthwise * c * k * places, "the two parts follow each other: add"),
            ]),
            ("share", share, both / right_full, f"1/{k} + 1/{area}", [
                (right_full / both, "the other way round: separable over full"),
                (1 / c + 1 / area, "1 over the *output* channels"),
                (1 / k, "that is the depthwise part's share alone"),
                (1 / area, "that is the pointwise part's share alone"),
            ]),
        )  # fmt: skip
        for name, given, expected, how, mistakes in questions:
            if given is None or given is Ellipsis:
                return Verdict(False, f"{name} has no answer yet.")
            if not _equal(given, expected):
                hint = next((f" Perhaps: {words}." for wrong, words in mistakes if _equal(given, wrong)), "")
                shown = f"{expected:.3f}" if isinstance(expected, float) else f"{expected:,}"
                return Verdict(False, f"{name} is {how}: expected {shown}, got {given!r}.{hint}")
        return Verdict(True, "Both counts and their share agree.")


def _equal(given, expected) -> bool:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return False
    return given == expected if isinstance(expected, int) else math.isclose(given, expected, rel_tol=0, abs_tol=ROUNDED)


def separable_question(seed: int) -> SeparableQuestion:
    """A fresh convolution to count on paper, in full and in two parts."""
    return SeparableQuestion.from_seed(seed)

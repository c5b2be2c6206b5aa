"""Checkers of chapter 7, ResNet."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, judge_numbers, normal


def residual_block(answer: Callable) -> Verdict:
    """Check `answer(x, w1, w2)`: relu(x + F(x)) with F = conv 3×3, ReLU, conv 3×3; no batch norm, nothing strided.

    x is (N, C, H, W); w1 and w2 are (C, C, 3, 3).
    """

    def conv(x, w):
        return F.conv2d(x, w, padding=1)

    def branch(x, w1, w2):
        return conv(conv(x, w1).relu(), w2)

    mistakes = {
        "the plain block: nothing was added": lambda x, w1, w2: branch(x, w1, w2).relu(),
        "no ReLU after the addition": lambda x, w1, w2: x + branch(x, w1, w2),
        "the last ReLU before the addition: it comes after it": lambda x, w1, w2: x + branch(x, w1, w2).relu(),
        "a ReLU before the addition and one after it": lambda x, w1, w2: (x + branch(x, w1, w2).relu()).relu(),
        "no ReLU between the convolutions: without it two are one": lambda x, w1, w2: (
            x + conv(conv(x, w1), w2)
        ).relu(),
        "the shortcut around the second convolution only": lambda x, w1, w2: (
            conv(x, w1).relu() + branch(x, w1, w2)
        ).relu(),
        "the two kernels exchanged": lambda x, w1, w2: (x + branch(x, w2, w1)).relu(),
        "a product in place of the sum": lambda x, w1, w2: (x * branch(x, w1, w2)).relu(),
    }
    generator = torch.Generator().manual_seed(5)
    cases = [(normal(generator, n, c, h, w), normal(generator, c, c, 3, 3), normal(generator, c, c, 3, 3))
             for n, c, h, w in [(1, 2, 5, 4), (2, 3, 6, 6), (3, 1, 3, 7)]]  # fmt: skip
    return compare(answer, lambda x, w1, w2: (x + branch(x, w1, w2)).relu(), cases, mistakes)


def padded_shortcut(answer: Callable) -> Verdict:
    """Check `answer(x, out_channels, stride)`: every stride-th row and column, and zeros for the new channels.

    x is (N, C, H, W); the result is (N, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def zeros(x, channels, before=0):
        return F.pad(x, (0, 0, 0, 0, before, channels - x.shape[1] - before))

    def repeated(x, channels, stride):
        copies = x[:, :, ::stride, ::stride].repeat(1, -(-channels // x.shape[1]), 1, 1)
        return copies[:, :channels]

    mistakes = {
        "the new channels before the old ones": lambda x, k, s: zeros(x[:, :, ::s, ::s], k, k - x.shape[1]),
        "half of the new channels before the old ones": lambda x, k, s: zeros(
            x[:, :, ::s, ::s], k, (k - x.shape[1]) // 2
        ),
        "no stride": lambda x, k, s: zeros(x, k),
        "the stride applied to the rows only": lambda x, k, s: zeros(x[:, :, ::s], k),
        "no new channels": lambda x, k, s: x[:, :, ::s, ::s],
        "a mean over each window of stride × stride pixels: the identity picks one of them": lambda x, k, s: zeros(
            F.avg_pool2d(x, s, ceil_mode=True), k
        ),
        "the last pixel of each window: the first one is meant": lambda x, k, s: zeros(
            x[:, :, s - 1 :: s, s - 1 :: s], k
        ),
        "the old channels once more in place of zeros": repeated,
    }
    generator = torch.Generator().manual_seed(6)
    cases = [(normal(generator, n, c, h, w), k, s) for n, c, h, w, k, s in
             [(1, 2, 6, 4, 4, 2), (2, 3, 9, 6, 7, 3), (1, 4, 8, 8, 8, 2)]]  # fmt: skip
    return compare(answer, lambda x, k, s: zeros(x[:, :, ::s, ::s], k), cases, mistakes)


def folded(answer: Callable) -> Verdict:
    """Check `answer(weight, gamma, beta, mean, variance, eps)`: a batch norm folded into the convolution before it.

    weight is (K, C, F, F), of a convolution without bias; gamma, beta, mean and variance are (K,), the batch norm's
    scale, shift and running statistics. Right is the pair (weight, bias) of the one convolution that does both.
    """

    def joined(pair):
        """A pair as one tensor (K, C·F·F + 1), which `compare` can judge."""
        if pair is None or pair is Ellipsis:
            return pair
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(map(torch.is_tensor, pair)):
            raise ValueError("return two tensors, the new weight and the new bias")
        weight, bias = pair
        if weight.ndim != 4 or bias.shape != weight.shape[:1]:
            raise ValueError(f"weight must be (K, C, F, F) and bias (K,), got {(*map(tuple, pair),)}")
        return torch.cat([weight.flatten(1), bias[:, None]], dim=1)

    def fold(scale_of, bias_of=lambda scale, gamma, beta, mean: beta - mean * scale, axis=0):
        def pair(weight, gamma, beta, mean, variance, eps):
            scale = scale_of(gamma, variance, eps)
            shape = [1, 1, 1, 1]
            shape[axis] = len(scale)
            return weight * scale.view(shape), bias_of(scale, gamma, beta, mean)

        return lambda *case: joined(pair(*case))

    def right(gamma, variance, eps):
        return gamma / (variance + eps).sqrt()

    mistakes = {
        "division by the variance instead of the standard deviation": fold(lambda g, v, e: g / (v + e)),
        "no eps": fold(lambda g, v, e: g / v.sqrt()),
        "eps added to the standard deviation, not to the variance": fold(lambda g, v, e: g / (v.sqrt() + e)),
        "no gamma": fold(lambda g, v, e: 1 / (v + e).sqrt()),
        "beta as the bias: the mean must go, too": fold(right, lambda s, g, b, m: b),
        "the mean subtracted as it is: it is scaled like everything else": fold(right, lambda s, g, b, m: b - m),
        "the mean with gamma, but not divided": fold(right, lambda s, g, b, m: b - g * m),
        "the mean added, not subtracted": fold(right, lambda s, g, b, m: b + s * m),
        "the scale along the input channels: batch norm scales outputs": fold(right, axis=1),
        "the weight as it was": fold(lambda g, v, e: torch.ones_like(g), lambda s, g, b, m: b - m),
    }
    generator = torch.Generator().manual_seed(7)
    cases = []
    for channels, kernel, eps in [(3, 3, 1e-1), (4, 1, 1e-2), (2, 5, 1e-1)]:
        gamma, beta, mean = (normal(generator, channels) for _ in range(3))
        weight = normal(generator, channels, channels, kernel, kernel)
        cases.append((weight, gamma, beta, mean, normal(generator, channels).square() + 0.1, eps))
    return compare(lambda *case: joined(answer(*case)), fold(right), cases, mistakes)


def bottleneck_weights(answer: Callable) -> Verdict:
    """Check `answer(channels, reduction)`: the weights of 1×1, 3×3, 1×1 that keep C channels, narrowed to C/r inside.

    No biases and no batch norm; `reduction` divides `channels`.
    """

    def reference(c, r):
        width = c // r
        return c * width + 9 * width * width + width * c

    mistakes = {
        "the 3×3 counted as one weight per channel pair: it has nine": lambda c, r: 2 * c * (c // r) + (c // r) ** 2,
        "one 1×1 only: the second widens again": lambda c, r: c * (c // r) + 9 * (c // r) ** 2,
        "the 3×3 at full width": lambda c, r: 2 * c * (c // r) + 9 * c * c,
        "the basic block, 2·9·C²": lambda c, r: 18 * c * c,
        "1×1 convolutions of C² weights: they narrow to C/r": lambda c, r: 2 * c * c + 9 * (c // r) ** 2,
        "all three 3×3": lambda c, r: 9 * (2 * c * (c // r) + (c // r) ** 2),
        "biases: a convolution before batch norm has none": lambda c, r: reference(c, r) + 2 * (c // r) + c,
        "a number that is not whole": lambda c, r: reference(c, r) / 1,
    }
    return compare(answer, reference, [(256, 4), (64, 1), (512, 8), (96, 3), (1024, 4)], mistakes)


@dataclass(frozen=True)
class BlockQuestion:
    """A basic block and a bottleneck for the same maps, to be counted on paper. The same seed asks the same question.

    channels: of what goes in and comes out. reduction: how many times narrower the bottleneck is inside.
    size: height and width of the maps.
    """

    channels: int
    reduction: int
    size: int

    @classmethod
    def from_seed(cls, seed: int) -> "BlockQuestion":
        draw = random.Random(seed)
        return cls(draw.choice([32, 64, 96, 128, 192]), draw.choice([2, 4, 8]), draw.choice([7, 10, 14, 20, 28]))

    def __repr__(self) -> str:
        return (
            f"Maps of {self.size}×{self.size} with {self.channels} channels go into a block and come out of it.\n"
            f"Basic: two 3×3 convolutions. Bottleneck: 1×1, 3×3, 1×1, inside {self.reduction} times narrower."
        )

    def check(self, basic: int | None, bottleneck: int | None, multiply_adds: int | None) -> Verdict:
        """Compare the weights of both blocks (no biases, no batch norm) and the bottleneck's multiply–adds."""
        c, w, places = self.channels, self.channels // self.reduction, self.size**2
        narrow = 2 * c * w + 9 * w * w
        questions = [
            ("basic", basic, 18 * c * c, f"2·9·{c}²", [
                (9 * c * c, "that there are two convolutions"), (2 * c * c, "the nine positions of a 3×3"),
                (18 * c, "that every output channel has weights for every input channel")]),
            ("bottleneck", bottleneck, narrow, f"{c}·{w} + 9·{w}² + {w}·{c}", [
                (c * w + 9 * w * w, "the second 1×1"), (2 * c * w + w * w, "the nine positions of the 3×3"),
                (2 * c * w + 9 * c * c, "that the 3×3 is narrow, too"), (18 * w * w, "the two 1×1")]),
            ("multiply_adds", multiply_adds, narrow * places, f"{narrow} weights, each used at {self.size}² places", [
                (narrow, "the places"), (narrow * self.size, "that places have a row and a column"),
                (18 * c * c * places, "that the bottleneck was asked for"),
                (2 * narrow * places, "that a multiplication with its addition counts as one")]),
        ]  # fmt: skip
        return judge_numbers(questions, "All the numbers agree.")


def block_question(seed: int) -> BlockQuestion:
    """A fresh pair of blocks: their weights, and the bottleneck's multiply–adds."""
    return BlockQuestion.from_seed(seed)

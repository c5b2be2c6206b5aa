"""Checkers of chapter 6, GoogLeNet."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from companion.checks._compare import Verdict, compare, judge_numbers, normal


def inception(answer: Callable) -> Verdict:
    """Check `answer(x, ones, reduce3, threes, reduce5, fives, pooled)`: an Inception module written out.

    x is (N, C, H, W), the others are kernels: (out, in, 1, 1), and (out, in, 3, 3) and (out, in, 5, 5) for threes and
    fives. A ReLU follows each convolution; there is no bias and no normalisation.
    """

    def module(activation=torch.relu, between=torch.relu, order=(0, 1, 2, 3), pool=F.max_pool2d, last=torch.relu):
        def forward(x, ones, reduce3, threes, reduce5, fives, pooled):
            branches = [
                activation(F.conv2d(x, ones)),
                activation(F.conv2d(between(F.conv2d(x, reduce3)), threes, padding=1)),
                activation(F.conv2d(between(F.conv2d(x, reduce5)), fives, padding=2)),
                last(F.conv2d(pool(x, 3, 1, 1), pooled)),
            ]
            return torch.cat([branches[i] for i in order], dim=1)

        return forward

    def nothing(x):
        return x

    mistakes = {
        "a module without any ReLU": module(nothing, nothing, last=nothing),
        "no ReLU between the 1×1 and the larger window": module(between=nothing),
        "no ReLU after the larger windows": module(nothing, last=nothing),
        "no ReLU after the pooling branch's 1×1": module(last=nothing),
        "average pooling in the fourth branch: it is max pooling": module(pool=F.avg_pool2d),
        "no pooling in the fourth branch": module(pool=lambda x, *_: x),
        "another order of the branches: 1×1, 3×3, 5×5, pooling": module(order=(0, 1, 3, 2)),
    }
    generator = torch.Generator().manual_seed(6)
    cases = [
        (normal(generator, n, c, h, w), *(normal(generator, *shape) for shape in
         [(2, c, 1, 1), (3, c, 1, 1), (4, 3, 3, 3), (2, c, 1, 1), (3, 2, 5, 5), (2, c, 1, 1)]))
        for n, c, h, w in [(2, 5, 6, 6), (1, 4, 7, 5), (1, 3, 3, 8)]
    ]  # fmt: skip
    return compare(answer, module(), cases, mistakes)


def joined_kernel(answer: Callable) -> Verdict:
    """Check `answer(ones, threes, fives, pooled)`: kernels (a, C, 1, 1), (b, C, 3, 3), (c, C, 5, 5) and (d, C, 1, 1),
    the last behind a 3×3 average pooling with stride 1 → (a + b + c + d, C, 5, 5).

    One convolution with it and a padding of 2 gives what the four give side by side, each with padding for its size;
    the pooling counts the zeros of its padding.
    """

    def branches(ones, threes, fives, pooled):
        return [ones, threes, fives, pooled.expand(-1, -1, 3, 3) / 9]

    def joined(kernels):
        return torch.cat([F.pad(kernel, [(5 - kernel.shape[-1]) // 2] * 4) for kernel in kernels])

    def reference(*kernels):
        return joined(branches(*kernels))

    def corner(*kernels):
        return torch.cat([F.pad(kernel, [0, 5 - kernel.shape[-1]] * 2) for kernel in branches(*kernels)])

    mistakes = {
        "zeros on two sides only: then the picture is shifted": corner,
        "copies of the weights where zeros should be": lambda *kernels: torch.cat(
            [F.interpolate(kernel, size=5) for kernel in branches(*kernels)]
        ),
        "the kernels in the opposite order": lambda *kernels: joined(branches(*kernels)[::-1]),
        "the pooling left out: its 1×1 reads nine pixels": lambda *kernels: joined(kernels),
        "a sum over the pooling's nine pixels: it is their mean": lambda ones, threes, fives, pooled: joined(
            [ones, threes, fives, pooled.expand(-1, -1, 3, 3)]
        ),
        "a pooling over the whole 5×5: its window is 3×3": lambda ones, threes, fives, pooled: joined(
            [ones, threes, fives, pooled.expand(-1, -1, 5, 5) / 25]
        ),
    }
    generator = torch.Generator().manual_seed(7)
    cases = [tuple(normal(generator, out, c, size, size) for out, size in zip(outs, (1, 3, 5, 1), strict=True))
             for c, outs in [(3, (2, 3, 4, 2)), (1, (1, 2, 1, 3)), (4, (3, 3, 2, 1))]]  # fmt: skip
    return compare(answer, reference, cases, mistakes)


def widest_reduction(answer: Callable) -> Verdict:
    """Check `answer(in_channels, out_channels, kernel)`: the largest r that still saves multiply–adds.

    With a 1×1 to r channels before it, the convolution must cost less than without; 0 where no r ≥ 1 does.
    """

    def reference(c, k, f):
        return -(-c * k * f**2 // (c + k * f**2)) - 1  # the largest whole number below the break-even point

    mistakes = {
        "the break-even point itself, which saves nothing": lambda c, k, f: c * k * f**2 // (c + k * f**2),
        "the break-even point, rounded up": lambda c, k, f: -(-c * k * f**2 // (c + k * f**2)),
        "the cost of the 1×1 left out": lambda c, k, f: c - 1,
        "the break-even point without rounding": lambda c, k, f: c * k * f**2 / (c + k * f**2),
        "a window of F weights: it has F²": lambda c, k, f: -(-c * k * f // (c + k * f)) - 1,
    }
    cases = [(192, 32, 5), (192, 128, 3), (480, 48, 5), (9, 1, 3), (36, 4, 3), (64, 64, 1), (1, 5, 3)]
    verdict = compare(answer, reference, cases, mistakes)
    if verdict:
        return Verdict(True, f"Equal to the real thing on {len(cases)} inputs.")  # chosen ones, not random
    return verdict


def training_loss(answer: Callable) -> Verdict:
    """Check `answer(logits, aux1, aux2, labels)`: the loss of section 5; scores (N, K), labels (N,) → a number."""

    def weighted(main, first, second):
        def loss(logits, aux1, aux2, labels):
            return sum(w * F.cross_entropy(scores, labels)
                       for w, scores in zip((main, first, second), (logits, aux1, aux2), strict=True))  # fmt: skip

        return loss

    mistakes = {
        "the main loss alone": weighted(1, 0, 0),
        "all three with weight 1": weighted(1, 1, 1),
        "0.3 for the two heads together": weighted(1, 0.15, 0.15),
        "only the first auxiliary head": weighted(1, 0.3, 0),
        "only the second auxiliary head": weighted(1, 0, 0.3),
        "a weighted mean: the paper adds": weighted(1 / 1.6, 0.3 / 1.6, 0.3 / 1.6),
        "one loss of the added scores": lambda logits, aux1, aux2, labels: F.cross_entropy(
            logits + 0.3 * aux1 + 0.3 * aux2, labels
        ),
    }
    generator = torch.Generator().manual_seed(8)
    cases = [(*(2 * normal(generator, n, k) for _ in range(3)), torch.randint(k, (n,), generator=generator))
             for n, k in [(4, 10), (7, 3), (1, 5)]]  # fmt: skip
    return compare(answer, weighted(1, 0.3, 0.3), cases, mistakes)


def score_map(answer: Callable) -> Verdict:
    """Check `answer(maps, weight, bias)`: the dense layer at each place: (N, C, H, W), (K, C), (K,) → (N, K, H, W).

    The mean over the places is what global average pooling and the dense layer give.
    """

    def reference(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(maps, weight[:, :, None, None], bias)

    def places(maps: Tensor) -> int:
        return maps[0, 0].numel()

    mistakes = {
        "the scores, already averaged: keep the places": lambda m, w, b: F.linear(m.mean(dim=(2, 3)), w, b),
        "the classes in the last axis: they belong behind the N": lambda m, w, b: reference(m, w, b).movedim(1, -1),
        "no bias": lambda m, w, b: F.conv2d(m, w[:, :, None, None]),
        "the bias shared out among the places: each has the whole of it": lambda m, w, b: reference(
            m, w, b / places(m)
        ),
        "the map divided by its places: the mean does that later": lambda m, w, b: reference(m / places(m), w, b),
        "the same map for every class": lambda m, w, b: reference(m, w.mean(0, keepdim=True).expand_as(w), b),
    }
    generator = torch.Generator().manual_seed(9)
    cases = [(normal(generator, n, c, h, w), normal(generator, k, c), normal(generator, k))
             for n, c, h, w, k in [(2, 6, 7, 7, 4), (1, 3, 5, 2, 5), (3, 4, 3, 4, 2)]]  # fmt: skip
    return compare(answer, reference, cases, mistakes)


@dataclass(frozen=True)
class ModuleQuestion:
    """An Inception module to be counted on paper. The same seed asks the same question."""

    in_channels: int
    size: int
    ones: int
    threes_reduced: int
    threes: int
    fives_reduced: int
    fives: int
    pooled: int

    @classmethod
    def from_seed(cls, seed: int) -> "ModuleQuestion":
        draw = random.Random(seed)
        return cls(10 * draw.randint(2, 6), draw.choice([5, 7, 10]), draw.randint(2, 9), draw.randint(3, 8),
                   draw.randint(9, 16), draw.randint(2, 4), draw.randint(5, 8), draw.randint(2, 9))  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"{self.in_channels} maps of {self.size}×{self.size} meet an Inception module without biases:\n"
            f"{self.ones} of 1×1; {self.threes_reduced} of 1×1, then {self.threes} of 3×3; "
            f"{self.fives_reduced} of 1×1, then {self.fives} of 5×5;\n"
            f"3×3 max pooling with stride 1, then {self.pooled} of 1×1."
        )

    def check(self, channels: int | None, weights: int | None, multiply_adds: int | None) -> Verdict:
        """Compare the maps that come out, the weights, and the multiply–adds for one picture."""
        c, places = self.in_channels, self.size**2
        out = self.ones + self.threes + self.fives + self.pooled
        reduced = self.threes_reduced + self.fives_reduced
        flat = c * (self.ones + reduced + self.pooled)
        right = flat + 9 * self.threes_reduced * self.threes + 25 * self.fives_reduced * self.fives
        naive = c * (self.ones + 9 * self.threes + 25 * self.fives)
        questions = (
            ("channels", channels, out, "the sum of the four branches' last widths", [
                (out + reduced, "that the reductions' maps are read by the next layer and do not come out"),
                (out - self.pooled + c, "the 1×1 after the pooling"),
                (out - self.pooled, "the pooling branch")]),
            ("weights", weights, right, "each kernel's inputs times outputs times window, added up", [
                (naive, "the reductions"), (naive + c * self.pooled, "the reductions"),
                (right - c * self.pooled, "the 1×1 after the pooling"),
                (right - c * reduced, "that the reductions have weights too"),
                (flat + 3 * self.threes_reduced * self.threes + 5 * self.fives_reduced * self.fives,
                 "that a window of F has F² weights")]),
            ("multiply_adds", multiply_adds, right * places, f"every weight once at each of {places} places", [
                (right, "that a weight is used at every place"), (right * self.size, "that a map has two sides")]),
        )  # fmt: skip
        return judge_numbers(questions, "All three numbers agree.")


def module_question(seed: int) -> ModuleQuestion:
    """A fresh Inception module: its channels, weights and multiply–adds."""
    return ModuleQuestion.from_seed(seed)

"""Checkers of chapter 4, AlexNet."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, normal
from companion.shapes import conv_multiply_adds, conv_output_size, conv_parameters, pool_output_size


def top_k_error(answer: Callable) -> Verdict:
    """Check `answer(scores, labels, k)`: the share, a float, of the pictures whose label is not among the k largest
    scores; scores (N, K), labels (N,)."""

    def found(scores, labels, k):
        return (scores.topk(k, dim=1).indices == labels[:, None]).any(dim=1)

    def reference(scores, labels, k):
        return torch.tensor((~found(scores, labels, k)).double().mean().item(), dtype=torch.float64)

    def counted(scores, labels, k):
        result = answer(scores, labels, k)
        if isinstance(result, (int, float)) and not isinstance(result, bool):
            return torch.tensor(float(result), dtype=torch.float64)
        return result

    mistakes = {
        "the accuracy: the error is what is left of 1": lambda s, y, k: 1 - reference(s, y, k),
        "the number of pictures, not their share": lambda s, y, k: reference(s, y, k) * len(y),
        "a per cent, not a share from 0 to 1": lambda s, y, k: reference(s, y, k) * 100,
        "the top-1 error, whatever k is": lambda s, y, k: reference(s, y, 1),
        "the k *smallest* scores": lambda s, y, k: reference(-s, y, k),
        "one score too many: k + 1 of them": lambda s, y, k: reference(s, y, k + 1),
        "one score too few: k − 1 of them": lambda s, y, k: reference(s, y, k - 1),
        "the k-th score alone: the label may be anywhere among the first k": lambda s, y, k: (
            (s.argsort(dim=1, descending=True)[:, k - 1] != y).double().mean()
        ),
    }
    generator = torch.Generator().manual_seed(2012)
    cases = [
        (normal(generator, n, classes), torch.randint(classes, (n,), generator=generator), k)
        for n, classes, k in [(30, 10, 5), (24, 7, 2), (40, 20, 1)]
    ]
    return compare(counted, reference, cases, mistakes)


def local_response_norm(answer: Callable) -> Verdict:
    """Check `answer(a, n, k, alpha, beta)`: section 3.3 of the paper, (N, C, H, W) → the same shape, n odd."""

    def sums(a, n):
        squares = F.pad(a.square(), (0, 0, 0, 0, n // 2, n // 2))  # (N, C + n − 1, H, W)
        return sum(squares[:, i : i + a.shape[1]] for i in range(n))

    def reference(a, n, k, alpha, beta):
        return a / (k + alpha * sums(a, n)) ** beta

    mistakes = {
        "PyTorch's convention: alpha divided by n. The paper multiplies the sum by alpha itself": (
            lambda a, n, k, alpha, beta: a / (k + alpha / n * sums(a, n)) ** beta
        ),
        "the sum of the values instead of their squares": lambda a, n, k, alpha, beta: (
            a / (k + alpha * sums(a.abs().sqrt(), n)) ** beta
        ),
        "the channel's own square alone: its neighbours count, too": lambda a, n, k, alpha, beta: (
            a / (k + alpha * a.square()) ** beta
        ),
        "all channels: only those at most n/2 away count": lambda a, n, k, alpha, beta: (
            a / (k + alpha * a.square().sum(1, keepdim=True)) ** beta
        ),
        "neighbours along the width, not along the channels": lambda a, n, k, alpha, beta: (
            a / (k + alpha * sums(a.transpose(1, 3), n).transpose(1, 3)) ** beta
        ),
        "n neighbours on each side: n is the whole window": lambda a, n, k, alpha, beta: (
            a / (k + alpha * sums(a, 2 * n + 1)) ** beta
        ),
        "channels that wrap around: the last has no neighbour above it": lambda a, n, k, alpha, beta: (
            a / (k + alpha * sum(a.square().roll(i, 1) for i in range(-(n // 2), n // 2 + 1))) ** beta
        ),
        "the power beta left out": lambda a, n, k, alpha, beta: a / (k + alpha * sums(a, n)),
        "the constant k left out": lambda a, n, k, alpha, beta: a / (alpha * sums(a, n)) ** beta,
        "a product in the place of the quotient": lambda a, n, k, alpha, beta: a * (k + alpha * sums(a, n)) ** beta,
    }
    generator = torch.Generator().manual_seed(33)
    cases = [
        (normal(generator, *shape), n, k, alpha, beta)
        for shape, n, k, alpha, beta in [
            ((2, 8, 3, 4), 5, 2.0, 1.0, 0.75),
            ((1, 6, 5, 2), 3, 1.0, 0.3, 0.5),
            ((3, 9, 2, 3), 7, 0.5, 0.1, 2.0),
        ]
    ]
    return compare(answer, reference, cases, mistakes)


def dropout(answer: Callable) -> Verdict:
    """Check `answer(x, drawn, p, training)`: dropout that zeroes `x` where `drawn` < p, all of one shape, and scales
    in training so that evaluation is the identity."""

    def reference(x, drawn, p, training):
        return torch.where(drawn < p, 0, x / (1 - p)) if training else x

    mistakes = {
        "dropout in evaluation, too": lambda x, u, p, t: reference(x, u, p, True),
        "no dropout in training": lambda x, u, p, t: x,
        "the two modes exchanged": lambda x, u, p, t: reference(x, u, p, not t),
        "the paper's version: nothing scaled in training, (1 − p) times in evaluation": lambda x, u, p, t: (
            reference(x, u, p, t) * (1 - p)
        ),
        "values that are kept with probability p: p is what is dropped": lambda x, u, p, t: reference(
            x, 1 - u, 1 - p, t
        ),
        "the comparison the wrong way round: zero where drawn < p": lambda x, u, p, t: (
            torch.where(u >= p, 0, x / (1 - p)) if t else x
        ),
        "no scaling: the mean would shrink to (1 − p) of what it was": lambda x, u, p, t: (
            torch.where(u < p, 0, x) if t else x
        ),
        "a division by p: divide by the probability of being kept": lambda x, u, p, t: (
            torch.where(u < p, 0, x / p) if t else x
        ),
        "a multiplication by (1 − p) in training: divide by it": lambda x, u, p, t: (
            torch.where(u < p, 0, x * (1 - p)) if t else x
        ),
    }
    generator = torch.Generator().manual_seed(42)
    cases = [
        (normal(generator, *shape), torch.rand(shape, generator=generator, dtype=torch.float64), p, training)
        for shape, p, training in [((4, 9), 0.3, True), ((20,), 0.75, True), ((3, 5), 0.3, False)]
    ]
    return compare(answer, reference, cases, mistakes)


def ten_crops(answer: Callable) -> Verdict:
    """Check `answer(image, size)`: (C, H, W) → (10, C, size, size): upper left, upper right, lower left, lower right,
    centre, then the same five of the mirrored image. H − size and W − size are even."""

    def five(x, size, swapped=False):
        bottom, right = x.shape[-2] - size, x.shape[-1] - size
        corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
        if swapped:
            corners[1], corners[2] = corners[2], corners[1]
        return torch.stack([x[:, top : top + size, left : left + size] for top, left in corners])

    def reference(x, size):
        return torch.cat([five(x, size), five(x.flip(2), size)])

    mistakes = {
        "the five without those of the mirrored image": five,
        "the first five twice: the second five are mirrored": lambda x, n: torch.cat([five(x, n)] * 2),
        "an image turned upside down: a mirror exchanges left and right": lambda x, n: torch.cat(
            [five(x, n), five(x.flip(1), n)]
        ),
        "an image turned by 180 degrees: a mirror turns one axis": lambda x, n: torch.cat(
            [five(x, n), five(x.flip(1, 2), n)]
        ),
        "five pairs: first come all five, then their counterparts": lambda x, n: torch.stack(
            [five(x, n), five(x.flip(2), n)], dim=1
        ).flatten(0, 1),
        "lower left before upper right": lambda x, n: torch.cat([five(x, n, True), five(x.flip(2), n, True)]),
        "each of the five mirrored: the upper left one of the mirrored image is another": lambda x, n: torch.cat(
            [five(x, n), five(x, n).flip(3)]
        ),
    }
    generator = torch.Generator().manual_seed(10)
    cases = [(normal(generator, *shape), size) for shape, size in [((3, 10, 14), 6), ((1, 9, 7), 5), ((2, 12, 8), 4)]]
    return compare(answer, reference, cases, mistakes)


def smallest_input(answer: Callable) -> Verdict:
    """Check `answer(layers)`: the least side of a picture that passes all the windows (kernel, stride, padding)."""

    def need(layers, size, gather):
        for kernel, stride, padding in reversed(layers):
            size = gather(size, kernel, stride, padding)
        return size

    def reference(layers):
        return need(layers, 1, lambda n, f, s, p: max((n - 1) * s + f - 2 * p, 1))

    def kept(layers, size):
        """Whether every window fits: the definition, by trying."""
        for kernel, stride, padding in layers:
            if size + 2 * padding < kernel:
                return False
            size = (size + 2 * padding - kernel) // stride + 1
        return True

    mistakes = {
        "a picture that gives one position more than needed: start from an output of 1": lambda layers: need(
            layers, 2, lambda n, f, s, p: max((n - 1) * s + f - 2 * p, 1)
        ),
        "one pixel too few: at this size a window does not fit": lambda layers: reference(layers) - 1,
        "one pixel too many: a smaller one passes, too": lambda layers: reference(layers) + 1,
        "the padding forgotten": lambda layers: need(layers, 1, lambda n, f, s, p: (n - 1) * s + f),
        "the padding counted once: it is on both sides": lambda layers: need(
            layers, 1, lambda n, f, s, p: max((n - 1) * s + f - p, 1)
        ),
        "n·S in the place of (n − 1)·S: between n positions there are n − 1 steps": lambda layers: need(
            layers, 1, lambda n, f, s, p: max(n * s + f - 2 * p, 1)
        ),
        "the layers from first to last: go back from the last output": lambda layers: reference(layers[::-1]),
        "the largest kernel: what the layers before it shrink counts, too": lambda layers: max(f for f, _, _ in layers),
    }
    alexnet = [(11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
    cases = [(alexnet,)]
    draw = random.Random(63)
    while len(cases) < 7:
        layers = [(draw.randint(2, 6), draw.randint(1, 3), draw.randint(0, 2)) for _ in range(draw.randint(2, 5))]
        least = reference(layers)
        if kept(layers, least) and not (least > 1 and kept(layers, least - 1)):
            cases.append((layers,))
    return compare(answer, reference, cases, mistakes)


@dataclass(frozen=True)
class TowerQuestion:
    """A convolution on two towers and the pooling after it, to be worked out on paper. The same seed asks the same."""

    size: int
    in_channels: int
    out_channels: int
    kernel: int
    padding: int

    @classmethod
    def from_seed(cls, seed: int) -> "TowerQuestion":
        draw = random.Random(seed)
        kernel = draw.choice([3, 5])
        return cls(
            size=2 * draw.randint(5, 15) + 1,
            in_channels=2 * draw.randint(3, 12),
            out_channels=2 * draw.randint(3, 16),
            kernel=kernel,
            padding=draw.choice([0, kernel // 2]),
        )

    def __repr__(self) -> str:
        return (
            f"{self.in_channels} maps of {self.size}×{self.size} meet a convolution on two towers (groups=2):\n"
            f"{self.out_channels} filters of {self.kernel}×{self.kernel}, stride 1, padding {self.padding},"
            f" with bias; then max pooling 3×3 with stride 2."
        )

    def check(self, parameters: int | None, multiply_adds: int | None, pooled: int | None) -> Verdict:
        """Compare the convolution's parameters and multiply–adds and the side of the pooled maps, in this order."""
        c, k, f = self.in_channels, self.out_channels, self.kernel
        side = conv_output_size(self.size, f, padding=self.padding)
        right = conv_parameters(c, k, f, groups=2)
        work = conv_multiply_adds(c, k, f, side, groups=2)
        pool = pool_output_size(side, 3, 2)
        weights = k * c // 2 * f * f
        questions = (
            ("parameters", parameters, right, f"{k} · ({c}/2·{f}·{f} + 1)", [
                (conv_parameters(c, k, f), "a filter sees only the maps of its own tower, half of them"),
                (weights // 2 + k, "each tower has half the filters and half the inputs, but there are two towers"),
                (weights + k // 2, "both towers' filters have a bias"),
                (weights, "the biases are missing"),
            ]),
            ("multiply_adds", multiply_adds, work, f"{weights:,} weights, each at {side}·{side} positions", [
                (2 * work, "a filter sees only the maps of its own tower, half of them"),
                (right * side**2, "biases are added, not multiplied"),
                (weights * side, "positions are counted in both directions"),
                (weights * pool**2, "the convolution's positions, not those that the pooling leaves"),
                (weights * self.size**2, "the positions of the output, not of the input"),
            ]),
            ("pooled", pooled, pool, f"the floor of ({side} − 3)/2, plus one", [
                (pool - 1, "the first position counts too: plus one"),
                (side // 3, "the stride is 2, not the window's 3"),
                (side, "that is the side before the pooling"),
            ]),
        )  # fmt: skip
        for name, given, expected, how, mistakes in questions:
            if given is None or given is Ellipsis:
                return Verdict(False, f"{name} has no answer yet.")
            if isinstance(given, bool) or given != expected:
                hint = next((f" Perhaps: {words}." for wrong, words in mistakes if given == wrong), "")
                return Verdict(False, f"{name} is {how}: expected {expected:,}, got {given!r}.{hint}")
        return Verdict(True, "All three numbers agree.")


def tower_question(seed: int) -> TowerQuestion:
    """A fresh convolution on two towers: parameters, multiply–adds, and the size after overlapping pooling."""
    return TowerQuestion.from_seed(seed)

"""Checkers of chapter 3, LeNet-5."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, judge_numbers, normal
from companion.models.lenet import LeNet5Modern
from companion.shapes import conv_multiply_adds, conv_output_size, conv_parameters


def subsample(answer: Callable) -> Verdict:
    """Check `answer(x, weight, bias)`: S2 of LeNet-5 before the squashing, x (N, C, H, W) → (N, C, H/2, W/2)."""

    def reference(x, weight, bias):
        return 4 * F.avg_pool2d(x, 2) * weight[:, None, None] + bias[:, None, None]

    mistakes = {
        "the mean of each window instead of its sum": lambda x, w, b: (
            F.avg_pool2d(x, 2) * w[:, None, None] + b[:, None, None]
        ),
        "the largest value of each window instead of the sum": lambda x, w, b: (
            F.max_pool2d(x, 2) * w[:, None, None] + b[:, None, None]
        ),
        "the bias added before the multiplication": lambda x, w, b: (
            (4 * F.avg_pool2d(x, 2) + b[:, None, None]) * w[:, None, None]
        ),
        "windows that overlap (a stride of 1)": lambda x, w, b: (
            4 * F.avg_pool2d(x, 2, stride=1) * w[:, None, None] + b[:, None, None]
        ),
        "rows and columns exchanged": lambda x, w, b: reference(x, w, b).mT,
    }
    generator = torch.Generator().manual_seed(5)
    cases = [
        (normal(generator, n, c, 2 * h, 2 * w), normal(generator, c), normal(generator, c))
        for n, c, h, w in [(1, 6, 14, 14), (2, 3, 4, 7), (3, 16, 5, 2)]
    ]
    return compare(answer, reference, cases, mistakes)


def rbf(answer: Callable) -> Verdict:
    """Check `answer(x, codes)`: the squared distances (N, K) of x (N, D) from the codes (K, D)."""

    def reference(x, codes):
        return torch.cdist(x, codes, compute_mode="donot_use_mm_for_euclid_dist").square()

    mistakes = {
        "distances that are not squared": lambda x, codes: reference(x, codes).sqrt(),
        "codes along the rows: (K, N) instead of (N, K)": lambda x, codes: reference(x, codes).T,
        "the mean over the D numbers instead of their sum": lambda x, codes: reference(x, codes) / x.shape[1],
        "dot products, which are largest where distances are smallest": lambda x, codes: x @ codes.T,
        "the negative of the distance (that is the score; y is the penalty)": lambda x, codes: -reference(x, codes),
    }
    generator = torch.Generator().manual_seed(7)
    shapes = [(4, 10, 84), (1, 3, 5), (6, 2, 9)]
    cases = [(normal(generator, n, d), normal(generator, k, d).sign()) for n, k, d in shapes]
    return compare(answer, reference, cases, mistakes)


def flattened_features(answer: Callable) -> Verdict:
    """Check `answer(image_size, padding)`: how many numbers reach the first linear layer of `LeNet5Modern`."""

    def reference(image_size, padding):
        with torch.device("meta"):
            return LeNet5Modern(image_size=image_size, padding=padding).fc1.in_features

    def sizes(image_size, padding, lost=4):
        return ((image_size + padding - lost) // 2 - lost) // 2

    mistakes = {
        "the side of one map, not all the numbers in all the maps": lambda n, p: sizes(n, 2 * p),
        "one map only: there are 16": lambda n, p: sizes(n, 2 * p) ** 2,
        "the padding counted once: it is on both sides": lambda n, p: 16 * sizes(n, p) ** 2,
        "no padding": lambda n, p: 16 * sizes(n, 0) ** 2,
        "a 5-wide window that costs 5 pixels: it costs 4": lambda n, p: 16 * sizes(n, 2 * p, lost=5) ** 2,
        "the six maps of the first layer instead of the 16 of the second": lambda n, p: 6 * sizes(n, 2 * p) ** 2,
    }
    return compare(answer, reference, [(32, 0), (28, 2), (28, 0), (64, 0), (97, 3), (224, 6)], mistakes)


@dataclass(frozen=True)
class LayerQuestion:
    """A convolution with fresh numbers, to be worked out on paper. The same seed asks the same question."""

    size: int
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    padding: int

    @classmethod
    def from_seed(cls, seed: int) -> "LayerQuestion":
        draw = random.Random(seed)
        return cls(
            size=draw.randint(20, 40),
            in_channels=draw.choice([1, 3, 4, 6]),
            out_channels=draw.choice([8, 10, 12, 16]),
            kernel=draw.choice([3, 5, 7]),
            stride=draw.choice([2, 3]),
            padding=draw.choice([0, 1, 2]),
        )

    def __repr__(self) -> str:
        return (
            f"A {self.size}×{self.size} input with {self.in_channels} channels meets a convolution:\n"
            f"{self.out_channels} filters of {self.kernel}×{self.kernel}, stride {self.stride},"
            f" padding {self.padding}, with bias."
        )

    def check(self, output_size: int | None, parameters: int | None, multiply_adds: int | None) -> Verdict:
        """Compare the three numbers, in this order, and stop at the first that is wrong."""
        right = conv_output_size(self.size, self.kernel, self.stride, self.padding)
        per_map = self.in_channels * self.kernel**2
        steps = f"{self.size} + 2·{self.padding} − {self.kernel} over {self.stride}"
        questions = (
            ("output_size", output_size, right, f"the floor of ({steps}), plus one", {
                right - 1: "the + 1: the first position counts too",
                right + 1: "the floor: a step that would overshoot is not taken",
                conv_output_size(self.size, self.kernel, self.stride): "the padding",
            }),
            ("parameters", parameters, conv_parameters(self.in_channels, self.out_channels, self.kernel),
             f"{self.out_channels} · ({self.in_channels}·{self.kernel}·{self.kernel} + 1)", {
                self.out_channels * per_map: "the biases",
                self.out_channels * (self.kernel**2 + 1): f"that a window reads all {self.in_channels} channels",
                self.out_channels * per_map + 1: "that each filter has a bias of its own",
            }),
            ("multiply_adds", multiply_adds,
             conv_multiply_adds(self.in_channels, self.out_channels, self.kernel, right),
             f"each of the {self.out_channels * per_map:,} weights once per output position", {
                self.out_channels * per_map: f"that every weight is used at all {right}·{right} positions",
                self.out_channels * per_map * right: "that positions are counted in both directions",
                self.out_channels * per_map * self.size**2: "that positions are those of the output, not of the input",
            }),
        )  # fmt: skip
        return judge_numbers(questions, "All three numbers agree.")


def layer_question(seed: int) -> LayerQuestion:
    """A fresh layer to work out: its output size, parameters and multiply–adds."""
    return LayerQuestion.from_seed(seed)

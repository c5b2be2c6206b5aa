"""Checkers of chapter 2, convolution."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, normal
from companion.shapes import conv_output_size, receptive_field
from companion.shapes import unread as unread_positions


def output_size(answer: Callable) -> Verdict:
    """Check `answer(size, kernel, stride, padding, dilation)`: how many windows fit, 0 where not even one does."""

    def reference(size, kernel, stride, padding, dilation):
        try:
            return conv_output_size(size, kernel, stride, padding, dilation)
        except ValueError:
            return 0

    def formula(numerator, w, f, s, p, d):
        return max(numerator(w, f, p, d) // s + 1, 0)

    def room(w, f, p, d):
        return w + 2 * p - d * (f - 1) - 1

    mistakes = {
        "the formula without dilation": lambda *a: formula(lambda w, f, p, d: w - f + 2 * p, *a),
        "the fraction without its floor": lambda w, f, s, p, d: max(room(w, f, p, d) / s + 1, 0),
        "the + 1 missing: the first position counts too": lambda *a: max(formula(room, *a) - 1, 0),
        "rounding up: a convolution drops the window that does not fit": lambda w, f, s, p, d: max(
            -(-room(w, f, p, d) // s) + 1, 0
        ),
        "the padding counted once: it is on both sides": lambda *a: formula(
            lambda w, f, p, d: room(w, f, 0, d) + p, *a
        ),
        "a dilated window of D·F pixels: it spans D·(F − 1) + 1": lambda *a: formula(
            lambda w, f, p, d: w + 2 * p - d * f, *a
        ),
        "a number of windows below 1 where none fits": lambda w, f, s, p, d: room(w, f, p, d) // s + 1,
    }
    cases = [(32, 5, 1, 0, 1), (224, 11, 4, 0, 1), (224, 7, 2, 3, 1), (16, 3, 1, 2, 2), (15, 4, 3, 1, 2),
             (5, 5, 2, 0, 1), (4, 5, 1, 0, 1), (8, 5, 2, 1, 4)]  # fmt: skip
    return compare(answer, reference, cases, mistakes)


def correlate(answer: Callable) -> Verdict:
    """Check `answer(picture, kernel, stride)`: (H, W) and (F, F) → what conv2d gives, without padding."""

    def reference(x, k, stride):
        return F.conv2d(x[None, None], k[None, None], stride=stride)[0, 0]

    mistakes = {
        "the kernel turned over: that is the convolution of mathematics": lambda x, k, s: reference(x, k.flip(0, 1), s),
        "a stride of 1": lambda x, k, s: reference(x, k, 1),
        "the stride applied to the rows only": lambda x, k, s: reference(x, k, (s, 1)),
        "zeros around the picture: no padding was asked for": lambda x, k, s: F.conv2d(
            x[None, None], k[None, None], stride=s, padding=len(k) // 2
        )[0, 0],
        "the kernel transposed": lambda x, k, s: reference(x, k.T, s),
        "the mean over the window instead of the sum": lambda x, k, s: reference(x, k, s) / k.numel(),
        "windows without the kernel's weights": lambda x, k, s: reference(x, torch.ones_like(k), s),
    }
    generator = torch.Generator().manual_seed(2)
    cases = [(normal(generator, h, w), normal(generator, f, f), s) for h, w, f, s in
             [(7, 9, 3, 1), (8, 6, 3, 2), (12, 11, 5, 3)]]  # fmt: skip
    return compare(answer, reference, cases, mistakes)


def adaptive_pool(answer: Callable) -> Verdict:
    """Check `answer(row, outputs)`: adaptive average pooling of one row of numbers, (W,) → (outputs,)."""

    def reference(x, outputs):
        return F.adaptive_avg_pool1d(x[None], outputs)[0]

    def window_means(ends):
        def pool(x, outputs):
            return torch.stack([x[a:b].mean() for a, b in ends(len(x), outputs)])

        return pool

    mistakes = {
        "the largest value of each window instead of the mean": lambda x, n: F.adaptive_max_pool1d(x[None], n)[0],
        "the sum of each window instead of the mean": lambda x, n: torch.stack(
            [x[i * len(x) // n : -(-(i + 1) * len(x) // n)].sum() for i in range(n)]
        ),
        "ends rounded down: end = ceil((i + 1)·in/out)": window_means(
            lambda w, n: [(i * w // n, (i + 1) * w // n) for i in range(n)]
        ),
        "starts rounded up: start = floor(i·in/out)": window_means(
            lambda w, n: [(-(-i * w // n), -(-(i + 1) * w // n)) for i in range(n)]
        ),
        "equal windows of floor(in/out), which leave the rest unread": window_means(
            lambda w, n: [(i * (w // n), (i + 1) * (w // n)) for i in range(n)]
        ),
    }
    generator = torch.Generator().manual_seed(3)
    cases = [(normal(generator, w), n) for w, n in [(8, 4), (7, 3), (11, 4), (9, 1)]]
    return compare(answer, reference, cases, mistakes)


def batch_norm(answer: Callable) -> Verdict:
    """Check `answer(x, weight, bias, eps)`: batch normalisation in train mode, x (N, C, H, W), weight and bias (C,)."""

    def reference(x, weight, bias, eps):
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)

    def by(dims, correction=0):
        def norm(x, weight, bias, eps):
            mean, variance = x.mean(dims, keepdim=True), x.var(dims, correction=correction, keepdim=True)
            return (x - mean) / (variance + eps).sqrt() * weight[:, None, None] + bias[:, None, None]

        return norm

    mistakes = {
        "the unbiased variance: in train mode the sum is divided by N·H·W, not by one less": by((0, 2, 3), 1),
        "statistics of each picture on its own (that is instance norm)": by((2, 3)),
        "statistics over all channels of a picture (that is layer norm)": by((1, 2, 3)),
        "statistics over everything: each channel has its own": by((0, 1, 2, 3)),
        "a mean for each place: a channel has one for all its places": by((0,)),
        "no weight and bias": lambda x, w, b, eps: F.batch_norm(x, None, None, training=True, eps=eps),
        "eps added to the standard deviation, not to the variance": lambda x, w, b, eps: (
            (x - x.mean((0, 2, 3), keepdim=True)) / (x.std((0, 2, 3), correction=0, keepdim=True) + eps)
        ) * w[:, None, None] + b[:, None, None],
        "division by the variance instead of the standard deviation": lambda x, w, b, eps: (
            (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + eps)
        ) * w[:, None, None] + b[:, None, None],
    }  # fmt: skip
    generator = torch.Generator().manual_seed(4)
    cases = [(3 * normal(generator, *shape) + 1, normal(generator, shape[1]), normal(generator, shape[1]), eps)
             for shape, eps in [((4, 3, 5, 6), 1e-5), ((2, 6, 3, 3), 1e-1), ((3, 2, 1, 4), 1e-3)]]  # fmt: skip
    return compare(answer, reference, cases, mistakes)


def _verdict(questions: tuple) -> Verdict:
    """The first of (name, given, expected, how, {wrong: what was forgotten}) that is not right, or that all are."""
    for name, given, expected, how, forgotten in questions:
        if given is None or given is Ellipsis:
            return Verdict(False, f"{name} has no answer yet.")
        if isinstance(given, bool) or given != expected:
            likely = next((words for wrong, words in forgotten if given == wrong), None)
            hint = f" Did you forget {likely}?" if likely else ""
            return Verdict(False, f"{name} is {how}: expected {expected}, got {given!r}.{hint}")
    return Verdict(True, "All the numbers agree.")


@dataclass(frozen=True)
class WindowQuestion:
    """A dilated window on a row of pixels, to be counted on paper. The same seed asks the same question."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    @classmethod
    def from_seed(cls, seed: int) -> "WindowQuestion":
        draw = random.Random(seed)
        while True:  # until the floor drops something at the right edge, and little enough is unread to count it
            question = cls(draw.randint(14, 30), draw.choice([3, 4]), draw.choice([2, 3]), draw.choice([0, 1]),
                           draw.choice([1, 2]))  # fmt: skip
            found = unread_positions(*question._numbers)
            if len(found) <= 6 and question.size - 1 in found:
                return question

    @property
    def _numbers(self) -> tuple[int, int, int, int, int]:
        return self.size, self.kernel, self.stride, self.padding, self.dilation

    def __repr__(self) -> str:
        return (
            f"A row of {self.size} pixels meets a window of {self.kernel} weights,\n"
            f"stride {self.stride}, padding {self.padding} on each side, dilation {self.dilation}."
        )

    def check(self, span: int | None, output: int | None, unread: int | None) -> Verdict:
        """Compare how many pixels the window spans, how many windows fit, and how many pixels none of them reads."""
        w, f, s, p, d = self._numbers
        right, dropped = conv_output_size(w, f, s, p, d), len(unread_positions(*self._numbers))
        width = d * (f - 1) + 1
        behind = w + p - (right - 1) * s - width
        return _verdict((
            ("span", span, width, f"{d}·({f} − 1) + 1", [
                (f, "the dilation"), (d * f, "that there are only F − 1 steps between F weights"),
                (d * (f - 1), "that the last weight covers a pixel too")]),
            ("output", output, right, f"the floor of ({w} + 2·{p} − {width})/{s}, plus one", [
                (right - 1, "the + 1: the first position counts too"),
                (right + 1, "the floor: a window that would overshoot is dropped"),
                (conv_output_size(w, f, s, 0, d), "the padding"), (conv_output_size(w, f, s, p), "the dilation")]),
            ("unread", unread, dropped, "the pixels that no weight of any window lies on", [
                (behind, "the gaps that a dilated window leaves"), (dropped + p, "that the padding is no pixel"),
                (0, "the pixels behind the last window")]),
        ))  # fmt: skip


@dataclass(frozen=True)
class FieldQuestion:
    """A stack of windows whose receptive field is to be worked out on paper. The same seed asks the same."""

    layers: tuple[tuple[int, int], ...]

    @classmethod
    def from_seed(cls, seed: int) -> "FieldQuestion":
        draw = random.Random(seed)
        while True:  # until the mistakes can be told from the answer
            strides = [2, draw.choice([1, 2]), 1]
            draw.shuffle(strides)
            question = cls(tuple((draw.choice([3, 5, 7]), stride) for stride in strides))
            if receptive_field(question.layers).size not in question._without_strides:
                return question

    @property
    def _without_strides(self) -> tuple[int, int]:
        """Two wrong sizes: windows added up, less one for each or not."""
        kernels = [kernel for kernel, _ in self.layers]
        return 1 + sum(kernels) - len(kernels), sum(kernels)

    def __repr__(self) -> str:
        steps = ", then ".join(f"{kernel}×{kernel} with stride {stride}" for kernel, stride in self.layers)
        return f"A stack of three layers: {steps}."

    def check(self, size: int | None, jump: int | None) -> Verdict:
        """Compare the side of the receptive field and the step between neighbouring fields, in pixels."""
        right = receptive_field(self.layers)
        late, jumped = 1, 1
        for kernel, stride in self.layers:
            jumped *= stride
            late += (kernel - 1) * jumped
        terms, product = [], 1
        for kernel, stride in self.layers:
            terms.append(f"({kernel} − 1)·{product}")
            product *= stride
        return _verdict((
            ("size", size, right.size, f"1 + {' + '.join(terms)}", [
                (self._without_strides[0], "that a step above a stride is several pixels wide"),
                (late, "that a layer's own stride counts only for the layers above it"),
                (right.size - 1, "the 1 at the start: a pixel sees itself"),
                (self._without_strides[1], "that a window of F adds F − 1 steps"),
                (self.layers[-1][0], "the layers below the last")]),
            ("jump", jump, right.jump, "the product of the strides", [
                (sum(stride for _, stride in self.layers), "that strides multiply"),
                (self.layers[-1][1], "the strides of the layers below")]),
        ))  # fmt: skip


def window_question(seed: int) -> WindowQuestion:
    """Fresh windows to count: span, output size and unread pixels."""
    return WindowQuestion.from_seed(seed)


def field_question(seed: int) -> FieldQuestion:
    """A fresh stack of three layers: its receptive field and its jump."""
    return FieldQuestion.from_seed(seed)

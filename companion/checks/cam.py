"""Checkers of chapter 9, class activation maps."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, normal


def class_map(answer: Callable) -> Verdict:
    """Check `answer(A, weights)`: CAM of one class for one picture, A (C, h, w) and weights (C,) → (h, w)."""

    def reference(A, weights):
        return F.conv2d(A[None], weights[None, :, None, None])[0, 0]

    mistakes = {
        "the map after ReLU: CAM itself keeps what votes against the class": lambda A, w: reference(A, w).relu(),
        "the score: you have averaged over the positions, where only the channels are summed": lambda A, w: (
            A.mean((1, 2)) @ w
        ),
        "the mean over the channels instead of their sum": lambda A, w: reference(A, w) / len(w),
        "the sum of the maps without the weights": lambda A, w: A.sum(0),
        "the weighted maps before they are summed over the channels": lambda A, w: A * w[:, None, None],
        "rows and columns exchanged": lambda A, w: reference(A, w).T,
        "the map divided by the number of positions (that is Grad-CAM, chapter 10)": lambda A, w: (
            reference(A, w) / A[0].numel()
        ),
    }
    generator = torch.Generator().manual_seed(9)
    shapes = [(8, 7, 7), (3, 2, 5), (5, 4, 3)]
    cases = [(normal(generator, *shape).relu(), normal(generator, shape[0])) for shape in shapes]
    return compare(answer, reference, cases, mistakes)


def upsample_nearest(answer: Callable) -> Verdict:
    """Check `answer(cells, factor)`: each cell of (h, w) becomes factor×factor equal pixels, (h·factor, w·factor)."""

    def reference(cells, factor):
        return cells.repeat_interleave(factor, 0).repeat_interleave(factor, 1)

    def bilinear(cells, factor):
        return F.interpolate(cells[None, None], scale_factor=factor, mode="bilinear", align_corners=False)[0, 0]

    mistakes = {
        "bilinear resizing: here a cell keeps one value": bilinear,
        "the whole map set side by side (repeat or tile) instead of each cell": lambda cells, f: cells.repeat(f, f),
        "only the rows made longer": lambda cells, f: cells.repeat_interleave(f, 1),
        "only the columns made longer": lambda cells, f: cells.repeat_interleave(f, 0),
        "rows and columns exchanged": lambda cells, f: reference(cells, f).T,
    }
    generator = torch.Generator().manual_seed(32)
    cases = [(normal(generator, h, w), factor) for h, w, factor in [(7, 7, 32), (2, 3, 2), (4, 1, 3)]]
    return compare(answer, reference, cases, mistakes)


@dataclass(frozen=True)
class CamQuestion:
    """Two feature maps of 2×2, two weights and a bias, to be worked out on paper. The same seed asks the same."""

    maps: tuple
    weights: tuple
    bias: float

    @classmethod
    def from_seed(cls, seed: int) -> "CamQuestion":
        draw = random.Random(seed)
        while True:  # until the mistakes can be told from the answers
            question = cls(
                maps=tuple(tuple(tuple(draw.randint(0, 5) for _ in "xy") for _ in "xy") for _ in "kl"),
                weights=(draw.randint(1, 3), -draw.randint(1, 3)),
                bias=draw.choice([-1.5, -0.5, 0.5, 1.5]),
            )
            cells = sorted(value for row in question.class_map for value in row)
            (_, upper), (lower, _) = question.class_map
            mean, positive = sum(cells) / 4, sum(max(value, 0) for value in cells) / 4
            scores = {mean, mean + question.bias, 4 * mean + question.bias, positive + question.bias}
            if cells[0] < 0 < cells[-2] < cells[-1] and upper != lower and len(scores) == 4:
                return question

    @property
    def class_map(self) -> list[list[int]]:
        first, second = self.weights
        pairs = zip(*self.maps, strict=True)
        return [[first * a + second * b for a, b in zip(*rows, strict=True)] for rows in pairs]

    def __repr__(self) -> str:
        first, second = ([list(row) for row in one] for one in self.maps)
        return (
            f"Two feature maps A_1 = {first} and A_2 = {second} (row by row), with the\n"
            f"weights w_1 = {self.weights[0]} and w_2 = {self.weights[1]} of a class whose bias is {self.bias}."
        )

    def check(
        self, class_map: Sequence | None, score: float | None, strongest: tuple[int, int] | None
    ) -> Verdict:
        """Compare the map (two rows of two), the score and the (row, column) of the largest cell, in this order."""
        right = self.class_map
        first, second = self.weights
        swapped = [list(column) for column in zip(*right, strict=True)]
        cells = [value for row in right for value in row]
        place = divmod(cells.index(max(cells)), 2)
        mean, positive = sum(cells) / 4, sum(max(value, 0) for value in cells) / 4
        questions = (
            ("class_map", class_map, right, f"{first}·A_1 + ({second})·A_2, cell by cell", [
                ([[max(value, 0) for value in row] for row in right], "no ReLU here: cells may vote against the class"),
                ([[value + self.bias for value in row] for row in right], "the bias is no part of the map"),
                (swapped, "rows and columns are exchanged"),
                ([[value / 4 for value in row] for row in right], "the mean is for the score, not for the map"),
            ]),
            ("score", score, mean + self.bias, f"the mean of the map's four cells plus the bias {self.bias}", [
                (mean, "the bias is missing"),
                (mean * 4 + self.bias, "the mean, not the sum: divide by 4"),
                (positive + self.bias, "the cells that vote against the class count, too"),
            ]),
            ("strongest", strongest, place, "the (row, column) of the largest cell, counted from 0", [
                (place[::-1], "(row, column), not (column, row)"),
                ((place[0] + 1, place[1] + 1), "counted from 0"),
            ]),
        )  # fmt: skip
        for name, given, expected, how, mistakes in questions:
            if given is None or given is Ellipsis:
                return Verdict(False, f"{name} has no answer yet.")
            given = _plain(given)
            if given != _plain(expected):
                hint = next((f" Perhaps: {words}." for wrong, words in mistakes if given == _plain(wrong)), "")
                return Verdict(False, f"{name} is {how}: expected {expected}, got {given!r}.{hint}")
        return Verdict(True, "Map, score and place agree.")


def _plain(value):
    """Tensors, tuples and arrays as nested lists of numbers, so that equal answers compare equal."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def cam_question(seed: int) -> CamQuestion:
    """A fresh class map to work out on paper: two channels, 2×2 places."""
    return CamQuestion.from_seed(seed)

"""Checkers of chapter 11, Trusting a heat map."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from companion import cam_scores
from companion.checks._compare import Verdict, compare


def pointing_game(answer: Callable) -> Verdict:
    """Check `answer(maps, boxes)`: does the highest place of each map (N, H, W) lie in its box (N, 4)? → (N,)."""

    def reference(maps, boxes):
        return cam_scores.pointing_game(maps, boxes).double()

    def at(maps):
        index = maps.flatten(1).argmax(1)
        return index % maps.shape[2], index // maps.shape[2]  # column, row

    def inclusive(maps, boxes):
        (x, y), (left, top, right, bottom) = at(maps), boxes.T
        return ((left <= x) & (x <= right) & (top <= y) & (y <= bottom)).double()

    def exchanged(maps, boxes):
        return reference(maps, boxes[:, [1, 0, 3, 2]])

    mistakes = {
        "right and bottom counted as inside: they are the first column and row outside": inclusive,
        "rows and columns exchanged: a box is (left, top, right, bottom)": exchanged,
        "the lowest place instead of the highest": lambda maps, boxes: reference(maps.max() - maps, boxes),
        "the share of hits, one number: one answer for each map is asked for": lambda maps, boxes: (
            reference(maps, boxes).mean()
        ),
    }
    return compare(answer, reference, _maps_and_boxes(seed=11), mistakes)


def energy_in_box(answer: Callable) -> Verdict:
    """Check `answer(maps, boxes)`: the share of each map's sum (N, H, W) that lies in its box (N, 4) → (N,)."""
    reference = cam_scores.energy_in_box

    def share(maps, boxes):
        return cam_scores.inside(boxes, maps.shape[-2:]).double().mean((1, 2))

    mistakes = {
        "the sum in the box, not its share of the map's sum": lambda maps, boxes: (
            reference(maps, boxes) * maps.sum((1, 2))
        ),
        "what lies outside the box": lambda maps, boxes: 1 - reference(maps, boxes),
        "the area of the box, whatever the map is": share,
        "the mean in the box over the mean of the map": lambda maps, boxes: (
            reference(maps, boxes) / share(maps, boxes)
        ),
        "all maps divided by one sum: each has its own": lambda maps, boxes: (
            reference(maps, boxes) * maps.sum((1, 2)) / maps.sum()
        ),
        "right and bottom counted as inside: they are the first column and row outside": lambda maps, boxes: (
            reference(maps, boxes + torch.tensor([0, 0, 1, 1]))
        ),
        "rows and columns exchanged: a box is (left, top, right, bottom)": lambda maps, boxes: (
            reference(maps, boxes[:, [1, 0, 3, 2]])
        ),
    }
    return compare(answer, reference, _maps_and_boxes(seed=12), mistakes)


def deletion_curve(answer: Callable) -> Verdict:
    """Check `answer(model, image, heat, label, steps)`: the probabilities of `label` after 0 … `steps` deletions.

    model: gives scores (N, K). image (C, H, W), heat (H, W); every step blanks an equal part of the pixels more, the
    hottest first, with 0. The result has steps + 1 numbers.
    """

    def curve(model, image, heat, label, steps, blank=0.0, insertion=False):
        curves = cam_scores.insertion_deletion(
            model, image[None], heat[None], torch.tensor([label]), blank=blank, steps=steps
        )
        return (curves.insertion if insertion else curves.deletion)[0]

    def scores(model, image, heat, label, steps):
        rank = heat.flatten().argsort(descending=True).argsort().view(heat.shape)
        left = [image * (rank >= step * rank.numel() / steps) for step in range(steps + 1)]
        return model(torch.stack(left))[:, label]

    mistakes = {
        "the coolest pixels deleted first": lambda m, image, heat, label, steps: curve(m, image, -heat, label, steps),
        "insertion: the pixels shown first, not taken away": lambda *case: curve(*case, insertion=True),
        "scores: the softmax is missing": scores,
        "a curve without its start: the whole picture counts, so there are steps + 1 numbers": lambda *case: (
            curve(*case)[1:]
        ),
        "pixels replaced by the picture's mean, not by 0": lambda m, image, *rest: (
            curve(m, image, *rest, blank=image.mean())
        ),
    }
    draw = torch.Generator().manual_seed(13)
    cases = []
    for channels, size, classes, steps in [(1, 4, 3, 4), (3, 6, 5, 9), (2, 8, 4, 16)]:
        image = torch.rand(channels, size, size, generator=draw, dtype=torch.float64) + 0.1
        heat = torch.randperm(size * size, generator=draw).view(size, size).double() / size**2  # no two are equal
        model = _LinearModel(torch.randn(classes, image.numel(), generator=draw, dtype=torch.float64))
        cases.append((model, image, heat, classes - 1, steps))
    return compare(answer, curve, cases, mistakes)


@dataclass(frozen=True)
class ChanceQuestion:
    """A box on a canvas, and how often a guess hits it that knows nothing. The same seed asks the same question."""

    canvas: int
    width: int
    height: int
    pictures: int

    @classmethod
    def from_seed(cls, seed: int) -> "ChanceQuestion":
        draw = random.Random(seed)
        canvas = 2 * draw.randint(20, 50)
        return cls(
            canvas=canvas,
            width=draw.randint(canvas // 4, canvas // 2 - 1),
            height=draw.randint(canvas // 4, canvas // 2 - 1),
            pictures=100 * draw.randint(1, 9),
        )

    def __repr__(self) -> str:
        return (
            f"Boxes of {self.width} columns and {self.height} rows lie anywhere on {self.canvas}×{self.canvas} pixels,"
            f" whole,\nevery position equally likely. There are {self.pictures} pictures."
        )

    def check(self, anywhere: float | None, centre: float | None, deviation: float | None) -> Verdict:
        """Compare the three numbers, in this order, to 0.001, and stop at the first that is wrong."""
        n, w, h, middle = self.canvas, self.width, self.height, self.canvas // 2
        anywhere_right = w * h / n**2
        covering = [sum(start <= middle < start + side for start in range(n - side + 1)) for side in (w, h)]
        places = (n - w + 1) * (n - h + 1)
        centre_right = covering[0] * covering[1] / places
        spread = (anywhere_right * (1 - anywhere_right) / self.pictures) ** 0.5
        questions = (
            ("anywhere", anywhere, anywhere_right, f"the share of the pixels that lie in the box, {w}·{h} / {n}²", {
                "the share along one side only": w / n,
                "the share of positions, not of pixels": 1 / places,
            }),
            ("centre", centre, centre_right,
             f"the share of the {n - w + 1}·{n - h + 1} positions in which the box covers pixel ({middle}, {middle})", {
                "the chance of a random pixel: the middle lies in more boxes than a corner does": anywhere_right,
                "one direction only": covering[0] / (n - w + 1),
                f"{n} positions in each direction: the box must lie on the canvas whole": w * h / n**2,
                "one position too few: the starts 0 and the last both count": (
                    covering[0] * covering[1] / ((n - w) * (n - h))
                ),
            }),
            ("deviation", deviation, spread, "√(p(1−p)/n) with p the first number and n the pictures", {
                "the variance: take its root": spread**2,
                "the deviation of one picture: divide by √n": (anywhere_right * (1 - anywhere_right)) ** 0.5,
                "the deviation of the number of hits, not of their share": spread * self.pictures,
            }),
        )  # fmt: skip
        for name, given, expected, how, wrong in questions:
            if given is None or given is Ellipsis:
                return Verdict(False, f"{name} has no answer yet.")
            if abs(given - expected) > 0.001:
                likely = [mistake for mistake, value in wrong.items() if abs(given - value) <= 0.001]
                hint = f" It looks like {likely[0]}." if likely else ""
                return Verdict(False, f"{name} is {how}: expected {expected:.3f}, got {given!r}.{hint}")
        return Verdict(True, "All three numbers agree.")


def chance_question(seed: int) -> ChanceQuestion:
    """A fresh box to work out: the chance of a random pixel, of the middle, and the spread over the pictures."""
    return ChanceQuestion.from_seed(seed)


def _maps_and_boxes(seed: int) -> list[tuple[Tensor, Tensor]]:
    """Maps that are not square, and boxes of which some end just before a map's highest place."""
    draw = torch.Generator().manual_seed(seed)
    cases = []
    for count, height, width in [(6, 5, 9), (8, 12, 7), (40, 8, 8)]:
        maps = torch.rand(count, height, width, generator=draw, dtype=torch.float64)
        highest = maps.flatten(1).argmax(1)
        x, y = highest % width, highest // width
        side = torch.randint(1, 4, (2, count), generator=draw)
        shift = torch.randint(-1, 4, (2, count), generator=draw)
        left, top = (x - shift[0]).clamp(0, width - 1), (y - shift[1]).clamp(0, height - 1)
        right, bottom = (left + side[0]).clamp(max=width), (top + side[1]).clamp(max=height)
        cases.append((maps, torch.stack([left, top, right, bottom], dim=1)))
    return cases


@dataclass(frozen=True)
class _LinearModel:
    """A model for a message: short in print."""

    weight: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T

    def __repr__(self) -> str:
        return f"a linear model of {len(self.weight)} scores"

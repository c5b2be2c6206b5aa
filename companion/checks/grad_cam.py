"""Checkers of chapter 10, Grad-CAM."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch

from companion import cam
from companion.checks._compare import Verdict, compare, normal, same

Grid = tuple[tuple[int, int], tuple[int, int]]


def grad_cam_weights(answer: Callable) -> Verdict:
    """Check `answer(G)`: the weight of each channel, (N, C), from the gradients G (N, C, h, w)."""

    def reference(G):
        return G.mean((2, 3))

    mistakes = {
        "the sum over the places instead of their mean": lambda G: G.sum((2, 3)),
        "the shape (N, C, 1, 1): useful for what follows, but asked was (N, C)": lambda G: G.mean((2, 3), keepdim=True),
        "the mean over the channels, which leaves a map": lambda G: G.mean(1),
        "the mean over the pictures as well": lambda G: G.mean((0, 2, 3)),
        "the largest gradient of each channel instead of the mean": lambda G: G.amax((2, 3)),
        "the mean of the positive gradients only": lambda G: G.relu().mean((2, 3)),
        "the mean of the absolute gradients, which has no sign": lambda G: G.abs().mean((2, 3)),
    }
    generator = torch.Generator().manual_seed(10)
    cases = [(normal(generator, *shape),) for shape in [(2, 5, 4, 3), (1, 8, 7, 7), (3, 2, 1, 6)]]
    return compare(answer, reference, cases, mistakes)


def grad_cam_map(answer: Callable) -> Verdict:
    """Check `answer(A, G)`: Grad-CAM's maps (N, h, w) from A and G (N, C, h, w), each map's largest value 1.

    One of the maps has nothing positive: it must be 0 everywhere.
    """

    def scaled(maps):
        highest = maps.amax((1, 2), keepdim=True)
        return maps / highest.where(highest > 0, 1)

    def stretched(maps):
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        return (maps - low) / (high - low)

    def reference(A, G):
        return scaled(cam.grad_cam(A, G).relu())

    def relu_first(A, G):
        return scaled((G.mean((2, 3), keepdim=True) * A).relu().sum(1))

    mistakes = {
        "the maps before they are scaled": lambda A, G: cam.grad_cam(A, G).relu(),
        "the maps without ReLU": lambda A, G: scaled(cam.grad_cam(A, G)),
        "each channel cut off at zero before the sum: ReLU comes after it": relu_first,
        "scaling from lowest to highest before the ReLU, which leaves it nothing to do": lambda A, G: (
            stretched(cam.grad_cam(A, G)).relu()
        ),
        "the gradient of each place instead of the channel's mean: that is HiResCAM": lambda A, G: (
            scaled(cam.hires_cam(A, G).relu())
        ),
        "one scale for the whole batch: each map has its own largest value": lambda A, G: (
            cam.grad_cam(A, G).relu() / cam.grad_cam(A, G).amax()
        ),
        "the negative part: that is the counterfactual": lambda A, G: scaled(cam.counterfactual(A, G).relu()),
    }
    generator = torch.Generator().manual_seed(11)
    cases = []
    for shape in [(2, 6, 4, 5), (3, 3, 7, 7)]:
        A, G = normal(generator, *shape).relu(), normal(generator, *shape)
        cases.append((A, G))
    nothing = G.clone()
    nothing[0] = -nothing[0].abs()  # every vote is against the class
    return compare(answer, reference, [*cases, (A, nothing)], mistakes)


def softmax_gradient(answer: Callable) -> Verdict:
    """Check `answer(scores, gradients, c)`: ∂p_c / ∂A, (C, h, w), of the probability p = softmax(scores).

    scores (K,); gradients (K, C, h, w), of every score with respect to A; c the index of a class.
    """

    def reference(scores, gradients, c):
        A = torch.zeros_like(gradients[0], requires_grad=True)
        linear = scores + (gradients * A).sum((1, 2, 3))  # at A = 0 it has these scores and these gradients
        return torch.autograd.grad(linear.softmax(0)[c], A)[0]

    def mean(scores, gradients):
        return torch.einsum("k,kchw->chw", scores.softmax(0), gradients)

    def rivals(scores, gradients, c):
        p = scores.softmax(0)
        return p[c] * (gradients[c] - (mean(scores, gradients) - p[c] * gradients[c]))

    def own(scores, gradients, c):
        p = scores.softmax(0)[c]
        return p * (1 - p) * gradients[c]

    mistakes = {
        "the gradient of the score, before the softmax": lambda y, G, c: G[c],
        "p_c times the score's gradient: the other scores move p_c as well": lambda y, G, c: y.softmax(0)[c] * G[c],
        "the class's own part only: the other scores move p_c as well": own,
        "the formula without its factor p_c": lambda y, G, c: G[c] - mean(y, G),
        "a sum over the other classes only: the sum is over all, c included": rivals,
        "the plain mean of the gradients instead of the one weighted with p": lambda y, G, c: (
            y.softmax(0)[c] * (G[c] - G.mean(0))
        ),
        "the opposite sign": lambda y, G, c: -reference(y, G, c),
    }
    generator = torch.Generator().manual_seed(12)
    cases = [
        (normal(generator, k), normal(generator, k, *shape), c)
        for k, shape, c in [(3, (4, 2, 3), 1), (10, (2, 5, 5), 0), (5, (1, 4, 4), 4)]
    ]
    return compare(answer, reference, cases, mistakes)


@dataclass(frozen=True)
class GradCamQuestion:
    """Two feature maps of 2×2 and the gradients of a score, to be worked out on paper. A seed asks one question."""

    A: tuple[Grid, Grid]
    G: tuple[Grid, Grid]

    @classmethod
    def from_seed(cls, seed: int) -> "GradCamQuestion":
        draw = random.Random(seed)
        while True:
            maps = [[draw.randint(0, 4) for _ in range(4)] for _ in range(2)]
            gradients = [[draw.randint(-3, 3) for _ in range(4)] for _ in range(2)]
            means = [sum(channel) / 4 for channel in gradients]
            averaged = [sum(w * channel[i] for w, channel in zip(means, maps, strict=True)) for i in range(4)]
            by_place = [sum(g[i] * a[i] for g, a in zip(gradients, maps, strict=True)) for i in range(4)]
            # whole weights of both signs, and in both maps something to keep and something to cut off
            whole = all(mean.is_integer() for mean in means) and means[0] * means[1] < 0
            if whole and all(min(places) < 0 < max(places) for places in (averaged, by_place)):
                return cls(*(tuple((tuple(c[:2]), tuple(c[2:])) for c in both) for both in (maps, gradients)))

    def __repr__(self) -> str:
        lines = ["Two channels of 2×2, each with the gradient of the class's score:"]
        for k, (maps, gradients) in enumerate(zip(self.A, self.G, strict=True), start=1):
            lines.append(f"A{k} = {[list(row) for row in maps]}   G{k} = {[list(row) for row in gradients]}")
        return "\n".join(lines)

    def check(self, weights=None, grad_cam=None, hires_cam=None) -> Verdict:
        """Compare the channels' two weights and the two 2×2 maps, after ReLU and not scaled, in this order.

        Each is a list (of lists), a tuple or a tensor. Stops at the first that is wrong.
        """
        A, G = (torch.tensor(both, dtype=torch.float64) for both in (self.A, self.G))  # (2, 2, 2)
        signed = cam.grad_cam(A, G)
        questions = (
            ("weights", weights, G.mean((1, 2)), "the mean of each G", {
                "the sum of each G": G.sum((1, 2)),
            }),
            ("grad_cam", grad_cam, signed.relu(), "weight 1 times A1 plus weight 2 times A2, then ReLU", {
                "the map before the ReLU": signed,
                "ReLU before the sum": (G.mean((1, 2), keepdim=True) * A).relu().sum(0),
                "the gradients place by place, which is HiResCAM": cam.hires_cam(A, G).relu(),
                "four times the map: the sum of G instead of its mean": 4 * signed.relu(),
            }),
            ("hires_cam", hires_cam, cam.hires_cam(A, G).relu(), "G1·A1 plus G2·A2 at each place, then ReLU", {
                "the map before the ReLU": cam.hires_cam(A, G),
                "the positive gradients only, which is LayerCAM": cam.layer_cam(A, G),
                "Grad-CAM again": signed.relu(),
            }),
        )  # fmt: skip
        for name, given, expected, how, confused in questions:
            if given is None or given is Ellipsis:
                return Verdict(False, f"{name} has no answer yet.")
            try:
                got = torch.as_tensor(given, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError):
                return Verdict(False, f"{name} should be numbers in a list, got {given!r}.")
            if not same(got, expected):
                likely = [wrong for wrong, value in confused.items() if same(got, value)]
                hint = f" It looks like {likely[0]}." if likely else ""
                return Verdict(False, f"{name}: {how}. Expected {expected.tolist()}, got {got.tolist()}.{hint}")
        return Verdict(True, "The weights and both maps agree.")


def grad_cam_question(seed: int) -> GradCamQuestion:
    """Two fresh feature maps with their gradients, to work out by hand."""
    return GradCamQuestion.from_seed(seed)

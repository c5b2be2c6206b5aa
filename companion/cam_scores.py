"""How far can a heat map be trusted? Three measures, none of which looks at the map with human eyes.

The first two need pictures in which the place of the object is known; the third asks the network itself.
A box is (left, top, right, bottom) in pixels, right and bottom exclusive. N pictures of H×W pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 4) boxes → (N, H, W) booleans: which pixels of a picture of `size` (H, W) lie in its box."""
    y, x = (torch.arange(side, device=boxes.device) for side in size)
    left, top, right, bottom = boxes[:, :, None].unbind(1)  # (N, 1) each
    rows, columns = (top <= y) & (y < bottom), (left <= x) & (x < right)  # (N, H), (N, W)
    return rows[:, :, None] & columns[:, None, :]


def pointing_game(maps: Tensor, boxes: Tensor) -> Tensor:
    """(N,) booleans: does the highest place of each map (N, H, W) lie in its box?

    A map that is 0 everywhere points nowhere, and misses. A place drawn at random wins as often as the box is large.
    There is no margin around the box.

    Source: Zhang et al. 2016, "Top-down Neural Attention by Excitation Backprop", arXiv:1608.00507, section 4.1.
    """
    _check(maps, boxes)
    highest = maps.flatten(1).argmax(1, keepdim=True)  # the first of several equal ones
    hit = inside(boxes, maps.shape[-2:]).flatten(1).gather(1, highest)[:, 0]
    return hit & (maps.flatten(1).amax(1) > 0)


def energy_in_box(maps: Tensor, boxes: Tensor) -> Tensor:
    """(N,) from 0 to 1: the share of each map's sum that lies in its box; 0 for a map that is 0 everywhere.

    Source: Wang et al. 2020, "Score-CAM", arXiv:1910.01279, section 4.3 ("energy-based pointing game").
    """
    _check(maps, boxes)
    total = maps.sum((1, 2))
    return (maps * inside(boxes, maps.shape[-2:])).sum((1, 2)) / total.where(total > 0, torch.inf)


class Curves(NamedTuple):
    """Probabilities of the class (N, steps + 1), after 0, 1, … `steps` equal parts of the pixels."""

    insertion: Tensor
    deletion: Tensor


@torch.no_grad()
def insertion_deletion(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    classes: Tensor,
    blank: Tensor | float,
    steps: int = 16,
) -> Curves:
    """Show the pixels that a map calls important first, or take them away first, and watch the class's probability.

    A map that names what the network uses makes the insertion curve rise early and the deletion curve fall early;
    the mean of a curve is its area. Pixels of equal rank go in reading order.

    Args:
        model: gives scores (N, K); its softmax is the probability.
        images: (N, C, H, W), as the model takes them.
        maps: (N, H, W), larger where more important.
        classes: (N,) the class of each picture that is asked about.
        blank: what stands for a pixel that is not shown: a number, or pictures that broadcast to `images`, such as
            blurred ones. The curves depend on it: name it beside every result.
        steps: how many equal parts; the model runs 2 (steps + 1) times.

    Raises:
        ValueError: the shapes do not go together, `steps` is below 1, or the model is in training mode.

    Source: Petsiuk, Das & Saenko 2018, "RISE", arXiv:1806.07421, the deletion and the insertion metric.
    """
    if maps.shape != (len(images), *images.shape[-2:]) or classes.shape != (len(images),):
        raise ValueError(
            f"maps must be (N, H, W) and classes (N,) for images {(*images.shape,)}, got {(*maps.shape,)} and"
            f" {(*classes.shape,)}"
        )
    if getattr(model, "training", False):
        raise ValueError("model is in training mode: call model.eval() first")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1).view(len(images), 1, *images.shape[-2:])  # 0: the most important pixel
    blank = torch.as_tensor(blank, dtype=images.dtype, device=images.device)

    def probability(pictures: Tensor) -> Tensor:
        return model(pictures).softmax(1).gather(1, classes[:, None])[:, 0]

    curves = []
    for step in range(steps + 1):
        first = rank < step * rank[0].numel() / steps
        curves.append((probability(torch.where(first, images, blank)), probability(torch.where(first, blank, images))))
    return Curves(*(torch.stack(curve, dim=1) for curve in zip(*curves, strict=True)))


def _check(maps: Tensor, boxes: Tensor) -> None:
    if maps.ndim != 3 or boxes.shape != (len(maps), 4):
        raise ValueError(f"maps must be (N, H, W) and boxes (N, 4), got {(*maps.shape,)} and {(*boxes.shape,)}")
    if (maps < 0).any():
        raise ValueError("maps must not be negative: apply to_image, or relu, first")

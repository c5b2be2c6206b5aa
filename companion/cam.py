"""Class activation maps: where in a picture does a network find its evidence for a class?

Every method here is a weighted sum of the feature maps A of one layer; they differ in the weights only. CAM takes
them from the last linear layer, all others from the gradient G of the class's score with respect to A. So there is
one forward pass, one short way back from the score to A (never below it: no parameter gets a gradient), and one
line of algebra per method. A and G come from `companion.cam_layer`; `companion.cam_scores` judges the maps.

Shapes: N pictures of H×W pixels, K classes, a layer that gives C feature maps of h×w.
"""

from collections.abc import Callable

import matplotlib
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.cam_layer import activations_and_gradients
from companion.cam_scores import energy_in_box, insertion_deletion, pointing_game

__all__ = [
    "activations_and_gradients", "class_maps", "counterfactual", "energy_in_box", "grad_cam", "grad_cam_pp",
    "heatmaps", "hires_cam", "insertion_deletion", "layer_cam", "overlay", "pointing_game", "to_image", "x_grad_cam",
]  # fmt: skip


# ---- The methods: feature maps A and gradients G, both (N, C, h, w) → signed maps (N, h, w)


def grad_cam(A: Tensor, G: Tensor) -> Tensor:
    """A channel's weight is the mean of its gradient. Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2."""
    return (G.mean((-2, -1), keepdim=True) * A).sum(-3)


def counterfactual(A: Tensor, G: Tensor) -> Tensor:
    """What speaks against the class: Grad-CAM with the gradient's sign turned. Selvaraju et al. 2017, section 3.3."""
    return grad_cam(A, -G)


def hires_cam(A: Tensor, G: Tensor) -> Tensor:
    """Gradient times activation, place by place, nothing averaged. Draelos & Carin 2020, arXiv:2011.08891."""
    return (G * A).sum(-3)


def layer_cam(A: Tensor, G: Tensor) -> Tensor:
    """As HiResCAM, positive gradients only. Jiang et al. 2021, doi:10.1109/TIP.2021.3089943, equations 6 to 8."""
    return (G.relu() * A).sum(-3)


def x_grad_cam(A: Tensor, G: Tensor) -> Tensor:
    """The mean of the gradient, weighted with the activation. Fu et al. 2020, arXiv:2008.02312."""
    total = A.sum((-2, -1), keepdim=True)  # a channel that sums to 0 gets the weight 0
    return ((G * A).sum((-2, -1), keepdim=True) / total.where(total != 0, torch.inf) * A).sum(-3)


def grad_cam_pp(A: Tensor, G: Tensor) -> Tensor:
    """Grad-CAM++: weights Σ α relu(G), α = G² / (2G² + G³ ΣA). Chattopadhyay et al. 2018, arXiv:1710.11063, eq. 19.

    The paper differentiates exp(score); that factor scales the whole map, and is left out. α is written here with G²
    cancelled, 1 / (2 + G ΣA), and is 0 where this divides by 0.
    """
    below = 2 + G * A.sum((-2, -1), keepdim=True)
    return ((G.relu() / below.where(below != 0, torch.inf)).sum((-2, -1), keepdim=True) * A).sum(-3)


def class_maps(A: Tensor, linear: nn.Linear) -> Tensor:
    """CAM: the maps of all K classes, (N, K, h, w), of a network that ends in global average pooling and `linear`.

    The mean of a class's map over its h×w places, plus the class's bias, is its score; Grad-CAM at A is the class's
    map divided by h·w. Zhou et al. 2016, arXiv:1512.04150, equation 2.

    Raises:
        ValueError: `linear` does not take the C means of A.
    """
    if A.ndim != 4 or A.shape[1] != linear.in_features:
        raise ValueError(f"A must be (N, C, h, w), C = linear.in_features = {linear.in_features}, got {(*A.shape,)}")
    return F.conv2d(A, linear.weight[:, :, None, None])


# ---- From a network to a picture


def heatmaps(
    model: nn.Module,
    layer: nn.Module | str,
    images: Tensor,
    classes: int | Tensor | None = None,
    method: Callable[[Tensor, Tensor], Tensor] = grad_cam,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Heat maps (N, H, W) from 0 to 1, or (N, M, H, W) for M classes of each picture.

    As `activations_and_gradients`, then `method` and `to_image`; size: (height, width) if not the images' own.
    """
    _, A, G = activations_and_gradients(model, layer, images, classes)
    if A.dtype in (torch.float16, torch.bfloat16):  # sums over hundreds of channels need more digits
        A, G = A.float(), G.float()
    maps = method(A if A.ndim == G.ndim else A[:, None], G)
    return to_image(maps, images.shape[-2:] if size is None else size)


def to_image(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Signed maps (…, h, w) → (…, H, W) from 0 to 1: ReLU, bilinear resizing, each map's maximum to 1.

    A map without anything positive stays 0 everywhere.
    """
    positive = maps.relu().reshape(1, -1, *maps.shape[-2:])
    large = F.interpolate(positive, tuple(size), mode="bilinear", align_corners=False)
    large = large.reshape(*maps.shape[:-2], *size)
    highest = large.amax((-2, -1), keepdim=True)
    return large / highest.where(highest > 0, 1)


def overlay(images: Tensor, maps: Tensor, strength: float = 0.7, colours: str = "inferno") -> Tensor:
    """Lay heat maps (N, H, W) over pictures (N, 3 or 1, H, W), all from 0 to 1; returns (N, 3, H, W).

    A place is covered in proportion to its map, by at most `strength`: where there is no evidence, the picture is
    seen as it is. colours: a matplotlib colour map.

    Raises:
        ValueError: the shapes do not go together.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or maps.shape != (len(images), *images.shape[-2:]):
        raise ValueError(
            f"images must be (N, 3 or 1, H, W) and maps (N, H, W), got {(*images.shape,)} and {(*maps.shape,)}"
        )
    heat = torch.from_numpy(matplotlib.colormaps[colours](maps.detach().cpu().numpy())[..., :3])  # (N, H, W, 3)
    cover = strength * maps[:, None]
    return images * (1 - cover) + heat.movedim(-1, 1).to(images) * cover

"""From a photograph of one handwritten digit to a picture like MNIST's."""

import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor


def mnist_style(image: Image.Image) -> torch.Tensor:
    """Bring a picture of one digit, dark ink on light paper, into the form in which MNIST's digits were made.

    The grey of the paper becomes 0 and the darkest ink 1; the ink is cut out, its longer side scaled to 20 pixels
    with its proportions kept, and its centre of mass put onto pixel 14 (counted from 0) of a 28×28 field.

    Args:
        image: any size and mode; at least half of it paper, and nothing on it but the digit.

    Returns:
        (1, 28, 28) float32 in [0, 1], bright on dark, as `mnist().images[i]`.

    Raises:
        ValueError: the picture has no ink on it.

    Source: LeCun et al. 1998, section III.A (the data base).
    """
    ink = 1 - pil_to_tensor(image.convert("L"))[0] / 255  # (H, W)
    paper = ink.median()
    if ink.max() - paper < 0.1:
        raise ValueError(
            f"image must show dark ink on light paper; here the darkest pixel differs from the paper by "
            f"{ink.max() - paper:.2f} of 1"
        )
    ink = ((ink - paper) / (ink.max() - paper)).clamp(0, 1)
    written = ink > 0.2  # above the paper's own unevenness
    rows, columns = written.any(dim=1).nonzero(), written.any(dim=0).nonzero()
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = [max(1, round(side * 20 / max(ink.shape))) for side in ink.shape]
    ink = F.interpolate(ink[None, None], size=size, mode="bilinear", antialias=True)[0, 0]  # at most 20×20

    top, left = (_start(ink.sum(dim=1 - axis)) for axis in (0, 1))
    field = torch.zeros(1, 28, 28)
    field[0, top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return field


def _start(profile: torch.Tensor) -> int:
    """Where on an axis of 28 a profile of ink begins if its centre of mass comes onto pixel 14, as far as it fits."""
    centre = (torch.arange(len(profile)) * profile).sum() / profile.sum()
    return min(max(round(14 - centre.item()), 0), 28 - len(profile))

"""The golden table of the convolution playground: small pictures and kernels, and what PyTorch says of each."""

import torch
from torch.nn import functional as F

PICTURES = [(1, 3, 3), (1, 5, 8), (1, 9, 4), (1, 12, 17), (3, 3, 5), (3, 7, 6), (3, 11, 9)]  # channels, rows, columns
SIDES = {1: (3, 5), 3: (3,)}
KINDS = ("normal", "whole", "sparse")


def states() -> list[dict]:
    """Every picture with every kernel that fits, stride, padding and turn: pixels (C, H, W), kernel (C, F, F).

    kinds: "whole" has sums that are exact, "sparse" a kernel with zeros among its weights.
    """
    chance = torch.Generator().manual_seed(20260102)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=chance, dtype=torch.float64)

    def whole(least: int, most: int, *shape: int) -> torch.Tensor:
        return torch.randint(least, most + 1, shape, generator=chance, dtype=torch.float64)

    make = {
        "normal": lambda picture, kernel: (normal(*picture), normal(*kernel)),
        "whole": lambda picture, kernel: (whole(0, 255, *picture), whole(-4, 4, *kernel)),
        "sparse": lambda picture, kernel: (normal(*picture), normal(*kernel) * whole(0, 1, *kernel)),
    }
    table = []
    for kind in KINDS:
        for picture in PICTURES:
            channels, rows, columns = picture
            for side in SIDES[channels]:
                for padding in range(3):
                    if side > min(rows, columns) + 2 * padding:
                        continue
                    for stride in range(1, 5):
                        for flip in (False, True):
                            pixels, kernel = make[kind](picture, (channels, side, side))
                            table.append(
                                {"kind": kind, "pixels": pixels, "kernel": kernel, "stride": stride, "padding": padding,
                                 "flip": flip}
                            )  # fmt: skip
    return table


def expected(state: dict) -> torch.Tensor:
    """(rows, columns) in float64, from `conv2d`, which does not turn the kernel."""
    kernel = state["kernel"].flip(1, 2) if state["flip"] else state["kernel"]
    return F.conv2d(state["pixels"][None], kernel[None], stride=state["stride"], padding=state["padding"])[0, 0]

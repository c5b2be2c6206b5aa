"""The golden table of the map mixer: small maps and their mixtures, and what PyTorch says of each in float64."""

import torch
from torch import Tensor
from torch.nn import functional as F

GRIDS = [(1, 1), (1, 5), (5, 1), (2, 3), (4, 2), (3, 4), (5, 5), (7, 7), (7, 14)]
KINDS = ("activations", "signed", "ties", "constant", "zero")
STATES = 56  # per group, so that 20 groups of each grid make 10,080


def groups() -> list[dict]:
    """Groups of states that share their maps.

    Each: grid (h, w), size (H, W) to upsample to, maps (S, h·w), others (h·w), bias (N,), weights (N, S),
    with_others (N,) bool, relu (N,) bool.
    """
    chance = torch.Generator().manual_seed(20260101)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=chance, dtype=torch.float64)

    def whole(least: int, most: int, *shape: int) -> Tensor:
        return torch.randint(least, most + 1, shape, generator=chance, dtype=torch.float64)

    table = []
    for number in range(20 * len(GRIDS)):
        height, width = grid = GRIDS[number % len(GRIDS)]
        kind = KINDS[number // len(GRIDS) % len(KINDS)]
        count = int(whole(1, 8))
        maps = {
            "activations": lambda shape: (2 * normal(*shape)).clamp(0, 6),
            "signed": lambda shape: 10 * normal(*shape),
            # Where values tie, with weights in eighths, every sum is exact, in whatever order a machine adds.
            "ties": lambda shape: whole(-2, 2, *shape) / 2,
            "constant": lambda shape: (whole(-8, 8, shape[0], 1) / 2).expand(shape),
            "zero": lambda shape: torch.zeros(shape, dtype=torch.float64),
        }[kind]((count, height * width))
        exact = kind in ("ties", "constant", "zero")
        weights = whole(-8, 8, STATES, count) / 8 if exact else 0.3 * normal(STATES, count)
        weights[0] = 0
        weights[1:9] *= torch.eye(8, dtype=torch.float64)[:, :count]  # one channel only, or none
        weights[9] = weights[9].clamp(max=0)
        table.append(
            {
                "grid": grid,
                # From half the grid, which drops cells, to three times.
                "size": tuple(max(1, int(side * whole(5, 30) / 10)) for side in grid),
                "maps": maps,
                "others": whole(-16, 16, height * width) / 4 if exact else 3 * normal(height * width),
                "bias": whole(-8, 8, STATES) / 4,
                "weights": weights,
                "with_others": torch.arange(STATES) % 2 == 1,
                "relu": torch.arange(STATES) % 4 >= 2,
            }
        )
    return table


def expected(group: dict) -> dict:
    """Per state: votes (N, h·w), cells (N, h·w), score (N,), strongest and weakest (N,), upsampled (N, H·W)."""
    votes = group["weights"] @ group["maps"] + group["with_others"][:, None] * group["others"]
    cells = torch.where(group["relu"][:, None], votes.relu(), votes)

    def first(is_it: Tensor) -> Tensor:
        positions = torch.arange(is_it.shape[1]).expand_as(is_it)
        return positions.masked_fill(~is_it, is_it.shape[1]).min(1).values

    maps = cells.unflatten(1, group["grid"])[:, None]
    large = F.interpolate(maps, size=group["size"], mode="bilinear", align_corners=False)
    return {
        "votes": votes,
        "cells": cells,
        "score": votes.mean(1) + group["bias"],
        "strongest": first(cells == cells.max(1, keepdim=True).values),
        "weakest": first(cells == cells.min(1, keepdim=True).values),
        "upsampled": large.flatten(1),
    }

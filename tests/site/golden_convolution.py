"""The golden tables of the convolution playground: small pictures and kernels, what PyTorch says of each; texts that a
reader may type, and places that another size of the output moves."""

import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

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


LARGEST = 99
NO_WEIGHTS = [
    "", " ", "-", "+", ".", ",", "-.", "1e3", "1e-9", "1E2", "100", "-99.0001", "99.0000001", "1/", "/3", "1/0", "0/0",
    "1/3/2", "1.5/3", "1//3", "--1", "1-", "- 1", "0x10", "NaN", "Infinity", "1.2.3", "1,000,000", "1 2", "a", "½",
    "500/3",
]  # fmt: skip
WEIGHTS = [
    "1/3", "0,5", "-1/9", "−1/9", "–2", "+3", " 4 ", "5.", ".5", "-,25", "0.0000001", "-0", "-0.0000004", "99", "-99",
    "99/1", "1 / 16", "0.0000005", "0.0078125", "-0.0078125", "9999/9998", "007", "1,5",
]  # fmt: skip


def typed() -> list[str]:
    """What a reader may type into a cell: the instructive, and numbers, fractions and slips drawn at random."""
    chance = random.Random(20260103)
    table = WEIGHTS + NO_WEIGHTS
    for _ in range(1500):
        sign, point = chance.choice(["", "", "-", "−", "+"]), chance.choice(".,")
        digits = "".join(chance.choices("0123456789", k=chance.randint(0, 9)))
        table.append(f"{sign}{chance.randint(0, 120)}{point if digits else ''}{digits}")
        table.append(f"{sign}{chance.randint(0, 300)}/{chance.randint(0, 30)}")
        table.append("".join(chance.choices("0123456789.,/-e ", k=chance.randint(1, 5))))
    return table


def weight_of(text: str) -> float | None:
    """The weight that the text is, read sign by sign; None where it is none."""
    text = text.strip(" ").replace("−", "-", 1).replace("–", "-", 1)
    sign = {"-": -1, "+": 1}.get(text[:1], 0)
    body = text[1:] if sign else text
    if set(body) - set("0123456789.,/ "):
        return None
    above, slash, below = (part.strip(" ") if body.count(" ") <= 2 else part for part in body.partition("/"))
    if slash:
        if not (above.isdigit() and below.isdigit() and max(len(above), len(below)) <= 4 and int(below)):
            return None
        value = Fraction(int(above), int(below))
        return None if value > LARGEST else (sign or 1) * float(value) + 0.0
    whole, _, rest = body.replace(",", ".", 1).partition(".")
    if not (whole + rest).isdigit() or Decimal(f"{whole}.{rest}") > LARGEST:
        return None
    exact = Decimal(float(f"{whole or 0}.{rest or 0}"))  # the double nearest to it, all its digits
    rounded = exact.quantize(Decimal("1e-6"), ROUND_HALF_UP)
    return (sign or 1) * float(rounded) + 0.0  # no −0


def moves() -> list[tuple[int, int, int]]:
    """(place, output size before, after), of each size that the figure's rows can have, and one place too far."""
    sizes = sorted({(78 + 2 * p - side) // s + 1 for p in range(3) for side in (3, 5) for s in range(1, 5)})
    return [(place, before, after) for before in sizes for after in sizes for place in range(before + 1)]


def moved_to(place: int, before: int, after: int) -> int:
    """The place, nearest to the same share of the way from end to end; a half is rounded up."""
    return floor(Fraction(min(place, before - 1) * (after - 1), before - 1) + Fraction(1, 2))

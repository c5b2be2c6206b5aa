"""The golden table of the logits explorer: logits, targets and thresholds, and what the Python twin says of each."""

import random

from companion.figures.logits import PRESETS, heads

ARGUMENTS = ("logits", "temperature", "asked", "asked_target", "threshold", "label", "present", "thresholds")

# Where implementations go wrong: e^z overflows or vanishes, logits tie, one class has all there is.
INSTRUCTIVE = [
    (0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.0),
    (2.0, 1.0),
    (1.0, 2.0, 2.0),  # the first of the two largest
    (30.0, -30.0),
    (-30.0, 30.0, 0.0),
    (30.0, 30.0, 30.0, 30.0, 30.0),
    (-30.0, -30.0, -30.0, -30.0),
    (30.0, 29.9, -30.0, 0.0),
    (5.0, 4.0, 3.1, 2.0),  # (2, 1, 0.1, −1), shifted by 3
    (2.0, 1.0, 0.1, -1.0),
    (800.0, -800.0, 0.0),  # beyond the figure's range: e^800 is infinite
    (-800.0, -801.0),
    (1e-9, -1e-9),
]
TEMPERATURES = (0.1, 0.5, 1.0, 2.0, 10.0)


def states() -> list[dict]:
    """The presets, the instructive logits with every label, target and temperature, and 10,000 drawn ones."""
    table = [preset["state"] for preset in PRESETS]
    for logits in INSTRUCTIVE:
        count = len(logits)
        for temperature in TEMPERATURES:
            for label in range(count):
                for target in (False, True):
                    present = [float(target)] * count
                    table.append(
                        dict(zip(ARGUMENTS, (list(logits), temperature, label, target, 0.5, label, present,
                                             [0.5] * count), strict=True))
                    )  # fmt: skip
    chance = random.Random(20260101)
    for number in range(10_000):
        count = chance.randint(2, 5)
        reach = (1, 5, 10, 30)[number % 4]
        # Every other one as the figure's sliders set it, in tenths, so that ties occur.
        digits = 1 if number % 2 else 12
        table.append(
            {
                "logits": [round(chance.uniform(-reach, reach), digits) for _ in range(count)],
                "temperature": round(10 ** chance.uniform(-1, 1), 2),
                "asked": chance.randrange(count),
                "asked_target": chance.random() < 0.5,
                "threshold": round(chance.random(), 3),
                "label": chance.randrange(count),
                "present": [float(chance.random() < 0.5) for _ in range(count)],
                "thresholds": [round(chance.random(), 3) for _ in range(count)],
            }
        )
    return table


def expected(state: dict) -> dict:
    return heads(**state)

"""The golden table of the architecture explorer: networks at input sizes, and what `companion.architectures` says.

`tests/unit/test_architecture.py` holds that against `companion.trace`.
"""

import itertools

from companion.architectures import architecture, content, multiply_adds, run
from companion.shapes import conv_output_size, pool_output_size

# Below 40 networks break, each in its own place; from 60 to 64 AlexNet does; around 224 lie the sizes that flattened
# maps allow; the others are odd, or powers of two.
SIZES = (*range(1, 36), 45, 60, 61, 62, 63, 64, 97, 128, 222, 223, 224, 226, 227, 244, 255, 258, 259, 384, 511, 512)


def states() -> list[tuple[str, int]]:
    return [(key, size) for key in content()["networks"] for size in SIZES]


def windows() -> list[tuple[list, int, int | None]]:
    """(rule, size, output size) of small windows, as no network of the book has them all; None where none fits.

    With ceil_mode and padding a last window may start in the far padding, and is dropped.
    """
    found = []
    for f, s, p, d, size in itertools.product((1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2), (1, 2), range(1, 12)):
        for rule in (["conv", f, s, p, d], ["pool", f, s, p, d, 0], ["pool", f, s, p, d, 1]):
            try:
                if rule[0] == "conv":
                    output = conv_output_size(size, f, s, p, d)
                else:
                    output = pool_output_size(size, f, s, p, d, ceil_mode=bool(rule[5]))
            except ValueError as error:
                if str(error).startswith("padding="):
                    continue  # no pooling that PyTorch has
                output = None
            found.append((rule, size, output))
    return found


def expected(key: str, size: int) -> list:
    """[shapes, broken, multiply–adds]: broken is [layer, block, got, needs] or None, multiply–adds None with it."""
    shapes, broken = run(key, size)
    rows = [shape and list(shape) for shape in shapes]
    if broken:
        return [rows, list(broken), None]
    layers = architecture(key).layers
    return [rows, None, sum(multiply_adds(layer, shape) for layer, shape in zip(layers, shapes, strict=True))]

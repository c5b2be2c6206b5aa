"""Make companion/data/receptive_fields.npz: the effective receptive fields that the receptive-field explorer shows.

    python tools/make_receptive_fields.py

For every convolution and pooling layer along the main path of LeNet-5, AlexNet, VGG-16 and ResNet-18: the mean
absolute gradient of one output over several networks (SEEDS) with random weights, each drawn by the network's own
initialisation, and IMAGES pictures of standard normal noise for each (Luo et al. 2016, section 3: random weights and
random inputs). The picture is just large enough for the whole field of an output in the middle to lie inside it: no
padding is in sight, whatever the size of the picture in use. A layer of ResNet-18 is measured at its own output,
before a shortcut is added to it.

Per layer, "NETWORK/LAYER": a map of at most SIDE × SIDE bytes, where 255 is its peak; a cell of a map smaller than its
field is the average over the pixels it covers. And "NETWORK/LAYER/width": `effective_width` of the map before that, in
pixels. Nothing is downloaded. It takes some minutes, on one thread. Interrupted, it goes on where it was: layers that
the file already has are kept. To measure all anew, remove the file first.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from companion.figures.receptive_field import NETWORKS, layers_of
from companion.receptive import effective_receptive_field, effective_width
from companion.shapes import conv_output_size, receptive_field

TARGET = Path(__file__).resolve().parents[1] / "companion" / "data" / "receptive_fields.npz"
SEEDS = {"lenet5": range(40)}  # with its few maps each network has a pattern of its own
OTHER_SEEDS = range(5)
IMAGES = 4
SIDE = 48


def place(windows: list[tuple]) -> tuple[int, int, int]:
    """(size of the picture, number of the output in the middle, first pixel of its field), all of one axis."""
    field = receptive_field(windows)
    size = field.size
    while True:
        output = size
        try:
            for window in windows:
                output = conv_output_size(output, *window)
        except ValueError:
            size += 1
            continue
        first = field.start + output // 2 * field.jump
        if first >= 0 and first + field.size <= size:
            return size, output // 2, first
        size += 1


def measure(network: str, layer: int) -> torch.Tensor:
    """(F, F), F the size of the theoretical field: the mean over all networks and pictures."""
    make, (channels, *_) = NETWORKS[network].make, NETWORKS[network].input_shape
    rows = layers_of(network)[: layer + 1]
    windows = [row.window for row in rows]
    size, middle, first = place(windows)
    side = receptive_field(windows).size
    total = torch.zeros(side, side)
    seeds = SEEDS.get(network, OTHER_SEEDS)
    for seed in seeds:
        torch.manual_seed(seed)
        model = make().eval()
        images = torch.randn(IMAGES, channels, size, size)
        field = effective_receptive_field(model, rows[-1].name, images, (middle, middle))
        total += field[first : first + side, first : first + side]
    return total / len(seeds)


def pack(field: torch.Tensor) -> np.ndarray:
    """At most SIDE × SIDE bytes, 255 at the peak."""
    small = F.adaptive_avg_pool2d(field[None, None], min(SIDE, len(field)))[0, 0]
    return (255 * small / small.max()).round().to(torch.uint8).numpy()


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Sorted, so that the same layers make the same file, in whatever order they were measured."""
    np.savez_compressed(path, **{key: arrays[key] for key in sorted(arrays)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arrays = dict(np.load(arguments.output)) if arguments.output.exists() else {}
    for network in NETWORKS:
        for number, row in enumerate(layers_of(network)):
            key = f"{network}/{row.name}"
            if key in arrays:
                continue
            field = measure(network, number)
            arrays[key], arrays[f"{key}/width"] = pack(field), np.float64(effective_width(field))
            print(f"{key}: field {len(field)}, effective width {arrays[f'{key}/width']:.1f}", flush=True)
            write(arguments.output, arrays)
    content = arguments.output.read_bytes()
    print(f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()

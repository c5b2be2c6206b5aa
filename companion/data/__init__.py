"""The book's data sets, small enough to come with the package, and the full ones they were taken from.

Sources, licences and checksums of what lies in this folder: README.md beside this file.
"""

import gzip
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch.utils.data import Dataset

from companion.data.download import fetch
from companion.data.packaged import read_packaged
from companion.data.photographs import PHOTOGRAPHS, photograph

__all__ = ["PHOTOGRAPHS", "LabelledImages", "fashion_mnist", "mnist", "photograph", "read_idx"]

MNIST_FILE = Path(__file__).with_name("mnist.npz")
MNIST_SHA256 = "4c58e5c3bb6f382da4dfa7097d79fe2a1f9eceaa6c17c8a2e81e7aa8311abcc0"
MNIST_CLASSES = tuple("0123456789")

FASHION_FILE = Path(__file__).with_name("fashion.npz")
FASHION_SHA256 = "94dd9b1a2fc97a10bb8c440ba3bb4709f7fa45ba7adcdd329b8710521d559bc8"
FASHION_CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


class LabelledImages(Dataset):
    """Images and the class of each, all in memory: what a `DataLoader` reads and what tensors can index.

    images: (N, C, H, W) bytes; kept as float32 from 0 to 1 (byte / 255).
    labels: (N,) integers from 0 to K - 1; kept as int64.
    classes: the K names.
    name: what the data set is called when it is printed.

    `data[i]` is the pair (image (C, H, W), label); `data.images` and `data.labels` are the whole tensors.
    Raises ValueError if there are not as many labels as images.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], name: str):
        if len(images) != len(labels):
            raise ValueError(f"labels must have one entry per image: {len(images):,}, got {len(labels):,}")
        self.images = torch.tensor(images).float().div_(255)
        self.labels = torch.tensor(labels.astype(np.int64))
        self.classes = classes
        self.name = name

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], int(self.labels[index])

    def __repr__(self) -> str:
        count, channels, height, width = self.images.shape
        return f"{self.name}: {count:,} images {channels}×{height}×{width}, {len(self.classes)} classes"


def mnist(train: bool = True, source: str = "companion", root: str | Path | None = None) -> LabelledImages:
    """Handwritten digits, 28×28, ink 1.0 on ground 0.0, labels 0 to 9.

    With `source="companion"` they come with this package: 8,000 digits to train on and 2,000 held out. All
    10,000 are the first of MNIST's 60,000 *training* digits, so the held-out 2,000 are not MNIST's test set,
    and an accuracy on them is not comparable to published ones.

    With `source="torchvision"` the full set, 60,000 training and 10,000 test digits, is downloaded once
    (12 MB) from the mirrors that torchvision lists, checked against its checksums, and kept as torchvision does.

    Args:
        train: the training part, or else the held-out (companion) or test (torchvision) part.
        source: "companion" or "torchvision".
        root: with `source="torchvision"`, the folder to keep the files in (below it, in `MNIST/raw`); by
            default `datasets` in torch's cache folder ($TORCH_HOME or ~/.cache/torch).

    Returns:
        LabelledImages with `.images` (N, 1, 28, 28) float32 from 0 to 1 and `.labels` (N,) int64.

    Raises:
        ValueError: `source` is neither of the two.
        OSError: the package's file is damaged, or (ConnectionError) the full set could not be downloaded.
    """
    return _load("MNIST", MNIST_FILE, MNIST_SHA256, MNIST_CLASSES, train, source, root)


def fashion_mnist(train: bool = True, source: str = "companion", root: str | Path | None = None) -> LabelledImages:
    """Clothes and shoes, 28×28, bright on ground 0.0: ten classes that are harder to tell apart than digits.

    With `source="companion"` they come with this package: 12,000 images to train on, drawn from the 60,000 of
    Fashion-MNIST's training set, and 2,000 held out, drawn from the 10,000 of its *test* set; 1,200 and 200 of
    each class. An accuracy on the 2,000 therefore estimates the one on the test set: at 90 % they differ by 0.6
    percentage points (one standard deviation, √(0.9 · 0.1 / 2000 · (1 - 2000 / 10000))).

    With `source="torchvision"` the full set is downloaded once (31 MB), as with `mnist`, and kept below `root` in
    `FashionMNIST/raw`.

    Args, returns and raises: as `mnist`.

    Source: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747; the class names are those of its Table 2, in the singular and small letters.
    """
    return _load("Fashion-MNIST", FASHION_FILE, FASHION_SHA256, FASHION_CLASSES, train, source, root)


def _load(
    name: str,
    file: Path,
    sha256: str,
    classes: tuple[str, ...],
    train: bool,
    source: str,
    root: str | Path | None,
) -> LabelledImages:
    """One part of MNIST, or of a data set in MNIST's format: the book's from `file`, or the full set's."""
    if source == "companion":
        arrays = dict(np.load(io.BytesIO(read_packaged(file, sha256)), allow_pickle=False))
        part = "train" if train else "test"
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        name = f"{name}, the book's {'training' if train else 'held-out'} part"
    elif source == "torchvision":
        from torchvision import datasets  # here, because it takes a second to import

        theirs = getattr(datasets, name.replace("-", ""))  # its addresses and checksums; its name is its folder's
        root = Path(torch.hub.get_dir()).parent / "datasets" if root is None else Path(root).expanduser()
        raw = root / theirs.__name__ / "raw"
        part = "train" if train else "t10k"
        images, labels = (
            read_idx(fetch([mirror + resource for mirror in theirs.mirrors], raw / resource, md5))
            for resource, md5 in theirs.resources  # the images' file comes before the labels'
            if resource.startswith(part)
        )
        name = f"{name}, the full {'training' if train else 'test'} set"
    else:
        raise ValueError(f'source must be "companion" or "torchvision", got {source!r}')
    return LabelledImages(images[:, None], labels, classes, name)


def read_idx(file: Path | BinaryIO) -> np.ndarray:
    """An array of bytes in MNIST's own format: two zeros, a type, the number of axes, their lengths, the data.

    file: the name of the gzipped file, or the file opened.
    """
    with gzip.open(file) as unpacked:
        content = unpacked.read()
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()  # a copy can be written to

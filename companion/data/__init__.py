"""The book's data sets, small enough to come with the package, and the full ones they were taken from.

Sources, licences and checksums of what lies in this folder: README.md beside this file.
"""

import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from companion.data.download import fetch

MNIST_FILE = Path(__file__).with_name("mnist.npz")
MNIST_SHA256 = "4c58e5c3bb6f382da4dfa7097d79fe2a1f9eceaa6c17c8a2e81e7aa8311abcc0"


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
    if source == "companion":
        arrays = _read_npz(MNIST_FILE, MNIST_SHA256)
        part = "train" if train else "test"
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        name = f"MNIST, the book's {'training' if train else 'held-out'} part"
    elif source == "torchvision":
        from torchvision.datasets import MNIST  # here, because it takes a second to import

        root = Path(torch.hub.get_dir()).parent / "datasets" if root is None else Path(root).expanduser()
        part = "train" if train else "t10k"
        images, labels = (
            _read_idx(fetch([mirror + file for mirror in MNIST.mirrors], root / "MNIST" / "raw" / file, md5))
            for file, md5 in MNIST.resources  # the images' file comes before the labels'
            if file.startswith(part)
        )
        name = f"MNIST, the full {'training' if train else 'test'} set"
    else:
        raise ValueError(f'source must be "companion" or "torchvision", got {source!r}')
    return LabelledImages(images[:, None], labels, tuple("0123456789"), name)


def _read_npz(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of one of this package's files, once its checksum has been found right."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OSError(f"{path} is damaged (its SHA-256 is not {sha256}): install `companion` again.")
    return dict(np.load(io.BytesIO(content), allow_pickle=False))


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in MNIST's own format: two zeros, a type, the number of axes, their lengths, the data."""
    with gzip.open(path) as file:
        content = file.read()
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()  # a copy can be written to

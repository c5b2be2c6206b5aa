"""The experiment of chapter 6: windows of several sizes or of one, with reductions or without, trained alike.

Small networks on Fashion-MNIST at half the side: a convolution, two blocks with a max-pooling between them, the mean
over the map, a dense layer. The blocks are Inception modules (figure 2b of C. Szegedy et al., "Going Deeper with
Convolutions", CVPR 2015, arXiv:1409.4842), naive modules (figure 2a), or convolutions of one size that do as much work
as the Inception modules: plain ones, or 3×3 behind a reduction, which are as deep and give as many channels, too.

`train` is one run; `recorded` has what all runs gave, which tools/make_several_sizes.py made with it.
"""

import copy
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from companion.data import LabelledImages, fashion_mnist
from companion.data.packaged import read_packaged
from companion.evaluate import evaluate
from companion.history import History
from companion.models.googlenet import ConvNorm, Inception
from companion.train import fit

FILE = Path(__file__).resolve().parent / "data" / "several_sizes.json"
SHA256 = "e5bbf1350fab41298e2ff1810af9377b3645991d70e13530b9b8c4066f3a7786"
NETWORKS = ("Inception", "naive", "3×3 only", "5×5 only", "3×3 reduced")
BRANCHES = {"branch1": "1×1", "branch2": "3×3", "branch3": "5×5", "branch4": "pooling"}
SEEDS = (0, 1, 2, 3, 4)  # the first ones, whatever they give
EPOCHS = 4
LEARNING_RATE = 0.01  # the default of `companion.train.fit`, with Adam and `one_cycle`
BATCH_SIZE = 64


class NaiveInception(nn.Module):
    """Figure 2a: three windows and a pooling side by side, no reductions; the pooling hands on all that came in.

    (N, in_channels, H, W) -> (N, ones + threes + fives + in_channels, H, W).
    """

    def __init__(self, in_channels: int, ones: int, threes: int, fives: int):
        super().__init__()
        widths = {1: ones, 3: threes, 5: fives}
        self.windows = nn.ModuleList(ConvNorm(in_channels, out, f, padding=f // 2) for f, out in widths.items())
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x):
        return torch.cat([window(x) for window in self.windows] + [self.pool(x)], dim=1)


def pictures(train: bool = True) -> LabelledImages:
    """Clothes of 14×14, each pixel the mean of four: all 12,000 to train on, or the 2,000 held out."""
    data = fashion_mnist(train=train)
    data.images = F.avg_pool2d(data.images, 2)  # (N, 1, 14, 14)
    return data


def untrained(name: str, seed: int) -> nn.Sequential:
    """The network as its training begins: (N, 1, 14, 14) -> (N, 10). The global random generator is left as it was.

    A network of one size gets the work of the one with Inception modules: its first block is as wide as the first
    module's work allows, and its second block takes what is left.

    name: one of NETWORKS. Raises ValueError for another name.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(map(repr, NETWORKS))}, got {name!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "Inception":  # in, 1×1, (reduced, 3×3), (reduced, 5×5), pooled
            blocks, out = (Inception(24, 16, 12, 24, 4, 8, 8), Inception(56, 24, 16, 32, 6, 12, 12)), 80
        elif name == "naive":
            blocks, out = (NaiveInception(24, 16, 24, 8), NaiveInception(72, 24, 32, 12)), 140
        elif name == "3×3 only":
            blocks, out = (ConvNorm(24, 20, 3, padding=1), ConvNorm(20, 54, 3, padding=1)), 54
        elif name == "5×5 only":
            blocks, out = (ConvNorm(24, 7, 5, padding=2), ConvNorm(7, 58, 5, padding=2)), 58
        else:
            reduced = [(ConvNorm(c, r, 1), ConvNorm(r, k, 3, padding=1)) for c, r, k in ((24, 8, 56), (56, 13, 80))]
            blocks, out = [nn.Sequential(*pair) for pair in reduced], 80
        return nn.Sequential(
            ConvNorm(1, 24, 3, padding=1), blocks[0], nn.MaxPool2d(2), blocks[1],
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(out, 10),
        )  # fmt: skip


def train(
    name: str, seed: int, epochs: int = EPOCHS, checkpoint: Path | None = None, progress: bool = False
) -> tuple[nn.Sequential, History]:
    """One run: Adam, rate up to 0.01 and down again, batches of 64, nothing else.

    name, seed: as `untrained`. epochs: of 12,000 pictures, 188 steps each. checkpoint, progress: as `train.fit`.
    Returns the network, back on the CPU and in evaluation mode, and its history.
    """
    model = untrained(name, seed)
    history = fit(
        model, pictures(), epochs=epochs, batch_size=BATCH_SIZE, lr=LEARNING_RATE, seed=seed,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return model.cpu().eval(), history


class Silent(nn.Module):
    """A branch that gives zeros of its own shape."""

    def __init__(self, branch: nn.Module):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return torch.zeros_like(self.branch(x))


def silenced(model: nn.Sequential, branch: str) -> nn.Sequential:
    """A copy of the network in which one branch of every Inception module gives zeros.

    branch: one of BRANCHES. Raises ValueError for another branch, or if the network has no Inception module.
    """
    if branch not in BRANCHES:
        raise ValueError(f"branch must be one of {', '.join(map(repr, BRANCHES))}, got {branch!r}")
    model = copy.deepcopy(model)
    modules = [module for module in model if isinstance(module, Inception)]
    if not modules:
        raise ValueError("model must have an Inception module whose branch can be silenced, got none")
    for module in modules:
        setattr(module, branch, Silent(getattr(module, branch)))
    return model


def measure(model: nn.Sequential) -> dict:
    """After training: `train_accuracy` and `held_out_accuracy`, in evaluation mode; of a network with Inception modules
    also `silenced`, by name of the branch the held-out accuracy when it gives zeros.
    """
    held_out = pictures(train=False)
    result = {
        "train_accuracy": evaluate(model, pictures()).accuracy,
        "held_out_accuracy": evaluate(model, held_out).accuracy,
    }
    if any(isinstance(module, Inception) for module in model):
        result["silenced"] = {branch: evaluate(silenced(model, branch), held_out).accuracy for branch in BRANCHES}
    return result


def recorded() -> dict:
    """What the runs gave, by network and seed: `recorded()["naive"][0]`.

    Each is a dict: `history`, a `History` of training, and what `measure` found after it.

    Raises OSError if the file is damaged.
    """
    runs = json.loads(read_packaged(FILE, SHA256))["runs"]
    found = {name: {} for name in NETWORKS}
    for run in runs:
        history = History(dict(zip(run["columns"], row, strict=True)) for row in run["rows"])
        result = {key: run[key] for key in ("train_accuracy", "held_out_accuracy", "silenced") if key in run}
        found[run["network"]][run["seed"]] = {"history": history, **result}
    return found

"""The experiment of chapter 7: plain and residual networks of 8 and 32 layers, trained alike on the same clothes.

It follows section 4.2 of K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR
2016, arXiv:1512.03385, in small: their networks (`companion.models.resnet.SmallResNet`), but 4,000 pictures of
14×14 instead of 50,000 of 32×32, and 252 steps instead of 64,000.

`train` is one run; `recorded` has the histories of all runs, `recorded_rates` those of three runs with a smaller
learning rate, and `trained` two of the networks; tools/make_degradation.py made them all.
"""

import copy
import json
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load
from torch import nn

from companion.data import LabelledImages, fashion_mnist
from companion.data.packaged import read_packaged
from companion.evaluate import evaluate
from companion.history import History
from companion.models.resnet import SmallResNet, small_resnet
from companion.train import fit, one_cycle

FOLDER = Path(__file__).resolve().parent / "data"
NETWORKS = {"plain-8": (8, False), "plain-32": (32, False), "residual-8": (8, True), "residual-32": (32, True)}
SEEDS = (0, 1, 2)  # the first ones, whatever they give
PICTURES = 4000
EPOCHS = 4
LEARNING_RATE = 0.1  # He et al.'s; their schedule has three steps, ours is `one_cycle`, which suits a short run
OTHER_RATES = (0.05, 0.02, 0.01)  # tried with the deep plain network, to see whether a smaller one suits it better
BATCH_SIZE = 64

HISTORIES_SHA256 = "9a788f33bc062b325b9a50929db2ef6568fe406e39191844ce2ae45a57489921"
CHECKSUMS = {
    "plain-32": "17266af2738ea2d460477de9d5d4d065e50aa4f31aa5726af4df8e808dc06184",
    "residual-32": "5d2ea11ed6d2928f4e0d41421ef5b18593910b5ebb2d9c6ec886174a844a5f7f",
}  # the networks of seed 0


def pictures(train: bool = True) -> LabelledImages:
    """Clothes of 14×14, each pixel the mean of four: the first 4,000 to train on, or the 2,000 held out."""
    data = fashion_mnist(train=train)
    if train:
        data.images, data.labels = data.images[:PICTURES], data.labels[:PICTURES]
    data.images = F.avg_pool2d(data.images, 2)  # (N, 1, 14, 14)
    return data


def untrained(name: str, seed: int) -> SmallResNet:
    """The network as its training begins. Plain and residual twins of one depth and seed have the same weights.

    name: one of NETWORKS. The global random generator is left as it was.
    Raises ValueError for another name.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(map(repr, NETWORKS))}, got {name!r}")
    depth, residual = NETWORKS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return small_resnet(depth, residual)


def train(
    name: str,
    seed: int,
    epochs: int = EPOCHS,
    lr: float = LEARNING_RATE,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> tuple[SmallResNet, History]:
    """One run: SGD with momentum 0.9, rate up to `lr` and down again, batches of 64, nothing else.

    name, seed: as `untrained`. epochs: of 4,000 pictures, 63 steps each. lr, checkpoint, progress: as `train.fit`.
    Returns the network, back on the CPU and in evaluation mode, and its history.
    """
    model = untrained(name, seed)
    sgd = partial(torch.optim.SGD, momentum=0.9)
    history = fit(
        model, pictures(), epochs=epochs, batch_size=BATCH_SIZE, lr=lr, optimizer=sgd,
        schedule=one_cycle, seed=seed, checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return model.cpu().eval(), history


def measure(model: SmallResNet) -> dict:
    """After training: `train_accuracy` and `held_out_accuracy`, in evaluation mode; of a network of more than 8 layers
    also `without_block`, by name of the block the held-out accuracy when it is taken out.
    """
    held_out = pictures(train=False)
    result = {
        "train_accuracy": evaluate(model, pictures()).accuracy,
        "held_out_accuracy": evaluate(model, held_out).accuracy,
    }
    if len(model.layer1) > 1:
        result["without_block"] = {
            place: evaluate(without_block(model, place), held_out).accuracy for place in places(model)
        }
    return result


def without_block(model: SmallResNet, place: str) -> SmallResNet:
    """The same network with one block taken out: what goes into it comes out of it. The weights are shared.

    place: the block's name, such as "layer1.0". A residual block leaves its shortcut behind.
    More blocks can be taken out of the result.
    Raises ValueError if there is no such block (any more), or if it changes the shape, so that nothing fits its place.
    """
    if place not in places(model):
        raise ValueError(f"place must be one of {', '.join(places(model))}, got {place!r}")
    # deepcopy looks into its memo before it copies: the modules are new, their tensors the model's own.
    shorter = copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})
    layer, number = place.split(".")
    getattr(shorter, layer)[int(number)] = nn.Identity()
    return shorter


def places(model: SmallResNet) -> list[str]:
    """The names of the blocks that keep the shape, in order: all but the first of the second and the third stage."""
    return [
        f"{layer}.{number}"
        for layer in ("layer1", "layer2", "layer3")
        for number, block in enumerate(getattr(model, layer))
        if (number or layer == "layer1") and not isinstance(block, nn.Identity)
    ]


def recorded() -> dict:
    """What the runs gave, by network and seed: `recorded()["plain-32"][0]`.

    Each is a dict: `history`, a `History` of training, and what `measure` found after it.

    Raises OSError if the file is damaged.
    """
    runs = json.loads(read_packaged(FOLDER / "degradation.json", HISTORIES_SHA256))["runs"]
    found = {name: {} for name in NETWORKS}
    for run in runs:
        found[run["network"]][run["seed"]] = _result(run)
    return found


def recorded_rates() -> dict[float, dict]:
    """What "plain-32" of seed 0 gave with a smaller learning rate: one dict as in `recorded` for each of OTHER_RATES.

    Raises OSError if the file is damaged.
    """
    runs = json.loads(read_packaged(FOLDER / "degradation.json", HISTORIES_SHA256))["rates"]
    return {run["lr"]: _result(run) for run in runs}


def _result(run: dict) -> dict:
    history = History(dict(zip(run["columns"], row, strict=True)) for row in run["rows"])
    parts = ("train_accuracy", "held_out_accuracy", "without_block")
    return {"history": history, **{part: run[part] for part in parts if part in run}}


def trained(name: str) -> SmallResNet:
    """ "plain-32" or "residual-32" of seed 0 with its packaged weights, rounded to 8 bits, in evaluation mode.

    Raises ValueError for another name, OSError if the file is damaged.
    """
    if name not in CHECKSUMS:
        raise ValueError(f"name must be one of {', '.join(map(repr, CHECKSUMS))}, got {name!r}")
    model = untrained(name, 0)
    model.load_state_dict(unpack(load(read_packaged(FOLDER / f"degradation-{name}.safetensors", CHECKSUMS[name]))))
    return model.eval()


def pack(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict in a quarter of the space: each kernel's weights as whole numbers from -127 to 127.

    All weights of one output channel share a scale, the largest of them by absolute value over 127, which is kept
    beside them under the key with ".scale" added. What is not a kernel stays as it is.
    """
    packed = {}
    for key, tensor in state.items():
        if tensor.ndim == 4:  # (K, C, F, F)
            packed[f"{key}.scale"] = tensor.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12) / 127
            tensor = (tensor / packed[f"{key}.scale"]).round().to(torch.int8)
        packed[key] = tensor
    return packed


def unpack(packed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What `pack` was given, up to rounding: no weight is off by more than half its scale."""
    return {
        key: tensor * packed[f"{key}.scale"] if tensor.dtype == torch.int8 else tensor
        for key, tensor in packed.items()
        if not key.endswith(".scale")
    }

"""Train the packaged networks for scenes and write their weights to companion/data/.

    python tools/make_scene_networks.py                        # all of them: some minutes each on one CPU thread
    python tools/make_scene_networks.py residual-fashion-0     # only this one

The seeds are the first ones, whatever they give; nothing is chosen by its held-out accuracy, and the last epoch's
weights are kept, not the best's. Every training scene is made of training items, every held-out scene of held-out
ones. The weights are rounded to float16, which halves the files; the accuracy printed is that of the rounded weights.
"""

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from companion.data.scenes import Scenes, plant, scenes
from companion.evaluate import evaluate
from companion.models.scene import FOLDER, scene_network
from companion.train import fit

NETWORKS = [
    *(("residual", "fashion", seed) for seed in range(3)),
    ("plain", "fashion", 0),
    *(("residual", "marked", seed) for seed in range(3)),
]
SCENES = 16_000  # to train on
HELD_OUT = 2_000
SETTINGS = {
    "residual": {"epochs": 6, "lr": 1e-2},
    "plain": {"epochs": 12, "lr": 2e-3},  # lower, as is usual without batch norm; neither was searched for
}


def make_scenes(items: str, **options) -> Scenes:
    """Scenes of fashion, or "marked": with a mark on every shirt, in training and held out alike."""
    return plant(scenes(**options), "shirt") if items == "marked" else scenes(items, **options)


def train(kind: str, items: str, seed: int) -> dict[str, torch.Tensor]:
    """The state dict, rounded to float16; prints the epochs and the accuracy."""
    model = scene_network(kind, items, seed, trained=False)
    training = make_scenes(items, count=SCENES, seed=seed)
    held_out = make_scenes(items, train=False, count=HELD_OUT)
    history = fit(model, training, held_out, batch_size=64, seed=seed, device="cpu", **SETTINGS[kind])
    print(history, flush=True)
    # the counters of batch norm are whole numbers and stay what they are
    state = {name: v.half() if v.is_floating_point() else v for name, v in model.state_dict().items()}
    model.load_state_dict(state)
    print(f"{kind}-{items}-{seed}: held-out accuracy {evaluate(model, held_out).accuracy:.4f} in float16", flush=True)
    return state


def main() -> None:
    names = ["-".join(map(str, network)) for network in NETWORKS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"one of {', '.join(names)}; default: all")
    parser.add_argument("--output", type=Path, default=FOLDER, help="the folder to write to")
    arguments = parser.parse_args()
    if unknown := set(arguments.networks) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, network in zip(names, NETWORKS, strict=True):
        if name in (arguments.networks or names):
            content = save(train(*network))
            (arguments.output / f"scene-{name}.safetensors").write_bytes(content)
            print(f"{name}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}", flush=True)


if __name__ == "__main__":
    main()

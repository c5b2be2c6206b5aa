"""Train the networks of chapter 7 and write companion/data/degradation.json and two sets of weights.

    python tools/make_degradation.py --state SCRATCH     # about ten minutes on one CPU thread

Twelve runs, four networks with three seeds each (`companion.degradation`), and three more of the deep plain network
with a smaller learning rate; none is left out, and no setting was chosen by what came out. SCRATCH keeps the state
after every epoch: a killed run goes on where it was. All that is recorded was measured before rounding; the weights
are those of the 32-layer networks of seed 0, rounded to 8 bits. Prints the SHA-256 that belong into
companion/degradation.py.
"""

import argparse
import hashlib
import json
from pathlib import Path

from safetensors.torch import save

from companion.degradation import (
    CHECKSUMS,
    FOLDER,
    NETWORKS,
    OTHER_RATES,
    SEEDS,
    measure,
    pack,
    pictures,
    train,
    unpack,
)
from companion.evaluate import evaluate

COLUMNS = ["epoch", "train_loss", "train_accuracy", "lr"]


def rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.5g}")


def make_run(name: str, seed: int, state: Path) -> dict:
    """Train, or go on, and measure; what was measured is kept beside the state."""
    result = state / f"{name}-{seed}.json"
    if result.exists():
        return json.loads(result.read_text())
    model, history = train(name, seed, checkpoint=state / f"{name}-{seed}")
    run = {
        "network": name,
        "seed": seed,
        "columns": COLUMNS,
        "rows": [[rounded(row[column]) for column in COLUMNS] for row in history.rows],
        **measure(model),
    }
    if seed == 0 and name in CHECKSUMS:
        weights = pack(model.state_dict())
        model.load_state_dict(unpack(weights))
        print(f"{name} in 8 bits: held-out accuracy {evaluate(model, pictures(train=False)).accuracy:.4f}")
        (state / f"degradation-{name}.safetensors").write_bytes(save(weights))
    result.write_text(json.dumps(run))
    print(name, seed, run["rows"][-1], run["train_accuracy"], run["held_out_accuracy"], flush=True)
    return run


def make_rate(lr: float, state: Path) -> dict:
    """The deep plain network of seed 0 once more, with another learning rate: its history and both accuracies."""
    result = state / f"plain-32-0-lr{lr}.json"
    if result.exists():
        return json.loads(result.read_text())
    model, history = train("plain-32", 0, lr=lr, checkpoint=state / f"plain-32-0-lr{lr}")
    found = measure(model)
    run = {
        "lr": lr,
        "network": "plain-32",
        "seed": 0,
        "columns": COLUMNS,
        "rows": [[rounded(row[column]) for column in COLUMNS] for row in history.rows],
        "train_accuracy": found["train_accuracy"],
        "held_out_accuracy": found["held_out_accuracy"],
    }
    result.write_text(json.dumps(run))
    print("plain-32 0", lr, run["rows"][-1], run["train_accuracy"], run["held_out_accuracy"], flush=True)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="a folder for the state of the runs")
    parser.add_argument("--output", type=Path, default=FOLDER, help="the folder to write to")
    arguments = parser.parse_args()
    arguments.state.mkdir(parents=True, exist_ok=True)
    runs = [make_run(name, seed, arguments.state) for seed in SEEDS for name in NETWORKS]
    rates = [make_rate(lr, arguments.state) for lr in OTHER_RATES]
    lines, other = (",\n".join(json.dumps(run) for run in some) for some in (runs, rates))
    files = {"degradation.json": f'{{"runs": [\n{lines}\n], "rates": [\n{other}\n]}}\n'.encode()}
    files |= {
        f"degradation-{name}.safetensors": (arguments.state / f"degradation-{name}.safetensors").read_bytes()
        for name in CHECKSUMS
    }
    for name, content in files.items():
        (arguments.output / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()

"""Train the networks of chapter 6 and write companion/data/several_sizes.json.

    python tools/make_several_sizes.py --state SCRATCH     # some ten minutes on one CPU thread

Five networks, each with the same seeds (`companion.several_sizes`); no run is left out, and no setting was chosen by
what came out. SCRATCH keeps the state after every epoch: a killed run goes on where it was. Prints the SHA-256 that
belongs into companion/several_sizes.py.
"""

import argparse
import hashlib
import json
from pathlib import Path

from companion.several_sizes import FILE, NETWORKS, SEEDS, measure, train

COLUMNS = ["epoch", "train_loss", "train_accuracy", "lr"]


def rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.5g}")


def make_run(name: str, seed: int, state: Path) -> dict:
    """Train, or go on, and measure; what was measured is kept beside the state."""
    result = state / f"{name}-{seed}.json"
    if result.exists():
        return json.loads(result.read_text(encoding="utf-8"))
    model, history = train(name, seed, checkpoint=state / f"{name}-{seed}")
    run = {
        "network": name,
        "seed": seed,
        "columns": COLUMNS,
        "rows": [[rounded(row[column]) for column in COLUMNS] for row in history.rows],
        **measure(model),
    }
    result.write_text(json.dumps(run, ensure_ascii=False), encoding="utf-8")
    print(name, seed, run["rows"][-1], run["train_accuracy"], run["held_out_accuracy"], flush=True)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="a folder for the state of the runs")
    parser.add_argument("--output", type=Path, default=FILE, help="the file to write")
    arguments = parser.parse_args()
    arguments.state.mkdir(parents=True, exist_ok=True)
    runs = [make_run(name, seed, arguments.state) for seed in SEEDS for name in NETWORKS]
    lines = ",\n".join(json.dumps(run, ensure_ascii=False) for run in runs)
    content = f'{{"runs": [\n{lines}\n]}}\n'.encode()
    arguments.output.write_bytes(content)
    print(f"{arguments.output.name}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()

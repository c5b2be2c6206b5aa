"""A training run on disk, so that it can be killed at any moment and go on as if it had not been.

`last.pt` has everything the next epoch depends on, `best.pt` only the weights of the best epoch so far. Each is
written under another name, forced to the disk and then renamed over the old one: at every moment there is one
whole file under the right name, the old or the new.
"""

import os
import pickle
from pathlib import Path

import torch

from companion.history import History


class Checkpoint:
    """The state of one run in one folder.

    folder: made if it is not there.
    settings: what the run's result depends on, by name; a run with other settings is not continued.
    parts: what has a `state_dict`, by name: the model and whatever trains it; None is left out.
    order: the generator that draws the order of the images.
    device: where the run computes.
    """

    def __init__(
        self, folder: Path, settings: dict, parts: dict, order: torch.Generator, device: torch.device
    ):
        self.folder = folder
        self.settings = settings
        self.parts = {name: part for name, part in parts.items() if part is not None}
        self.order = order
        self.device = device

    def resume(self) -> History:
        """Put everything back to the end of the last whole epoch, and return the history so far.

        In an empty folder the state is written instead of read: should the first epoch be interrupted, the
        untrained weights must still be known.

        Raises:
            ValueError: the folder belongs to a run with other settings; the message names each.
            OSError: the file cannot be read.
        """
        path = self.folder / "last.pt"
        if not path.exists():
            self.write(History())
            return History()
        try:
            # weights_only: a checkpoint is data, and reading it must not be able to run code
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise OSError(f"{path} cannot be read, perhaps damaged: delete it to begin anew.") from error
        changed = [
            f"{name} was {state['settings'][name]}, now {value}"
            for name, value in self.settings.items()
            if state["settings"][name] != value
        ]
        if changed:
            raise ValueError(
                f"checkpoint={str(self.folder)!r} belongs to a run with other settings ({'; '.join(changed)}): "
                "continue with the same ones, or begin a new run in another folder."
            )
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["device random"], self.device)
        elif self.device.type == "mps":
            torch.mps.set_rng_state(state["device random"])
        return History(state["history"])

    def write(self, history: History) -> None:
        """Save the state after the history's last epoch, and its weights as the best if they are."""
        # The best first: killed between the two, the run repeats this epoch and writes both again.
        if len(history) and "validation_accuracy" in history.columns and history.best == len(history):
            _save(self.parts["model"].state_dict(), self.folder / "best.pt")
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"settings": self.settings, "history": history.rows}
        state |= {"order": self.order.get_state(), "random": torch.get_rng_state()}  # random: dropout
        if self.device.type == "cuda":
            state["device random"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            state["device random"] = torch.mps.get_rng_state()
        _save(state, self.folder / "last.pt")


def _save(state: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with open(unfinished, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)

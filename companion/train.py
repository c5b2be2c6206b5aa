"""Training a classifier: the plain loop, with nothing hidden.

`train_epoch` is the whole of learning: score, compare, differentiate, step. `fit` repeats it, tests after each
epoch, and keeps the account (`companion.history`) and the state on disk (`companion.checkpoint`).
"""

import math
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from companion.checkpoint import Checkpoint
from companion.evaluate import evaluate
from companion.history import History


def set_seed(seed: int) -> None:
    """Seed every generator that a network or a data set may draw from: Python's, NumPy's and PyTorch's."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global one, which libraries draw from
    torch.manual_seed(seed)  # CPU and GPUs


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or else the first there is of an NVIDIA GPU, an Apple GPU and the CPU."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(device)


def one_cycle(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Warm up to the optimiser's learning rate over 30 % of the steps, then fall to nearly 0 along a cosine.

    Source: Smith & Topin, "Super-Convergence", 2018, arXiv:1708.07120, in PyTorch's form.
    """
    highest = [group["lr"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=highest, total_steps=steps)


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    device: torch.device,
) -> dict[str, float]:
    """Take one step per batch; return the mean loss and accuracy on the way, and the last learning rate."""
    model.train()
    images_seen = 0
    total_loss = total_correct = torch.zeros((), device=device)
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)  # (B, C, H, W), (B,)
        scores = model(images)  # (B, K)
        batch_loss = loss(scores, labels)

        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        rate = optimizer.param_groups[0]["lr"]
        if scheduler is not None:
            scheduler.step()

        # The sums stay on the device: asking a GPU for a number would make it wait.
        images_seen += len(labels)
        total_loss = total_loss + len(labels) * batch_loss.detach()
        total_correct = total_correct + (scores.argmax(dim=1) == labels).sum()
    return {
        "train_loss": total_loss.item() / images_seen,
        "train_accuracy": total_correct.item() / images_seen,
        "lr": rate,
    }


def fit(
    model: nn.Module,
    train: Dataset,
    validation: Dataset | None = None,
    *,
    epochs: int,
    batch_size: int = 64,
    lr: float = 1e-2,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    schedule: Callable | None = one_cycle,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = F.cross_entropy,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place and return the history of its epochs.

    Args:
        model: gives scores (N, K) for images (N, C, H, W). Seed before making it: its weights are the caller's.
        train, validation: pairs (image (C, H, W), label from 0 to K - 1). Nothing is learned from validation.
        epochs: how often every training image is used.
        batch_size: images per step.
        lr: learning rate given to `optimizer`; with `one_cycle` the highest. (Of 0.005, 0.01 and 0.02 the default
            did best with the LeNets of chapter 3.)
        optimizer: called as `optimizer(model.parameters(), lr=lr)`.
        schedule: called as `schedule(optimizer, steps)`, all epochs' steps; what it returns is stepped after
            each batch. None keeps the rate constant.
        loss: called as `loss(scores (N, K), labels (N,))`; returns the mean over the batch.
        seed: decides the order of the images and, by seeding PyTorch's generator, dropout.
        device: where to compute; by default a GPU if there is one.
        checkpoint: a folder. After every epoch it has `last.pt` (the whole state) and, with validation,
            `best.pt` (the `state_dict` of the best epoch, see `History.best`). The same call with the same
            folder goes on after the last whole epoch and, on a CPU, ends with the same bits as a run that was
            never interrupted; a finished run returns at once.
        progress: print what is trained where, and draw a bar (on stderr) while it runs.

    Returns:
        The history of all epochs. `model` has the weights of the last one and is on `device`.

    Raises:
        ValueError: a number is out of range, or `checkpoint` belongs to a run with other settings.
        FloatingPointError: the loss is no longer a finite number.
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("len(train)", len(train))):
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    if not lr > 0:
        raise ValueError(f"lr must be above 0, got {lr!r}")
    device = pick_device(device)
    model.to(device)
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)  # its own, so that dropout leaves the order alone
    batches = DataLoader(train, batch_size, shuffle=True, generator=order)
    optimizer = optimizer(model.parameters(), lr=lr)
    settings = {
        "model": f"{type(model).__name__} with {sum(p.numel() for p in model.parameters()):,} parameters",
        "train": f"{len(train):,} images",
        "validation": f"{0 if validation is None else len(validation):,} images",
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "optimizer": f"{type(optimizer).__name__} {({**optimizer.defaults, 'lr': '= lr'})}",
        "schedule": getattr(schedule, "__name__", type(schedule).__name__),
        "loss": getattr(loss, "__name__", type(loss).__name__),
        "seed": seed,
        "device": device.type,
    }
    scheduler = schedule(optimizer, epochs * len(batches)) if schedule else None
    run, history = None, History()
    if checkpoint is not None:
        parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        run = Checkpoint(Path(checkpoint), settings, parts, order, device)
        history = run.resume()

    if progress:
        print(f"Training {settings['model']} on {settings['train']}, device: {device}")
    result = ""
    for epoch in range(len(history) + 1, epochs + 1):
        start = time.perf_counter()
        bar = tqdm(batches, f"epoch {epoch}/{epochs}{result}", leave=False, disable=not progress)
        row = train_epoch(model, bar, optimizer, scheduler, loss, device)
        if not math.isfinite(row["train_loss"]):
            raise FloatingPointError(f"the loss became {row['train_loss']} in epoch {epoch}: lower lr={lr}")
        if validation is not None:
            test = evaluate(model, validation, loss=loss)
            row |= {"validation_loss": test.loss, "validation_accuracy": test.accuracy}
            result = f", validation accuracy {test.accuracy:.2%}"
        history.rows.append({"epoch": epoch, **row, "seconds": time.perf_counter() - start})
        if run is not None:
            run.write(history)
    return history

"""What a trained classifier says: scores, accuracy, the confusion matrix, the mistakes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a data set of N images and K classes.

    loss: mean over the images.
    accuracy: fraction of the images whose largest score is the right one, 0 to 1.
    scores: (N, K). labels, predictions: (N,). All on the CPU.
    """

    loss: float
    accuracy: float
    scores: torch.Tensor = field(repr=False)
    labels: torch.Tensor = field(repr=False)
    predictions: torch.Tensor = field(repr=False)

    @property
    def mistakes(self) -> torch.Tensor:
        """(M,) positions in the data set of the images predicted wrongly, in ascending order."""
        return (self.predictions != self.labels).nonzero().flatten()

    @property
    def confusion(self) -> torch.Tensor:
        """(K, K) counts: row, the label; column, the prediction."""
        k = self.scores.shape[1]
        return torch.bincount(k * self.labels + self.predictions, minlength=k * k).view(k, k)


@torch.no_grad()
def evaluate(
    model: nn.Module, data: Dataset, *, loss: Callable = F.cross_entropy, batch_size: int = 500
) -> Evaluation:
    """Score every image of `data` in evaluation mode (dropout off, batch norm with its running statistics).

    Args:
        model: gives scores (N, K) for images (N, C, H, W); its mode and its device stay what they are.
        data: pairs (image (C, H, W), label).
        loss: called as `loss(scores (N, K), labels (N,))`.
        batch_size: images at a time; it changes the memory needed, not the result.
    """
    device = next(model.parameters()).device
    # a generator of its own, because a DataLoader draws a number even where nothing is shuffled
    batches = DataLoader(data, batch_size, generator=torch.Generator())
    mode = model.training
    model.eval()
    pairs = [(model(images.to(device)), labels.to(device)) for images, labels in batches]
    model.train(mode)
    scores, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
    predictions = scores.argmax(dim=1)
    accuracy = (predictions == labels).sum().item() / len(labels)
    return Evaluation(loss(scores, labels).item(), accuracy, scores.cpu(), labels.cpu(), predictions.cpu())


@torch.no_grad()
def predict(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Scores (N, K), on the CPU, of images (N, C, H, W), in evaluation mode; the model's mode is kept."""
    mode = model.training
    model.eval()
    scores = model(images.to(next(model.parameters()).device)).cpu()
    model.train(mode)
    return scores

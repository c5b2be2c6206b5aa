"""Receptive fields measured: lead the gradient of one output back to the input, and look where it arrives.

`shapes.receptive_field` says how far a stack of windows *can* see. A gradient says what an output depends on:

- `measured_receptive_field`: *whether* on this pixel, at all. The tests hold it equal to the recurrence.
- `effective_receptive_field`: *how much*. Most of the field hardly counts: W. Luo, Y. Li, R. Urtasun and R. Zemel,
  "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NIPS 2016, arXiv:1701.04128.
"""

import difflib
from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from companion.operations import pair
from companion.recorder import copy_without_weights
from companion.trace import trace

THRESHOLD = 1 - 0.9545  # of the peak: the paper's, section 3. ±2σ hold 95.45 % of a Gaussian


class Reach(NamedTuple):
    """The box of the pixels that one output depends on: rows and columns, each (first, last + 1)."""

    rows: tuple[int, int]
    columns: tuple[int, int]


def measured_receptive_field(
    model: nn.Module, layer: str, input_shape: tuple[int, ...], position: tuple[int, int] | None = None
) -> Reach | None:
    """The smallest box that holds every pixel with an influence on one output; None if it reads padding only.

    With real weights a gradient can be 0 by chance: contributions cancel, a ReLU is closed, a maximum lies elsewhere.
    So a copy is measured in which kernels average their windows, biases are 0, batch norm changes nothing, and the
    picture is positive and so faint that no sum reaches a limit (a ReLU6's, say): everywhere the usual activations
    have a positive slope, and nothing cancels. Max pooling leads the gradient to one pixel of its window, and each
    could be it: the copy averages there.

    Args: model, which is neither run nor changed; layer, its name in `model.named_modules()`, of output (1, C, h, w);
    input_shape, (C, H, W); position, (row, column) of the output, else the one in the middle, (h // 2, w // 2).
    Raises ValueError: no such layer, position or input; or the model subtracts, so that something may cancel.
    """
    twin = copy_without_weights(model)
    picture = torch.full((1, *input_shape), 1e-30, dtype=torch.float64, requires_grad=True)
    with _AverageForMaximum():
        try:
            output = _output(twin, layer, lambda: functional_call(twin, _stand_ins(model), (picture * 1,)))
        except RuntimeError:
            trace(model, input_shape)  # says which layer cannot take its input, and why
            raise
    gradient = _gradient(output, picture, position)[0].sum(0)  # (H, W)
    if (gradient < 0).any():
        raise ValueError("model subtracts one part of its input from another, so that gradients may cancel")
    spans = [gradient.any(axis).nonzero().flatten().tolist() for axis in (1, 0)]
    return Reach(*((span[0], span[-1] + 1) for span in spans)) if spans[0] else None


def effective_receptive_field(
    model: nn.Module, layer: str, images: Tensor, position: tuple[int, int] | None = None
) -> Tensor:
    """How much one output depends on each pixel, (H, W): its mean absolute gradient, with the model's weights.

    The output is summed over its channels; the mean is over the images and over their channels.

    Args: model, in evaluation mode, or batch norm would mix the positions; layer and position, as above; images,
    (N, C, H, W), such as `torch.randn(20, 3, 224, 224)`, run one at a time.
    Raises ValueError: the model is in training mode; no such layer, position or batch.
    """
    if any(module.training for module in model.modules()):
        raise ValueError("model is in training mode: call model.eval() first")
    if not isinstance(images, Tensor) or images.ndim != 4 or not len(images):
        raise ValueError(f"images must be a batch (N, C, H, W), got {getattr(images, 'shape', images)!r}")
    total = torch.zeros_like(images[0, 0])
    for image in images.detach().split(1):
        image.requires_grad_()
        output = _output(model, layer, lambda: model(image))  # noqa: B023 - called at once
        total += _gradient(output, image, position)[0].abs().mean(0)
    return total / len(images)


def effective_width(field: Tensor) -> float:
    """The side, in pixels, of a square with as many pixels as `field` (H, W) has above 4.55 % of its peak."""
    return (field > THRESHOLD * field.max()).sum().item() ** 0.5


class _Reached(Exception): ...  # no error: the way out of a forward


def _output(model: nn.Module, layer: str, run: Callable) -> Tensor:
    """What `layer` puts out while `run()` runs the model; nothing after it is computed."""
    modules = dict(model.named_modules())
    if layer not in modules:
        near = difflib.get_close_matches(str(layer), modules, n=3, cutoff=0.4) or list(modules)[1:4]
        raise ValueError(f"layer {layer!r} is not in the model; near it are {', '.join(map(repr, near))}")

    def stop(_module, _inputs, output):
        raise _Reached(output)

    hook = modules[layer].register_forward_hook(stop)
    try:
        run()
    except _Reached as reached:
        return reached.args[0]
    finally:
        hook.remove()
    raise ValueError(f"layer {layer!r} did not run: choose one that forward() calls as a module")


def _gradient(output: Tensor, picture: Tensor, position: tuple[int, int] | None) -> Tensor:
    if not isinstance(output, Tensor) or output.ndim != 4:
        raise ValueError(f"layer must put out maps (N, C, h, w), got {getattr(output, 'shape', type(output))}")
    height, width = output.shape[2:]
    row, column = position or (height // 2, width // 2)
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"position must be in 0 to {height - 1} and 0 to {width - 1}, got {(row, column)}")
    return torch.autograd.grad(output[:, :, row, column].sum(), picture)[0]


def _stand_ins(model: nn.Module) -> dict[str, Tensor]:
    """For each parameter one number, seen from all places; for running statistics 0 and 1. Other buffers stay."""
    buffers = {name: buffer for name, buffer in model.named_buffers() if not name.endswith("num_batches_tracked")}
    tensors = dict(model.named_parameters()) | buffers
    for name, tensor in tensors.items():
        if name.endswith(("running_mean", "running_var")) or isinstance(tensor, nn.Parameter):
            number = 0.0 if name.endswith(("bias", "running_mean")) else 1 / prod(tensor.shape[1:])
            tensors[name] = torch.tensor(number, dtype=torch.float64).expand(tensor.shape)
        else:
            tensors[name] = tensor.cpu().double() if tensor.is_floating_point() else tensor.cpu()
    return tensors


class _AverageForMaximum(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return (_average_pool if func in (torch.max_pool2d, F.max_pool2d) else func)(*args, **(kwargs or {}))


def _average_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    stride = stride or kernel_size
    height, width = F.max_pool2d(x.detach(), kernel_size, stride, padding, dilation, ceil_mode).shape[2:]
    (down, right), (top, left) = pair(stride), pair(padding)
    padded = F.pad(x, (left, left + right, top, top + down)).flatten(0, 1)[:, None]  # a last window may hang over
    ones = torch.ones(1, 1, *pair(kernel_size), dtype=x.dtype)
    averages = F.conv2d(padded, ones / ones.numel(), stride=stride, dilation=dilation)[:, 0]  # (N C, ≥ h, ≥ w)
    return averages.unflatten(0, x.shape[:2])[..., :height, :width]

"""From a network to the feature maps A of one of its layers and the gradients G of class scores with respect to them.

The way back starts at the score and ends at A: the layers below run without a graph, and no parameter gets a
gradient. All that `companion.cam` needs of a network is here. N pictures, K classes, C feature maps of h×w.
"""

import difflib
from contextlib import suppress

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


@torch.inference_mode(False)  # works within a caller's inference_mode, and no_grad, too
def activations_and_gradients(
    model: nn.Module, layer: nn.Module | str, images: Tensor, classes: int | Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Run `model` once; return its scores (N, K), the output A of `layer` (N, C, h, w), and G = ∂ score / ∂A, as A.

    Layers below A run without a graph. Nothing of the model or of the caller is changed: no `.grad`, no mode, no
    statistics, no hook.

    Args:
        model: gives scores (N, K), before the softmax; in evaluation mode.
        layer: one of its modules, or that module's dotted name. If it runs several times, its last run counts.
        images: (N, ., H, W), as the model takes them.
        classes: the class whose score is differentiated: one for all pictures, or N, or (N, M) for M classes of each,
            which gives a G of (N, M, C, h, w) from the same forward pass. None: each picture's highest score.

    Raises:
        ValueError: says what is wrong with model, layer, images or classes, and what would be right.
    """
    layer = _checked_layer(model, layer)
    if not (isinstance(images, Tensor) and images.ndim == 4):
        raise ValueError(f"images must be a tensor (N, channels, H, W), got {_shape(images)}")
    if images.is_inference():
        images = images.clone()  # autograd may not keep a tensor that was made in inference_mode
    A = None

    def cut(_module, inputs, output):
        nonlocal A
        if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[-2:].numel() <= 1:
            raise ValueError(f"layer must give (N, C, h, w) with h·w > 1, it gives {_shape(output)}")
        A = output.detach().clone().requires_grad_()  # autograd starts here
        torch.set_grad_enabled(True)  # until the no_grad block below ends
        if any(output is given for given in inputs) and output is not images and not output._is_view():
            return output.copy_(A)  # the layer wrote over its input: who else holds that depends on A as well
        return A.clone()  # what runs in place above changes this copy, not A

    handle = layer.register_forward_hook(cut)
    try:
        with torch.no_grad():
            scores = model(images)
    finally:
        handle.remove()
        torch.clear_autocast_cache()  # PyTorch before its PR 165068 would train with weights cast here, without graph
    if A is None:
        raise ValueError(f"layer {_name(model, layer)} did not run: choose one that forward() calls as a module")
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != len(images) or len(A) != len(images):
        raise ValueError(
            f"model must give scores (N, K) and layer (N, C, h, w) with N = {len(images)}, got {_shape(scores)}"
            f" and {_shape(A)}"
        )
    if not scores.requires_grad:
        raise ValueError("the scores do not depend on layer by differentiable steps: is there a no_grad or an argmax?")
    chosen = _checked_classes(classes, scores)  # (N,) or (N, M)
    one_hot = F.one_hot(chosen.view(len(chosen), -1).T, scores.shape[1]).to(scores.dtype)  # (M, N, K)
    try:
        G = _gradients(scores, A, one_hot).movedim(0, 1)  # (N, M, C, h, w)
    except RuntimeError as error:
        raise ValueError(f"the scores cannot be differentiated with respect to layer: {error}") from error
    return scores.detach(), A.detach(), G if chosen.ndim == 2 else G[:, 0]


def _gradients(scores: Tensor, A: Tensor, one_hot: Tensor) -> Tensor:
    """(M, N, C, h, w): the M rows of weights on the scores (M, N, K), each led back to A."""
    if len(one_hot) > 1:
        with suppress(RuntimeError):  # an operation that PyTorch cannot lead back for several classes at a time
            return torch.autograd.grad(scores, A, one_hot, retain_graph=True, is_grads_batched=True)[0]
    return torch.stack([torch.autograd.grad(scores, A, pick, retain_graph=True)[0] for pick in one_hot])


# ---- What is refused, and in which words


def _checked_layer(model: nn.Module, layer: nn.Module | str) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be an nn.Module, got {type(model).__name__}")
    if isinstance(model, WRAPPERS) or hasattr(model, "_orig_mod"):
        inside = "_orig_mod" if hasattr(model, "_orig_mod") else "module"
        raise ValueError(f"model is wrapped in {type(model).__name__}: give the network inside, model.{inside}")
    training = [name or "model" for name, module in model.named_modules() if module.training]
    if training:
        raise ValueError(f"{training[0]} is in training mode: call model.eval() first")
    modules = dict(model.named_modules(remove_duplicate=False))
    if isinstance(layer, str):
        if layer not in modules:
            near = difflib.get_close_matches(layer, modules, n=3, cutoff=0.4) or list(modules)[1:4]
            raise ValueError(f"layer {layer!r} is not in the model; near it are {', '.join(map(repr, near))}")
        return modules[layer]
    if not any(layer is module for module in modules.values()):
        raise ValueError(f"layer must be a module of this model or its dotted name, got {type(layer).__name__}")
    return layer


def _checked_classes(classes: int | Tensor | None, scores: Tensor) -> Tensor:
    n, k = scores.shape
    if classes is None:
        return scores.argmax(1)
    chosen = torch.as_tensor(classes, device=scores.device)
    whole = not (chosen.is_floating_point() or chosen.is_complex() or chosen.dtype == torch.bool)
    shaped = chosen.shape in ((), (n,)) or (chosen.ndim == 2 and len(chosen) == n and chosen.shape[1] > 0)
    if not whole or not shaped or not ((chosen >= 0) & (chosen < k)).all():
        raise ValueError(
            f"classes must be an integer from 0 to {k - 1}, {n} of them (one a picture) or ({n}, M), got {classes!r}"
        )
    return chosen.long().expand(n) if chosen.ndim == 0 else chosen.long()


def _name(model: nn.Module, layer: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is layer) or type(layer).__name__


def _shape(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__

"""What a network's constructor and its `forward` refuse, and how they say so."""

from collections.abc import Sequence
from traceback import walk_tb

import torch
from torch import nn

from companion.trace import trace

# A tensor's method that converts it to this type; a network has one of the same name.
CONVERSIONS = {torch.float32: "float", torch.float64: "double", torch.float16: "half", torch.bfloat16: "bfloat16"}


def check_at_least_1(name: str, value: int) -> int:
    """`value`, if it is an integer from 1, else ValueError naming it: for `num_classes` and the like."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    return value


def check_blocks(blocks: Sequence[int], stages: int | None = None) -> None:
    """ValueError unless `blocks` is a tuple or list with an integer from 1 for each stage.

    stages: how many stages there are; None for any number from 1.
    """
    if (
        not isinstance(blocks, (tuple, list))
        or len(blocks) != (stages or max(1, len(blocks)))
        or any(type(n) is not int or n < 1 for n in blocks)
    ):
        how_many = stages or "one or more"
        raise ValueError(f"blocks must be {how_many} integers of at least 1, one for each stage, got {blocks!r}")


class SaysWhichSizes(nn.Module):
    """A network whose error for an input that it cannot take names the layer that fails and what would be right.

    A subclass sets, on the class or in its `__init__`:
        smallest_input: the least height and width in pixels.
        largest_input: the greatest ones; None if there is no limit.
        network_name: what messages call it, such as "VGG-16"; None for the name of its class.

    Nothing is checked before the run. Only a failed one is looked into, and a ValueError follows if the input is to
    blame:
        for its shape: the network, traced without weights, fails for it as well. The message has `trace`'s words.
        for its numbers' type: the layer that failed has weights of another type.
        for being a single picture: in training mode a batch norm was left with one value per channel.
    Else (wrong device, no memory, an error in a hook) the error stays as it was.

    It wraps the call and not `forward`, so that `forward` reads like any other, and compiles, scripts and is traced
    by `torch.fx` where its own code allows it: GoogLeNet has two types of output, which rules out scripting, and
    VisionTransformer asks for a shape, which rules out `torch.fx`. Nothing is added to `state_dict`.
    """

    smallest_input: int
    largest_input: int | None = None
    network_name: str | None = None

    def __call__(self, *args, **kwargs):
        try:
            return super().__call__(*args, **kwargs)
        except (RuntimeError, ValueError, AssertionError) as error:
            message = self._refusal(error, *args, **kwargs)
            if message is None:
                raise
            raise ValueError(message) from error

    def _refusal(self, error: Exception, x: object = None, *_, **__) -> str | None:
        """Why the input `x`, which led to `error`, is illegal; None if it is not, or if somebody else says why."""
        if "forward" in vars(self) or not isinstance(x, torch.Tensor):
            return None  # inside `trace`, which replaces `forward` in its copy, and explains the error itself
        name = self.network_name or type(self).__name__
        got = f"{name} takes images (N, C, H, W) {self.legal_sizes()}, got {tuple(x.shape)}"
        if x.ndim != 4:
            return f"{got}: it has {x.ndim} axes, not 4"
        if 0 in x.shape[1:]:
            return f"{got}: an axis of length 0"
        try:
            trace(self, tuple(x.shape[1:]))
        except ValueError as refusal:
            return f"{got}: {refusal}"

        where, layer, layer_input = self._innermost_call(error)
        if layer_input is None:
            return None
        weight = getattr(layer, "weight", None)
        # Of a type that it cannot compute with, PyTorch says that an operation is not implemented for it.
        is_type = isinstance(error, NotImplementedError) or "type" in str(error)
        if is_type and weight is not None and x.dtype == layer_input.dtype != weight.dtype:
            found, needed = (str(tensor.dtype).removeprefix("torch.") for tensor in (x, weight))
            clash = f"{name} takes images of {needed}, got {found}: {where} has weights of {needed}"
            return f"{clash}; {_remedy(x, weight)}"
        is_norm = isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training
        if is_norm and layer_input.numel() == layer_input.shape[1]:
            return (
                f"{got}: {where} got {tuple(layer_input.shape)}, one value per channel, which has no variance to "
                f"divide by in training; take two images or more, larger ones, or model.eval()"
            )
        return None

    def _innermost_call(self, error: Exception) -> tuple[str, nn.Module | None, torch.Tensor | None]:
        """The layer in whose `forward` the error arose, its name before it, and what PyTorch's layers call `input`."""
        names = {id(module): name for name, module in self.named_modules()}
        calls = [frame.f_locals for frame, _ in walk_tb(error.__traceback__) if id(frame.f_locals.get("self")) in names]
        if not calls or not isinstance(calls[-1].get("input"), torch.Tensor):
            return "", None, None
        layer = calls[-1]["self"]
        return f"{names[id(layer)]} ({type(layer).__name__})", layer, calls[-1]["input"]

    def legal_sizes(self) -> str:
        """The legal heights and widths as text, such as "from 63×63 pixels"."""
        least, most = (f"{n}×{n}" for n in (self.smallest_input, self.largest_input))
        if self.largest_input is None:
            return f"from {least} pixels"
        return f"of {least} pixels" if least == most else f"from {least} to {most} pixels"


def _remedy(x: torch.Tensor, weight: torch.Tensor) -> str:
    """What to write so that `x` and a network with such weights have one type."""
    convert = f"x.{CONVERSIONS.get(weight.dtype, 'float')}()"
    if x.dtype == torch.uint8:
        return f"convert it, from 0 … 255 to 0 … 1: {convert} / 255"
    if x.dtype in CONVERSIONS:
        return f"convert it, {convert}, or the network, model.{CONVERSIONS[x.dtype]}()"
    return f"convert it: {convert}"

"""What a network's constructor and its `forward` refuse, and how they say so."""

import torch
from torch import nn

from companion.trace import trace


def check_at_least_1(name: str, value: int) -> int:
    """`value`, if it is an integer from 1, else ValueError naming it: for `num_classes` and the like."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    return value


class SaysWhichSizes(nn.Module):
    """A network whose error for an input that it cannot take names the layer that fails and the legal sizes.

    A subclass sets, on the class or in its `__init__`:
        smallest_input: the least height and width in pixels.
        largest_input: the greatest ones; None if there is no limit.

    Nothing is checked before the run. Only after a failed one is the network traced, without weights, for an input
    of the same shape: if that fails too, the shape is to blame, and a ValueError with `trace`'s explanation follows.
    Else (wrong device, no memory, one picture in training mode under batch norm) the error stays as it was.

    It wraps the call and not `forward`, so that `forward` reads, compiles and scripts like any other, and it adds
    nothing to `state_dict`.
    """

    smallest_input: int
    largest_input: int | None = None

    def __call__(self, *args, **kwargs):
        try:
            return super().__call__(*args, **kwargs)
        except (RuntimeError, ValueError) as error:
            message = self._refusal(*args, **kwargs)
            if message is None:
                raise
            raise ValueError(message) from error

    def _refusal(self, x: object = None, *_, **__) -> str | None:
        """Why an input of the shape of `x` is illegal; None if it is not, or if somebody else says why."""
        if "forward" in vars(self) or not isinstance(x, torch.Tensor):
            return None  # inside `trace`, which replaces `forward` in its copy, and explains the error itself
        got = f"{type(self).__name__} takes images (N, C, H, W) {self.legal_sizes()}, got {tuple(x.shape)}"
        if x.ndim != 4:
            return f"{got}: it has {x.ndim} axes, not 4"
        if 0 in x.shape[1:]:
            return f"{got}: an axis of length 0"
        try:
            trace(self, tuple(x.shape[1:]))
        except ValueError as refusal:
            return f"{got}: {refusal}"
        return None

    def legal_sizes(self) -> str:
        """The legal heights and widths as text, such as "from 63×63 pixels"."""
        least, most = (f"{n}×{n}" for n in (self.smallest_input, self.largest_input))
        if self.largest_input is None:
            return f"from {least} pixels"
        return f"of {least} pixels" if least == most else f"from {least} to {most} pixels"

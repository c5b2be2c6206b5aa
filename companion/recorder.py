"""A run of a model without its weights, and the record of what happened in it. (`trace` makes a table of it.)

A module's `forward` is wrapped, so that its beginning and its end are known; in between, a `TorchDispatchMode` is shown
every basic operation, whoever called for it. So the record is a tree: calls of modules, in them calls of other modules
and operations. When the model cannot take its input, the record tells which layer refused, and why.
"""

import copy
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from math import ceil, floor, prod
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from companion.operations import (
    ADAPTIVE,
    KINDS,
    VIEWS,
    Field,
    field_of,
    follow,
    multiply_adds_of,
    name_of,
    short,
    window_of,
)
from companion.shapes import conv_output_size, pool_output_size

# The copy without weights.


class _CopyingShapesOnly(TorchFunctionMode):
    """While it is on, the copy of a tensor is one of the same shape on the meta device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.Tensor.__deepcopy__, torch.Tensor.clone):
            return _shape_only(args[0])
        return func(*args, **(kwargs or {}))


def _shape_only(tensor: torch.Tensor) -> torch.Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    if isinstance(tensor, UninitializedTensorMixin):  # of a lazy layer, whose first call gives it a shape
        return type(tensor)(device="meta", dtype=dtype, requires_grad=False)
    empty = torch.empty(tensor.shape, dtype=dtype, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def copy_without_weights(model: nn.Module) -> nn.Module:
    """The same modules on the meta device, in evaluation mode and float32, without their caller's hooks."""
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    with torch.inference_mode(False), _CopyingShapesOnly():
        # deepcopy looks into its memo before it copies: what it finds there it takes for the copy.
        twin = copy.deepcopy(model, {key: _shape_only(tensor) for key, tensor in tensors.items()})
    for module in twin.modules():
        module._forward_hooks.clear()
        for key, hook in list(module._forward_pre_hooks.items()):
            # PyTorch's own stay: they make the weight of a lazy, pruned or spectrally normalised layer.
            if not str(getattr(hook, "__module__", "")).startswith("torch.nn."):
                del module._forward_pre_hooks[key]
    return twin.eval()


# The record of the run.


class Step(NamedTuple):
    """What becomes a row: a basic operation of PyTorch, or a layer with all of its operations."""

    name: str
    kind: str
    window: tuple | None
    output_shapes: list[tuple]
    parameters: set[str]
    multiply_adds: int
    field: Field | None


class _Call:
    """A run of a module's forward, and what happened in it: operations, and calls of other modules."""

    def __init__(self, name: str, module: nn.Module):
        self.name, self.module = name, module
        self.inside: list[Step | _Call] = []
        self.input_shapes: list[tuple] | None = None  # until the forward begins
        self.output_shapes: list[tuple] = []
        self.field: Field | None = None
        self.failed: tuple[str, dict] | None = None  # the operation that raised, and its arguments

    def rows(self) -> Iterator[Step]:
        if any(isinstance(step, _Call) for step in self.inside):
            for step in self.inside:
                yield from step.rows() if isinstance(step, _Call) else [step]
            return
        windows = [step.window for step in self.inside if step.window]
        yield Step(
            self.name,
            type(self.module).__name__,
            windows[0] if len(windows) == 1 else None,
            self.output_shapes,
            {name for step in self.inside for name in step.parameters},
            sum(step.multiply_adds for step in self.inside),
            self.field,
        )


class Recorder(TorchDispatchMode):
    """Notes the calls of a model's modules and, while it is on, the operations of PyTorch in each."""

    def __init__(self, model: nn.Module, input_size: tuple[int, int]):
        super().__init__()
        self.input_size = input_size
        self.names = {id(parameter): name for name, parameter in model.named_parameters()}
        self.under_way: list[_Call] = []  # outermost first
        self.root: _Call | None = None
        self.failure: tuple[Exception, _Call] | None = None  # the last one, and the innermost call it broke
        for name, module in model.named_modules():
            if "parametrizations" in name.split("."):
                continue  # weight_norm and the like: their work belongs to the layer whose weight they make
            if module._forward_pre_hooks:  # so does that of pruning, which starts before the forward
                begin = partial(self._begin, name)
                module.register_forward_pre_hook(lambda module, _, begin=begin: begin(module), prepend=True)
            module.forward = self._noted(name, module, module.forward)

    def _begin(self, name: str, module: nn.Module) -> None:
        call = _Call(name, module)
        if self.under_way:
            self.under_way[-1].inside.append(call)
        else:
            self.root = call
        self.under_way.append(call)

    def _noted(self, name: str, module: nn.Module, forward: Callable) -> Callable:
        def run(*args, **kwargs):
            begun = self.under_way and self.under_way[-1].module is module
            if not begun or self.under_way[-1].input_shapes is not None:
                self._begin(name, module)
            depth, call = len(self.under_way), self.under_way[-1]
            call.input_shapes = _shapes((args, kwargs))
            try:
                output = forward(*args, **kwargs)
            except Exception as error:
                if self.failure is None or self.failure[0] is not error:
                    self.failure = (error, call)
                raise
            finally:
                del self.under_way[depth - 1 :]
            call.output_shapes = _shapes(output)
            call.field = next((field_of(tensor) for tensor in _tensors(output)), None)
            return output

        return run

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        op = name_of(func)
        values = {argument.name: argument.default_value for argument in func._schema.arguments}
        values |= dict(zip(values, args, strict=False)) | kwargs
        call = self.under_way[-1]
        try:
            result = func(*args, **kwargs)
        except Exception:
            call.failed = (op, values)
            raise
        inputs, output = list(_tensors((args, kwargs))), next(_tensors(result), None)
        if output is None:
            return result
        parameters = set()
        for tensor in inputs:
            own = self.names.get(id(tensor))
            parameters |= {own} if own else getattr(tensor, "parameter_names", set())
        data = [tensor for tensor in inputs if field_of(tensor)]
        if not data:
            if op in VIEWS:  # a parameter, transposed say: it is used where the result is
                output.parameter_names = parameters
                return result
        else:
            field = follow(func, values, data, output, self.input_size)
            for tensor in _tensors(result):
                tensor.receptive_field = field
        window, multiply_adds = window_of(op, values), multiply_adds_of(op, values, output)
        resized = op not in VIEWS and all(t.ndim == 4 and t.shape[2:] != output.shape[-2:] for t in data)
        if window or multiply_adds or parameters or (data and resized) or op in ADAPTIVE:
            name = ", ".join(sorted(parameters)) or f"{call.name} (in forward)".strip()
            kind = f"{KINDS.get(op, op)} (functional)"
            window = window and tuple(map(short, window))
            call.inside.append(Step(name, kind, window, _shapes(output), parameters, multiply_adds, field_of(output)))
        return result

    def explain(self, error: Exception) -> str:
        """The message for an exception that came out of the model."""
        if self.failure is None or self.failure[0] is not error:
            return str(error)
        call = self.failure[1]
        where = f"{call.name or 'the model'} ({type(call.module).__name__})"
        shapes = call.input_shapes
        if call.failed:
            op, values = call.failed
            of_operation = _shapes(values.get("input", values.get("self")))
            if window_of(op, values) and not set(of_operation) <= set(shapes):
                where, shapes = f"{KINDS.get(op, op)} in the forward of {where}", of_operation
        return f"{where} got {', '.join(map(str, shapes)) or 'no tensor'}: {_reason(call, error)}"


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for entry in value:
            yield from _tensors(entry)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _shapes(value: object) -> list[tuple]:
    return [tuple(tensor.shape) for tensor in _tensors(value)]


# The reason of a failure.


def _reason(call: _Call, error: Exception) -> str:
    """Why a layer cannot take its input."""
    op, values = call.failed or ("", {})
    if isinstance(call.module, nn.Linear) and call.input_shapes:
        shape, need = call.input_shapes[0], call.module.in_features
        if shape[-1] != need:
            flat = prod(shape[1:])
            if flat == need:
                hint = f"; flattened, (N, {need}), it would fit"
            else:
                hint = f"; flattened it has {flat:,}" if len(shape) > 2 else ""
            return f"its last axis has {shape[-1]:,} features, but in_features = {need:,}{hint}"
    x = values.get("input", values.get("self"))
    if op == "convolution" and not values["transposed"] and x.ndim == values["weight"].ndim:
        channels, need = x.shape[1], values["weight"].shape[1] * values["groups"]
        if channels != need:
            return f"it has {channels:,} channels, but in_channels = {need:,}"
    window = window_of(op, values)
    if window and not values.get("transposed"):
        return _does_not_fit(tuple(x.shape[-2:]), *window, values.get("ceil_mode")) or str(error)
    return str(error)


def _does_not_fit(size, kernel, stride, padding, dilation, ceil_mode: bool | None) -> str | None:
    """The output size as a formula with its numbers, and what `companion.shapes` says of it; None if it fits."""
    window = [short(pair) for pair in (size, kernel, stride, padding, dilation)]
    try:
        if ceil_mode is None:
            conv_output_size(*window)
        else:
            pool_output_size(*window, ceil_mode)
    except ValueError as refusal:
        rounding, rounded = ("ceil", ceil) if ceil_mode else ("floor", floor)
        formulas = {}  # height's and width's are often the same
        for w, f, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
            n = rounded(Fraction(w + 2 * p - d * (f - 1) - 1, s)) + 1
            if n < 1:
                formulas[f"{rounding}(({w} + 2·{p} − {d}·({f} − 1) − 1) / {s}) + 1 = {n}"] = None
        return "; ".join([*formulas, str(refusal)])
    return None

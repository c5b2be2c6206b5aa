"""How every checker judges: on random inputs, against the real thing and against the usual wrong ideas."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Verdict:
    """What a checker found. True in a condition if the answer is right; shows as its message."""

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return ("Right. " if self.passed else "Not yet. ") + self.message


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def compare(
    answer: Callable, reference: Callable, cases: Sequence[tuple], mistakes: Mapping[str, Callable]
) -> Verdict:
    """Try `answer` on every case; on the first difference, look for a wrong idea that gives the same on all cases."""
    given = []
    for case in cases:
        try:
            result = answer(*(argument.clone() if torch.is_tensor(argument) else argument for argument in case))
        except Exception as error:  # whatever the learner's code raises is part of the verdict
            return Verdict(False, f"Your function stopped on {show(case)} with {type(error).__name__}: {error}")
        if result is None or result is Ellipsis:
            return Verdict(False, "Your function returns nothing so far.")
        given.append(result)
    expected = [reference(*case) for case in cases]
    for case, got, right in zip(cases, given, expected, strict=True):
        if not same(got, right):
            likely = [name for name, wrong in mistakes.items()
                      if all(same(mine, wrong(*case)) for mine, case in zip(given, cases, strict=True))]  # fmt: skip
            hint = f" It looks like {likely[0]}." if likely else ""
            return Verdict(False, f"On {show(case)} expected {show(right)}, got {show(got)}.{hint}")
    return Verdict(True, f"Equal to the real thing on {len(cases)} random inputs.")


def judge_numbers(questions: Iterable[tuple], passed: str) -> Verdict:
    """Judge whole numbers one after the other; on the first that is wrong, look for what was forgotten.

    questions: (name, given, expected, how, forgotten). how: what the number is, in words. forgotten: {wrong number:
        what was left out, in words}, or such pairs, the likeliest first.
    passed: what the verdict says if all agree.
    """
    for name, given, expected, how, forgotten in questions:
        if given is None or given is Ellipsis:
            return Verdict(False, f"{name} has no answer yet.")
        if isinstance(given, bool) or given != expected:
            pairs = forgotten.items() if isinstance(forgotten, Mapping) else forgotten
            likely = next((words for wrong, words in pairs if given == wrong), None)
            hint = f" Did you forget {likely}?" if likely else ""
            return Verdict(False, f"{name} is {how}: expected {expected:,}, got {given!r}.{hint}")
    return Verdict(True, passed)


def same(got, right) -> bool:
    if torch.is_tensor(right):
        if not torch.is_tensor(got) or got.shape != right.shape:
            return False
        return torch.allclose(got.to(right.dtype), right, rtol=1e-6, atol=1e-8)
    return not isinstance(got, bool) and not torch.is_tensor(got) and got == right


def show(value) -> str:
    """A value in a message: a tensor by its shape and first number, everything else as it prints."""
    if isinstance(value, tuple):
        return "(" + ", ".join(show(entry) for entry in value) + ")"
    if torch.is_tensor(value):
        first = f" starting with {value.flatten()[0]:.3f}" if value.numel() else ""
        return f"a tensor {tuple(value.shape)}{first}"
    return repr(value)

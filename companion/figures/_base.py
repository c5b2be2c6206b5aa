"""What every live figure shares on the Python side: the widget class and its checked traits.

A live figure is one bare `anywidget.AnyWidget` with its own native controls, the form that JupyterLab, Colab and
the static page (through `book/_ext/widget-host.js`) all accept. Its front end is a single ES module, `_base.js`
followed by the figure's own file; its stylesheet is joined in the same way.
"""

import re
from collections.abc import Iterable
from math import isfinite
from numbers import Integral
from pathlib import Path

import anywidget
import traitlets

_HERE = Path(__file__).parent


class IllegalValue(traitlets.TraitError, ValueError):
    """A trait was given a value it cannot have; the message names trait, value and legal range."""


class Whole(traitlets.Int):
    """A synchronised whole number from `least` to `most`."""

    def __init__(self, default: int, least: int, most: int):
        super().__init__(default, min=least, max=most)
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> int:
        # True is an integer to Python, and so are NumPy's integers.
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not self.min <= value <= self.max:
            raise IllegalValue(f"{self.name} must be a whole number from {self.min} to {self.max}, got {value!r}")
        return int(value)


class Real(traitlets.Float):
    """A synchronised real number from `least` to `most`."""

    def __init__(self, default: float, least: float, most: float):
        super().__init__(default, min=least, max=most)
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> float:
        number = _finite(value)
        if number is None or not self.min <= number <= self.max:
            raise IllegalValue(f"{self.name} must be a number from {self.min:g} to {self.max:g}, got {value!r}")
        return number


class Reals(traitlets.TraitType):
    """A synchronised tuple of real numbers. Any sequence of numbers can be assigned, a tensor among them.

    A tuple and not a list, because a list changed in place would not reach the page.
    """

    def __init__(self, default: Iterable[float] = ()):
        super().__init__(tuple(default))
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> tuple[float, ...]:
        iterable = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
        numbers = tuple(map(_finite, value)) if iterable else (None,)
        if None in numbers:
            raise IllegalValue(f"{self.name} must be a sequence of finite numbers, got {value!r}")
        return numbers


def _finite(value: object) -> float | None:
    """`value` as a float; None where it is no number, or not a finite one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) and not isinstance(value, (str, bool)) else None


class Choice(traitlets.Enum):
    """A synchronised choice from `values`; the first is the default."""

    def __init__(self, values: Iterable[str]):
        values = tuple(values)
        super().__init__(values, default_value=values[0])
        self.tag(sync=True)

    def validate(self, obj: traitlets.HasTraits, value: object) -> str:
        if value not in self.values:
            raise IllegalValue(f"{self.name} must be one of {', '.join(map(repr, self.values))}, got {value!r}")
        return value


def source(*names: str) -> str:
    """The files of this folder of these names, one after the other, without the lines that are comments and without
    indentation: a page carries a copy for every figure on it."""
    text = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
    if names[0].endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*(//.*)?\n|^[ \t]+", "", text, flags=re.MULTILINE)


class LiveFigure(anywidget.AnyWidget):
    """Base of the live figures.

    A subclass sets `_esm` and `_css` with `source(...)`, declares its state as synchronised traits, and gives
    `presets`, `fallback` and `min_height`.

    Traits:
        lang: language of the labels, "en" or "ko"; "" takes the page's (`<html lang>`), so that one code cell
            serves both editions.
        name: tells figures on one page apart; a link's `#fig=` names it.
        predict: ask for a prediction before showing the result of a change.
        presets: the named states to choose from: [{"name": …, "ko": Korean label, "state": {trait: value}}, …].
        ranges: {trait: [least, most]} of every `Whole` and `Real` trait, for the controls.
        fallback: {"en": HTML table, "ko": HTML table} of a few states, for readers without JavaScript.
        min_height: CSS length that the figure needs, reserved by the page before the figure is drawn.
    """

    lang = Choice(("", "en", "ko"))
    name = traitlets.Unicode().tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    ranges = traitlets.Dict().tag(sync=True)
    fallback = traitlets.Dict().tag(sync=True)
    min_height = traitlets.Unicode().tag(sync=True)

    @traitlets.default("ranges")
    def _ranges(self) -> dict:
        numbers = {name: trait for name, trait in self.traits().items() if isinstance(trait, (Whole, Real))}
        return {name: [trait.min, trait.max] for name, trait in numbers.items()}

    def preset(self, name: str) -> dict:
        """The state of the preset of this name, {trait: value}.

        Raises:
            ValueError: there is none; the message lists the names.
        """
        states = {preset["name"]: preset["state"] for preset in self.presets}
        if name not in states:
            raise ValueError(f"preset must be one of {', '.join(map(repr, states))}, got {name!r}")
        return states[name]

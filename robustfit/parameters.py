"""What a parameter may be: its type from the annotation, its range from `parameter`, checked once, at construction."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from robustfit.errors import BadParameter


@dataclass(frozen=True)
class Range:
    """The values that a parameter may take; `None` leaves an end open."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] | None = None

    def holds(self, value: Any) -> bool:
        """Whether the value, or every item of a list, is allowed; the ends say nothing about text."""
        if isinstance(value, tuple):
            return all(self.holds(item) for item in value)
        if self.choices is not None:
            return value in self.choices
        return isinstance(value, str) or not (
            (self.above is not None and not value > self.above)
            or (self.at_least is not None and not value >= self.at_least)
            or (self.below is not None and not value < self.below)
            or (self.at_most is not None and not value <= self.at_most)
        )

    def __str__(self) -> str:
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        ends = [
            ("greater than", self.above),
            ("at least", self.at_least),
            ("less than", self.below),
            ("at most", self.at_most),
        ]
        return " and ".join(f"{words} {end:g}" for words, end in ends if end is not None)


def parameter(
    default: Any = MISSING,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with a range: `delta: float = parameter(1.345, above=0)`."""
    return field(default=default, metadata={"range": Range(above, at_least, below, at_most, choices)})


class Parametrised:
    """What a YAML file can build: a frozen dataclass whose parameters are checked and brought to their type.

    So `Huber(1)` and `Huber(1.0)` are equal, and `Huber("wide")` or `Huber(-1)` cannot exist.

    Raises:
        BadParameter: names the parameter, the value and what is allowed.
    """

    def __post_init__(self) -> None:
        hints = _hints(type(self))  # type: ignore[arg-type]
        for entry in fields(self):  # type: ignore[arg-type]
            value = check(entry.name, getattr(self, entry.name), hints[entry.name], entry.metadata.get("range"))
            object.__setattr__(self, entry.name, value)


def check(name: str, value: Any, hint: Any, allowed: Range | None = None) -> Any:
    """The value, brought to its annotated type.

    >>> check("delta", 1, float, Range(above=0))
    1.0
    >>> check("delta", -1, float, Range(above=0))
    Traceback (most recent call last):
    robustfit.errors.BadParameter: delta=-1: must be a number, greater than 0
    """
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None and NoneType in options:
        return None
    converted = _converted(value, [option for option in options if option is not NoneType])
    in_range = allowed is None or converted is _REFUSED or allowed.holds(converted)
    if converted is _REFUSED or not in_range:
        kinds = " or ".join(_KINDS[option][0] if option in _KINDS else _kind(option) for option in options)
        limits = f", {allowed}" if allowed is not None and str(allowed) else ""
        raise BadParameter(f"{name}={value!r}: must be {kinds}{limits}")
    return converted


_REFUSED = object()


def _converted(value: Any, options: list[Any]) -> Any:
    for option in options:
        if option is Any:
            return value
        if option in _KINDS:
            result = _KINDS[option][1](value)
        elif get_origin(option) is tuple:
            result = _tuple(value, get_args(option)[0])
        else:
            result = value if isinstance(value, get_origin(option) or option) else _REFUSED
        if result is not _REFUSED:
            return result
    return _REFUSED


def _kind(option: Any) -> str:
    if get_origin(option) is tuple:
        return f"a list of {getattr(get_args(option)[0], '__name__', 'values')}"
    return f"a {getattr(option, '__name__', str(option))}"


def _tuple(value: Any, of: Any) -> Any:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        return _REFUSED
    items = tuple(_converted(item, [of]) for item in value)
    return _REFUSED if _REFUSED in items else items


def _number(value: Any) -> Any:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return _REFUSED
    try:
        number = float(value)
    except OverflowError:
        return _REFUSED
    return number if math.isfinite(number) else _REFUSED


def _integer(value: Any) -> Any:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    number = _number(value)
    return int(value) if whole or (number is not _REFUSED and number.is_integer()) else _REFUSED


def _same(kind: type) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(value, kind) else _REFUSED


_KINDS: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    float: ("a number", _number),
    int: ("a whole number", _integer),
    bool: ("true or false", _same(bool)),
    str: ("text", _same(str)),
    NoneType: ("null", lambda value: _REFUSED),
}


@cache
def _hints(owner: type) -> dict[str, Any]:
    return get_type_hints(owner)

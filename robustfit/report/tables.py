"""Numbers and tables as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

ROUNDING = 1e-14
"""An error that is this small beside its mean is that of rounding: all values are the same."""


def aligned(header: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table as text: the first `left` columns and the last, if it has no title, to the left, numbers to the right.

    >>> print(aligned(["loss", "error"], [["mse", "1.5"], ["huber", "0.25"]]))
    loss   error
    mse      1.5
    huber   0.25
    """
    widths = [max(len(row[j]) for row in (header, *lines)) for j in range(len(header))]
    sides = ["<" if j < left or not title else ">" for j, title in enumerate(header)]
    rows = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in (header, *lines)
    ]
    return "\n".join(row.rstrip() for row in rows)


def number(value: float, digits: int = 4) -> str:
    """A number to a few significant digits; a dash where there is none.

    >>> number(0.000123456), number(1234567.0), number(float("nan"))
    ('0.0001235', '1.235e+06', '-')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}g}"


def with_error(mean: float, error: float) -> str:
    """A mean with its Monte Carlo standard error, to the digits that the error supports.

    >>> with_error(1.23456, 0.0234), with_error(1.5, float("nan"))
    ('1.235 (0.023)', '1.5')
    """
    if not math.isfinite(error) or math.isnan(mean):
        return number(mean)
    if error <= ROUNDING * abs(mean):
        return f"{number(mean)} (0)"
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 6 or abs(mean) >= 1e6:
        return f"{mean:.3e} ({error:.1e})"
    return f"{mean:.{places}f} ({error:.{places}f})"


def share(value: float) -> str:
    """A share in per cent.

    >>> share(0.125), share(float("nan"))
    ('12.5 %', '-')
    """
    return "-" if math.isnan(value) else f"{100 * value:.4g} %"


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def setting(value: Any) -> str:
    """The value of a setting; a dash where there is none.

    >>> setting(0.10), setting("mad"), setting(None)
    ('0.1', 'mad', '-')
    """
    if value is None or value != value:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)

"""What there is to tell of a run, whatever its task: the run, and how each task tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from robustfit.cell import REFERENCES, Fitted
from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.metrics import measure
from robustfit.report.tables import aligned, number

Line = tuple[str, str, str]
"""A measure, its value and what it is."""

LONGEST, WIDEST = 20, 8
"""So many coefficients are shown, each of so many outputs."""


@dataclass(frozen=True)
class Run:
    """The fit of the first sample, and the fit that it is compared with."""

    fitted: Fitted
    reference: Fit

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the cell's parts are called."""
        return self.fitted.cell.settings

    @property
    def data(self) -> Data:
        """The sample, as a batch of one."""
        return self.fitted.data.take(slice(0, 1))

    @property
    def loss(self) -> str:
        """The name of the loss."""
        return str(self.settings["loss"])

    @property
    def compared(self) -> str:
        """What the reference is called."""
        return REFERENCES[self.fitted.data.task]

    @property
    def priced(self) -> bool:
        """Whether coefficients cost something."""
        return bool(self.settings["penalty"] != "none")

    def value(self, name: str) -> float:
        """A measure of the fit."""
        return float(self.fitted.measured[name][0])

    @cached_property
    def _referred(self) -> Mapping[str, Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            return measure(self.data, self.reference)

    def other(self, name: str) -> float:
        """The same measure of the reference."""
        return float(self._referred[name][0])

    def lines(self, words: Mapping[str, str]) -> list[Line]:
        """Measures with their explanations."""
        return [(name, number(self.value(name)), text) for name, text in words.items()]


@dataclass(frozen=True)
class Account:
    """How the runs of a task are told: more facts, the coefficients, its measures, and what they come to in words."""

    facts: Callable[[Run], list[tuple[str, str]]]
    coefficients: Callable[[Run], str]
    measures: Callable[[Run], list[Line]]
    comparison: Callable[[Run], str]


def columns(run: Run, fits: list[tuple[str, Array]]) -> str:
    """The coefficients of one output, a column per fit."""
    names = run.fitted.data.names
    lines = [[name, *(number(float(coef[j]), 5) for _, coef in fits)] for j, name in enumerate(names) if j < LONGEST]
    return aligned(["coefficient", *(title for title, _ in fits)], lines) + _more(len(names), LONGEST)


def blocks(run: Run, fits: list[tuple[str, Array]]) -> str:
    """The coefficients of several outputs, a column per output and a line per coefficient and fit."""
    names, outputs = run.fitted.data.names, run.fitted.data.output_names
    lines = [
        [name if not place else "", title, *(number(float(value), 5) for value in coef[j, :WIDEST])]
        for j, name in enumerate(names[:LONGEST])
        for place, (title, coef) in enumerate(fits)
    ]
    table = aligned(["coefficient", "of", *outputs[:WIDEST]], lines, left=2)
    return table + _more(len(outputs), WIDEST, " outputs") + _more(len(names), LONGEST)


def fits(run: Run) -> list[tuple[str, Array]]:
    """The true coefficients where they are known, the fit's and the reference's."""
    truth = run.fitted.data.truth
    found = [(run.loss, run.fitted.fit.coef[0]), (run.compared, run.reference.coef[0])]
    return found if truth is None else [("true", truth.coef), *found]


def _more(count: int, shown: int, what: str = "") -> str:
    return f"\n... and {count - shown} more{what}" if count > shown else ""

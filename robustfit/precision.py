"""How many replicates are enough: until the Monte Carlo standard error of a mean is small enough.

It is looked at after fixed numbers of replicates only, so that when a study stops depends on its rows, not on the
engine, on the order, or on whether it was killed in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from robustfit.parameters import Parametrised, parameter
from robustfit.task import Task

GROWTH = 1.25
"""How many times as many replicates there are when it is looked at again."""


MAIN = "main"
"""What the main measure of a task is called before the task is known."""


@dataclass(frozen=True)
class Precision(Parametrised):
    """The largest Monte Carlo standard error that the mean of a column may have in any cell.

    Args:
        target: that standard error, in the column's units, or as a share of the mean's size if `relative`.
        of: the column; `main` is the main measure of the task.
        relative: whether the target is relative to the mean.
        at_least: replicates before it is looked at first; a standard error from few is itself uncertain.
        cap: replicates after which to stop in any case: a heavy tail has no mean, and so no precision.
    """

    target: float = parameter(above=0)
    of: str = MAIN
    relative: bool = False
    at_least: int = parameter(1000, at_least=2)
    cap: int = parameter(20_000, at_least=2)

    def of_task(self, task: Task) -> Precision:
        """The same, of a column of the task.

        >>> from robustfit.task import BOXES
        >>> Precision(0.01).of_task(BOXES).of
        'iou_error'
        """
        return replace(self, of=task.error) if self.of == MAIN else self

    def looks(self, block: int) -> Iterator[int]:
        """The numbers of replicates after which to look: whole blocks of this size, the last of them the cap.

        >>> list(Precision(0.01, cap=2500).looks(128))
        [1024, 1280, 1664, 2176, 2500]
        """
        blocks = math.ceil(self.at_least / block)
        while blocks * block < self.cap:
            yield blocks * block
            blocks = math.ceil(blocks * GROWTH)
        yield self.cap

    def met(self, values: np.ndarray) -> bool:
        """Whether the mean of the values that are not NaN is known well enough; without any there is none to know.

        >>> Precision(0.5).met(np.array([0.0, 1.0, 1.0])), Precision(0.5).met(np.array([0.0, np.inf, 1.0]))
        (True, False)
        """
        return self.needed(values) <= max(len(values), 1)

    def needed(self, values: np.ndarray) -> float:
        """About how many replicates it takes, judged from these: (MCSE / target)^2 times their number.

        Infinite where the standard error is; 0 where there are no values.

        >>> Precision(0.1).needed(np.array([0.0, 2.0]))
        200.0
        """
        known = values[~np.isnan(values)]
        if len(known) == 0:
            return 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            error = known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.inf
            target = self.target * abs(known.mean()) if self.relative else self.target
        if not math.isfinite(error) or target == 0:
            return 0.0 if error == 0 else math.inf
        return float((error / target) ** 2 * len(values))

    def look_after(self, needed: float, block: int) -> int:
        """The first number of replicates to look after that is enough, the cap if none is."""
        looks = list(self.looks(block))
        return next((look for look in looks if look >= needed), looks[-1])

    def all_met(self, cells: Iterable[np.ndarray]) -> bool:
        """Whether the means of all cells, each given by its values, are known well enough."""
        return all(self.met(values) for values in cells)

    def __str__(self) -> str:
        return f"{self.target:g}{' of the mean' if self.relative else ''} ({self.of})"

"""What a solver returns and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustfit.linalg import Array, Mask


class Status(Enum):
    """How a fit ended; the value is the sentence that a user reads."""

    converged = "the solver met its tolerance"
    max_iter = "the solver stopped at its limit of iterations"
    stalled = "the solver could make no more progress at its own tolerance"
    zero_scale = "the scale of the residuals is 0: the limit of the fit as the scale shrinks"
    perfect_fit = "all rows lie on the fitted surface"
    separated = "the score separates the classes, all rows or some: the loss has no minimum, only an infimum"
    unbounded = "larger coefficients cost no more: the loss has no minimum, only an infimum"
    rank_deficient = "the columns are linearly dependent: the solution of least norm"
    fallback = "the pivots did not finish: solved by linear programming"
    heuristic = "a good fit, not proved to be the best"
    failed = "no fit could be computed"


ENDLESS = (Status.separated, Status.unbounded)
"""Fits whose coefficients grow without end."""

Statuses = NDArray[np.object_]


def statuses(shape: tuple[int, ...], status: Status) -> Statuses:
    """An array of one status."""
    return np.full(shape, status, dtype=object)


def status_in(given: Statuses, some: tuple[Status, ...]) -> Mask:
    """Where a status is one of some.

    >>> status_in(statuses((2,), Status.separated), ENDLESS)
    array([ True,  True])
    """
    return np.asarray(np.isin(given, np.array(some, dtype=object)))


def status_where(mask: Mask, status: Status, other: Statuses | Status) -> Statuses:
    """One status where the mask holds, another elsewhere.

    >>> [one.name for one in status_where(np.array([True, False]), Status.converged, Status.failed)]
    ['converged', 'failed']
    """
    chosen: Statuses = np.where(mask, np.array(status, dtype=object), np.array(other, dtype=object))
    return chosen


@dataclass(frozen=True)
class Step:
    """One point of a solver's way: iteration, evaluations so far, objective, coefficients."""

    iteration: int
    evaluations: int
    objective: float
    coef: Array


@dataclass(frozen=True)
class Solution:
    """A solver's answer, in its own words; nothing here is measured or proved. All arrays `(*batch,)` but `coef`."""

    coef: Array
    n_iter: NDArray[np.int64]
    n_eval: NDArray[np.int64]
    success: Mask
    status: Statuses
    solver: str = ""
    trace: tuple[Step, ...] = field(default=(), compare=False)
    searched: bool = False
    """Whether success means, by the solver's word, that no coefficients whatever are better."""


@dataclass(frozen=True)
class Fit:
    """A fit with what was measured of it.

    All arrays `(*batch,)` but `coef` and `initial`: `(*batch, p)`, with k outputs `(*batch, p, k)`.
    """

    coef: Array
    scale: Array
    initial: Array
    """The coefficients that the fit started from."""
    objective: Array
    gradient_norm: Array
    gap: Array
    gap_kind: NDArray[np.str_]
    certified: Mask
    false_success: Mask
    solution: Solution
    loss: Any
    solver: str
    seconds: float = 0.0

    @property
    def status(self) -> Statuses:
        """How each fit ended."""
        return self.solution.status

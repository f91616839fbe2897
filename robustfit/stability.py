"""What happens to the fit when one datum moves.

`instability` = n / (0.1 sigma) times the mean, over sampled rows, all slope columns and both signs, of the root mean
square over the original rows of the change of the fitted values, when that one entry of X moves by 0.1 of its column's
spread. Start and scale are fitted anew each time, and solved to the optimum whatever the solver of the run. The
sampled rows are the same for every loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from robustfit import linalg
from robustfit.certificates import solution_width
from robustfit.data import Data
from robustfit.estimators.m import M
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.losses.base import PolyhedralLoss
from robustfit.losses.mae import MAE
from robustfit.parameters import Parametrised, parameter
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import MAD
from robustfit.solvers.newton import Newton

CHUNK_ENTRIES = 2**22
"""The most entries of X that moved copies take at a time: 32 MB."""

COLUMNS = {
    "instability": "Mean change of the fitted values as one entry of X moves, per unit of the move: n / (0.1 sigma) "
    "times the mean RMS change over the sampled moves; start and scale are fitted anew.",
    "solution_width": "Largest width over the rows of the interval of optimal fitted values, in units of sigma: 0 "
    "where the fit is unique; exact for polyhedral losses, empty for others.",
}


class Stability(Parametrised, ABC):
    """A way to try how firmly a fit stands."""

    @abstractmethod
    def measure(self, data: Data, estimator: M, fit: Fit, rng: np.random.Generator) -> dict[str, Array]:
        """The columns of `COLUMNS` for a batch with one axis."""


@dataclass(frozen=True)
class NoMoves(Stability):
    """Nothing is moved: the columns stay empty."""

    def measure(self, data: Data, estimator: M, fit: Fit, rng: np.random.Generator) -> dict[str, Array]:
        return {name: np.full(len(data.y), np.nan) for name in COLUMNS}


@dataclass(frozen=True)
class Moves(Stability):
    """Moves of single entries of X.

    Args:
        rows: how many rows are sampled.
        size: the move, in units of the column's spread (IQR / 1.349, its standard deviation if that is 0).
    """

    rows: int = parameter(10, at_least=1)
    size: float = parameter(0.1, above=0)

    def measure(self, data: Data, estimator: M, fit: Fit, rng: np.random.Generator) -> dict[str, Array]:
        sampled = rng.permuted(np.tile(np.arange(data.y.shape[-1]), (len(data.y), 1)), axis=-1)[:, : self.rows]
        sigma = noise_scale(data)
        changes = [self.change(data.member(i), estimator, sampled[i]) for i in range(len(data.y))]
        width = np.array([_width(data, fit, i) for i in range(len(data.y))])
        factor = np.where(sigma > 0, data.y.shape[-1] / np.where(sigma > 0, self.size * sigma, 1.0), np.nan)
        return {
            "instability": factor * np.array(changes),
            "solution_width": np.where(sigma > 0, width / np.where(sigma > 0, sigma, 1.0), np.nan),
        }

    def change(self, data: Data, estimator: M, rows: Any) -> float:
        """Mean RMS change of the fitted values of one sample over all moves of these rows, in units of y."""
        columns = range(int(data.intercept), data.X.shape[-1])
        moves = [(k, j, sign) for k in rows for j in columns for sign in (-1.0, 1.0)]
        if not moves:
            return np.nan
        exact, step = _exact(estimator), self.size * spread(data.X)
        origin = exact.fit(data.X, data.y, None, data.intercept).coef
        share = max(1, CHUNK_ENTRIES // data.X.size)
        sizes: list[float] = []
        for first in range(0, len(moves), share):
            moved = _moved(data.X, moves[first : first + share], step)
            y = np.broadcast_to(data.y, moved.shape[:-1])
            sizes += list(_rms(linalg.apply(data.X[None], exact.fit(moved, y, None, data.intercept).coef - origin)))
        rounding = 1e-12 * np.abs(data.y).max()
        return float(np.mean([size if size > rounding else 0.0 for size in sizes]))


def _exact(estimator: M) -> M:
    """The same estimator with the solver that gets to the optimum: what moves is the estimate, not a solver's error."""
    newton = Newton()
    return estimator if newton.refuses(estimator.loss, estimator.penalty) else replace(estimator, solver=newton)


def _moved(X: Array, moves: list[tuple[int, int, float]], step: Array) -> Array:
    """One copy of X per move."""
    moved = np.repeat(X[None], len(moves), axis=0)
    for place, (k, j, sign) in enumerate(moves):
        moved[place, k, j] += sign * step[j]
    return moved


def _rms(shift: Array) -> Array:
    result: Array = np.sqrt(np.square(shift).mean(-1))
    return result


def spread(X: Array) -> Array:
    """IQR / 1.349 of each column, its standard deviation where that is 0.

    >>> spread(np.arange(5.0)[:, None]).round(4)
    array([1.4826])
    """
    low, high = np.quantile(X, [0.25, 0.75], axis=-2)
    quartiles = (high - low) / 1.3489795003921634
    result: Array = np.where(quartiles > 0, quartiles, X.std(-2))
    return result


def noise_scale(data: Data) -> Array:
    """sigma: the true scale of the noise, else the MAD of LAD's residuals, its p zeros left out; 0 if rounding."""
    if data.truth is not None and data.truth.noise is not None:
        return np.full(len(data.y), data.truth.noise.scale)
    lad = M(MAE(), Newton(), MAD(), M(MAE(), Newton(), Fixed()))
    return lad.fit(data.X, data.y, None, data.intercept).scale


def _width(data: Data, fit: Fit, i: int) -> float:
    """The width of the solution set of sample i, in units of y; NaN where the loss is not polyhedral."""
    if not isinstance(fit.loss, PolyhedralLoss):
        return np.nan
    return solution_width(Problem(data.X[i], data.y[i], fit.loss, fit.scale[i]))

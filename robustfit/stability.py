"""What happens to the fit when one datum moves.

`instability` = n / (0.1 sigma) times the mean, over sampled rows, all slope columns and both signs, of the root mean
square over the original rows of the change of the fitted values, when that one entry of X moves by 0.1 of its column's
spread. Start and scale are fitted anew each time, and solved to the optimum whatever the solver of the run. The
sampled rows are the same for every loss.

`jump_size` and `jump_distance` are read off the exact paths of a piecewise linear loss, from `reach` spreads below to
`reach` above each of the same entries. A convex smooth loss at a fixed scale whose fit is unique has no jump: its
columns are empty. An estimator whose start or scale jumps can jump with it, whatever its loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from robustfit import linalg
from robustfit.catalogue import name_of
from robustfit.certificates import CERTIFIED, solution_width
from robustfit.data import Data
from robustfit.estimators.m import M
from robustfit.fit import Fit, Status
from robustfit.germ import Motion
from robustfit.linalg import Array
from robustfit.losses.base import Polyhedral
from robustfit.losses.mae import MAE
from robustfit.parameters import Parametrised, parameter
from robustfit.path import Interval, Path, Rational, follow, moved, optimal_basis
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import MAD
from robustfit.solvers.newton import Newton

if TYPE_CHECKING:
    import pandas

CHUNK_ENTRIES = 2**22
"""The most entries of X that moved copies take at a time: 32 MB."""

COLUMNS = {
    "instability": "Mean change of the fitted values as one entry of X moves, per unit of the move: n / (0.1 sigma) "
    "times the mean RMS change over the sampled moves; start and scale are fitted anew.",
    "jump_size": "Largest discontinuity of the exact path of the fit as one sampled entry of X moves by up to `reach` "
    "spreads either way: the largest change of a fitted value, in units of sigma; 0 where there is none. Empty unless "
    "`stability.path=true`, and for losses that are not piecewise linear.",
    "jump_distance": "How far from where the entry is the nearest such discontinuity is, in units of the column's "
    "spread; empty where there is none within reach.",
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
        path: whether to follow the exact path of each sampled entry, and to draw one of them.
        reach: how far the paths go either way, in units of the column's spread.
    """

    task: ClassVar[str] = "regression"

    rows: int = parameter(10, at_least=1)
    size: float = parameter(0.1, above=0)
    path: bool = False
    reach: float = parameter(1.0, above=0)

    def measure(self, data: Data, estimator: M, fit: Fit, rng: np.random.Generator) -> dict[str, Array]:
        sampled = self.sample(data, rng)
        sigma = noise_scale(data)
        changes = [self.change(data.member(i), estimator, sampled[i]) for i in range(len(data.y))]
        problems = [_polyhedral(data.member(i), estimator, fit.scale[i]) for i in range(len(data.y))]
        width = [np.nan if problem is None else solution_width(problem) for problem in problems]
        jumps = [self.jump(problem, sampled[i]) for i, problem in enumerate(problems)]
        unit = np.where(sigma > 0, sigma, np.nan)
        return {
            "instability": data.y.shape[-1] / self.size * np.array(changes) / unit,
            "jump_size": np.array([size for size, _ in jumps]) / unit,
            "jump_distance": np.where(sigma > 0, [distance for _, distance in jumps], np.nan),
            "solution_width": np.array(width) / unit,
        }

    def sample(self, data: Data, rng: np.random.Generator) -> Any:
        """The rows that are moved, `(B, rows)`: the same for every loss."""
        return rng.permuted(np.tile(np.arange(data.y.shape[-1]), (len(data.y), 1)), axis=-1)[:, : self.rows]

    def paths(self, problem: Problem, rows: Any) -> Iterator[tuple[Path, float]]:
        """The exact path of each entry of these rows, and its column's spread."""
        steps, basis = spread(problem.X), optimal_basis(problem)
        for k in rows:
            for j in np.flatnonzero(steps > 0):
                ends = self.reach * steps[j]
                yield follow(problem, Motion.along(int(k), int(j), len(steps)), -ends, ends, basis), float(steps[j])

    def jump(self, problem: Problem | None, rows: Any) -> tuple[float, float]:
        """The size of the largest jump and the distance of the nearest; NaN where they are not known for certain."""
        if problem is None or not self.path:
            return np.nan, np.nan
        paths = list(self.paths(problem, rows))
        if not all(path.status is Status.converged and path.gap <= CERTIFIED for path, _ in paths):
            return np.nan, np.nan
        sizes = [jump.size for path, _ in paths for jump in path.jumps]
        distances = [abs(jump.place) / step for path, step in paths for jump in path.jumps]
        return max(sizes, default=0.0), min(distances, default=np.nan)

    def exhibit(self, data: Data, estimator: M, scale: Array, rng: np.random.Generator) -> Exhibit | None:
        """The path to show of a batch of one: the one with the largest jump, of LAD where the loss has no exact path.

        Where none jumps, that of the row in the middle of the column. None where there is no path.
        """
        sample = data.member(0)
        problem = _polyhedral(sample, estimator, scale) or Problem(sample.X, sample.y, MAE(), intercept=data.intercept)
        paths = [path for path, _ in self.paths(problem, self.sample(data, rng)[0]) if path.intervals]
        if not paths:
            return None
        path = max(paths, key=lambda path: path.largest.size if path.largest else 0.0)
        if path.largest is None:
            column = int(np.flatnonzero(path.motion.dx)[0])
            row = int(np.argsort(sample.X[:, column])[len(sample.y) // 2])
            motion = replace(path.motion, row=row)
            path = follow(problem, motion, path.intervals[0].start, path.intervals[-1].stop)
        return Exhibit(sample, estimator, path)

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


@dataclass(frozen=True)
class Exhibit:
    """What there is to see as one entry of X moves: the exact path of a loss, and beside it other fits."""

    data: Data
    """One sample."""
    estimator: M
    path: Path

    @property
    def column(self) -> int:
        """The column of X of the entry that moves."""
        return int(np.flatnonzero(self.path.motion.dx)[0])

    @property
    def position(self) -> float:
        """Where the entry is."""
        return float(self.data.X[self.path.motion.row, self.column])

    @property
    def own(self) -> str:
        """The name of the estimator's loss."""
        return name_of("loss", self.estimator.loss)

    @property
    def exact(self) -> str:
        """The name of the loss whose exact path it is."""
        return name_of("loss", self.path.problem.loss)

    def curves(self, count: int = 201) -> dict[str, tuple[Array, Array]]:
        """Places and coefficients `(count, p)` of the estimator, of LAD and of least squares; NaN at jumps."""
        path, ends = self.path, self.path.ends
        places = np.linspace(*ends, count)
        found = {self.exact: path.polyline(count)}
        if self.own != self.exact:
            there = moved(path.problem, path.motion, places)
            fit = _exact(self.estimator).fit(there.X, there.y, None, self.data.intercept)
            found = {self.own: (places, fit.coef)} | found
        if "mae" not in found:
            lad = follow(replace(path.problem, loss=MAE()), path.motion, *ends)
            found |= {"mae": lad.polyline(count)}
        return found | {"least squares": (places, Rational.of(path.problem, path.motion).coef(places))}

    def table(self) -> pandas.DataFrame:
        """One line per interval of the exact path: from where to where, which rows it passes through, coefficients."""
        import pandas

        return pandas.DataFrame([self._line(interval) for interval in self.path.intervals])

    def _line(self, interval: Interval) -> dict[str, Any]:
        jumps = [jump.size for jump in self.path.jumps if jump.place == interval.stop]
        line: dict[str, Any] = {"from": self.position + interval.start, "to": self.position + interval.stop}
        line |= {"rows": " ".join(map(str, interval.basis)), "unique": interval.unique}
        for word, place in (("from", interval.start), ("to", interval.stop)):
            line |= {f"{word}.{name}": value for name, value in zip(self.data.names, interval.coef(place), strict=True)}
        return line | {"jump": sum(jumps)}


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


def _polyhedral(data: Data, estimator: M, scale: Array) -> Problem | None:
    """The fit of one sample as a problem that has an exact path; None where it has not."""
    if not isinstance(estimator.loss, Polyhedral) or not isinstance(estimator.penalty, NoPenalty):
        return None
    return Problem(data.X, data.y, estimator.loss, scale, intercept=data.intercept)

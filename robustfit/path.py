"""The path of a fit as one datum moves along a line: exact for piecewise linear losses, and beside it smooth ones.

The path of LAD or of a quantile is a list of intervals, each with one optimal basis, on which the coefficients are
constant or the ratio of two linear functions of the place. Where an interval ends because a residual changes its sign,
the fit goes on continuously; where it ends because a dual reaches its bound, a whole edge is optimal and the fit jumps
from one end of it to the other. Least squares has a closed form, the ratio of two quadratics, with a Lipschitz
constant; other losses are fitted anew at each place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from robustfit import linalg
from robustfit.certificates import certify
from robustfit.errors import BadParameter, Incompatible
from robustfit.fit import Status
from robustfit.germ import Motion, Moving, Place, Rows, Stretch
from robustfit.linalg import Array
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver
from robustfit.solvers.newton import Newton

LIMIT = 10_000
"""The most intervals of one path."""


def moved(problem: Problem, motion: Motion, t: Array | float) -> Problem:
    """The single problem with the datum at t; places of any shape become batch axes.

    >>> from robustfit.losses.mae import MAE
    >>> line = Problem(np.array([[1.0, 0.0], [1.0, 1.0]]), np.zeros(2), MAE())
    >>> moved(line, Motion.along(1, 1, 2), np.array([0.0, 0.5])).X[:, 1]
    array([[1. , 1. ],
           [1. , 1.5]])
    """
    places = np.asarray(t, dtype=float)
    X = np.broadcast_to(problem.X, (*places.shape, *problem.X.shape)).copy()
    y = np.broadcast_to(problem.y, (*places.shape, *problem.y.shape)).copy()
    X[..., motion.row, :] += places[..., None] * motion.dx
    y[..., motion.row] += places * motion.dy
    return replace(problem, X=X, y=y)


@dataclass(frozen=True)
class Interval:
    """A stretch of the path on which one basis is optimal."""

    start: float
    stop: float
    basis: tuple[int, ...]
    """The rows that the fit passes through."""
    origin: float
    """A place inside, about which the coefficients are stated."""
    centre: Array
    """The coefficients there."""
    rate: Array
    """d coef / d t there: 0 where the moving row is not in the basis."""
    bend: float
    unique: bool
    """Whether the dual is strictly inside its bounds, which proves that no other fit is as good."""

    @classmethod
    def of(cls, stretch: Stretch) -> Interval:
        """Stated about the middle of the stretch."""
        middle, rows = stretch.middle, stretch.middle.place.rows
        basis = tuple(sorted(int(row) % rows.n for row in middle.basis))
        coefs = rows.back @ middle.coef, rows.back @ middle.rate
        place = middle.place.t
        return cls(stretch.first.place.t, stretch.end, basis, place, *coefs, middle.bend, stretch.first.unique)

    def coef(self, t: Array | float) -> Array:
        """The coefficients at places of any shape: centre + s / (1 + s bend) rate, s = t - origin."""
        s = np.asarray(t, dtype=float) - self.origin
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = (s / (1.0 + s * self.bend))[..., None] * self.rate
        return self.centre + np.where(self.rate == 0, 0.0, shift)


@dataclass(frozen=True)
class Jump:
    """A place where the fit is discontinuous: both coefficient vectors, and all between them, are optimal there."""

    place: float
    before: Array
    after: Array
    size: float
    """The largest change of a fitted value on the original rows, in units of y; infinite where X loses its rank."""


@dataclass(frozen=True)
class Path:
    """The exact path of a fit. `status` is `converged` where the intervals cover all of start to stop.

    Where the fit is not unique on a whole interval, the path keeps to one optimal vertex for as long as it is optimal.
    """

    problem: Problem
    motion: Motion
    intervals: tuple[Interval, ...]
    jumps: tuple[Jump, ...]
    status: Status

    def coef(self, t: Array | float) -> Array:
        """The coefficients at places of any shape, `(*shape, p)`: at a jump those after it, NaN outside the path."""
        places = np.asarray(t, dtype=float)
        result = np.full((*places.shape, self.problem.X.shape[-1]), np.nan)
        for interval in self.intervals:
            inside = (places >= interval.start) & (places <= interval.stop)
            result[inside] = interval.coef(places[inside])
        return result

    @cached_property
    def gap(self) -> float:
        """The largest relative gap, proved by certificate, in the middle of each interval; NaN if there is none."""
        if not self.intervals:
            return np.nan
        middle = np.array([0.5 * (interval.start + interval.stop) for interval in self.intervals])
        return float(certify(moved(self.problem, self.motion, middle), self.coef(middle)).gap.max())


def follow(
    problem: Problem, motion: Motion, start: float, stop: float, basis: Rows | None = None, limit: int = LIMIT
) -> Path:
    """The path of one polyhedral problem from t = start to stop, start < stop.

    Args:
        problem: a single problem (no batch axes) with a polyhedral loss and no penalty; weights are welcome.
        motion: the row that moves, and where to.
        start: the first place.
        stop: the last place.
        basis: rows from which the pivots at the start begin; found where None.
        limit: the most intervals; beyond it the path ends early, with status `max_iter`.

    Raises:
        Incompatible: the loss is not polyhedral or there is a penalty.
        BadParameter: start and stop are not finite, or not in this order.

    Reference: Bloomfield & Steiger (1983), Least Absolute Deviations; Gal (1995), Postoptimal Analyses, Parametric
    Programming, and Related Topics.

    The last of five points moves past x = 1, and the line turns from y = x to y = -x / x_5:

    >>> from robustfit.losses.mae import MAE
    >>> X = np.column_stack([np.ones(5), [0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> star = Problem(X, np.array([-1.0, 0.0, 1.0, 1.0, -1.0]), MAE())
    >>> path = follow(star, Motion.along(4, 1, 2), -0.5, 1.0)
    >>> [(round(jump.place, 12) + 0.0, round(jump.size, 12)) for jump in path.jumps]
    [(0.0, 2.0)]
    >>> path.coef(np.array([-0.25, 1.0])).round(12) + 0.0
    array([[ 0. ,  1. ],
           [ 0. , -0.5]])
    """
    if not isinstance(problem.penalty, NoPenalty):
        raise Incompatible(f"an exact path takes no penalty; {problem.penalty} is one")
    if not -np.inf < start < stop < np.inf:
        raise BadParameter(f"start={start!r}, stop={stop!r}: must be finite, start less than stop")
    if not linalg.independent(problem.X):
        return Path(problem, motion, (), (), Status.rank_deficient)
    track, status = _track(Moving.of(problem, motion).at(float(start)), float(stop), basis, limit)
    jumps = [_jump(*pair, problem.X) for pair in pairwise(track)]
    return Path(problem, motion, _intervals(float(start), track, jumps), tuple(jump for jump in jumps if jump), status)


def _track(place: Place, stop: float, basis: Rows | None, limit: int) -> tuple[list[Stretch], Status]:
    """The stretches from a place to the stop, without those that end where they begin."""
    track: list[Stretch] = []
    nudge = 0.0
    for _ in range(limit):
        stretch = place.stretch(stop, basis)
        if stretch is None:
            return track, Status.failed
        place, basis, last = stretch.first.place, stretch.first.basis, stop - stretch.end <= place.step
        track += [] if stretch.short and (track or not last) else [stretch]
        if last:
            return [*track[:-1], replace(track[-1], end=stop)], Status.converged
        nudge = max(2.0 * nudge, place.step) if stretch.short else 0.0  # where the path stands still, a step on
        place = place.rows.at(max(stretch.end, place.t + nudge))
    return track, Status.max_iter


def _jump(ended: Stretch, begun: Stretch, X: Array) -> Jump | None:
    """The jump between two stretches, if there is one."""
    leap, back = ended.leap(begun), begun.first.place.rows.back
    if leap is None:
        return None
    before, after = leap
    if not np.isfinite(before).all():
        return Jump(ended.end, before, back @ after, np.inf)
    return Jump(ended.end, back @ before, back @ after, float(np.abs(X @ (back @ (after - before))).max()))


def _intervals(start: float, track: list[Stretch], jumps: list[Jump | None]) -> tuple[Interval, ...]:
    """Without holes; adjacent ones on one basis are joined."""
    found: list[Interval] = []
    for stretch, jump in zip(track, [None, *jumps], strict=False):
        interval = Interval.of(stretch)
        if found and found[-1].basis == interval.basis and jump is None:
            found[-1] = replace(found[-1], stop=interval.stop, unique=found[-1].unique and interval.unique)
        else:
            found.append(replace(interval, start=found[-1].stop if found else start))
    return tuple(found)

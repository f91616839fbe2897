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
from numpy.polynomial import Polynomial

from robustfit import linalg
from robustfit.certificates import certify
from robustfit.errors import BadParameter, Incompatible
from robustfit.fit import Status
from robustfit.germ import Motion, Moving, Place, Rows, Stretch, recombination
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

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last place."""
        return self.intervals[0].start, self.intervals[-1].stop

    @property
    def largest(self) -> Jump | None:
        """The largest jump between two fits."""
        jumps = [jump for jump in self.jumps if np.isfinite(jump.size)]
        return max(jumps, key=lambda jump: jump.size, default=None)

    def polyline(self, count: int) -> tuple[Array, Array]:
        """About so many places with the coefficients there, to be drawn: both ends of every interval, NaN at jumps.

        >>> from robustfit.losses.mae import MAE
        >>> median = Problem(np.ones((3, 1)), np.array([0.0, 1.0, 5.0]), MAE())
        >>> places, coef = follow(median, Motion(0, np.zeros(1), 1.0), 0.0, 10.0).polyline(0)
        >>> places, coef[:, 0]
        (array([ 0.,  1.,  1.,  5.,  5., 10.]), array([1., 1., 1., 5., 5., 5.]))
        """
        start, stop = self.ends
        jumps, parts = {jump.place for jump in self.jumps}, []
        for interval in self.intervals:
            share = 2 + int(count * (interval.stop - interval.start) / (stop - start))
            places = np.linspace(interval.start, interval.stop, share)
            lines = np.column_stack([places, interval.coef(places)])
            parts += [lines, *([np.full_like(lines[:1], np.nan)] if interval.stop in jumps else [])]
        whole = np.concatenate(parts)
        return whole[:, 0], whole[:, 1:]

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
        there, back = moved(self.problem, self.motion, middle), recombination(self.problem.X)
        coef = linalg.apply(np.asarray(np.linalg.inv(back), dtype=float), self.coef(middle))
        return float(certify(replace(there, X=there.X @ back), coef).gap.max())


def optimal_basis(problem: Problem) -> Rows | None:
    """The rows that the fit of a single polyhedral problem passes through: where its paths begin; None if not found.

    >>> from robustfit.losses.mae import MAE
    >>> optimal_basis(Problem(np.ones((3, 1)), np.array([0.0, 1.0, 5.0]), MAE()))
    array([1])
    """
    place = Moving.of(problem, Motion(0, np.zeros(problem.X.shape[-1]))).at(0.0)
    germ = place.afresh()
    return None if germ is None else germ.basis


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
    problem = replace(problem, X=problem.X.astype(float), y=problem.y.astype(float))
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


@dataclass(frozen=True)
class Rational:
    """The path of least squares: b(t) = base + (N_0 + N_1 t + N_2 t^2) / (D_0 + D_1 t + D_2 t^2), D > 0.

    With b' and A the coefficients and the Gram matrix of the other rows and w the weight of row k, a rank-one update is

        b(t) = b' + w A^-1 x(t) (y(t) - x(t) b') / (1 + w x(t)' A^-1 x(t)).

    Reference: Sherman & Morrison (1950), Ann. Math. Statist. 21, 124-127; Plackett (1950), Biometrika 37, 149-157.

    >>> from robustfit.losses.mse import MSE
    >>> X = np.column_stack([np.ones(5), [0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> star = Problem(X, np.array([-1.0, 0.0, 1.0, 1.0, -1.0]), MSE())
    >>> Rational.of(star, Motion.along(4, 1, 2)).coef(-0.1).round(6)
    array([-0.034926,  0.091912])
    """

    base: Array
    numerator: Array
    """`(3, p)`."""
    denominator: Array
    """`(3,)`."""

    @classmethod
    def of(cls, problem: Problem, motion: Motion) -> Rational:
        """The least squares path of a single problem, whatever its loss; the columns must be linearly independent."""
        weights = np.where(np.arange(len(problem.y)) == motion.row, 0.0, problem.shares)
        share = float(problem.shares[motion.row])
        base = linalg.least_squares(problem.X, problem.y, weights)
        _, back, null = linalg.span(problem.X * np.sqrt(weights)[:, None])
        x = np.stack([problem.X[motion.row], motion.dx])
        rest = np.array([problem.y[motion.row], motion.dy]) - x @ base
        if null.shape[1]:  # row k alone decides on a direction: the fit passes through it
            size = np.array([*(x @ null[:, 0]), 0.0])
            return cls(base, np.outer([*rest, 0.0], null[:, 0]), size)
        pull = share * (x @ back) @ back.T
        size = np.array([1.0 + x[0] @ pull[0], 2.0 * (x[0] @ pull[1]), x[1] @ pull[1]])
        return cls(base, np.stack([pull[0] * rest[0], pull[0] * rest[1] + pull[1] * rest[0], pull[1] * rest[1]]), size)

    def coef(self, t: Array | float) -> Array:
        """The coefficients at places of any shape."""
        powers = np.asarray(t, dtype=float)[..., None] ** np.arange(3)
        result: Array = self.base + powers @ self.numerator / (powers @ self.denominator)[..., None]
        return result

    def lipschitz(self, X: Array, start: float, stop: float) -> float:
        """The fastest change of a fitted value, max over i and t of abs(x_i db/dt): where a jump would be infinite.

        Each rate is a quadratic over D^2; it is largest at an end or where a cubic is 0.
        """
        top = np.stack([self._minor(1, 0), 2.0 * self._minor(2, 0), self._minor(2, 1)], -1)
        return max(self._steepest(quadratic, start, stop) for quadratic in X @ top)

    def _minor(self, i: int, j: int) -> Array:
        result: Array = self.numerator[i] * self.denominator[j] - self.numerator[j] * self.denominator[i]
        return result

    def _steepest(self, top: Array, start: float, stop: float) -> float:
        """max abs(top(t) / D(t)^2)."""
        bottom = Polynomial(self.denominator)
        rate = Polynomial(top)
        turns = (rate.deriv() * bottom - 2.0 * rate * bottom.deriv()).trim().roots()
        places = np.clip([start, stop, *turns[np.abs(turns.imag) <= 1e-7 * np.abs(turns)].real], start, stop)
        return float(np.abs(rate(places) / np.square(bottom(places))).max())


def refits(problem: Problem, motion: Motion, t: Array, solver: Solver | None = None) -> Array:
    """The coefficients at places of any shape, each fitted anew from least squares, at the problem's fixed scale.

    A convex smooth loss with a unique fit has a continuous path: only losses with kinks, a scale or a start that jump,
    and losses that are not convex, can jump.

    >>> from robustfit.losses.huber import Huber
    >>> X = np.column_stack([np.ones(5), [0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> star = Problem(X, np.array([-1.0, 0.0, 1.0, 1.0, -1.0]), Huber())
    >>> refits(star, Motion.along(4, 1, 2), np.array([-1e-6, 1e-6]))[:, 1].round(4) + 0.0
    array([0., 0.])
    """
    there = moved(problem, motion, t)
    start = linalg.least_squares(there.X, there.y, there.weights)
    return (solver or Newton()).solve(there, start).coef

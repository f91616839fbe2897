"""The whole path of a fit as one datum moves along a line: exact for piecewise linear losses, by parametric pivots.

Row k is (x_k, y_k) + t (dx, dy). On a basis B (p rows that the fit passes through) everything is linear in

    kappa = s / (1 + s bend),   s = t - t_0,   h = B^-T dx,   bend = h_q if the moving row is row q of B, else 0:

    coefficients  b = b_0 + kappa (dy - dx b_0) B^-1 e_q       (constant where the moving row is not in B)
    residuals     y - X b of the other rows, and of the moving row where it is not in B
    basis dual    theta_B = theta_0 - kappa theta_k h          (from X' theta = 0)

by Sherman & Morrison. So the next place at which a residual changes its sign or a dual reaches the end of its interval
is a ratio test. There the basis is changed, by pivots that compare numbers just after the place: value first, then
rate, then an infinitesimal move of y that breaks the ties that remain. A sign change moves the fit continuously. A dual
at its end means that a whole edge is optimal, and the fit jumps from one end of it to the other.

Least squares has a closed form, the ratio of two quadratics in t, and cannot jump; other smooth losses are fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.certificates import certify
from robustfit.errors import BadData, BadParameter, Incompatible
from robustfit.fit import Status
from robustfit.linalg import Array, Mask
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver
from robustfit.solvers.newton import Newton
from robustfit.vertex import Kinked, nearest_basis, optimise

Rows = NDArray[np.int64]
ROUNDING = 64 * np.finfo(float).eps
"""What a sum can be off by, relative to the sum of the sizes of its terms."""

MAX_CONDITION = 1e12
"""A basis beyond this is as good as dependent."""

LIMIT = 10_000
"""The most intervals of one path."""


@dataclass(frozen=True)
class Motion:
    """Row k moves along a line, (x_k, y_k) + t (dx, dy); dx `(p,)`, the intercept's entry included."""

    row: int
    dx: Array
    dy: float = 0.0

    @classmethod
    def along(cls, row: int, column: int, p: int) -> Motion:
        """One entry of X moves; t is in that column's units.

        >>> Motion.along(4, 1, 3).dx
        array([0., 1., 0.])
        """
        return cls(row, np.eye(p)[column])


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
    start_coef: Array
    rate: Array
    """d coef / d t at the start: 0 where the moving row is not in the basis."""
    bend: float
    unique: bool
    """Whether the dual is strictly inside its bounds, which proves that no other fit is as good."""

    def coef(self, t: Array | float) -> Array:
        """The coefficients at places of any shape: start_coef + s / (1 + s bend) rate, s = t - start."""
        s = np.asarray(t, dtype=float) - self.start
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = (s / (1.0 + s * self.bend))[..., None] * self.rate
        return self.start_coef + np.where(self.rate == 0, 0.0, shift)


@dataclass(frozen=True)
class Jump:
    """A place where the fit is discontinuous: both coefficient vectors, and all between them, are optimal there."""

    place: float
    before: Array
    after: Array
    size: float
    """The largest change of a fitted value on the original rows, in units of y."""


@dataclass(frozen=True)
class Path:
    """The exact path of a fit; `status` is `converged` where the intervals cover all of start to stop.

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

    Reference: Narula & Wellington (2002), Eur. J. Oper. Res. 137, on the sensitivity of L1 regression to one predictor.

    The last of five points moves past x = 1, and the line turns from y = x to y = -x / x_5:

    >>> from robustfit.losses.mae import MAE
    >>> X = np.column_stack([np.ones(5), [0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> star = Problem(X, np.array([-1.0, 0.0, 1.0, 1.0, -1.0]), MAE())
    >>> path = follow(star, Motion.along(4, 1, 2), -0.5, 1.0)
    >>> [(round(jump.place, 12), round(jump.size, 12)) for jump in path.jumps]
    [(0.0, 2.0)]
    >>> path.coef(np.array([-0.25, 1.0])).round(12) + 0.0
    array([[ 0. ,  1. ],
           [ 0. , -0.5]])
    """
    if not isinstance(problem.penalty, NoPenalty):
        raise Incompatible(f"an exact path takes no penalty; {problem.penalty} is one")
    if not -np.inf < start < stop < np.inf:
        raise BadParameter(f"start={start!r}, stop={stop!r}: must be finite, start less than stop")
    place = _Moving.of(problem, motion).at(float(start))
    first = (None if basis is None else place.settle(basis)) or place.afresh()
    track, status = _track(first, float(stop), limit)
    leaps = [_leap(*pair, problem.X) for pair in pairwise(track)]
    return Path(problem, motion, _intervals(float(start), track, leaps), tuple(jump for jump in leaps if jump), status)


@dataclass(frozen=True)
class _Moving:
    """The rows of a polyhedral problem, one for each kink, of which those of one datum move."""

    rows: Kinked
    """A batch of one."""
    moving: Mask
    dx: Array
    dy: float
    n: int

    @classmethod
    def of(cls, problem: Problem, motion: Motion) -> _Moving:
        rows, n = Kinked.of(problem.flat()), len(problem.y)
        return cls(rows, np.arange(rows.y.shape[-1]) % n == motion.row, motion.dx, motion.dy, n)

    @property
    def low(self) -> Array:
        """The least dual of each row."""
        return self.rows.low[0]

    @property
    def high(self) -> Array:
        """The largest dual of each row."""
        return self.rows.high[0]

    @cached_property
    def ties(self) -> Array:
        """The infinitesimal moves of y that break ties."""
        return np.random.default_rng(20231).uniform(0.5, 1.0, size=self.rows.y.shape[-1])

    @cached_property
    def resolution(self) -> float:
        """Two places that are nearer than this cannot be told apart at t = 0."""
        x, y = self.rows.X[0, self.moving][0], self.rows.y[0, self.moving][0]
        ratios = [abs(a / b) for a, b in zip([*x, y], [*self.dx, self.dy], strict=True) if b != 0]
        return float(np.finfo(float).eps) * max(ratios, default=0.0)

    def at(self, t: float) -> _Place:
        """The rows at t."""
        X, y, shift = self.rows.X[0].copy(), self.rows.y[0].copy(), t * self.dx
        X_size, y_size = np.abs(X), np.abs(y)
        X[self.moving] += shift
        y[self.moving] += t * self.dy
        X_size[self.moving] += np.abs(shift)
        y_size[self.moving] += abs(t * self.dy)
        return _Place(self, t, X, y, X_size, y_size)


@dataclass(frozen=True)
class _Place:
    """The rows at one t, and the sizes that their rounding is relative to."""

    rows: _Moving
    t: float
    X: Array
    y: Array
    X_size: Array
    y_size: Array

    @property
    def step(self) -> float:
        """A step from here that rounding does not swallow."""
        return 16 * (self.rows.resolution + float(np.finfo(float).eps) * abs(self.t)) + float(np.finfo(float).tiny)

    def edge(self, inverse: Array, basis: Rows, position: int) -> Array:
        """How the residuals fall as the fit leaves one basis row and keeps to the others; 0 where that is rounding."""
        along = inverse[:, position]
        doubt = np.abs(inverse) @ (self.X_size[basis] @ np.abs(along))
        slope = _snapped(self.X @ along, ROUNDING * (self.X_size @ (np.abs(along) + doubt)))
        slope[basis] = 0.0
        return slope

    def afresh(self) -> _Germ | None:
        """The optimal germ from scratch; None where there is none."""
        rows = self.rows.rows
        here = Kinked(self.X[None], self.y[None], rows.low, rows.high)
        first = nearest_basis(here, linalg.least_squares(here.X, here.y))
        vertex = optimise(here, first, max_pivots=1000 + 100 * self.X.shape[-1])
        return self.settle(vertex.basis[0]) if vertex.optimal[0] else None

    def ahead(self) -> _Germ | None:
        """The optimal germ as near after t as there is one: where X loses its rank, bases beside are near singular."""
        steps = (self.step * 8.0**power for power in range(16))
        return next(filter(None, (self.rows.at(self.t + step).afresh() for step in steps)), None)

    def settle(self, basis: Rows) -> _Germ | None:
        """The germ of the basis that is optimal just after t, by pivots from any basis; None where they fail."""
        for _ in range(200 + 50 * len(basis)):
            germ = _Germ.of(self, basis)
            if germ is None or germ.leaving is None:
                return germ
            entering = germ.entering
            if entering is None:
                return None
            basis = basis.copy()
            basis[germ.leaving] = entering
        return None


@dataclass(frozen=True)
class _Germ:
    """A basis on (t, t + something small): values at t and rates in kappa; numbers below their rounding are 0."""

    place: _Place
    basis: Rows
    inverse: Array
    coef: Array
    drift: float
    """dy - dx b: how the moving row's residual would change if the fit stood still."""
    position: int | None
    """Where in the basis the moving row is."""
    zero: Array
    """How large a residual of 0 can come out."""

    @classmethod
    def of(cls, place: _Place, basis: Rows) -> _Germ | None:
        """None where the basis rows are dependent."""
        rows, matrix, right = place.rows, place.X[basis], place.y[basis]
        inverse = _inverse(matrix)
        if inverse is None:
            return None
        coef = inverse @ right
        coef += inverse @ (right - matrix @ coef)
        rounding = ROUNDING * (place.y_size + place.X_size @ np.abs(coef))
        doubt = np.abs(inverse) @ rounding[basis]
        rough = ROUNDING * (abs(rows.dy) + np.abs(rows.dx) @ np.abs(coef)) + np.abs(rows.dx) @ doubt
        drift = rows.dy - float(rows.dx @ coef)
        position = next(iter(np.flatnonzero(rows.moving[basis])), None)
        zero = rounding + place.X_size @ doubt
        return cls(place, basis, inverse, coef, drift if abs(drift) > rough else 0.0, position, zero)

    @cached_property
    def bend(self) -> float:
        """h_q, 0 where the moving row is not in the basis."""
        return 0.0 if self.position is None else float(self.turn[self.position])

    @cached_property
    def turn(self) -> Array:
        """h = B^-T dx."""
        result: Array = self.place.rows.dx @ self.inverse
        return result

    @cached_property
    def rate(self) -> Array:
        """d coef / d kappa."""
        if self.position is None:
            return np.zeros_like(self.coef)
        return self.drift * self.inverse[:, self.position]

    @cached_property
    def residuals(self) -> Array:
        """At t."""
        place = self.place
        residuals = _snapped(place.y - place.X @ self.coef, self.zero)
        residuals[self.basis] = 0.0
        return residuals

    @cached_property
    def residual_rates(self) -> Array:
        """d residuals / d kappa."""
        moving = self.place.rows.moving
        if self.position is None:
            return np.where(moving, self.drift, 0.0)
        return np.where(moving, 0.0, -self.drift * self.place.edge(self.inverse, self.basis, self.position))

    @cached_property
    def ties(self) -> Array:
        """Stand for residuals that are 0 and stay it: those of the infinitesimal moves."""
        moves = self.place.rows.ties
        idle = (self.residuals == 0) & (self.residual_rates == 0)
        if idle.sum() <= len(self.basis):
            return np.zeros_like(moves)
        return np.where(idle, moves - self.place.X @ (self.inverse @ moves[self.basis]), 0.0)

    @cached_property
    def signs(self) -> Array:
        """The signs of the residuals just after t."""
        later = np.where(self.residual_rates != 0, self.residual_rates, self.ties)
        return np.sign(np.where(self.residuals != 0, self.residuals, later))

    @cached_property
    def theta(self) -> Array:
        """The dual at t: the bound that its residual's sign names, on the basis what makes X' theta = 0."""
        rows = self.place.rows
        theta = np.where(self.signs > 0, rows.high, rows.low)
        theta[self.basis] = 0.0
        theta[self.basis] = -(theta @ self.place.X) @ self.inverse
        return theta

    @cached_property
    def slack(self) -> Array:
        """How far off by rounding the basis dual can be."""
        result: Array = ROUNDING * (np.abs(self.theta) @ self.place.X_size) @ np.abs(self.inverse)
        return result

    @cached_property
    def dual_rates(self) -> Array:
        """d theta_B / d kappa = - theta_k h."""
        rows = self.place.rows
        pull = float(self.theta[rows.moving].sum())
        size = np.abs(rows.dx) + np.abs(self.turn) @ self.place.X_size[self.basis]
        doubt = ROUNDING * abs(pull) * (size @ np.abs(self.inverse))
        if self.position is not None:
            doubt = doubt + self.slack[self.position] * np.abs(self.turn)
        return _snapped(-pull * self.turn, doubt)

    @cached_property
    def room(self) -> tuple[Array, Array]:
        """How far the basis dual is above its lower and below its upper bound; 0 within rounding."""
        dual, rows = self.theta[self.basis], self.place.rows
        below, above = dual - rows.low[self.basis], rows.high[self.basis] - dual
        return _snapped(below, self.slack), _snapped(above, self.slack)

    @cached_property
    def excess(self) -> tuple[Array, Array]:
        """How far the basis dual is outside its bounds at t, and how fast it leaves them where it is at one."""
        below, above = self.room
        now = np.maximum(np.maximum(-below, -above), 0.0)
        leaves = np.where(above == 0, self.dual_rates, 0.0), np.where(below == 0, -self.dual_rates, 0.0)
        return now, np.maximum(np.maximum(*leaves), 0.0)

    @cached_property
    def leaving(self) -> int | None:
        """The place in the basis whose dual is outside, or will be just after t; None where there is none."""
        for outside in self.excess:
            if outside.any():
                return int(np.argmax(outside))
        return None

    @cached_property
    def entering(self) -> int | None:
        """The row at which the objective, just after t, stops falling as the leaving row is let go."""
        assert self.leaving is not None
        rows, now = self.place.rows, self.excess[0][self.leaving]
        below, above = self.room
        upward = above[self.leaving] < 0 or (above[self.leaving] == 0 and self.dual_rates[self.leaving] > 0)
        direction = (1.0 if upward else -1.0) * self.place.edge(self.inverse, self.basis, self.leaving)
        gain = np.where(self.signs * direction < 0, np.abs(direction) * (rows.high - rows.low), 0.0)
        crossed = np.flatnonzero(gain)
        if not len(crossed):
            return None
        order = crossed[self._order(crossed, direction[crossed])]
        stop = int(np.searchsorted(np.cumsum(gain[order]), now * (1.0 - ROUNDING)))
        return int(order[min(stop, len(order) - 1)])

    def _order(self, crossed: Rows, direction: Array) -> Rows:
        """The order in which rows are crossed: ties first, then rows whose residual is 0 at t, then the others."""
        levels = self.residuals[crossed], self.residual_rates[crossed], self.ties[crossed]
        level = np.select([levels[0] != 0, levels[1] != 0], [2, 1], 0)
        height = np.select([level == 2, level == 1], levels[:2], levels[2])
        order: Rows = np.lexsort((np.abs(height / direction), level))
        return order

    @property
    def unique(self) -> bool:
        """Whether the basis dual is strictly inside its bounds just after t."""
        below, above = self.room
        return not ((np.minimum(below, above) == 0) & (self.dual_rates == 0)).any()

    @property
    def end(self) -> float:
        """Where the next residual or dual reaches its bound, or the basis loses its rank; infinite if nowhere."""
        counts = (self.residuals * self.residual_rates < 0) & (self.place.rows.high > self.place.rows.low)
        crossing = -self.residuals[counts] / self.residual_rates[counts]
        (below, above), rates = self.room, self.dual_rates
        reached = np.where(rates > 0, above, below)[rates != 0] / np.abs(rates[rates != 0])
        kappa = min(crossing.min(initial=np.inf), reached.min(initial=np.inf))
        pole = -1.0 / self.bend if self.bend < 0 else np.inf
        late = kappa == np.inf or kappa * self.bend >= 1.0
        return self.place.t + float(pole if late else kappa / (1.0 - kappa * self.bend))

    def until(self, stop: float) -> Interval:
        """The interval from here."""
        basis = tuple(int(row) % self.place.rows.n for row in self.basis)
        return Interval(self.place.t, stop, basis, self.coef, self.rate, self.bend, self.unique)

    def beyond(self, end: float, stuck: int) -> _Germ | None:
        """The optimal germ after the end of this one; where the path stands still, a step on."""
        nudge = self.place.step * 2.0 ** min(stuck, 100) if stuck else 0.0
        place = self.place.rows.at(max(end, self.place.t + nudge))
        return place.settle(self.basis) or place.ahead()

    def left(self, after: _Germ) -> Array:
        """The coefficients on this basis at the place of another germ; infinite where it has lost its rank there."""
        same = self.of(after.place, self.basis)
        if same is None:
            return np.where(self.rate == 0, self.coef, np.inf)
        shift = np.abs(after.place.X @ (after.coef - same.coef))
        return same.coef if (shift > same.zero + after.zero).any() else after.coef


def _snapped(values: Array, rounding: Array) -> Array:
    """0 where a value is not more than its rounding."""
    return np.where(np.abs(values) > rounding, values, 0.0)


def _inverse(matrix: Array) -> Array | None:
    """None where the matrix is singular to rounding, in whatever units its rows and columns are."""
    try:
        inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    condition = (np.abs(inverse) * np.abs(matrix).T).sum(-1).max()
    return inverse if condition < MAX_CONDITION else None


Track = list[tuple[_Germ, float]]
"""The germs along a path, and where each ends."""


def _track(first: _Germ | None, stop: float, limit: int) -> tuple[Track, Status]:
    """The germs from the first one to the stop, without those that end where they begin."""
    germ, stuck, track = first, 0, []
    for _ in range(limit):
        if germ is None:
            return track, Status.failed
        end = min(germ.end, stop)
        stuck = stuck + 1 if end - germ.place.t <= germ.place.step else 0
        track += [(germ, end)] if stuck == 0 or (end >= stop and not track) else []
        if end >= stop:
            return [*track[:-1], (track[-1][0], stop)], Status.converged
        germ = germ.beyond(end, stuck)
    return track, Status.max_iter


def _leap(ended: tuple[_Germ, float], begun: tuple[_Germ, float], X: Array) -> Jump | None:
    """The jump between two germs; None where the coefficients change by rounding only."""
    before, after = ended[0].left(begun[0]), begun[0].coef
    if (before == after).all():
        return None
    size = np.abs(X @ (after - before)).max() if np.isfinite(before).all() else np.inf
    return Jump(ended[1], before, after, float(size))


def _intervals(start: float, track: Track, leaps: list[Jump | None]) -> tuple[Interval, ...]:
    """Without holes; adjacent ones on one basis are joined."""
    found: list[Interval] = []
    for (germ, end), leap in zip(track, [None, *leaps], strict=False):
        interval = germ.until(end)
        if found and found[-1].basis == interval.basis and leap is None:
            found[-1] = replace(found[-1], stop=end, unique=found[-1].unique and interval.unique)
        else:
            found.append(replace(interval, start=found[-1].stop if found else start))
    return tuple(found)

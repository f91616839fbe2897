"""The optimal basis of a piecewise linear fit just after a place, as one datum moves along a line.

Row k is (x_k, y_k) + t (dx, dy). On a basis B (p rows that the fit passes through) everything is linear in

    kappa = s / (1 + s bend),   s = t - t_0,   h = B^-T dx,   bend = h_q if the moving row is row q of B, else 0:

    coefficients  b = b_0 + kappa (dy - dx b_0) B^-1 e_q        (constant where the moving row is not in B)
    residuals     y - X b of the other rows, and of the moving row where it is not in B
    basis dual    theta_B = theta_0 - kappa theta_k h           (from X' theta = 0)

by Sherman & Morrison. A germ holds values and rates, and compares numbers as they are just after t: the value first,
then the rate, then an infinitesimal move of y, which breaks the ties that remain. Pivots in this order end at the basis
that is optimal on an interval that begins at t, however many residuals and duals are at their ends at t itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.linalg import Array, Mask
from robustfit.problem import Problem
from robustfit.vertex import Kinked, settle

Rows = NDArray[np.int64]
EPSILON = float(np.finfo(float).eps)
ROUNDING = 64 * EPSILON
"""What a sum can be off by, relative to the sum of the sizes of its terms."""

MAX_CONDITION = 1e8
"""A basis beyond this, its columns recombined as in `Moving`, is as good as dependent."""


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


@dataclass(frozen=True)
class Moving:
    """The rows of a polyhedral problem, one for each kink; those of one datum move.

    The columns are recombined such that they are orthonormal but for the lengths of rows: then nearly dependent rows,
    and nothing else, make a basis nearly singular.
    """

    rows: Kinked
    """At t = 0, a batch of one; X is the problem's X times `back`."""
    moving: Mask
    dx: Array
    dy: float
    back: Array
    """The problem's coefficients are `back` times those here."""

    @classmethod
    def of(cls, problem: Problem, motion: Motion) -> Moving:
        """The rows of a single problem; the columns must be linearly independent."""
        rows, back = Kinked.of(problem.flat()), recombination(problem.X)
        moving = np.arange(rows.y.shape[-1]) % len(problem.y) == motion.row
        turned = Kinked(rows.X @ back, rows.y, rows.low, rows.high)
        return cls(turned, moving, motion.dx @ back, float(motion.dy), back)

    @property
    def n(self) -> int:
        """The number of data."""
        return int(len(self.moving) / self.moving.sum())

    @property
    def low(self) -> Array:
        """The least dual of each row."""
        low: Array = self.rows.low[0]
        return low

    @property
    def high(self) -> Array:
        """The largest dual of each row."""
        high: Array = self.rows.high[0]
        return high

    @cached_property
    def sizes(self) -> tuple[Array, Array]:
        """The largest entry of each row of X, and each entry of y."""
        return np.abs(self.rows.X[0]).max(-1), np.abs(self.rows.y[0])

    @cached_property
    def dx_size(self) -> float:
        """The largest entry of dx."""
        return float(np.abs(self.dx).max())

    @cached_property
    def counts(self) -> Mask:
        """The rows whose weight is not 0."""
        mask: Mask = self.high > self.low
        return mask

    @cached_property
    def ties(self) -> Array:
        """The infinitesimal moves of y that break ties."""
        moves: Array = np.random.default_rng(20231).uniform(0.5, 1.0, size=(self.rows.y.shape[-1],))
        return moves

    @cached_property
    def resolution(self) -> float:
        """How near to t = 0 a place cannot be told from it: the datum's own rounding."""
        x, y = self.rows.X[0, self.moving][0], self.rows.y[0, self.moving][0]
        change = np.hypot(self.dx_size, abs(self.dy))
        return EPSILON * float(np.hypot(np.abs(x).max(), abs(y)) / change) if change > 0 else 0.0

    def at(self, t: float) -> Place:
        """The rows at t."""
        X, y = self.rows.X[0].copy(), self.rows.y[0].copy()
        X_size, y_size = self.sizes[0].copy(), self.sizes[1].copy()
        X[self.moving] += t * self.dx
        y[self.moving] += t * self.dy
        X_size[self.moving] += abs(t) * self.dx_size
        y_size[self.moving] += abs(t * self.dy)
        return Place(self, t, X, y, X_size, y_size)


@dataclass(frozen=True)
class Place:
    """The rows at one t, and the sizes `(n,)` that their rounding is relative to: rounding in one column is in all."""

    rows: Moving
    t: float
    X: Array
    y: Array
    X_size: Array
    y_size: Array

    @property
    def step(self) -> float:
        """A step from here that rounding does not swallow."""
        return 16 * (self.rows.resolution + EPSILON * abs(self.t)) + float(np.finfo(float).tiny)

    def edge(self, inverse: Array, basis: Rows, position: int) -> Array:
        """X B^-1 e_q: how residuals fall as the fit leaves basis row q, keeping to the others; 0 for rounding."""
        along = inverse[:, position]
        size = np.abs(along).sum()
        doubt = (np.abs(inverse) @ self.X_size[basis]).sum() * size
        slope = snapped(self.X @ along, ROUNDING * self.X_size * (size + doubt))
        slope[basis] = 0.0
        return slope

    def afresh(self) -> Germ | None:
        """The optimal germ from scratch; None where there is none."""
        rows = Kinked(self.X[None], self.y[None], self.rows.rows.low, self.rows.rows.high)
        vertex = settle(rows, linalg.least_squares(rows.X, rows.y), max_pivots=200 + 20 * self.X.shape[-1])
        return self.settle(vertex.basis[0])

    def stretch(self, stop: float, basis: Rows | None) -> Stretch | None:
        """What is optimal from here on, by pivots from a basis if one is given and they succeed; None where nothing is.

        Where X loses its rank at t, the bases just after t are near singular: then from the nearest place from which a
        basis is optimal in the middle of its interval too.
        """
        germ = None if basis is None else self.settle(basis)
        found = None if germ is None else Stretch.of(germ, stop)
        steps = (0.0, *(self.step * 8.0**power for power in range(10)))
        germs = (self.rows.at(self.t + step).afresh() for step in steps if self.t + step < stop)
        others = (Stretch.of(germ, stop) for germ in germs if germ is not None)
        return found or next(filter(None, others), None)

    def settle(self, basis: Rows) -> Germ | None:
        """The germ of the basis that is optimal just after t, by pivots from any basis; None where they fail."""
        seen = set()
        while frozenset(basis) not in seen:
            seen.add(frozenset(basis))
            germ = Germ.of(self, basis)
            if germ is None or germ.leaving is None:
                return germ
            entering = germ.entering
            if entering is None:
                return None
            basis = np.where(np.arange(len(basis)) == germ.leaving, entering, basis)
        return None


@dataclass(frozen=True)
class Germ:
    """A basis at t and just after: values, and rates in kappa; numbers below their rounding are 0."""

    place: Place
    basis: Rows
    inverse: Array
    coef: Array
    """Of the orthonormal columns."""
    drift: float
    """dy - dx b: how the moving row's residual would change if the fit stood still."""
    position: int | None
    """Where in the basis the moving row is."""
    zero: Array
    """How large a residual of 0 can come out."""
    given: Array | None = None
    """What stands for residuals that are 0 and stay it, where that was settled before."""

    @classmethod
    def of(cls, place: Place, basis: Rows, given: Array | None = None) -> Germ | None:
        """None where the basis rows are dependent."""
        rows, matrix, right = place.rows, place.X[basis], place.y[basis]
        inverse = inverted(matrix)
        if inverse is None:
            return None
        coef = inverse @ right
        coef = coef + inverse @ (right - matrix @ coef)
        size = np.abs(coef).sum()
        rounding = ROUNDING * (place.y_size + place.X_size * size)
        doubt = (np.abs(inverse) @ rounding[basis]).sum()
        rough = ROUNDING * abs(rows.dy) + rows.dx_size * (ROUNDING * size + doubt)
        drift = rows.dy - float(rows.dx @ coef)
        positions = [int(q) for q in np.flatnonzero(rows.moving[basis])]
        position, zero = positions[0] if positions else None, rounding + place.X_size * doubt
        return cls(place, basis, inverse, coef, drift if abs(drift) > rough else 0.0, position, zero, given)

    @cached_property
    def turn(self) -> Array:
        """h = B^-T dx."""
        result: Array = self.place.rows.dx @ self.inverse
        return result

    @cached_property
    def bend(self) -> float:
        """h_q, 0 where the moving row is not in the basis."""
        return 0.0 if self.position is None else float(self.turn[self.position])

    @cached_property
    def rate(self) -> Array:
        """d coef / d kappa."""
        return np.zeros_like(self.coef) if self.position is None else self.drift * self.inverse[:, self.position]

    @cached_property
    def sway(self) -> Array:
        """X B^-1 e_q for the rows that stand still: how their residuals fall as the moving row pulls the fit along."""
        if self.position is None:
            return np.zeros_like(self.zero)
        return np.where(self.place.rows.moving, 0.0, self.place.edge(self.inverse, self.basis, self.position))

    @cached_property
    def residuals(self) -> Array:
        """At t."""
        residuals = snapped(self.place.y - self.place.X @ self.coef, self.zero)
        residuals[self.basis] = 0.0
        return residuals

    @cached_property
    def residual_rates(self) -> Array:
        """d residuals / d kappa."""
        if self.position is None:
            return np.where(self.place.rows.moving, self.drift, 0.0)
        return -self.drift * self.sway

    @cached_property
    def ties(self) -> Array:
        """Stand for residuals that are 0 and stay it: those of the infinitesimal moves."""
        idle = (self.residuals == 0) & (self.residual_rates == 0)
        if idle.sum() <= len(self.basis):
            return np.zeros_like(self.residuals)
        moves = self.place.rows.ties
        ties = moves - self.place.X @ (self.inverse @ moves[self.basis]) if self.given is None else self.given
        return np.where(idle, ties, 0.0)

    @cached_property
    def heights(self) -> tuple[Array, NDArray[np.int64]]:
        """Each residual just after t: its leading term, and the order of that term: 0 value, 1 rate, 2 tie."""
        order = np.where(self.residuals != 0, 0, np.where(self.residual_rates != 0, 1, 2))
        return np.choose(order, [self.residuals, self.residual_rates, self.ties]), order

    @cached_property
    def theta(self) -> Array:
        """The dual at t: the bound that its residual's sign names; on the basis what makes X' theta = 0."""
        rows = self.place.rows
        theta = np.where(self.heights[0] > 0, rows.high, rows.low)
        theta[self.basis] = 0.0
        theta[self.basis] = -(theta @ self.place.X) @ self.inverse
        return theta

    @cached_property
    def slack(self) -> Array:
        """How far off by rounding the basis dual can be."""
        size = float(np.abs(self.theta) @ self.place.X_size)
        result: Array = ROUNDING * size * np.abs(self.inverse).sum(0)
        return result

    @cached_property
    def dual_rates(self) -> Array:
        """d theta_B / d kappa = - theta_k h."""
        pull = float(self.theta[self.place.rows.moving].sum())
        size = self.place.rows.dx_size + np.abs(self.turn) @ self.place.X_size[self.basis]
        doubt = ROUNDING * abs(pull) * size * np.abs(self.inverse).sum(0)
        if self.position is not None:
            doubt = doubt + self.slack[self.position] * np.abs(self.turn)
        return snapped(-pull * self.turn, doubt)

    @cached_property
    def room(self) -> tuple[Array, Array]:
        """How far the basis dual is above its lower and below its upper bound; 0 within rounding."""
        dual, rows = self.theta[self.basis], self.place.rows
        below, above = dual - rows.low[self.basis], rows.high[self.basis] - dual
        return snapped(below, self.slack), snapped(above, self.slack)

    @cached_property
    def excess(self) -> tuple[Array, Array]:
        """How far the basis dual is outside its bounds, and how fast it leaves where it is at one; upwards positive."""
        below, above = self.room
        now = np.where(above < 0, -above, np.where(below < 0, below, 0.0))
        leaves = ((above == 0) & (self.dual_rates > 0)) | ((below == 0) & (self.dual_rates < 0))
        return now, np.where(leaves, self.dual_rates, 0.0)

    @cached_property
    def leaving(self) -> int | None:
        """The place in the basis whose dual is outside, or will be just after t; None where there is none."""
        for outside in self.excess:
            if outside.any():
                return int(np.argmax(np.abs(outside)))
        return None

    @cached_property
    def entering(self) -> int | None:
        """The row at which the objective, just after t, stops falling as the leaving row is let go.

        None where there is none, or none with which the basis is regular at t.
        """
        assert self.leaving is not None
        now, soon = (float(outside[self.leaving]) for outside in self.excess)
        direction, flat = self._direction(np.sign(now or soon))
        order = self._crossed(direction, flat)
        gain = (np.abs(direction) * (self.place.rows.high - self.place.rows.low))[order]
        total, slow = np.cumsum(np.where(flat[order], 0.0, gain)), np.cumsum(np.where(flat[order], gain, 0.0))
        enough = total >= abs(now) * (1.0 - ROUNDING) if now else (total > 0) | (slow >= abs(soon) * (1.0 - ROUNDING))
        stops = np.flatnonzero(enough & ~flat[order])
        regular = len(stops) and (now or stops[0] == np.argmax(enough))
        return int(order[stops[0]]) if regular else None

    def _direction(self, sign: float) -> tuple[Array, Mask]:
        """How residuals change along the edge on which the leaving row's grows to that sign: value, or rate if flat."""
        assert self.leaving is not None
        value = self.place.edge(self.inverse, self.basis, self.leaving)
        turn = float(self.turn[self.leaving])
        rate = np.where(self.place.rows.moving, turn, 0.0) if self.position is None else -turn * self.sway
        rate[self.basis] = 0.0
        return sign * np.where(value != 0, value, rate), value == 0

    def _crossed(self, direction: Array, flat: Mask) -> Rows:
        """The rows that are crossed along an edge, in order: the time is of order (residual's - direction's)."""
        height, order = self.heights
        counts = (height * direction < 0) & self.place.rows.counts & ~(flat & (order == 0))
        crossed = np.flatnonzero(counts)
        time = np.abs(height[crossed] / direction[crossed])
        result: Rows = crossed[np.lexsort((time, flat[crossed].astype(int) - order[crossed]))]
        return result

    @property
    def unique(self) -> bool:
        """Whether the basis dual is strictly inside its bounds just after t."""
        below, above = self.room
        return not ((np.minimum(below, above) == 0) & (self.dual_rates == 0)).any()

    @property
    def end(self) -> float:
        """Where the next residual or dual reaches its bound, or the basis loses its rank; infinite if nowhere."""
        counts = (self.residuals * self.residual_rates < 0) & self.place.rows.counts
        crossing = -self.residuals[counts] / self.residual_rates[counts]
        (below, above), rates = self.room, self.dual_rates
        reached = np.where(rates > 0, above, below)[rates != 0] / np.abs(rates[rates != 0])
        kappa = min(crossing.min(initial=np.inf), reached.min(initial=np.inf))
        if kappa < np.inf and kappa * self.bend < 1.0:
            return self.place.t + float(kappa / (1.0 - kappa * self.bend))
        return self.place.t - 1.0 / self.bend if self.bend < 0 else np.inf


@dataclass(frozen=True)
class Stretch:
    """A basis from a place to the end of its interval."""

    first: Germ
    middle: Germ
    end: float
    """At most the stop of the path."""

    @classmethod
    def of(cls, first: Germ, stop: float) -> Stretch | None:
        """None where the basis turns out not to be optimal in the middle: the germ was too near a loss of rank."""
        start, end = first.place.t, min(first.end, stop)
        if end - start <= first.place.step:
            return cls(first, first, end)
        middle = Germ.of(first.place.rows.at(0.5 * (start + end)), first.basis, first.heights[0])
        if middle is None or middle.leaving is not None:
            return None
        if ((middle.heights[0] * first.heights[0] < 0) & first.place.rows.counts).any():
            return None
        return cls(first, middle, min(middle.end, stop))

    @property
    def short(self) -> bool:
        """Whether its ends cannot be told apart."""
        return self.middle is self.first

    def leap(self, after: Stretch) -> tuple[Array, Array] | None:
        """The coefficients before and after the end, the former infinite where the basis loses its rank on the way.

        None where they differ by rounding only.
        """
        place, new, middle = after.first.place, after.first, self.middle
        old = Germ.of(place, middle.basis)
        if old is None or 1.0 + (place.t - middle.place.t) * middle.bend <= 0:
            if middle.rate.any():
                return np.full_like(new.coef, np.inf), new.coef
            old = middle
        shift = np.abs(place.X @ (new.coef - old.coef))
        return (old.coef, new.coef) if (shift > old.zero + new.zero).any() else None


def snapped(values: Array, rounding: Array) -> Array:
    """0 where a value is not more than its rounding.

    >>> snapped(np.array([1e-17, -2.0]), np.array([1e-15, 1e-15]))
    array([ 0., -2.])
    """
    return np.where(np.abs(values) > rounding, values, 0.0)


def recombination(X: Array) -> Array:
    """T such that the columns of X T are orthonormal where every row is first brought to a common size.

    >>> recombination(np.array([[1.0, 0.0], [0.0, 1e6]]))
    array([[2.e+00, 0.e+00],
           [0.e+00, 2.e-06]])
    """
    typical = np.abs(X).mean(-2)
    size = (np.abs(X) / np.where(typical > 0, typical, 1.0)).max(-1, keepdims=True)
    return linalg.span(X / np.where(size > 0, size, 1.0))[1]


def inverted(matrix: Array) -> Array | None:
    """The inverse; None where the matrix is singular to rounding, in whatever units its rows are.

    >>> inverted(np.array([[1.0, 1.0], [1.0, 1.0 + 1e-12]])) is None
    True
    """
    try:
        inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    condition = (np.abs(inverse) * np.abs(matrix).T).sum(-1).max()
    return inverse if condition < MAX_CONDITION else None

"""The exact side of MAE and quantile: bases, their duals, and pivots from one to the next.

A piecewise linear loss is least at a vertex: a coefficient vector that passes exactly through p rows, the basis. Its
dual theta has X' theta = 0 and low_i <= theta_i <= high_i; sum theta_i r_i is then a lower bound of the objective, and
equals it exactly at an optimum. Everything here works on a batch with one axis: X `(B, n, p)`, y `(B, n)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Loss, Polyhedral
from robustfit.penalties.base import PolyhedralPenalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem

Rows = NDArray[np.int64]
NEAREST = 2000
"""How many rows next to the surface are looked at exactly when there are very many."""

CANDIDATES = 4
"""How many times p rows next to the surface a basis is looked for in."""

DEPENDENT = 1e-16
"""What may be left of a row's square when others are taken out of it, if it is a sum of those."""

CROSSINGS = 16
"""How many of the first crossings of an edge are sorted; of all where these do not reach the bottom."""

DUAL_TOLERANCE = 1e-11
"""How far a dual may leave its interval, relative to the interval: rounding of the p x p systems."""


@dataclass(frozen=True)
class Kinked:
    """Minimise over b the sum of max(low_i r_i, high_i r_i) - pull b, r = y - X b: every row has one kink, at 0."""

    X: Array
    y: Array
    low: Array
    high: Array
    pull: Array = field(default_factory=lambda: np.zeros(()))
    """What rows whose signs are known add up to: X' theta of rows that are not here, `(B, p)`; mostly 0."""

    @classmethod
    def of(cls, problem: Problem) -> Kinked:
        """A polyhedral problem with one batch axis; a loss of K pieces counts every row K - 1 times, once per kink."""
        slopes, kinks = _kinks(problem.loss)
        weight = problem.shares / problem.unit
        copies = range(len(kinks))
        if isinstance(problem.penalty, PolyhedralPenalty) and problem.penalty.price:
            return cls.of(replace(problem, penalty=NoPenalty()))._with_prices(problem)
        low = np.concatenate([weight * (slopes[0] if k == 0 else 0.0) for k in copies], -1)
        high = np.concatenate([weight * (slopes[k + 1] - (slopes[k] if k else 0.0)) for k in copies], -1)
        if len(kinks) == 1 and kinks[0] == 0.0:
            return cls(problem.X, problem.y, low, high)
        X = np.concatenate([problem.X for _ in copies], -2)
        return cls(X, np.concatenate([problem.y - kink * problem.unit for kink in kinks], -1), low, high)

    def _with_prices(self, problem: Problem) -> Kinked:
        """One more row per slope: a residual of 0 - b_j that costs the penalty's price either way."""
        p = problem.X.shape[-1]
        unit = np.broadcast_to(np.eye(p)[int(problem.intercept) :], (len(self.y), p - problem.intercept, p))
        price = np.full(unit.shape[:-1], problem.penalty.price)  # type: ignore[attr-defined]
        X, y = np.concatenate([self.X, unit], -2), np.concatenate([self.y, 0.0 * price], -1)
        return Kinked(X, y, np.concatenate([self.low, -price], -1), np.concatenate([self.high, price], -1))

    def residuals(self, coef: Array) -> Array:
        """y - X b."""
        return self.y - linalg.apply(self.X, coef)

    def objective(self, coef: Array) -> Array:
        """Sum of max(low r, high r) - pull b: the problem's objective up to a constant."""
        return self.objective_at(self.residuals(coef), coef)

    def objective_at(self, r: Array, coef: Array) -> Array:
        """The objective where the residuals are known already."""
        result: Array = np.maximum(self.low * r, self.high * r).sum(-1) - (self.pull * coef).sum(-1)
        return result

    def take(self, index: Mask | Rows) -> Kinked:
        """Some members of the batch; nothing is copied where there is only one to take."""
        if len(self.y) == 1 and len(index) == 1:
            return self
        pull = self.pull[index] if self.pull.ndim else self.pull
        return Kinked(self.X[index], self.y[index], self.low[index], self.high[index], pull)

    def globbed(self, kept: Rows, upper: Mask) -> Kinked:
        """The problem of one member with only some rows kept, the others on the upper or lower side for good."""
        theta = np.where(upper, self.high, self.low)
        theta[0, kept] = 0.0
        pull = self.pull + linalg.adjoint(self.X, theta)
        return Kinked(linalg.double(self.X[:, kept]), self.y[:, kept], self.low[:, kept], self.high[:, kept], pull)


def _kinks(loss: Loss) -> tuple[list[float], list[float]]:
    """The rising slopes of a loss and the places between them where it bends."""
    if not isinstance(loss, Polyhedral):
        raise Incompatible(f"a vertex needs a PolyhedralLoss; {loss} is not one")
    pieces = sorted(loss.pieces)
    kinks = [(b - d) / (c - a) for (a, b), (c, d) in zip(pieces[:-1], pieces[1:], strict=True)]
    return [a for a, _ in pieces], kinks


@dataclass(frozen=True)
class Vertex:
    """A basis with what follows from it; arrays `(B, ...)`."""

    basis: Rows
    coef: Array
    theta: Array
    """The dual of the basis, `(B, n)`: X' theta = 0; outside its interval on some basis row unless optimal."""
    optimal: Mask
    pivots: NDArray[np.int64]


def nearest_basis(rows: Kinked, coef: Array) -> Rows:
    """p independent rows with small residuals, `(B, p)`: pivoted orthogonalisation of the rows over their residuals.

    Looked for among the CANDIDATES p nearest rows first; among all of them where those are dependent.
    """
    size = np.abs(rows.residuals(coef))
    typical = size.mean(-1, keepdims=True)
    closeness = 1.0 / (size / np.where(typical > 0, typical, 1.0) + 1e-6)
    X = rows.X / linalg.column_norms(rows.X)[..., None, :]
    few = CANDIDATES * X.shape[-1]
    if few >= X.shape[-2]:
        return _independent(X * closeness[..., None])[0]
    near, member = np.argpartition(size, few, -1)[:, :few], np.arange(len(size))[:, None]
    picked, sound = _independent(X[member, near] * closeness[member, near][..., None])
    basis: Rows = near[member, picked]
    if not sound.all():
        basis[~sound] = _independent(X[~sound] * closeness[~sound][..., None])[0]
    return basis


def _independent(rows: Array) -> tuple[Rows, Mask]:
    """p long and independent rows, `(B, p)`, and whether there were as many."""
    left, member, chosen = rows, np.arange(len(rows)), []
    sizes, sound = np.square(rows).sum(-1), np.ones(len(rows), dtype=bool)
    for _ in range(rows.shape[-1]):
        norms = np.square(left).sum(-1)
        pick = np.argmax(norms, -1)
        chosen.append(pick)
        sound &= norms[member, pick] > DEPENDENT * sizes[member, pick]
        row = left[member, pick]
        direction = row / linalg.column_norms(row[..., None])
        left = left - linalg.apply(left, direction)[..., None] * direction[..., None, :]
        left[member, pick] = 0.0
    return np.stack(chosen, -1), sound


def settle(rows: Kinked, coef: Array, max_pivots: int) -> Vertex:
    """The optimal vertex nearest to some coefficients: by pivots, of many rows among the nearest ones only.

    Rows far from the surface keep their sign and are globbed into their sum; what changes sign after all joins the
    nearest rows (Portnoy & Koenker 1997, Statist. Sci. 12, 279-300). So the answer is exact whatever the start.
    """
    if rows.X.shape[-2] <= 2 * NEAREST:
        return optimise(rows, nearest_basis(rows, coef), max_pivots)
    one = [_settled(rows.take(np.array([i])), coef[i : i + 1], max_pivots) for i in range(len(coef))]
    return Vertex(*(np.concatenate([getattr(vertex, name) for vertex in one]) for name in Vertex.__dataclass_fields__))


def _settled(rows: Kinked, coef: Array, max_pivots: int) -> Vertex:
    """`settle` for one member."""
    count = n = rows.X.shape[-2]
    nearest = max(NEAREST, 60 * rows.X.shape[-1])
    r = rows.residuals(coef)
    kept = smallest(r[0], nearest)
    while count > 0:
        part = rows.globbed(kept, r > 0)
        vertex = optimise(part, nearest_basis(part, coef), max_pivots)
        if vertex.optimal[0]:
            after = rows.residuals(vertex.coef)
            crossed = np.flatnonzero((after[0] > 0) != (r[0] > 0))
            count = len(np.setdiff1d(crossed, kept, assume_unique=True))
            if count == 0:
                break
            r, coef = after, vertex.coef
        nearest = min(n, 2 * max(nearest, count))
        kept = smallest(r[0], nearest)
        if nearest == n:
            return optimise(rows, nearest_basis(rows, coef), max_pivots)
    theta = np.where(r > 0, rows.high, rows.low)
    theta[0, kept] = vertex.theta[0]
    return Vertex(kept[vertex.basis], vertex.coef, theta, vertex.optimal, vertex.pivots)


def smallest(r: Array, count: int) -> Rows:
    """The rows with the smallest residuals, in their order.

    >>> smallest(np.array([3.0, -1.0, 2.0]), 2)
    array([1, 2])
    """
    if count >= len(r):
        return np.arange(len(r))
    return np.sort(np.argpartition(np.abs(r), count)[:count])


def optimise(rows: Kinked, basis: Rows, max_pivots: int) -> Vertex:
    """Pivots from a basis to an optimal one, all members side by side; finished members leave the batch.

    Each pivot drops the basis row whose dual is farthest outside and walks along the edge to the weighted median of
    the crossings (Barrodale & Roberts 1973). Ties are broken as if every y had been moved by its own infinitesimal
    amount, so that pivots cannot cycle. Members that did not finish come back with `optimal` False.
    """
    basis = basis.copy()
    pivots = np.zeros(len(basis), dtype=np.int64)
    theta = np.zeros_like(rows.y)
    optimal = np.zeros(len(basis), dtype=bool)
    active, work = np.arange(len(basis)), _Work.of(rows, basis)
    for _ in range(max_pivots + 1):
        edge = _leaving(work, basis[active])
        theta[active], optimal[active] = edge.theta, edge.optimal
        going = ~edge.optimal & edge.sound
        if not going.any():
            break
        if not going.all():
            active, work, edge = active[going], work.take(going), edge.take(going)
        basis[active, edge.position] = _entering(work, edge)
        pivots[active] += 1
    return Vertex(basis, _coef(rows, basis)[0], theta, optimal, pivots)


@dataclass(frozen=True)
class _Work:
    """The rows of the members that still pivot, with what every pivot needs of them."""

    rows: Kinked
    width: Array
    """high - low, `(B, n)`."""
    slack: Array
    """How far a dual may be outside, `(B,)`."""
    y_size: Array
    x_size: Array
    """The rounding of a residual of 0 is y_size + x_size times how much `reach` has grown, `(B, n)`."""
    reach: Array
    """Size of the coefficients at the start, with the error of solving for them in units of eps, `(B, p)`."""

    @classmethod
    def of(cls, rows: Kinked, basis: Rows) -> _Work:
        width = rows.high - rows.low
        typical = np.abs(rows.y).mean(-1, keepdims=True) * np.sqrt(rows.y.shape[-1]) / linalg.column_norms(rows.X)
        reach = np.maximum(_reach(rows, basis, *_coef(rows, basis)), typical)
        unit = 4 * rows.X.shape[-1] * float(np.finfo(float).eps)
        x_size: Array = unit * linalg.apply(np.abs(rows.X), reach)
        return cls(rows, width, DUAL_TOLERANCE * width.max(-1), unit * np.abs(rows.y), x_size, reach)

    def take(self, index: Mask) -> _Work:
        arrays = (self.width, self.slack, self.y_size, self.x_size, self.reach)
        return _Work(self.rows.take(index), *(array[index] for array in arrays))

    def rounding(self, reach: Array) -> Array:
        """How large a residual of 0 can come out, `(B, n)`."""
        growth = reach / np.where(self.reach > 0, self.reach, 1.0)
        size: Array = self.y_size + self.x_size * growth.max(-1, keepdims=True)
        return size


@dataclass(frozen=True)
class _Edge:
    """Where a pivot starts: the dual of the basis and the basis row to drop."""

    residuals: Array
    """Residuals, exactly 0 on the basis and in ties."""
    ties: Array | None
    """The residuals of the infinitesimal moves, whose signs stand for those of residuals of 0; None without ties."""
    theta: Array
    optimal: Mask
    sound: Mask
    position: Rows
    violation: Array
    direction: Array
    """How each residual changes along the edge, `(B, n)`."""

    def take(self, index: Mask) -> _Edge:
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{name: part[index] for name, part in parts.items() if part is not None})


def _coef(rows: Kinked, basis: Rows) -> tuple[Array, Array]:
    """The coefficients through the basis rows and the inverse of those rows, NaN where they are dependent."""
    members = np.arange(len(basis))[:, None]
    inverse = _inverse(linalg.double(rows.X[members, basis]))
    coef = linalg.apply(inverse, rows.y[members, basis])
    # one step of refinement: the residuals on the basis are then zero to rounding
    left = rows.y[members, basis] - linalg.apply(rows.X[members, basis], coef)
    return coef + linalg.apply(inverse, left), inverse


def _reach(rows: Kinked, basis: Rows, coef: Array, inverse: Array) -> Array:
    """|b| plus the rounding of b (in units of eps) that solving for it on the basis can leave, `(B, p)`."""
    members = np.arange(len(basis))[:, None]
    size = np.abs(rows.y[members, basis]) + linalg.apply(np.abs(rows.X[members, basis]), np.abs(coef))
    reach: Array = np.abs(coef) + linalg.apply(np.abs(inverse), size)
    return reach


def _inverse(matrix: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(matrix, np.nan)
    return np.stack([_inverse(member) for member in matrix])


def _leaving(work: _Work, basis: Rows) -> _Edge:
    rows, members = work.rows, np.arange(len(basis))
    coef, inverse = _coef(rows, basis)
    r = rows.residuals(coef)
    r *= np.abs(r) > work.rounding(_reach(rows, basis, coef, inverse))
    on_basis = members[:, None], basis
    r[on_basis] = 0.0
    ties = _ties(rows, basis, inverse, r)
    upper = r > 0 if ties is None else (r > 0) | ((r == 0) & (ties > 0))
    theta = rows.low + work.width * upper
    theta[on_basis] = 0.0
    dual = -linalg.adjoint(inverse, linalg.adjoint(rows.X, theta) + rows.pull)
    theta[on_basis] = dual
    low, high = rows.low[on_basis], rows.high[on_basis]
    outside = np.maximum(dual - high, low - dual)
    position = np.argmax(outside, -1)
    violation = outside[members, position]
    sign = np.where(dual[members, position] > high[members, position], 1.0, -1.0)
    direction = linalg.apply(rows.X, sign[:, None] * inverse[members, :, position])
    direction[on_basis] = 0.0
    sound: Mask = np.asarray(np.isfinite(work.reach).all(-1) & np.isfinite(coef).all(-1) & np.isfinite(dual).all(-1))
    return _Edge(r, ties, theta, sound & (violation <= work.slack), sound, position, violation, direction)


def _ties(rows: Kinked, basis: Rows, inverse: Array, r: Array) -> Array | None:
    """What the residuals would be if y were the infinitesimal moves; None where no residual is tied."""
    if r.size - np.count_nonzero(r) <= basis.size:
        return None
    moves: Array = np.random.default_rng(20231).uniform(0.5, 1.0, size=(r.shape[-1],))
    return moves - linalg.apply(rows.X, linalg.apply(inverse, moves[basis]))


def _entering(work: _Work, edge: _Edge) -> Rows:
    """The row at which the objective stops falling along the edge: a weighted median of the crossings."""
    size = np.abs(edge.direction)
    steep = size > 1e-11 * size.max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        when = -edge.residuals / edge.direction
        crosses = (when > 0) & steep
        if edge.ties is not None:
            # tied residuals are crossed first, in the order of their infinitesimal moves: at negative "times"
            time = -edge.ties / edge.direction
            tied = (edge.residuals == 0) & (time > 0) & steep
            when, crosses = np.where(tied, -1.0 / (1.0 + time), when), crosses | tied
    when[~crosses] = np.inf
    gain, drop = size * work.width * crosses, edge.violation - work.slack
    entering, reached = _bottom(when, gain, drop, CROSSINGS)
    if not reached.all():
        entering[~reached] = _bottom(when[~reached], gain[~reached], drop[~reached], when.shape[-1])[0]
    return entering


def _bottom(when: Array, gain: Array, drop: Array, count: int) -> tuple[Rows, Mask]:
    """The crossing at which the gains add up to the drop, of the first `count`; and whether they do.

    Where they do not, it is the last crossing there is.
    """
    member = np.arange(len(when))[:, None]
    if count < when.shape[-1]:
        first = np.argpartition(when, count, -1)[:, :count]
        order = first[member, np.argsort(when[member, first], -1)]
    else:
        order = np.argsort(when, -1)
    slope = np.cumsum(gain[member, order], -1)
    short = slope < drop[:, None]
    stop = np.minimum(short.sum(-1), np.maximum(np.isfinite(when[member, order]).sum(-1) - 1, 0))
    entering: Rows = order[member[:, 0], stop]
    return entering, ~short[:, -1]

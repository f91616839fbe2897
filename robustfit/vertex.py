"""The exact side of MAE and quantile: bases, their duals, and pivots from one to the next.

A piecewise linear loss is least at a vertex: a coefficient vector that passes exactly through p rows, the basis. Its
dual theta has X' theta = 0 and low_i <= theta_i <= high_i; sum theta_i r_i is then a lower bound of the objective, and
equals it exactly at an optimum. Everything here works on a batch with one axis: X `(B, n, p)`, y `(B, n)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.linalg import Array, Mask
from robustfit.losses.base import PolyhedralLoss, ResidualLoss
from robustfit.problem import Problem

Rows = NDArray[np.int64]
DUAL_TOLERANCE = 1e-11
"""How far a dual may leave its interval, relative to the interval: rounding of the p x p systems."""


@dataclass(frozen=True)
class Kinked:
    """Minimise over b the sum of max(low_i r_i, high_i r_i), r = y - X b: every row has one kink, at 0."""

    X: Array
    y: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, problem: Problem) -> Kinked:
        """A polyhedral problem with one batch axis; a loss of K pieces counts every row K - 1 times, once per kink."""
        slopes, kinks = _kinks(problem.loss)
        weight = problem.shares / problem.unit
        copies = range(len(kinks))
        low = np.concatenate([weight * (slopes[0] if k == 0 else 0.0) for k in copies], -1)
        high = np.concatenate([weight * (slopes[k + 1] - (slopes[k] if k else 0.0)) for k in copies], -1)
        if len(kinks) == 1 and kinks[0] == 0.0:
            return cls(problem.X, problem.y, low, high)
        X = np.concatenate([problem.X for _ in copies], -2)
        return cls(X, np.concatenate([problem.y - kink * problem.unit for kink in kinks], -1), low, high)

    def residuals(self, coef: Array) -> Array:
        """y - X b."""
        return self.y - linalg.apply(self.X, coef)

    def objective(self, coef: Array) -> Array:
        """Sum of max(low r, high r): the problem's objective up to a constant."""
        r = self.residuals(coef)
        result: Array = np.maximum(self.low * r, self.high * r).sum(-1)
        return result

    def take(self, index: Mask | Rows) -> Kinked:
        """Some members of the batch."""
        return Kinked(self.X[index], self.y[index], self.low[index], self.high[index])

    def rounding(self, coef: Array) -> Array:
        """How large a residual of 0 can come out at these coefficients, `(B, n)`."""
        return 64 * np.finfo(float).eps * (np.abs(self.y) + linalg.apply(np.abs(self.X), np.abs(coef)))


def _kinks(loss: ResidualLoss) -> tuple[list[float], list[float]]:
    """The rising slopes of a loss and the places between them where it bends."""
    if not isinstance(loss, PolyhedralLoss):
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
    """p independent rows with small residuals, `(B, p)`: pivoted orthogonalisation of the rows over their residuals."""
    size = np.abs(rows.residuals(coef))
    typical = size.mean(-1, keepdims=True)
    closeness = 1.0 / (size / np.where(typical > 0, typical, 1.0) + 1e-6)
    left = rows.X / linalg.column_norms(rows.X)[..., None, :] * closeness[..., None]
    chosen = []
    for _ in range(rows.X.shape[-1]):
        norms = np.square(left).sum(-1)
        pick = np.argmax(norms, -1)
        chosen.append(pick)
        row = _row(left, pick)
        direction = row / linalg.column_norms(row[..., None])
        left = left - linalg.apply(left, direction)[..., None] * direction[..., None, :]
        np.put_along_axis(left, pick[..., None, None], 0.0, -2)
    return np.stack(chosen, -1)


def _row(X: Array, index: Rows) -> Array:
    result: Array = np.take_along_axis(X, index[..., None, None], -2)[..., 0, :]
    return result


def optimise(rows: Kinked, basis: Rows, max_pivots: int) -> Vertex:
    """Pivots from a basis to an optimal one, all members side by side; finished members leave the batch.

    Each pivot drops the basis row whose dual is farthest outside and walks along the edge to the weighted median of
    the crossings (Barrodale & Roberts 1973). Ties are broken as if every y had been moved by its own infinitesimal
    amount, so that pivots cannot cycle. Members that did not finish come back with `optimal` False.
    """
    basis = basis.copy()
    # a row's own rounding, or that of a typical row, which it meets through the coefficients
    zero = np.median(rows.rounding(_coef(rows, basis)[0]), -1, keepdims=True)
    pivots = np.zeros(len(basis), dtype=np.int64)
    theta = np.zeros_like(rows.y)
    optimal = np.zeros(len(basis), dtype=bool)
    active, work = np.arange(len(basis)), rows
    for _ in range(max_pivots + 1):
        edge = _leaving(work, basis[active], zero)
        theta[active], optimal[active] = edge.theta, edge.optimal
        going = ~edge.optimal & edge.sound
        if not going.any():
            break
        if not going.all():
            active, work, edge, zero = active[going], work.take(going), edge.take(going), zero[going]
        basis[active, edge.position] = _entering(work, edge)
        pivots[active] += 1
    return Vertex(basis, _coef(rows, basis)[0], theta, optimal, pivots)


@dataclass(frozen=True)
class _Edge:
    """Where a pivot starts: the dual of the basis and the basis row to drop."""

    residuals: Array
    """Residuals, exactly 0 on the basis and in ties."""
    ties: Array
    """The residuals of the infinitesimal moves: their signs stand for those of residuals of 0."""
    theta: Array
    optimal: Mask
    sound: Mask
    position: Rows
    violation: Array
    direction: Array
    """How each residual changes along the edge, `(B, n)`."""

    def take(self, index: Mask) -> _Edge:
        return _Edge(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def _coef(rows: Kinked, basis: Rows) -> tuple[Array, Array]:
    """The coefficients through the basis rows and the inverse of those rows, NaN where they are dependent."""
    members = np.arange(len(basis))[:, None]
    inverse = _inverse(rows.X[members, basis])
    coef = linalg.apply(inverse, rows.y[members, basis])
    # one step of refinement: the residuals on the basis are then zero to rounding
    left = rows.y[members, basis] - linalg.apply(rows.X[members, basis], coef)
    return coef + linalg.apply(inverse, left), inverse


def _inverse(matrix: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(matrix, np.nan)
    return np.stack([_inverse(member) for member in matrix])


def _leaving(rows: Kinked, basis: Rows, zero: Array) -> _Edge:
    members = np.arange(len(basis))
    coef, inverse = _coef(rows, basis)
    r = rows.residuals(coef)
    r[np.abs(r) <= np.maximum(zero, rows.rounding(coef))] = 0.0
    np.put_along_axis(r, basis, 0.0, -1)
    ties = _ties(rows, basis, inverse, r)
    theta = np.where((r > 0) | ((r == 0) & (ties > 0)), rows.high, rows.low)
    np.put_along_axis(theta, basis, 0.0, -1)
    dual = -linalg.adjoint(inverse, linalg.adjoint(rows.X, theta))
    np.put_along_axis(theta, basis, dual, -1)
    low, high = (np.take_along_axis(bound, basis, -1) for bound in (rows.low, rows.high))
    outside = np.maximum(dual - high, low - dual)
    position = np.argmax(outside, -1)
    violation = outside[members, position]
    sign = np.where(dual[members, position] > high[members, position], 1.0, -1.0)
    direction = sign[:, None] * linalg.apply(rows.X, inverse[members, :, position])
    np.put_along_axis(direction, basis, 0.0, -1)
    sound: Mask = np.asarray(np.isfinite(coef).all(-1) & np.isfinite(dual).all(-1))
    return _Edge(r, ties, theta, sound & (violation <= _slack(rows)), sound, position, violation, direction)


def _slack(rows: Kinked) -> Array:
    result: Array = DUAL_TOLERANCE * (rows.high - rows.low).max(-1)
    return result


def _ties(rows: Kinked, basis: Rows, inverse: Array, r: Array) -> Array:
    """What the residuals would be if y were the infinitesimal moves, 0 everywhere where no residual is tied."""
    if ((r == 0).sum(-1) <= basis.shape[-1]).all():
        return np.zeros_like(r)
    moves: Array = np.random.default_rng(20231).uniform(0.5, 1.0, size=(r.shape[-1],))
    return moves - linalg.apply(rows.X, linalg.apply(inverse, moves[basis]))


def _entering(rows: Kinked, edge: _Edge) -> Rows:
    """The row at which the objective stops falling along the edge: a weighted median of the crossings.

    Tied residuals are crossed first, in the order of their infinitesimal moves: at negative "times".
    """
    d = edge.direction
    tied = edge.residuals == 0
    r = np.where(tied, edge.ties, edge.residuals)
    steep = np.abs(d) > 1e-11 * np.abs(d).max(-1, keepdims=True)
    crosses = (np.sign(r) * np.sign(d) < 0) & steep
    time = np.where(crosses, -r / np.where(crosses, d, 1.0), np.inf)
    when = np.where(tied & crosses, -1.0 / (1.0 + time), time)
    order = np.argsort(when, -1)
    gain = np.where(crosses, np.abs(d) * (rows.high - rows.low), 0.0)
    slope = np.cumsum(np.take_along_axis(gain, order, -1), -1) - edge.violation[:, None]
    stop = np.minimum((slope < -_slack(rows)[:, None]).sum(-1), crosses.sum(-1) - 1)
    entering: Rows = np.take_along_axis(order, np.maximum(stop, 0)[:, None], -1)[:, 0]
    return entering

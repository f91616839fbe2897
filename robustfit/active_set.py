"""Piecewise linear losses with a ridge penalty, exactly: a quadratic program whose active set smoothing finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit import linalg
from robustfit.linalg import Array, Mask
from robustfit.problem import CHUNK_ENTRIES
from robustfit.vertex import Kinked, Rows

MOST_BANDS = 60
"""How often the band is narrowed: each time by a factor of 0.3."""

NEWTON_STEPS = 30
"""The most Newton steps in one band."""

PATIENCE = 8
"""After how many bands more rows are tried than an optimum in general position has: with ties they stay many."""

BALANCE = 1e-11
"""How far X' theta may be from ridge b, relative to the sizes of its terms."""

MOST_ACTIVE = 2000
"""The most rows that are tried: the system that they make is as large."""

SETTLED = 1e-9
"""Residuals below this part of the mean one are 0 if the coefficients are optimal already."""

ROUNDING = 1e-13
"""So are those below this part of the terms that they are differences of: all may be 0."""


@dataclass(frozen=True)
class RidgeFit:
    """Minimisers `(B, p)` and their duals `(B, n)`, X' theta = ridge b; Newton steps, and whether they are exact."""

    coef: Array
    theta: Array
    steps: Rows
    optimal: Mask


def ridge_fit(rows: Kinked, coef: Array, ridge: Array) -> RidgeFit:
    """Minimise the sum of max(low r, high r) plus half the sum of ridge_j b_j^2, of a batch with one axis.

    Newton on the loss with its kinks rounded off over a band; the rows inside are a guess of those whose residual is 0
    at the optimum, and one linear system says whether the guess is right.

    Reference: Madsen & Nielsen (1993), SIAM J. Optim. 3, 223-235.

    >>> rows = Kinked(np.ones((1, 1, 1)), np.array([[2.0]]), np.array([[-1.0]]), np.array([[1.0]]))
    >>> ridge_fit(rows, np.zeros((1, 1)), np.array([[1.0]])).coef  # min abs(2 - b) + b^2 / 2
    array([[1.]])
    """
    found = _Search.at(rows, coef, ridge)
    terms = np.abs(rows.y) + linalg.apply(np.abs(rows.X), np.abs(coef))
    found.settle(SETTLED * found.size.mean(-1) + ROUNDING * terms.mean(-1))  # optimal already?
    band = found.size.max(-1, initial=0.0)
    for narrowing in range(MOST_BANDS):
        if not found.left.any():
            break
        found.smooth(band)
        found.settle(band, MOST_ACTIVE if narrowing % PATIENCE == PATIENCE - 1 else 2 * coef.shape[-1])
        found.left &= band > 0
        band = 0.3 * band
    return found.result(band)


@dataclass
class _Search:
    """The state of one batch: members whose optimum is found are no longer left."""

    rows: Kinked
    coef: Array
    ridge: Array
    size: Array
    """The sizes of the residuals at the start."""
    theta: Array
    steps: Rows
    left: Mask

    @classmethod
    def at(cls, rows: Kinked, coef: Array, ridge: Array) -> _Search:
        size = np.abs(rows.residuals(coef))
        steps, left = np.zeros(len(coef), dtype=np.int64), np.asarray(np.isfinite(size).all(-1))
        return cls(rows, coef.copy(), ridge, size, np.full_like(size, np.nan), steps, left)

    def smooth(self, band: Array) -> None:
        """The members that are left move to the least of their smoothed losses."""
        index = np.flatnonzero(self.left & (band > 0))
        if len(index):
            some, ridge, width = self.rows.take(index), self.ridge[index], band[index][:, None]
            self.coef[index], steps = _smoothed(some, self.coef[index], ridge, width)
            self.steps[index] += steps

    def settle(self, band: Array, most: int = MOST_ACTIVE) -> None:
        """Try the rows in the band as those with residual 0, of the members that have at most so many there."""
        near = (np.abs(self.rows.residuals(self.coef)) < band[:, None]).sum(-1)
        for i in np.flatnonzero(self.left & (near <= most)):
            found = _exact(self.rows.take(np.array([i])), self.coef[i], self.ridge[i], float(band[i]))
            if found is not None:
                self.coef[i], self.theta[i], self.left[i] = *found, False

    def result(self, band: Array) -> RidgeFit:
        """What was found; of the members that are left the last of the smoothed fits."""
        known = np.asarray(np.isfinite(self.theta).all(-1))
        lost = np.asarray(~known & np.isfinite(self.size).all(-1))
        if lost.any():
            width = np.maximum(band[lost], np.finfo(float).tiny)[:, None]
            some = self.rows.take(lost)
            self.theta[lost] = _theta(some, some.residuals(self.coef[lost]), width)
        return RidgeFit(self.coef, self.theta, self.steps, known)


def _theta(rows: Kinked, r: Array, band: Array) -> Array:
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    return np.clip(middle + half * r / band, rows.low, rows.high)


def _smoothed(rows: Kinked, coef: Array, ridge: Array, band: Array) -> tuple[Array, Rows]:
    """Newton steps of each member on the loss rounded off over its band, `(B, 1)`, and how many there were."""
    taken, going = np.zeros(len(coef), dtype=np.int64), np.ones(len(coef), dtype=bool)
    for _ in range(NEWTON_STEPS):
        index = np.flatnonzero(going)
        if not len(index):
            break
        some, at, price, width = rows.take(index), coef[index], ridge[index], band[index]
        step, gain, before = _step(some, at, price, width)
        coef[index] = at + _halved(some, at, step, before, price, width)
        taken[index] += 1
        going[index] = gain > 1e-15 * before
    return coef, taken


def _step(rows: Kinked, coef: Array, ridge: Array, band: Array) -> tuple[Array, Array, Array]:
    """Newton's step on the smoothed loss, twice what it predicts to gain, and the objective before it.

    Where no row bends the loss, the reweighted step, whose parabolas touch the loss: nothing else moves an intercept.
    """
    r = rows.residuals(coef)
    inside = np.abs(r) < band
    counts = inside | ~inside.any(-1, keepdims=True)
    half = np.where(counts, 0.5 * (rows.high - rows.low) / np.maximum(np.abs(r), band), 0.0)
    pull = linalg.adjoint(rows.X, _theta(rows, r, band)) - ridge * coef
    step = linalg.solve(_bent(rows.X, half) + ridge[:, None, :] * np.eye(coef.shape[-1]), pull)
    return step, (pull * step).sum(-1), _value(rows, coef, ridge, band)


def _bent(X: Array, half: Array) -> Array:
    """X' diag(half) X; of many rows only those that bend are looked at, whoever else is in the batch."""
    if X[0].size <= CHUNK_ENTRIES:
        return linalg.gram(X, half)
    return np.stack([linalg.gram(x[weight > 0], weight[weight > 0]) for x, weight in zip(X, half, strict=True)])


def _halved(rows: Kinked, coef: Array, step: Array, before: Array, ridge: Array, band: Array) -> Array:
    """The steps, halved while they ascend; 0 where they get lost in rounding."""
    while True:
        bad = (_value(rows, coef + step, ridge, band) > before) & step.any(-1)
        if not bad.any():
            return step
        tiny = np.abs(step).max(-1) <= 1e-14 * np.abs(coef).max(-1)
        step = np.where(bad[:, None], np.where(tiny[:, None], 0.0, 0.5 * step), step)


def _value(rows: Kinked, coef: Array, ridge: Array, band: Array) -> Array:
    """The smoothed objective: sup over theta of theta r - band (theta - middle)^2 / (2 half), plus the ridge's part."""
    r = rows.residuals(coef)
    theta, half, middle = _theta(rows, r, band), 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    smooth = theta * r - 0.5 * band * np.square(theta - middle) / np.where(half > 0, half, 1.0)
    value: Array = smooth.sum(-1) + 0.5 * (ridge * np.square(coef)).sum(-1)
    return value


def _exact(rows: Kinked, coef: Array, ridge: Array, band: float) -> tuple[Array, Array] | None:
    """The optimum nearest to some coefficients, if the rows in the band are those with residual 0 there; else None."""
    X, low, high, r = rows.X[0], rows.low[0], rows.high[0], rows.residuals(coef[None])[0]
    active, upper = np.abs(r) < band, r > 0
    theta = np.where(active, 0.0, np.where(upper, high, low))
    move, theta[active] = _kkt(X[active], X.T @ theta - ridge * coef, r[active], ridge)
    found = coef + move
    size = np.abs(rows.y[0]) + np.abs(X) @ np.abs(found)
    after, slack = rows.y[0] - X @ found, 1e-11 * (high - low)
    sided = np.where(active, -np.abs(after), np.where(upper, after, -after)) >= -1e-12 * size
    within = (theta >= low - slack) & (theta <= high + slack)
    terms = np.abs(X).T @ np.abs(theta) + ridge * np.abs(found)
    balanced = np.abs(X.T @ theta - ridge * found) <= BALANCE * terms  # too few rows cannot hold an unpenalised one
    return (found, np.clip(theta, low, high)) if sided.all() and within.all() and balanced.all() else None


def _kkt(X: Array, pull: Array, r: Array, ridge: Array) -> tuple[Array, Array]:
    """The smallest move d and the theta of the active rows with ridge d = pull + X' theta and X d = r."""
    count, p = X.shape
    system = np.zeros((p + count, p + count))
    system[:p, :p], system[:p, p:], system[p:, :p] = np.diag(ridge), -X.T, X
    unit = np.concatenate([linalg.column_norms(X), np.ones(count)])
    solution = np.linalg.lstsq(system / unit, np.concatenate([pull, r]), rcond=None)[0] / unit
    return solution[:p], solution[p:]

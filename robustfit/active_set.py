"""Piecewise linear losses with a ridge penalty, exactly: a quadratic program whose active set smoothing finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit import linalg
from robustfit.linalg import Array
from robustfit.vertex import Kinked

MOST_BANDS = 60
"""How often the band is narrowed: each time by a factor of 0.3."""

NEWTON_STEPS = 30
"""The most Newton steps in one band."""


SETTLED = 1e-9
"""Residuals below this part of the mean one are 0 if the coefficients are optimal already."""

ROUNDING = 1e-13
"""So are those below this part of the terms that they are differences of: all may be 0."""


@dataclass(frozen=True)
class RidgeFit:
    """The minimiser of one problem and its dual: X' theta = ridge b."""

    coef: Array
    theta: Array
    steps: int
    optimal: bool


def ridge_fit(rows: Kinked, coef: Array, ridge: Array) -> RidgeFit:
    """Minimise the sum of max(low r, high r) plus half the sum of ridge_j b_j^2, of one member.

    Newton on the loss with its kinks rounded off over a band; the rows inside are a guess of those whose residual is 0
    at the optimum, and one linear system says whether the guess is right. All arrays of a batch of one.

    Reference: Madsen & Nielsen (1993), SIAM J. Optim. 3, 223-235.

    >>> rows = Kinked(np.ones((1, 1, 1)), np.array([[2.0]]), np.array([[-1.0]]), np.array([[1.0]]))
    >>> ridge_fit(rows, np.zeros((1, 1)), np.array([1.0])).coef  # min abs(2 - b) + b^2 / 2
    array([[1.]])
    """
    size = np.abs(rows.residuals(coef))
    if not np.isfinite(size).all():
        return RidgeFit(coef, np.full_like(size, np.nan), 0, False)
    band, steps, found = float(size.max()), 0, None
    terms = np.abs(rows.y) + linalg.apply(np.abs(rows.X), np.abs(coef))
    near = SETTLED * float(size.mean()) + ROUNDING * float(terms.mean())
    if (settled := _exact(rows, coef[0], ridge, near)) is not None:
        return RidgeFit(settled[0][None], settled[1][None], 0, True)
    for _ in range(MOST_BANDS):
        coef, taken = _smoothed(rows, coef, ridge, band)
        steps += taken
        found = _exact(rows, coef[0], ridge, band)
        if found is not None or band == 0:
            break
        band *= 0.3
    if found is None:
        return RidgeFit(coef, _theta(rows, coef, max(band, np.finfo(float).tiny)), steps, False)
    return RidgeFit(found[0][None], found[1][None], steps, True)


def _theta(rows: Kinked, coef: Array, band: float) -> Array:
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    return np.clip(middle + half * rows.residuals(coef) / band, rows.low, rows.high)


def _smoothed(rows: Kinked, coef: Array, ridge: Array, band: float) -> tuple[Array, int]:
    """Newton steps, halved while they ascend, on the loss rounded off over a band; and how many there were."""
    if band == 0:
        return coef, 0
    for step in range(NEWTON_STEPS):
        inside = np.abs(rows.residuals(coef))[0] < band
        half = 0.5 * (rows.high - rows.low)[:, inside] / band
        pull = linalg.adjoint(rows.X, _theta(rows, coef, band)) - ridge * coef
        move = linalg.solve(linalg.gram(rows.X[:, inside], half) + np.diag(ridge), pull)
        gain = float((pull * move).sum())
        before = _value(rows, coef, ridge, band)
        while _value(rows, coef + move, ridge, band) > before and np.abs(move).max() > 0:
            move = 0.5 * move if np.abs(move).max() > 1e-14 * np.abs(coef).max() else 0.0 * move
        coef = coef + move
        if gain <= 1e-15 * before:
            return coef, step + 1
    return coef, NEWTON_STEPS


def _value(rows: Kinked, coef: Array, ridge: Array, band: float) -> float:
    """The smoothed objective: sup over theta of theta r - band (theta - middle)^2 / (2 half), plus the ridge's part."""
    theta, r = _theta(rows, coef, band), rows.residuals(coef)
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    smooth = theta * r - 0.5 * band * np.square(theta - middle) / np.where(half > 0, half, 1.0)
    return float(smooth.sum() + 0.5 * (ridge * coef**2).sum())


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
    return (found, np.clip(theta, low, high)) if sided.all() and within.all() else None


def _kkt(X: Array, pull: Array, r: Array, ridge: Array) -> tuple[Array, Array]:
    """The smallest move d and the theta of the active rows with ridge d = pull + X' theta and X d = r."""
    count, p = X.shape
    system = np.zeros((p + count, p + count))
    system[:p, :p], system[:p, p:], system[p:, :p] = np.diag(ridge), -X.T, X
    unit = np.concatenate([linalg.column_norms(X), np.ones(count)])
    solution = np.linalg.lstsq(system / unit, np.concatenate([pull, r]), rcond=None)[0] / unit
    return solution[:p], solution[p:]

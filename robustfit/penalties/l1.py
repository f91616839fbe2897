"""The lasso penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array, Mask, apply, solve_regular
from robustfit.parameters import parameter
from robustfit.penalties.base import PolyhedralPenalty

SWEEPS = 500
"""The most sweeps of coordinate descent: where signs do not settle in these, the step is rough and another follows."""


@dataclass(frozen=True)
class L1(PolyhedralPenalty):
    """Lasso: alpha times the sum of absolute slopes; some slopes become exactly 0.

    alpha > 0. Reference: Tibshirani (1996), JRSS B 58, 267-288.

    >>> L1(alpha=2.0).value(np.array([3.0, -4.0])).item()
    14.0
    """

    alpha: float = parameter(1.0, above=0)

    @property
    def price(self) -> float:
        return self.alpha

    def value(self, slopes: Array) -> Array:
        result: Array = self.alpha * np.abs(slopes).sum(-1)
        return result

    def gradient(self, slopes: Array) -> Array:
        return self.alpha * np.sign(slopes)

    def curvature(self, slopes: Array) -> Array:
        return np.zeros_like(slopes)

    def conjugate(self, gradient: Array) -> Array:
        """0 while every entry is at most alpha in size, to rounding."""
        return np.where((np.abs(gradient) <= self.alpha * (1.0 + 1e-12)).all(-1), 0.0, np.inf)

    def subgradient(self, slopes: Array, near: Array) -> Array:
        return np.where(slopes == 0, np.clip(near, -self.alpha, self.alpha), self.alpha * np.sign(slopes))

    def step(self, matrix: Array, pull: Array, coef: Array, first: int) -> Array:
        """By coordinate descent until the signs stand, then exactly for those signs.

        Reference: Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1).
        """
        price = np.where(np.arange(coef.shape[-1]) >= first, self.alpha, 0.0)
        target = pull + apply(matrix, coef)
        b = coef.copy()
        for _ in range(SWEEPS):
            before = b.copy()
            b = _sweep(matrix, target, b, price)
            exact = _exact(matrix, target, b, price)
            kept = ((np.sign(exact) == np.sign(b)) | (price == 0)).all(-1)  # else it is an answer to another question
            done = kept & _stationary(matrix, target, exact, price)
            b = np.where(done[..., None], exact, b)
            if (done | (b == before).all(-1)).all():
                break
        return b - coef


def _sweep(matrix: Array, target: Array, b: Array, price: Array) -> Array:
    """One round of minimising over each coordinate in turn: a soft threshold of what the others leave."""
    for j in range(b.shape[-1]):
        own = matrix[..., j, j]
        left = target[..., j] - (matrix[..., j, :] * b).sum(-1) + own * b[..., j]
        size = np.sign(left) * np.maximum(np.abs(left) - price[j], 0.0)
        b[..., j] = np.where(own > 0, size / np.where(own > 0, own, 1.0), 0.0)
    return b


def _exact(matrix: Array, target: Array, b: Array, price: Array) -> Array:
    """The minimiser among coefficients with the same signs, 0 where b is 0; NaN where that is not unique."""
    inside = (b != 0) | (price == 0)
    both = inside[..., :, None] & inside[..., None, :]
    part = np.where(both, matrix, np.eye(b.shape[-1]))
    return solve_regular(part, np.where(inside, target - price * np.sign(b), 0.0))


def _stationary(matrix: Array, target: Array, b: Array, price: Array) -> Mask:
    """Whether the optimality conditions hold to rounding: signs kept, no gradient beyond the price."""
    left = target - apply(matrix, b)
    size = np.abs(target) + apply(np.abs(matrix), np.abs(b))
    wanted = np.where(b == 0, np.clip(left, -price, price), price * np.sign(b))
    return np.asarray((np.abs(left - wanted) <= 1e-13 * (size + price)).all(-1))

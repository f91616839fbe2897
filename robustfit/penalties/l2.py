"""The ridge penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array, solve_regular
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty


@dataclass(frozen=True)
class L2(Penalty):
    """Ridge: alpha / 2 times the sum of squared slopes.

    alpha > 0. Reference: Hoerl & Kennard (1970), Technometrics 12, 55-67.

    >>> L2(alpha=2.0).value(np.array([3.0, 4.0])).item()
    25.0
    """

    alpha: float = parameter(1.0, above=0)

    def value(self, slopes: Array) -> Array:
        result: Array = 0.5 * self.alpha * np.square(slopes).sum(-1)
        return result

    def gradient(self, slopes: Array) -> Array:
        return self.alpha * slopes

    def curvature(self, slopes: Array) -> Array:
        return np.full_like(slopes, self.alpha)

    def step(self, matrix: Array, pull: Array, coef: Array, first: int) -> Array:
        ridge = np.where(np.arange(coef.shape[-1]) >= first, self.alpha, 0.0)
        return solve_regular(matrix + np.diag(ridge), pull - ridge * coef)

    def conjugate(self, gradient: Array) -> Array:
        """Sum of g^2 / (2 alpha)."""
        result: Array = np.square(gradient).sum(-1) / (2.0 * self.alpha)
        return result

    def subgradient(self, slopes: Array, near: Array) -> Array:
        return self.gradient(slopes)

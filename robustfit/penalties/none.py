"""No penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array, solve_regular
from robustfit.penalties.base import PolyhedralPenalty


@dataclass(frozen=True)
class NoPenalty(PolyhedralPenalty):
    """Coefficients cost nothing.

    >>> NoPenalty().value(np.array([3.0, 4.0])).item()
    0.0
    """

    def value(self, slopes: Array) -> Array:
        return np.zeros(slopes.shape[:-1])

    def gradient(self, slopes: Array) -> Array:
        return np.zeros_like(slopes)

    def curvature(self, slopes: Array) -> Array:
        return np.zeros_like(slopes)

    def step(self, matrix: Array, pull: Array, coef: Array, first: int) -> Array:
        return solve_regular(matrix, pull)

    @property
    def price(self) -> float:
        return 0.0

    def conjugate(self, gradient: Array) -> Array:
        return np.where((gradient == 0).all(-1), 0.0, np.inf)

    def subgradient(self, slopes: Array, near: Array) -> Array:
        return self.gradient(slopes)

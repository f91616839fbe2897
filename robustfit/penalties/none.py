"""No penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.penalties.base import Penalty


@dataclass(frozen=True)
class NoPenalty(Penalty):
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

    def conjugate(self, gradient: Array) -> Array:
        return np.where((gradient == 0).all(-1), 0.0, np.inf)

    def subgradient(self, slopes: Array, near: Array) -> Array:
        return self.gradient(slopes)

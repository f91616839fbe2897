"""Squared error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, SmoothLoss


@dataclass(frozen=True)
class MSE(SmoothLoss, Conjugate):
    """Squared error, rho(u) = u^2: the fit estimates the mean, and one datum can carry it anywhere.

    Also known as L2 or quadratic loss (there is no factor 1/2). Reference: Gauss (1809), Theoria motus, section 179.

    >>> MSE().rho(np.array([-2.0, 0.5]))
    array([4.  , 0.25])
    """

    convex = True
    scale_free = True

    def rho(self, u: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.square(u)

    def weight(self, u: Array) -> Array:
        return np.full_like(u, 2.0)

    def curvature(self, u: Array) -> Array:
        return np.full_like(u, 2.0)

    @property
    def domain(self) -> tuple[float, float]:
        return -np.inf, np.inf

    def conjugate(self, v: Array) -> Array:
        """v^2 / 4."""
        with np.errstate(over="ignore"):
            return np.square(v / 2.0)

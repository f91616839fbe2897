"""The Cauchy loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import SmoothLoss
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Cauchy(SmoothLoss):
    """Cauchy (Lorentzian) loss: rho(u) = c^2 / 2 log(1 + (u / c)^2), unbounded but with psi falling back to 0.

    c > 0, in units of the scale; 2.385 gives 95 % efficiency at the normal. Not convex.
    Reference: Holland & Welsch (1977), Commun. Statist. A6, 813-827.

    >>> Cauchy(1.0).rho(np.array([0.0, 1.0])).round(6)
    array([0.      , 0.346574])
    """

    convex = False

    c: float = parameter(2.385, above=0)

    def rho(self, u: Array) -> Array:
        v = np.abs(u / self.c)
        near = 0.5 * np.log1p(np.square(np.minimum(v, 1.0)))
        return self.c * (self.c * np.where(v < 1.0, near, np.log(np.hypot(1.0, v))))

    def weight(self, u: Array) -> Array:
        return np.square(1.0 / np.hypot(1.0, u / self.c))

    def curvature(self, u: Array) -> Array:
        weight = self.weight(u)
        return weight * (2.0 * weight - 1.0)

"""Tukey's bisquare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded, SmoothLoss
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Bisquare(SmoothLoss, Bounded):
    """Tukey's bisquare: rho(u) = c^2 / 6 (1 - (1 - (u / c)^2)^3) for abs(u) <= c, c^2 / 6 beyond.

    c > 0, in units of the scale; 4.685 gives 95 % efficiency at the normal. Not convex: the fit depends on the start,
    and a datum beyond c has no say at all. Reference: Beaton & Tukey (1974), Technometrics 16, 147-185.

    >>> Bisquare(1.0).rho(np.array([0.0, 2.0])).round(6)
    array([0.      , 0.166667])
    """

    convex = False

    c: float = parameter(4.685, above=0)

    def rho(self, u: Array) -> Array:
        square = self._square(u)
        return self.c * (self.c / 6.0 * square * (3.0 - 3.0 * square + np.square(square)))

    def weight(self, u: Array) -> Array:
        return np.square(1.0 - self._square(u))

    def curvature(self, u: Array) -> Array:
        square = self._square(u)
        return (1.0 - square) * (1.0 - 5.0 * square)

    def _square(self, u: Array) -> Array:
        return np.square(np.minimum(np.abs(u / self.c), 1.0))

    @property
    def rho_sup(self) -> float:
        return self.c * (self.c / 6.0)

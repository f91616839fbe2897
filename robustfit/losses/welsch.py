"""The Welsch loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded, SmoothLoss
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Welsch(SmoothLoss, Bounded):
    """Welsch (Leclerc, correntropy) loss: rho(u) = c^2 / 2 (1 - exp(-(u / c)^2)).

    c > 0, in units of the scale; 2.985 gives 95 % efficiency at the normal. Not convex.
    Reference: Dennis & Welsch (1978), Commun. Statist. B7, 345-359.

    >>> Welsch(1.0).rho(np.array([0.0, 100.0]))
    array([0. , 0.5])
    """

    convex = False

    c: float = parameter(2.985, above=0)

    def rho(self, u: Array) -> Array:
        return self.c * (self.c / 2.0 * -np.expm1(-self._square(u)))

    def weight(self, u: Array) -> Array:
        return np.exp(-self._square(u))

    def curvature(self, u: Array) -> Array:
        square = self._square(u)
        return (1.0 - 2.0 * square) * np.exp(-square)

    def _square(self, u: Array) -> Array:
        return np.square(np.minimum(np.abs(u / self.c), 1e3))

    @property
    def rho_sup(self) -> float:
        return self.c * (self.c / 2.0)

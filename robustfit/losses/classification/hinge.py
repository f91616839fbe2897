"""The hinge loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import MarginLoss, below


@dataclass(frozen=True)
class Hinge(MarginLoss, Conjugate):
    """Hinge loss, phi(m) = max(0, 1 - m): with an L2 penalty the linear support vector machine.

    A right label costs nothing only from the margin 1 on. Reference: Cortes & Vapnik (1995), Mach. Learn. 20, 273-297.

    >>> Hinge().phi(np.array([-1.0, 0.5, 3.0]))
    array([2. , 0.5, 0. ])
    """

    convex = True

    def phi(self, m: Array) -> Array:
        return np.maximum(0.0, 1.0 - m)

    def derivative(self, m: Array) -> Array:
        return -below(m, 1.0)

    def curvature(self, m: Array) -> Array:
        return np.zeros_like(m)

    @property
    def domain(self) -> tuple[float, float]:
        return -1.0, 0.0

    def conjugate(self, v: Array) -> Array:
        """v on [-1, 0]."""
        return inside(v, self.domain, v)

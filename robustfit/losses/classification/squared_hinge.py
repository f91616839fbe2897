"""The squared hinge loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import MarginLoss, Unweighted, below


@dataclass(frozen=True)
class SquaredHinge(MarginLoss, Unweighted, Conjugate):
    """Squared hinge loss, phi(m) = max(0, 1 - m)^2: the smooth (L2) support vector machine.

    Reference: Chang, Hsieh & Lin (2008), J. Mach. Learn. Res. 9, 1369-1398.

    >>> SquaredHinge().phi(np.array([-1.0, 0.5, 3.0]))
    array([4.  , 0.25, 0.  ])
    """

    convex = True
    negligible = 0.0  # reached from the margin 1 on

    def phi(self, m: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.square(np.maximum(0.0, 1.0 - m))

    def derivative(self, m: Array) -> Array:
        with np.errstate(over="ignore"):
            return -2.0 * np.maximum(0.0, 1.0 - m)

    def second(self, m: Array) -> Array:
        return 2.0 * below(m, 1.0)

    def majoriser(self, m: Array) -> Array:
        """2, the largest second derivative."""
        return np.full_like(m, 2.0)

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0, np.inf

    def conjugate(self, v: Array) -> Array:
        """v^2 / 4 for v >= 0."""
        with np.errstate(over="ignore"):
            return inside(v, self.domain, np.square(0.5 * v))

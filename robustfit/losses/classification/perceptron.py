"""The perceptron's loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import MarginLoss, below


@dataclass(frozen=True)
class Perceptron(MarginLoss, Conjugate):
    """The perceptron's loss, phi(m) = max(0, -m): how far a wrong score is from the right side.

    Coefficients of zero cost nothing, so it needs a stop or a constraint rather than a minimiser; a subgradient step of
    length 1 on one datum is the perceptron's update. Reference: Rosenblatt (1958), Psychol. Rev. 65, 386-408.

    >>> Perceptron().phi(np.array([-2.0, 0.5]))
    array([2., 0.])
    """

    convex = True

    def phi(self, m: Array) -> Array:
        return np.maximum(0.0, -m)

    def derivative(self, m: Array) -> Array:
        return -below(m, 0.0)

    def curvature(self, m: Array) -> Array:
        return np.zeros_like(m)

    @property
    def domain(self) -> tuple[float, float]:
        return -1.0, 0.0

    def conjugate(self, v: Array) -> Array:
        """0 on [-1, 0]."""
        return inside(v, self.domain, np.zeros_like(v))

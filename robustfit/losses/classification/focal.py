"""Focal loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.classification.base import MarginLoss, sigmoid
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Focal(MarginLoss):
    """Focal loss: phi(m) = -(1 - p)^gamma log p, p = 1 / (1 + exp(-m)); weight alpha for y = 1, 1 - alpha for y = -1.

    gamma >= 0 lets the data that are right already count less: 2 is common, 0 is cross-entropy. alpha in (0, 1), 0.25
    is common; null weighs all labels by 1; a fit minimises the mean over these weights. Not convex where gamma > 0.
    Reference: Lin et al. (2017), Proc. ICCV, 2980-2988.

    >>> (Focal(2.0, None).phi(np.zeros(1)) / CrossEntropy().phi(np.zeros(1))).round(12)
    array([0.25])
    """

    convex = False

    gamma: float = parameter(2.0, at_least=0)
    alpha: float | None = parameter(0.25, above=0, below=1)

    def label_weight(self, y: Array) -> Array:
        if self.alpha is None:
            return np.ones_like(y)
        return np.where(y > 0, self.alpha, 1.0 - self.alpha)

    def phi(self, m: Array) -> Array:
        return self._factor(m) * CrossEntropy().phi(m)

    def derivative(self, m: Array) -> Array:
        return -self._factor(m) * (self.gamma * _entropy(m) + sigmoid(-m))

    def second(self, m: Array) -> Array:
        p, q = sigmoid(m), sigmoid(-m)
        rise = (2.0 * self.gamma + 1.0) * p * q
        return self._factor(m) * (rise + self.gamma * _entropy(m) * (self.gamma * p - q))

    def majoriser(self, m: Array) -> Array:
        """(gamma + 1)^(gamma + 3) / (gamma + 2)^(gamma + 2), above every second derivative; exact for gamma = 0.

        For -p log p <= 1 - p makes phi'' <= (gamma + 1)^2 p (1 - p)^(gamma + 1), largest at p = 1 / (gamma + 2).
        """
        g = self.gamma
        return np.full_like(m, (g + 1.0) * ((g + 1.0) / (g + 2.0)) ** (g + 2.0))

    def _factor(self, m: Array) -> Array:
        """(1 - p)^gamma."""
        return np.power(sigmoid(-m), self.gamma)


def _entropy(m: Array) -> Array:
    """-p log p."""
    return sigmoid(m) * CrossEntropy().phi(m)

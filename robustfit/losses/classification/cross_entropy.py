"""Binary cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import MarginLoss, sigmoid


@dataclass(frozen=True)
class CrossEntropy(MarginLoss, Conjugate):
    """Cross-entropy of a logit: phi(m) = log(1 + exp(-m)) = -log p, p = 1 / (1 + exp(-m)) the label's probability.

    The negative log-likelihood of logistic regression. Linear in a wrong margin: a flipped label at a leverage point
    pulls without bound. Reference: Cox (1958), J. R. Statist. Soc. B 20, 215-242.

    >>> CrossEntropy().phi(np.array([0.0, -1000.0])).round(6)
    array([6.93147e-01, 1.00000e+03])
    """

    convex = True

    def phi(self, m: Array) -> Array:
        return np.maximum(0.0, -m) + np.log1p(np.exp(-np.abs(m)))

    def derivative(self, m: Array) -> Array:
        return -sigmoid(-m)

    def curvature(self, m: Array) -> Array:
        return sigmoid(m) * sigmoid(-m)

    @property
    def domain(self) -> tuple[float, float]:
        return -1.0, 0.0

    def conjugate(self, v: Array) -> Array:
        """q log q + (1 - q) log(1 - q), q = -v in [0, 1]."""
        from scipy.special import xlog1py, xlogy

        q = np.clip(-v, 0.0, 1.0)
        return inside(v, self.domain, np.asarray(xlogy(q, q) + xlog1py(1.0 - q, -q)))

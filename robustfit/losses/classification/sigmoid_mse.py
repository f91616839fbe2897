"""Squared error through a sigmoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded
from robustfit.losses.classification.base import MarginLoss, Unweighted, sigmoid


@dataclass(frozen=True)
class SigmoidMSE(MarginLoss, Unweighted, Bounded):
    """Squared error through a sigmoid (Brier's score): phi(m) = (1 - p)^2, p = 1 / (1 + exp(-m)).

    p is the label's probability. The slope -2 (1 - p)^2 p vanishes at both ends: a grossly wrong datum pulls as little
    as a right one.
    Reference: Brier (1950), Mon. Weather Rev. 78, 1-3.

    >>> SigmoidMSE().phi(np.array([-1000.0, 0.0, 1000.0]))
    array([1.  , 0.25, 0.  ])
    """

    convex = False
    logit = 1.0

    def phi(self, m: Array) -> Array:
        return np.square(sigmoid(-m))

    def derivative(self, m: Array) -> Array:
        return -2.0 * sigmoid(m) * self.phi(m)

    def second(self, m: Array) -> Array:
        p = sigmoid(m)
        return 2.0 * p * (3.0 * p - 1.0) * self.phi(m)

    def majoriser(self, m: Array) -> Array:
        """The largest second derivative, 2 p (3 p - 1) (1 - p)^2 at p = (9 + sqrt(33)) / 24."""
        p = (9.0 + np.sqrt(33.0)) / 24.0
        return np.full_like(m, 2.0 * p * (3.0 * p - 1.0) * (1.0 - p) ** 2)

    @property
    def rho_sup(self) -> float:
        return 1.0

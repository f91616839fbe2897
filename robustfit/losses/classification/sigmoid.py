"""The sigmoid loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded
from robustfit.losses.classification.base import MarginLoss, Unweighted, sigmoid


@dataclass(frozen=True)
class Sigmoid(MarginLoss, Unweighted, Bounded):
    """Sigmoid loss, phi(m) = 1 / (1 + exp(m)) = 1 - p, p the label's probability: absolute error through a sigmoid.

    phi(m) + phi(-m) = 1, so if every label is flipped with the same probability e < 1/2, the expected loss L becomes
    (1 - 2 e) L + e: without a penalty its minimiser stays where it was.
    Reference: Ghosh, Manwani & Sastry (2015), Neurocomputing 160, 93-107.

    >>> Sigmoid().phi(np.array([-1000.0, 0.0, 1000.0]))
    array([1. , 0.5, 0. ])
    """

    convex = False

    def phi(self, m: Array) -> Array:
        return sigmoid(-m)

    def derivative(self, m: Array) -> Array:
        return -sigmoid(m) * sigmoid(-m)

    def second(self, m: Array) -> Array:
        p, q = sigmoid(m), sigmoid(-m)
        return p * q * (p - q)

    def majoriser(self, m: Array) -> Array:
        """1 / (6 sqrt(3)), the largest second derivative: where p - q = 1 / sqrt(3)."""
        return np.full_like(m, 1.0 / (6.0 * np.sqrt(3.0)))

    @property
    def rho_sup(self) -> float:
        return 1.0

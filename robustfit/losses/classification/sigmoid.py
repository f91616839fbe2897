"""The sigmoid loss."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.base import Bounded
from robustfit.losses.classification.base import MarginLoss, sigmoid


@dataclass(frozen=True)
class Sigmoid(MarginLoss, Bounded):
    """Sigmoid loss, phi(m) = 1 / (1 + exp(m)) = 1 - p, p the label's probability: absolute error through a sigmoid.

    phi(m) + phi(-m) = 1, so if every label is flipped with the same probability e < 1/2, the expected loss L becomes
    (1 - 2 e) L + e: without a penalty its minimiser stays where it was.
    Reference: Ghosh, Manwani & Sastry (2015), Neurocomputing 160, 93-107.

    >>> import numpy as np
    >>> Sigmoid().phi(np.array([-1000.0, 0.0, 1000.0]))
    array([1. , 0.5, 0. ])
    """

    convex = False

    def phi(self, m: Array) -> Array:
        return sigmoid(-m)

    def derivative(self, m: Array) -> Array:
        return -sigmoid(m) * sigmoid(-m)

    def curvature(self, m: Array) -> Array:
        p, q = sigmoid(m), sigmoid(-m)
        return p * q * (p - q)

    @property
    def rho_sup(self) -> float:
        return 1.0

"""The Savage loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded
from robustfit.losses.classification.base import MarginLoss, Unweighted
from robustfit.losses.classification.sigmoid_mse import SigmoidMSE


@dataclass(frozen=True)
class Savage(MarginLoss, Unweighted, Bounded):
    """Savage loss, phi(m) = 1 / (1 + exp(2 m))^2: squared error through a sigmoid of twice the score.

    So without a penalty its coefficients are half of those of squared error through a sigmoid, and its labels the same.
    Reference: Masnadi-Shirazi & Vasconcelos (2008), NIPS 21, 1049-1056.

    >>> Savage().phi(np.array([-1000.0, 0.0, 1000.0]))
    array([1.  , 0.25, 0.  ])
    """

    convex = False
    logit = 2.0

    def phi(self, m: Array) -> Array:
        return SigmoidMSE().phi(_twice(m))

    def derivative(self, m: Array) -> Array:
        return 2.0 * SigmoidMSE().derivative(_twice(m))

    def second(self, m: Array) -> Array:
        return 4.0 * SigmoidMSE().second(_twice(m))

    def majoriser(self, m: Array) -> Array:
        return 4.0 * SigmoidMSE().majoriser(_twice(m))

    @property
    def rho_sup(self) -> float:
        return 1.0


def _twice(m: Array) -> Array:
    """2 m, at most 1e308 in size: the loss has long reached its limits there."""
    return 2.0 * np.clip(m, -5e307, 5e307)

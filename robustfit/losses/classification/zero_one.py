"""The 0-1 loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded, Stepwise
from robustfit.losses.classification.base import MarginLoss, Unweighted, below


@dataclass(frozen=True)
class ZeroOne(MarginLoss, Unweighted, Bounded, Stepwise):
    """0-1 loss, phi(m) = 1[m <= 0]: the share of wrong labels.

    A score of 0 decides nothing and counts as wrong; so coefficients of zero are no minimiser by default. Its slope is
    0 wherever it has one: no descent can minimise it. Reference: Feldman et al. (2012), SIAM J. Comput. 41, 1558-1590.

    >>> ZeroOne().phi(np.array([-2.0, 0.0, 0.1]))
    array([1., 1., 0.])
    """

    convex = False
    negligible = 0.0

    def phi(self, m: Array) -> Array:
        return 1.0 - below(-m, 0.0)

    def derivative(self, m: Array) -> Array:
        return np.where(np.isnan(m), m, 0.0)

    def second(self, m: Array) -> Array:
        return np.zeros_like(m)

    def majoriser(self, m: Array) -> Array:
        """Infinite: no parabola stays above a jump."""
        return np.full_like(m, np.inf)

    @property
    def rho_sup(self) -> float:
        return 1.0

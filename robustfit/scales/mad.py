"""The median absolute residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.scales.base import InitialScale, median

CONSISTENCY = 1.482602218505602
"""1 / Phi^-1(3/4): makes the MAD estimate the standard deviation at the normal."""


@dataclass(frozen=True)
class MAD(InitialScale):
    """The normalised median of the absolute residuals (about 0), of the n - p largest after a fit through p rows.

    Reference: Hampel (1974), JASA 69, 383-393.

    >>> MAD().estimate(np.array([-2.0, 1.0, 3.0])).round(4).item()
    2.9652
    >>> MAD().estimate(np.array([0.0, 0.0, -2.0, 1.0, 3.0]), interpolated=2).round(4).item()
    2.9652
    """

    def estimate(self, residuals: Array, weights: Array | None = None, interpolated: int = 0) -> Array:
        return CONSISTENCY * median(np.abs(residuals), weights, interpolated)

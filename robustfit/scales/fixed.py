"""A given scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.parameters import parameter
from robustfit.scales.base import InitialScale


@dataclass(frozen=True)
class Fixed(InitialScale):
    """A scale that is given, in the units of y: 1 makes tuning constants raw, as the documents define them.

    >>> Fixed(2.0).estimate(np.array([5.0, 7.0])).item()
    2.0
    """

    given = True

    value: float = parameter(1.0, above=0)

    def estimate(self, residuals: Array, weights: Array | None = None, interpolated: int = 0) -> Array:
        return np.full(residuals.shape[:-1], self.value)

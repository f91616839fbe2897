"""Bad leverage points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination, carried, error_unit, moved, surface
from robustfit.data import Data
from robustfit.linalg import Array
from robustfit.parameters import parameter


@dataclass(frozen=True)
class BadLeverage(Contamination):
    """Rows far out in x1 and off the surface: x1 = median + (distance + spread z) width, y = x'b + e + shift.

    A line that gives in to them has its slope wrong by about shift / distance, whatever the true slope. distance > 0
    and spread >= 0 in widths of x1, z ~ N(0, 1); shift in units of the noise's scale, below the surface if negative;
    e is the row's own error, b the true coefficients (least squares on the clean data where they are unknown).
    Reference: Rousseeuw & van Zomeren (1990), JASA 85, 633-639.

    >>> X, rng = np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.random.default_rng(0)
    >>> bad = BadLeverage(shift=-9.0, spread=0.0).corrupt(Data.clean(X, X[:, 1]), 0.25, rng, rng)
    >>> ((bad.y - bad.X[:, 1])[bad.outliers] / error_unit(bad)).round(9)
    array([-9.])
    """

    distance: float = parameter(10.0, above=0)
    shift: float = -20.0
    spread: float = parameter(1.0, at_least=0)

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        X = moved(data, data.X, self.distance + self.spread * values.standard_normal(data.y.shape))
        return X, carried(data, X, surface(data)) + self.shift * error_unit(data)

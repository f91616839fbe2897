"""Good leverage points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination, carried, moved
from robustfit.data import Data
from robustfit.errors import Incompatible
from robustfit.linalg import Array
from robustfit.parameters import parameter


@dataclass(frozen=True)
class GoodLeverage(Contamination):
    """Rows far out in x1 but on the true surface: x1 = median + (distance + spread z) width, y = x'b + e.

    They help a fit, and a method that throws them away loses precision. distance > 0 and spread >= 0 in widths of x1,
    z ~ N(0, 1); e is the row's own error. Needs the truth. Reference: Rousseeuw & van Zomeren (1990), JASA 85, 633-639.

    Raises:
        Incompatible: the scenario knows no true surface.

    >>> rng = np.random.default_rng(0)
    >>> GoodLeverage().corrupt(Data.clean(np.ones((2, 2)), np.zeros(2)), 0.5, rng, rng)
    Traceback (most recent call last):
    robustfit.errors.Incompatible: good_leverage needs a true surface to stay on: this scenario knows none
    """

    off_surface = False

    distance: float = parameter(10.0, above=0)
    spread: float = parameter(1.0, at_least=0)

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        if data.truth is None:
            raise Incompatible("good_leverage needs a true surface to stay on: this scenario knows none")
        X = moved(data, data.X, self.distance + self.spread * values.standard_normal(data.y.shape))
        return X, carried(data, X, data.truth.coef)

"""A point mass of outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination, error_unit, moved, surface
from robustfit.data import Data
from robustfit.linalg import Array, apply
from robustfit.parameters import parameter
from robustfit.scales.base import median


@dataclass(frozen=True)
class Cluster(Contamination):
    """A point mass: all marked rows are the same, x at the columns' medians but x1 = median + distance width.

    Their target is y = x'b + shift. distance >= 0 in widths of x1; shift in units of the noise's scale, below the
    surface if negative; b the true coefficients (least squares on the clean data where they are unknown). Point masses
    are the worst case of many an estimator. Reference: Maronna & Yohai (1995), JASA 90, 330-341.

    >>> X, rng = np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.random.default_rng(0)
    >>> bad = Cluster().corrupt(Data.clean(X, X[:, 1]), 0.5, rng, rng)
    >>> len(set(bad.X[bad.outliers, 1])), len(set(bad.y[bad.outliers]))
    (1, 1)
    """

    distance: float = parameter(10.0, at_least=0)
    shift: float = -20.0

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        centre = median(np.swapaxes(data.X_clean, -1, -2))[..., None, :]
        X = moved(data, centre, self.distance)
        return X, apply(X, surface(data)) + self.shift * error_unit(data)

"""Outliers at one given place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination
from robustfit.data import Data
from robustfit.linalg import Array


@dataclass(frozen=True)
class Placed(Contamination):
    """Marked rows have x1 = x and target y, both in their own units; the other features stay as drawn.

    >>> data, rng = Data.clean(np.ones((2, 3)), np.zeros(2)), np.random.default_rng(0)
    >>> bad = Placed().corrupt(data, 0.5, rng, rng)
    >>> bad.X[bad.outliers], bad.y[bad.outliers]
    (array([[ 1., 10.,  1.]]), array([20.]))
    """

    x: float = 10.0
    y: float = 20.0

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        X = data.X.copy()
        X[..., int(data.intercept)] = self.x
        return X, np.full_like(data.y, self.y)

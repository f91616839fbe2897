"""A straight line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.data import Data, Noise, Streams, Truth
from robustfit.linalg import apply
from robustfit.noises.normal import Normal
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario, design


@dataclass(frozen=True)
class Line(Scenario):
    """y = intercept_value + slope x + e with one feature, uniform on (low, low + width): for pictures.

    n_samples >= 1; width > 0; noise: the distribution of e.

    >>> Line(low=0.0, width=3.0).truth.moment
    array([[1. , 1.5],
           [1.5, 3. ]])
    """

    n_samples: int = parameter(50, at_least=1)
    intercept_value: float = 1.0
    slope: float = 2.0
    low: float = 0.0
    width: float = parameter(10.0, above=0)
    noise: Noise = Normal()

    @property
    def n_features(self) -> int:
        return 1

    @property
    def intercept(self) -> bool:
        return True

    @property
    def truth(self) -> Truth:
        """The coefficients, the population moment and the noise."""
        mean = self.low + 0.5 * self.width
        square = mean**2 + self.width**2 / 12.0
        return Truth(np.array([self.intercept_value, self.slope]), np.array([[1.0, mean], [mean, square]]), self.noise)

    def sample(self, streams: Streams, replicates: int) -> Data:
        truth = self.truth
        X = design(self.low + self.width * streams.X.random((replicates, self.n_samples, 1)))
        y = apply(X, truth.coef) + self.noise.draw(streams.noise, X.shape[:-1])
        return Data.clean(X, y, truth)

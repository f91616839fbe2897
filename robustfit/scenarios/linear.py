"""A linear model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robustfit.data import Data, Noise, Streams, Truth
from robustfit.errors import BadParameter
from robustfit.linalg import Array, apply
from robustfit.noises.normal import Normal
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario, design


@dataclass(frozen=True)
class Linear(Scenario):
    """y = b0 + x'b + e with normal features of unit variance, corr(x_j, x_k) = correlation^abs(j - k).

    n_samples, n_features >= 1. coef: the slopes b, one per feature; null means 2, -1, 2, -1 ... intercept_value: b0;
    intercept=False drops it from the model and its column from the design. correlation in (-1, 1): neighbouring
    features'. noise: the distribution of e.

    Raises:
        BadParameter: not as many slopes as features.

    >>> Linear(n_features=2, correlation=0.5).truth.moment
    array([[1. , 0. , 0. ],
           [0. , 1. , 0.5],
           [0. , 0.5, 1. ]])
    """

    n_samples: int = parameter(100, at_least=1)
    n_features: int = parameter(3, at_least=1)
    coef: tuple[float, ...] | None = None
    intercept_value: float = 1.0
    intercept: bool = True
    correlation: float = parameter(0.0, above=-1, below=1)
    noise: Noise = Normal()

    @property
    def slopes(self) -> tuple[float, ...]:
        """The true slopes.

        >>> Linear().slopes
        (2.0, -1.0, 2.0)
        """
        slopes = self.coef if self.coef is not None else tuple((2.0, -1.0)[j % 2] for j in range(self.n_features))
        if len(slopes) != self.n_features:
            raise BadParameter(f"coef={list(slopes)}: must have as many slopes as n_features={self.n_features}")
        return slopes

    @property
    def truth(self) -> Truth:
        """The coefficients, the population moment and the noise."""
        place = np.arange(self.n_features)
        correlations = self.correlation ** np.abs(place[:, None] - place).astype(float)
        if not self.intercept:
            return Truth(np.array(self.slopes), correlations, self.noise)
        moment = np.eye(self.p)
        moment[1:, 1:] = correlations
        return Truth(np.array([self.intercept_value, *self.slopes]), moment, self.noise)

    def sample(self, streams: Streams, replicates: int) -> Data:
        truth = self.truth
        innovations = streams.X.standard_normal((replicates, self.n_samples, self.n_features))
        X = design(autoregressive(innovations, self.correlation), self.intercept)
        y = apply(X, truth.coef) + self.noise.draw(streams.noise, X.shape[:-1])
        return Data.clean(X, y, truth, self.intercept)


def autoregressive(innovations: Array, correlation: float) -> Array:
    """x_1 = z_1, x_j = rho x_(j-1) + sqrt(1 - rho^2) z_j over the last axis.

    >>> autoregressive(np.array([1.0, 0.0, 0.0]), 0.5)
    array([1.  , 0.5 , 0.25])
    """
    x = innovations.copy()
    fresh = math.sqrt(1.0 - correlation**2)
    for j in range(1, x.shape[-1]):
        x[..., j] = correlation * x[..., j - 1] + fresh * innovations[..., j]
    return x

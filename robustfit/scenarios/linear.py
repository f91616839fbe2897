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
    def correlations(self) -> Array:
        """The features' correlations, which are their covariances, `(q, q)`."""
        return autoregressive_covariance(self.n_features, self.correlation)

    @property
    def truth(self) -> Truth:
        """The coefficients, the population moment and the noise."""
        if not self.intercept:
            return Truth(np.array(self.slopes), self.correlations, self.noise)
        moment = np.eye(self.p)
        moment[1:, 1:] = self.correlations
        return Truth(np.array([self.intercept_value, *self.slopes]), moment, self.noise)

    @property
    def expected_inverse_gram(self) -> Array:
        """E[(X'X)^-1], `(p, p)`, exactly, for the features are normal; infinite where n is too small for it to exist.

        Without intercept X'X is Wishart, which makes it S^-1 / (n - q - 1), S the covariance of the q features. With
        one, it is S^-1 / (n - q - 2) for the slopes, (1 + q / (n - q - 2)) / n for the intercept and 0 between them.
        Reference: Anderson (2003), An Introduction to Multivariate Statistical Analysis, 3rd ed., lemma 7.7.1.

        >>> Linear(n_samples=13, n_features=1).expected_inverse_gram
        array([[0.08461538, 0.        ],
               [0.        , 0.1       ]])
        """
        free = self.n_samples - self.n_features - 1 - self.intercept
        if free <= 0:
            return np.full((self.p, self.p), np.inf)
        slopes = np.linalg.inv(self.correlations) / free
        if not self.intercept:
            return slopes
        expected = np.zeros((self.p, self.p))
        expected[0, 0] = (1 + self.n_features / free) / self.n_samples
        expected[1:, 1:] = slopes
        return expected

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


def autoregressive_covariance(size: int, correlation: float) -> Array:
    """What `autoregressive` gives independent innovations of unit variance: correlation^abs(j - k).

    >>> autoregressive_covariance(2, 0.5)
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    place = np.arange(size)
    covariance: Array = correlation ** np.abs(place[:, None] - place).astype(float)
    return covariance

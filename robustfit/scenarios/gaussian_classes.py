"""Normal classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.data import Data, Streams, Truth, label_numbers
from robustfit.errors import BadParameter
from robustfit.linalg import Array
from robustfit.normal_classes import NormalClasses
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario, design
from robustfit.scenarios.linear import autoregressive, autoregressive_covariance


@dataclass(frozen=True)
class GaussianClasses(Scenario):
    """Labelled rows whose features are normal within each class, all with the same covariance: logits are linear.

    n_samples, n_features >= 1; n_classes >= 2. share in (0, 1): the probability of the last class (y = 1 of two), the
    others having the same; each row's class is drawn, so that the counts vary. distance > 0 between the centres of any
    two classes, in standard deviations of a feature: they are the corners of a regular simplex, two lie along x1, and
    k of them need k - 1 features. correlation in (-1, 1): neighbouring features' within a class, as in `linear`.

    Raises:
        BadParameter: too few features for the classes.

    >>> scenario = GaussianClasses(distance=2.0)
    >>> scenario.truth.coef, round(scenario.truth.classes.bayes_error, 6)
    (array([0., 2., 0.]), 0.158655)
    """

    task: ClassVar[str] = "classification"

    n_samples: int = parameter(100, at_least=1)
    n_features: int = parameter(2, at_least=1)
    n_classes: int = parameter(2, at_least=2)
    share: float = parameter(0.5, above=0, below=1)
    distance: float = parameter(2.0, above=0)
    correlation: float = parameter(0.0, above=-1, below=1)

    @property
    def intercept(self) -> bool:
        return True

    @property
    def shares(self) -> Array:
        """The probabilities of the classes.

        >>> GaussianClasses(n_classes=3, share=0.5).shares
        array([0.25, 0.25, 0.5 ])
        """
        others = (1.0 - self.share) / (self.n_classes - 1)
        return np.array([*[others] * (self.n_classes - 1), self.share])

    @property
    def centres(self) -> Array:
        """The means of the features in each class, `(n_classes, n_features)`, their mean being 0.

        >>> GaussianClasses(distance=3.0).centres
        array([[-1.5,  0. ],
               [ 1.5,  0. ]])
        """
        k, q = self.n_classes, self.n_features
        if q < k - 1:
            raise BadParameter(f"n_features={q}: {k} classes at equal distances need at least {k - 1} features")
        return self.distance * np.pad(simplex(k), ((0, 0), (0, q - k + 1)))

    @property
    def truth(self) -> Truth:
        """The exact coefficients, the population moment and the classes."""
        covariance = autoregressive_covariance(self.n_features, self.correlation)
        classes = NormalClasses(self.centres, covariance, self.shares)
        return Truth(classes.coef, classes.moment, classes=classes)

    def sample(self, streams: Streams, replicates: int) -> Data:
        truth, shape = self.truth, (replicates, self.n_samples)
        place = np.searchsorted(np.cumsum(self.shares)[:-1], streams.X.random(shape), side="right")
        innovations = streams.X.standard_normal((*shape, self.n_features))
        X = design(self.centres[place] + autoregressive(innovations, self.correlation))
        numbers = label_numbers(self.n_classes)
        return Data.clean(X, numbers[place], truth, classes=tuple(map(int, numbers)))


def simplex(k: int) -> Array:
    """k points in k - 1 dimensions, any two at distance 1, their mean 0.

    >>> simplex(2)
    array([[-0.5],
           [ 0.5]])
    """
    points = np.zeros((k, k - 1))
    for j in range(1, k):  # each point lies above the centre of those before it, at the height of a simplex
        points[j, j - 1] = math.sqrt((j + 1) / (2.0 * j))
        points[: j + 1, j - 1] -= points[: j + 1, j - 1].mean()
    return points

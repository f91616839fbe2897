"""What a loss of classification is.

Two classes: a label y in {-1, 1} and a score eta have the margin m = y eta, positive where the score is right, and the
losses are stated as phi(m). Labels have no unit, so nothing is divided by a scale. More classes: labels 0 ... k - 1 and
k scores on a trailing axis, which the loss reduces.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from robustfit.errors import BadData, Incompatible
from robustfit.linalg import Array, double
from robustfit.losses.base import Loss


class LabelLoss(Loss):
    """A loss of the margin m = y eta, weighted by the label: value = label_weight(y) phi(m), y in {-1, 1}."""

    scale_free = True

    @abstractmethod
    def phi(self, m: Array) -> Array:
        """The cost of the margin m: never negative, never larger for a larger m."""

    @abstractmethod
    def derivative(self, m: Array) -> Array:
        """phi'(m); the subgradient nearest to 0 at a kink."""

    @abstractmethod
    def curvature(self, m: Array) -> Array:
        """phi''(m) where it exists; at a kink of phi' one of its two limits."""

    @abstractmethod
    def label_weight(self, y: Array) -> Array:
        """How much a datum with the label y counts."""

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """label_weight(y) phi(y eta), whatever the scale."""
        return self.label_weight(y) * self.phi(y * eta)

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """label_weight(y) y phi'(y eta)."""
        return self.label_weight(y) * (y * self.derivative(y * eta))

    def bend(self, y: Array, eta: Array) -> Array:
        """The second derivative of the value in eta: label_weight(y) phi''(y eta), as y^2 = 1."""
        return self.label_weight(y) * self.curvature(y * eta)


class MarginLoss(LabelLoss):
    """A loss of the margin alone: both labels count the same."""

    def label_weight(self, y: Array) -> Array:
        """1."""
        return np.ones_like(y)


def sigmoid(m: Array) -> Array:
    """1 / (1 + exp(-m)): the probability of the label, where the margin is a logit.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    from scipy.special import expit

    result: Array = expit(m)
    return result


def below(m: Array, kink: float) -> Array:
    """1 where m < kink, else 0; NaN stays NaN.

    >>> below(np.array([0.0, 1.0, 2.0]), 1.0)
    array([1., 0., 0.])
    """
    return np.where(np.isnan(m), m, double(m < kink))


def class_numbers(y: Array, k: int) -> NDArray[np.int64]:
    """Labels as whole numbers.

    Raises:
        BadData: names the first label that is not one of 0 ... k - 1.

    >>> class_numbers(np.array([0.0, 2.0]), 3)
    array([0, 2])
    """
    good = (y >= 0) & (y < k) & (np.floor(y) == y)
    if not good.all():
        raise BadData(f"label {np.asarray(y)[~good].flat[0]:g}: must be one of the {k} classes 0 ... {k - 1}")
    return np.asarray(y, dtype=np.int64)


def class_weights(weights: tuple[float, ...], numbers: NDArray[np.int64], k: int) -> Array:
    """The weight of each datum's class; 1 where no weights are given.

    Raises:
        Incompatible: there are not as many weights as classes.

    >>> class_weights((1.0, 5.0), np.array([1, 1, 0]), 2)
    array([5., 5., 1.])
    """
    if weights and len(weights) != k:
        raise Incompatible(f"{k} classes need {k} weights; {len(weights)} were given")
    table = np.asarray(weights or (1.0,) * k)
    result: Array = table[numbers]
    return result


def picked(scores: Array, numbers: NDArray[np.int64]) -> Array:
    """The score of each datum's own class.

    >>> picked(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]))
    array([2., 3.])
    """
    index = np.broadcast_to(numbers, scores.shape[:-1])[..., None]
    result: Array = np.take_along_axis(scores, index, -1)[..., 0]
    return result

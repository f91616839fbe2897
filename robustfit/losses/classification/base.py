"""What a loss of classification is.

Two classes: a label y in {-1, 1} and a score eta have the margin m = y eta, positive where the score is right, and the
losses are stated as phi(m). Labels have no unit, so nothing is divided by a scale. The error of a row is
u = 1 - m = y (y - eta), the residual counted in the direction of the label: so the problem of two classes is that of
regressing 1 on y x, with rho(u) = phi(1 - u), and its solvers and certificates are those of regression. More classes:
labels 0 ... k - 1 and k scores on a trailing axis, which the loss reduces.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from robustfit.errors import BadData, Incompatible
from robustfit.linalg import Array, double
from robustfit.losses.base import ErrorLoss, Loss, Polyhedral


class LabelLoss(ErrorLoss):
    """A loss of the margin m = y eta, weighted by the label: value = label_weight(y) phi(m), y in {-1, 1}."""

    tasks = ("classification",)
    scale_free = True

    @abstractmethod
    def phi(self, m: Array) -> Array:
        """The cost of the margin m: never negative, never larger for a larger m."""

    @abstractmethod
    def derivative(self, m: Array) -> Array:
        """phi'(m); the subgradient nearest to 0 at a kink."""

    @abstractmethod
    def label_weight(self, y: Array) -> Array:
        """How much a datum with the label y counts."""

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """label_weight(y) phi(y eta), whatever the scale."""
        return self.label_weight(y) * self.phi(y * eta)

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """label_weight(y) y phi'(y eta)."""
        return self.label_weight(y) * (y * self.derivative(y * eta))

    def psi_given(self, u: Array, weight: Array) -> Array:
        """psi(u): the weight does not tell."""
        return self.psi(u)


class MarginLoss(LabelLoss):
    """A loss stated by phi, its derivatives and a bound of its curvature; 0 is phi's infimum, not always a value."""

    negligible = 1e-10

    @abstractmethod
    def second(self, m: Array) -> Array:
        """phi''(m) where it exists; at a kink of phi' one of its two limits."""

    @abstractmethod
    def majoriser(self, m: Array) -> Array:
        """The curvature of a parabola that touches phi at m and is nowhere below it."""

    def rho(self, u: Array) -> Array:
        """phi(1 - u)."""
        return self.phi(1.0 - u)

    def psi(self, u: Array) -> Array:
        """-phi'(1 - u)."""
        return -self.derivative(1.0 - u)

    def weight(self, u: Array) -> Array:
        """The majoriser at m = 1 - u."""
        return self.majoriser(1.0 - u)

    def curvature(self, u: Array) -> Array:
        """phi''(1 - u)."""
        return self.second(1.0 - u)


class PolyhedralLabelLoss(Polyhedral, LabelLoss):
    """A piecewise linear loss of the margin, stated by its pieces in u = 1 - m."""

    def phi(self, m: Array) -> Array:
        """rho(1 - m)."""
        return self.rho(1.0 - m)

    def derivative(self, m: Array) -> Array:
        """-psi(1 - m)."""
        return -self.psi(1.0 - m)


class Unweighted(LabelLoss):
    """A loss of the margin alone: both labels count the same."""

    def label_weight(self, y: Array) -> Array:
        """1."""
        return np.ones_like(y)


def idle(loss: Loss) -> bool:
    """Whether a score of 0 costs nothing, so that coefficients of zero are a minimum."""
    return isinstance(loss, PolyhedralLabelLoss) and float(loss.phi(np.zeros(1))[0]) == 0.0


def signed(X: Array, y: Array, weights: Array | None, loss: LabelLoss) -> tuple[Array, Array, Array | None]:
    """The rows y x, whose targets are 1, and their weights: times those of the labels.

    Raises:
        BadData: a label is neither -1 nor 1.
    """
    good = np.abs(y) == 1.0
    if not good.all():
        raise BadData(f"label {y[~good].flat[0]:g}: a loss of two classes needs labels -1 and 1")
    low, high = loss.label_weight(np.array([-1.0, 1.0]))
    if low != high:
        weights = loss.label_weight(y) * (1.0 if weights is None else weights)
    return X * y.astype(X.dtype)[..., None], np.ones_like(y), weights


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
        Incompatible: there are not as many weights as classes, or none is positive.

    >>> class_weights((1.0, 5.0), np.array([1, 1, 0]), 2)
    array([5., 5., 1.])
    """
    if weights and len(weights) != k:
        raise Incompatible(f"{k} classes need {k} weights; {len(weights)} were given")
    if weights and not any(weights):
        raise Incompatible(f"weights={list(weights)}: at least one class must count")
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

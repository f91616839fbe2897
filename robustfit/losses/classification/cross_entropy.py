"""Binary cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.errors import Incompatible
from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, Loss, inside
from robustfit.losses.classification.base import MarginLoss, class_weights, sigmoid
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.parameters import parameter


@dataclass(frozen=True)
class CrossEntropy(MarginLoss, Conjugate):
    """Cross-entropy of a logit: phi(m) = log(1 + exp(-m)) = -log p, p = 1 / (1 + exp(-m)) the label's probability.

    The negative log-likelihood of logistic regression. Linear in a wrong margin: a flipped label at a leverage point
    pulls without bound. weights: of the classes, in their order, as if their data were there so often; none: all once.
    Among more than two classes it is the softmax's (`among`).
    Reference: Cox (1958), J. R. Statist. Soc. B 20, 215-242.

    >>> CrossEntropy().phi(np.array([0.0, -1000.0])).round(6)
    array([6.93147e-01, 1.00000e+03])
    """

    convex = True
    logit = 1.0

    weights: tuple[float, ...] = parameter((), at_least=0)

    def label_weight(self, y: Array) -> Array:
        return class_weights(self.weights, np.asarray(y > 0, dtype=np.int64), 2)

    def phi(self, m: Array) -> Array:
        return np.maximum(0.0, -m) + np.log1p(np.exp(-np.abs(m)))

    def derivative(self, m: Array) -> Array:
        return -sigmoid(-m)

    def second(self, m: Array) -> Array:
        return sigmoid(m) * sigmoid(-m)

    def majoriser(self, m: Array) -> Array:
        """tanh(m / 2) / (2 m), 1/4 at 0: Jaakkola & Jordan (2000), Stat. Comput. 10, 25-37."""
        size = np.maximum(np.abs(m), 1e-8)
        return np.tanh(0.5 * size) / (2.0 * size)

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0, 1.0

    def conjugate(self, v: Array) -> Array:
        """v + v log v + (1 - v) log(1 - v) on [0, 1]."""
        from scipy.special import xlog1py, xlogy

        q = np.clip(v, 0.0, 1.0)
        return inside(v, self.domain, np.asarray(q + xlogy(q, q) + xlog1py(1.0 - q, -q)))


def among(loss: Loss, k: int) -> Loss:
    """The same loss for k classes.

    Raises:
        Incompatible: it knows two classes only.

    >>> among(CrossEntropy(), 3)
    SoftmaxCrossEntropy(classes=3, weights=())
    """
    if k == 2:
        return loss
    if not isinstance(loss, CrossEntropy):
        raise Incompatible(f"{loss} is a loss of two classes; there are {k}: cross_entropy takes any number of them")
    return SoftmaxCrossEntropy(k, loss.weights)

"""Cross-entropy over k classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Loss
from robustfit.losses.classification.base import class_numbers, class_weights, picked
from robustfit.parameters import parameter


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of k logits: w_y (log sum_j exp(eta_j) - eta_y) = -w_y log p_y, p = softmax(eta).

    Labels y in 0 ... k - 1 `(*batch, n)`, eta `(*batch, n, k)`; the value is `(*batch, n)`. One number added to all k
    scores changes nothing; with two classes it is `CrossEntropy` of their difference. Class weights w_j >= 0, all 1
    by default; a mean is over the data, not over their weights. Reference: Bridle (1990), NATO ASI F68, 227-236.

    >>> SoftmaxCrossEntropy().value(np.array([1.0]), np.log([[0.25, 0.5, 0.25]])).round(6)
    array([0.693147])
    """

    convex = True
    scale_free = True

    weights: tuple[float, ...] = parameter((), at_least=0)

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        numbers = class_numbers(y, eta.shape[-1])
        return class_weights(self.weights, numbers, eta.shape[-1]) * -picked(log_softmax(eta), numbers)

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """w_y (p - e_y), `(*batch, n, k)`."""
        k = eta.shape[-1]
        numbers, log_p = class_numbers(y, k), log_softmax(eta)
        own = np.eye(k, dtype=bool)[numbers]
        miss: Array = np.where(own, np.expm1(log_p), np.exp(log_p))
        return class_weights(self.weights, numbers, k)[..., None] * miss

    def bend(self, y: Array, eta: Array) -> Array:
        """The second derivatives in eta, w_y (diag(p) - p p'), `(*batch, n, k, k)`."""
        k = eta.shape[-1]
        weight, log_p = class_weights(self.weights, class_numbers(y, k), k), log_softmax(eta)
        rest = np.where(np.eye(k, dtype=bool), np.expm1(log_p)[..., None, :], np.exp(log_p)[..., None, :])
        block: Array = -np.exp(log_p)[..., :, None] * rest
        return weight[..., None, None] * block


def log_softmax(eta: Array) -> Array:
    """eta_j - log sum_i exp(eta_i), over the last axis; no digit is lost where one class has all the probability.

    >>> log_softmax(np.array([1000.0, 1000.0])).round(6)
    array([-0.693147, -0.693147])
    """
    with np.errstate(over="ignore"):
        behind = eta - eta.max(-1, keepdims=True)
    largest = np.arange(eta.shape[-1]) == eta.argmax(-1)[..., None]
    others = np.where(largest, 0.0, np.exp(behind))
    result: Array = behind - np.log1p(others.sum(-1, keepdims=True))
    return result

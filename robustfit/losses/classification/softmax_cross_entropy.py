"""Cross-entropy over k classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import CurvedOutputLoss
from robustfit.losses.classification.base import class_numbers, class_weights, picked
from robustfit.parameters import parameter

ROUNDING = 1e-13
"""How far probabilities may add up to another number than 1."""


@dataclass(frozen=True)
class SoftmaxCrossEntropy(CurvedOutputLoss):
    """Cross-entropy of k logits: w_y (log sum_j exp(eta_j) - eta_y) = -w_y log p_y, p = softmax(eta).

    k = classes >= 2.

    Labels y in 0 ... k - 1 `(*batch, n)`, eta `(*batch, n, k)`; the value is `(*batch, n)`. One number added to all k
    scores changes nothing; with two classes it is `CrossEntropy` of their difference. Class weights w_j >= 0, all 1
    by default: a fit minimises the mean over these weights, as if their data were there so often.
    Reference: Bridle (1990), NATO ASI F68, 227-236.

    >>> SoftmaxCrossEntropy().value(np.array([1.0]), np.log([[0.25, 0.5, 0.25]])).round(6)
    array([0.693147])
    """

    tasks = ("classification",)
    negligible = 1e-10
    logit = 1.0

    classes: int = parameter(3, at_least=2)
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

    @property
    def outputs(self) -> int:
        return self.classes

    def targets(self, y: Array) -> Array:
        """1 for a datum's own class, 0 for the others."""
        return np.eye(self.classes)[class_numbers(y, self.classes)]

    def held(self, y: Array, eta: Array, at: Array) -> Array:
        return self.value(y, eta)

    @property
    def unseen(self) -> Array:
        """1 1' / (1000 k^2), one number added to all scores: small, for an L1 penalty sees them and steps would err."""
        return np.full((self.classes, self.classes), 1e-3 * self.classes**-2.0)

    def weight(self, y: Array, eta: Array) -> Array:
        """w_y (I - 1 1' / k) / 2. Reference: Boehning (1992), Ann. Inst. Statist. Math. 44, 197-200."""
        k = eta.shape[-1]
        block = 0.5 * (np.eye(k) - 1.0 / k)
        result: Array = class_weights(self.weights, class_numbers(y, k), k)[..., None, None] * block
        return result

    def conjugate(self, y: Array, v: Array) -> Array:
        """w_y sum_j q_j log q_j at q = e_y + v / w_y, where that is a distribution."""
        from scipy.special import xlogy

        k = v.shape[-1]
        numbers = class_numbers(y, k)
        weight = class_weights(self.weights, numbers, k)
        counts = weight > 0
        q = np.eye(k)[numbers] + v / np.where(counts, weight, 1.0)[..., None]
        proper = (q >= -ROUNDING).all(-1) & (np.abs(q.sum(-1) - 1.0) <= ROUNDING)
        q = np.maximum(q, 0.0)
        value = np.where(proper, weight * np.asarray(xlogy(q, q)).sum(-1), np.inf)
        return np.where(counts, value, np.where((v == 0.0).all(-1), 0.0, np.inf))


def counted(loss: SoftmaxCrossEntropy, y: Array, weights: Array | None) -> tuple[SoftmaxCrossEntropy, Array | None]:
    """The loss without its class weights, and the weights of the data times those of their classes."""
    if not loss.weights:
        return loss, weights
    own = class_weights(loss.weights, class_numbers(y, loss.classes), loss.classes)
    return replace(loss, weights=()), own if weights is None else weights * own


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

"""Negative log-likelihood of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustfit.linalg import Array
from robustfit.losses.base import reduce
from robustfit.losses.classification.base import class_numbers, class_weights, picked
from robustfit.parameters import Parametrised, parameter


@dataclass(frozen=True)
class NLL(Parametrised):
    """Negative log-likelihood -w_y eta_y of log-probabilities eta `(*batch, n, k)` and labels y `(*batch, n)`.

    Class weights w_j >= 0, all 1 by default. A label equal to `ignore` costs nothing and does not count. Of
    log-softmax scores it is cross-entropy. Reference: PyTorch's documentation, NLLLoss.

    >>> eta = np.log([[0.5, 0.5], [0.25, 0.75]])
    >>> float(np.exp(-NLL().value(np.array([0.0, 1.0]), eta)).prod())
    0.375
    """

    weights: tuple[float, ...] = parameter((), at_least=0)
    ignore: int = -100

    def value(self, y: Array, eta: Array) -> Array:
        """The cost of each datum."""
        own = picked(eta, self._numbers(y, eta.shape[-1]))
        weight = self.weight(y, eta.shape[-1])
        with np.errstate(invalid="ignore"):  # 0 times infinity
            return np.where(weight > 0.0, -weight * own, 0.0)

    def weight(self, y: Array, k: int) -> Array:
        """w_y; 0 where the label is ignored."""
        return np.where(y == self.ignore, 0.0, class_weights(self.weights, self._numbers(y, k), k))

    def __call__(self, y: Array, eta: Array, reduction: str = "mean") -> Array:
        """`none`, the `sum`, or the `mean`, which is sum -w_y eta_y / sum w_y; over the last axis of the values."""
        values = self.value(y, eta)
        if reduction != "mean":
            return reduce(values, reduction)
        with np.errstate(invalid="ignore"):  # NaN where nothing counts
            return reduce(values, "sum") / reduce(self.weight(y, eta.shape[-1]), "sum")

    def _numbers(self, y: Array, k: int) -> NDArray[np.int64]:
        """The classes, with 0 in place of labels that are ignored."""
        return class_numbers(np.where(y == self.ignore, 0, y), k)

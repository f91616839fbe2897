"""Binary cross-entropy with logits."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.criteria.base import Criterion
from robustfit.parameters import parameter


@dataclass(frozen=True)
class BCEWithLogits(Criterion):
    """Binary cross-entropy -(w y log p + (1 - y) log(1 - p)) of a logit eta, p = 1 / (1 + exp(-eta)), y in [0, 1].

    w = pos_weight >= 0 weighs the positive part. For y in {0, 1} it is `CrossEntropy` of the label 2 y - 1.
    Reference: PyTorch's documentation, BCEWithLogitsLoss.

    >>> import numpy as np
    >>> BCEWithLogits(3.0).value(np.array([1.0, 0.0]), np.zeros(2)) / np.log(2.0)
    array([3., 1.])
    """

    pos_weight: float = parameter(1.0, at_least=0)

    def value(self, y: Array, eta: Array) -> Array:
        phi = CrossEntropy().phi
        return self.pos_weight * y * phi(eta) + (1.0 - y) * phi(-eta)

"""Hinge embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.criteria.base import Criterion
from robustfit.parameters import parameter


@dataclass(frozen=True)
class HingeEmbedding(Criterion):
    """eta where y = 1, max(0, margin - eta) where y = -1: eta, a distance, is to be small for like pairs only.

    Reference: PyTorch's documentation, HingeEmbeddingLoss.

    >>> HingeEmbedding(1.0).value(np.array([1.0, -1.0, -1.0]), np.array([0.3, 0.25, 2.0]))
    array([0.3 , 0.75, 0.  ])
    """

    margin: float = parameter(1.0)

    def value(self, y: Array, eta: Array) -> Array:
        return np.where(y > 0, eta, np.maximum(0.0, self.margin - eta))

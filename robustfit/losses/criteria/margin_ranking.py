"""Margin ranking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.criteria.base import Criterion
from robustfit.parameters import parameter


@dataclass(frozen=True)
class MarginRanking(Criterion):
    """max(0, margin - y (eta_1 - eta_2)) of two scores, eta `(*batch, n, 2)`.

    y = 1 wants the first to be higher by the margin, y = -1 the second.
    Reference: PyTorch's documentation, MarginRankingLoss.

    >>> MarginRanking(1.0).value(np.array([1.0, -1.0]), np.array([[3.0, 1.0], [3.0, 1.0]]))
    array([0., 3.])
    """

    margin: float = parameter(0.0)

    def value(self, y: Array, eta: Array) -> Array:
        return np.maximum(0.0, self.margin - y * (eta[..., 0] - eta[..., 1]))

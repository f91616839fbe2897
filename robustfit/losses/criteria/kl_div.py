"""Kullback-Leibler divergence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.criteria.base import Criterion


@dataclass(frozen=True)
class KLDiv(Criterion):
    """Terms of the Kullback-Leibler divergence, y (log y - eta), of probabilities y and log-probabilities eta.

    With log_target y is given by its logarithm. A term with probability 0 is 0. Their sum over the classes is the
    divergence; it is that sum, not the mean, that measures distributions.
    Reference: PyTorch's documentation, KLDivLoss.

    >>> float(np.exp(KLDiv()(np.array([1.0, 0.0]), np.log([0.25, 0.75]), reduction="sum")))
    4.0
    """

    log_target: bool = False

    def value(self, y: Array, eta: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            log_y, probability = (y, np.exp(y)) if self.log_target else (np.log(y), y)
            return np.where(probability == 0.0, 0.0, probability * (log_y - eta))

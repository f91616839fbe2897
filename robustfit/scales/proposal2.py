"""Huber's proposal 2."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.losses.huber import Huber
from robustfit.parameters import parameter
from robustfit.scales.base import JointScale, count, m_scale, m_slope


@dataclass(frozen=True)
class Proposal2(JointScale):
    """Huber's proposal 2: the s that solves sum min(r^2, (k s)^2) = (n - p) s^2 E min(Z^2, k^2), Z standard normal.

    k > 0 bounds what one residual adds; as k grows s tends to sqrt(RSS / (n - p)). `MASS::rlm` calls it k2 (1.345),
    `statsmodels` HuberScale d (2.5). 0 where too many residuals are 0.

    Reference: Huber (1964), Ann. Math. Statist. 35, 73-101, section 8.

    >>> import numpy as np
    >>> Proposal2(100.0).update(np.array([3.0, -4.0, 0.0]), Huber(), p=2).round(12).item()
    5.0
    """

    k: float = parameter(1.345, above=0)

    def refuses(self, loss: ResidualLoss) -> str:
        return ""

    def update(self, residuals: Array, loss: ResidualLoss, p: int, weights: Array | None = None) -> Array:
        target = 0.5 * expected_square(self.k) * (count(residuals, weights) - p)
        return m_scale(residuals, Huber(self.k), target, weights)

    def slope(self, residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
        return m_slope(residuals, scale, Huber(self.k), weights)


def expected_square(k: float) -> float:
    """E min(Z^2, k^2) of a standard normal Z.

    >>> round(expected_square(1.345), 4)
    0.7102
    """
    within, beyond = math.erf(k / math.sqrt(2.0)), math.erfc(k / math.sqrt(2.0))
    return within - k * math.exp(-0.5 * k * k) * math.sqrt(2.0 / math.pi) + k * k * beyond

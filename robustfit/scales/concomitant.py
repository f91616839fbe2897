"""The scale of scikit-learn's HuberRegressor."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.scales.base import JointScale, count, m_scale, m_slope


@dataclass(frozen=True)
class Concomitant(JointScale):
    """x"""

    def refuses(self, loss: ResidualLoss) -> str:
        return "" if loss.convex and not loss.scale_free else "x"

    def update(self, residuals: Array, loss: ResidualLoss, p: int, weights: Array | None = None) -> Array:
        return m_scale(residuals, loss, 0.5 * count(residuals, weights), weights)

    def slope(self, residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
        return m_slope(residuals, scale, loss, weights)

"""The scale of scikit-learn's HuberRegressor."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.scales.base import JointScale, count, m_scale, m_slope


@dataclass(frozen=True)
class Concomitant(JointScale):
    """The s that, with b, minimises sum (s rho(r / s) + s / 2): it solves mean(u psi(u) - rho(u)) = 1 / 2, u = r / s.

    With Huber(delta) that is mean min(u^2, delta^2) = 1, and the objective half of that of scikit-learn's
    HuberRegressor(epsilon=delta). It is convex in b and s together, so that the start does not matter. s is not
    consistent at the normal (0.68 sigma for delta = 1.35), and delta acts as if it were smaller. Where psi is too
    small to pay for any s (always for delta <= 1, else with many zeros among r) the minimum is at s = 0: LAD.

    A penalty does not enter the equation for s; scikit-learn's ridge alpha is our l2 with alpha / (n s).

    Reference: Huber (1981), Robust Statistics, section 7.7; Owen (2007), Contemp. Math. 443, 59-72.

    >>> import numpy as np
    >>> from robustfit.losses.huber import Huber
    >>> Concomitant().update(np.array([3.0, -4.0]), Huber(2.0), p=1).round(6).item()  # all within: sqrt(mean r^2)
    3.535534
    """

    def refuses(self, loss: ResidualLoss) -> str:
        if loss.convex and not loss.scale_free:
            return ""
        return f"concomitant needs a convex loss that counts in units of a scale; {loss} is not one"

    def update(self, residuals: Array, loss: ResidualLoss, p: int, weights: Array | None = None) -> Array:
        return m_scale(residuals, loss, 0.5 * count(residuals, weights), weights)

    def slope(self, residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
        return m_slope(residuals, scale, loss, weights)

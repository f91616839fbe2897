"""The median absolute residual of the final fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.parameters import parameter
from robustfit.scales.base import JointScale, middle


@dataclass(frozen=True)
class Iterated(JointScale):
    """The normalised median of the absolute residuals (about 0) of the fit itself: s = consistency median abs(r).

    All n residuals count. Re-estimated with the fit until both stand still, as `MASS::rlm` does with consistency
    1 / 0.6745, and `statsmodels` RLM with 1 / Phi^-1(3/4), the value here. More than one pair of fit and scale can
    solve both equations: it is the start that decides.

    Reference: Huber (1981), Robust Statistics, section 7.8.

    >>> from robustfit.losses.huber import Huber
    >>> Iterated(1.5).update(np.array([-2.0, 1.0, 3.0]), Huber(), p=1).item()
    3.0
    """

    consistency: float = parameter(1.482602218505602, above=0)

    def refuses(self, loss: ResidualLoss) -> str:
        return ""

    def update(self, residuals: Array, loss: ResidualLoss, p: int, weights: Array | None = None) -> Array:
        low, high = middle(np.abs(residuals), weights)
        return self.consistency * (0.5 * low + 0.5 * high)

    def slope(self, residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
        """The middle rows alone count, tied ones alike."""
        size = np.abs(residuals)
        middles = [size == value[..., None] for value in middle(size, weights)]
        shares = sum(0.5 * rows / rows.sum(-1, keepdims=True) for rows in middles)
        result: Array = self.consistency * np.sign(residuals) * shares
        return result

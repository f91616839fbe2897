"""The quantile (pinball) loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, PolyhedralLoss, inside
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Quantile(PolyhedralLoss, Conjugate):
    """Pinball loss, rho(u) = u (tau - 1[u < 0]): the fit estimates the tau-quantile; tau = 1/2 is MAE / 2.

    tau in (0, 1). Reference: Koenker & Bassett (1978), Econometrica 46, 33-50.

    >>> Quantile(0.9).rho(np.array([-10.0, 10.0])).round(12)
    array([1., 9.])
    """

    scale_free = True

    tau: float = parameter(0.5, above=0, below=1)

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        return (self.tau - 1.0, 0.0), (self.tau, 0.0)

    @property
    def domain(self) -> tuple[float, float]:
        return self.tau - 1.0, self.tau

    def conjugate(self, v: Array) -> Array:
        """0 on [tau - 1, tau]."""
        return inside(v, self.domain, np.zeros_like(v))

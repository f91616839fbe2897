"""Absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, PolyhedralLoss, inside


@dataclass(frozen=True)
class MAE(PolyhedralLoss, Conjugate):
    """Absolute error, rho(u) = abs(u): the fit estimates the median (least absolute deviations, L1).

    Every error pulls with the same force, so a far y does no more harm than a near one; a far x does.
    Reference: Bloomfield & Steiger (1983), Least Absolute Deviations.

    >>> MAE().rho(np.array([-2.0, 0.5]))
    array([2. , 0.5])
    """

    scale_free = True

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        return (-1.0, 0.0), (1.0, 0.0)

    @property
    def domain(self) -> tuple[float, float]:
        return -1.0, 1.0

    def conjugate(self, v: Array) -> Array:
        """0 on [-1, 1]."""
        return inside(v, self.domain, np.zeros_like(v))

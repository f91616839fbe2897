"""Smooth L1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array, double
from robustfit.losses.base import Conjugate, SmoothLoss, inside
from robustfit.parameters import parameter


@dataclass(frozen=True)
class SmoothL1(SmoothLoss, Conjugate):
    """Smooth L1: rho(u) = u^2 / (2 beta) for abs(u) < beta, abs(u) - beta / 2 beyond; it is Huber(beta) / beta.

    beta > 0, in units of the scale; 1.345 gives 95 % efficiency at the normal (the minimiser is Huber's). As beta
    shrinks it tends to MAE. Reference: Girshick (2015), Fast R-CNN, equation 3.

    >>> SmoothL1(1.0).rho(np.array([0.5, -3.0]))
    array([0.125, 2.5  ])
    """

    convex = True

    beta: float = parameter(1.345, above=0)

    def rho(self, u: Array) -> Array:
        size = np.abs(u)
        near = np.minimum(size, self.beta)
        return (near / self.beta) * (size - 0.5 * near)

    def weight(self, u: Array) -> Array:
        return 1.0 / np.maximum(np.abs(u), self.beta)

    def curvature(self, u: Array) -> Array:
        return double(np.abs(u) <= self.beta) / self.beta

    @property
    def domain(self) -> tuple[float, float]:
        return -1.0, 1.0

    def conjugate(self, v: Array) -> Array:
        """beta v^2 / 2 on [-1, 1]."""
        return inside(v, self.domain, 0.5 * self.beta * np.square(np.clip(v, *self.domain)))

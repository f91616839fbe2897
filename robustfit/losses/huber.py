"""Huber's loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array, double
from robustfit.losses.base import Conjugate, SmoothLoss, inside
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Huber(SmoothLoss, Conjugate):
    """Huber's loss: rho(u) = u^2 / 2 for abs(u) <= delta, delta abs(u) - delta^2 / 2 beyond.

    delta > 0, in units of the scale; 1.345 gives 95 % efficiency at the normal. As delta grows it tends to MSE / 2, as
    delta shrinks rho / delta tends to MAE. Reference: Huber (1964), Ann. Math. Statist. 35, 73-101.

    >>> Huber(1.0).rho(np.array([0.5, -3.0]))
    array([0.125, 2.5  ])
    """

    convex = True

    delta: float = parameter(1.345, above=0)

    def rho(self, u: Array) -> Array:
        size = np.abs(u)
        near = np.minimum(size, self.delta)
        return near * (size - 0.5 * near)

    def weight(self, u: Array) -> Array:
        return self.delta / np.maximum(np.abs(u), self.delta)

    def curvature(self, u: Array) -> Array:
        return double(np.abs(u) <= self.delta)

    @property
    def domain(self) -> tuple[float, float]:
        return -self.delta, self.delta

    def conjugate(self, v: Array) -> Array:
        """v^2 / 2 on [-delta, delta]."""
        return inside(v, self.domain, 0.5 * np.square(np.clip(v, *self.domain)))

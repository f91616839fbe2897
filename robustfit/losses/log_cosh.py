"""Log-cosh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, SmoothLoss, inside
from robustfit.parameters import parameter


@dataclass(frozen=True)
class LogCosh(SmoothLoss, Conjugate):
    """Log-cosh: rho(u) = c^2 log cosh(u / c), quadratic near 0 and linear far out, with every derivative.

    c > 0, in units of the scale; 1.205 gives 95 % efficiency at the normal. psi(u) = c tanh(u / c).
    Reference: Green (1990), IEEE Trans. Med. Imaging 9, 84-93.

    >>> LogCosh(1.0).rho(np.array([0.0, 1000.0])).round(6)
    array([  0.      , 999.306853])
    """

    convex = True

    c: float = parameter(1.205, above=0)

    def rho(self, u: Array) -> Array:
        v = np.abs(u / self.c)
        near = np.log1p(2.0 * np.square(np.sinh(0.5 * np.minimum(v, 1.0))))
        far = v + np.log1p(np.exp(-2.0 * v)) - np.log(2.0)
        return self.c * (self.c * np.where(v < 1.0, near, far))

    def weight(self, u: Array) -> Array:
        v = np.abs(u / self.c)
        safe = np.where(v > 0, v, 1.0)
        return np.where(v > 0, np.tanh(safe) / safe, 1.0)

    def curvature(self, u: Array) -> Array:
        decay = np.exp(-2.0 * np.abs(u / self.c))
        return 4.0 * decay / np.square(1.0 + decay)

    @property
    def domain(self) -> tuple[float, float]:
        return -self.c, self.c

    def conjugate(self, v: Array) -> Array:
        """c^2 ((1 + w) log(1 + w) + (1 - w) log(1 - w)) / 2, w = v / c in [-1, 1]."""
        w = np.minimum(np.abs(v / self.c), 1.0)
        small, large = np.minimum(w, 0.5), np.maximum(w, 0.5)
        # Near 0 the two terms cancel: there as w artanh(w) + log(1 - w^2) / 2, which does not.
        near = small * np.arctanh(small) + 0.5 * np.log1p(-np.square(small))
        rest = np.maximum(1.0 - large, np.finfo(float).tiny)
        far = 0.5 * ((1.0 + large) * np.log1p(large) + rest * np.log(rest))
        return inside(v, self.domain, self.c * (self.c * np.where(w < 0.5, near, far)))

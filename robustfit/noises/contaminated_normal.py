"""Normal errors, each contaminated independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter


@dataclass(frozen=True)
class ContaminatedNormal(Parametrised, Noise):
    """CN(eps, m, s): e = sigma z with probability 1 - eps, sigma (m + s z) with probability eps, z ~ N(0, 1).

    Each error is contaminated independently, so that the number of bad ones is random; a contamination marks an exact
    number instead. eps in [0, 0.5]; shift m and spread s > 0 in units of sigma; sigma > 0 in the units of y. The scale
    is that of the good errors, sigma. Reference: Tukey (1960), Contributions to Probability and Statistics, 448-485.

    >>> ContaminatedNormal(sigma=2.0, eps=0.1, shift=5.0).mean
    1.0
    """

    sigma: float = parameter(1.0, above=0)
    eps: float = parameter(0.1, at_least=0, at_most=0.5)
    shift: float = 0.0
    spread: float = parameter(3.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        z = rng.standard_normal(shape)
        bad = rng.random(shape) < self.eps
        return self.sigma * np.where(bad, self.shift + self.spread * z, z)

    @property
    def scale(self) -> float:
        return self.sigma

    @property
    def symmetric(self) -> bool:
        return self.eps == 0 or self.shift == 0

    @property
    def mean(self) -> float:
        return self.eps * self.shift * self.sigma

    def quantile(self, level: float) -> float:
        """The root of (1 - eps) Phi(z) + eps Phi((z - m) / s) = level; it lies between those of the two parts."""
        from scipy.optimize import brentq
        from scipy.special import ndtr, ndtri

        def excess(z: float) -> float:
            return float((1.0 - self.eps) * ndtr(z) + self.eps * ndtr((z - self.shift) / self.spread) - level)

        good = float(ndtri(level))
        low, high = sorted((good, self.shift + self.spread * good))
        return self.sigma * float(brentq(excess, low - 1.0, high + 1.0, xtol=1e-14))

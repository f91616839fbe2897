"""Normal errors, each contaminated independently."""

from __future__ import annotations

import itertools
import math
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

    @property
    def information(self) -> float | None:
        """By quadrature over z = e / sigma, as no closed form is known."""
        from scipy.integrate import quad

        parts = ((0.0, 1.0), (self.shift, self.spread))
        ends = sorted({m + k * s for m, s in parts for k in (-12.0, -3.0, 0.0, 3.0, 12.0)})
        pieces = [quad(self._squared_score, low, high, limit=200)[0] for low, high in itertools.pairwise(ends)]
        return float(sum(pieces)) / self.sigma**2

    def _squared_score(self, z: float) -> float:
        """(f'/f)^2 f of z = e / sigma: f'^2 / f, 0 where f is 0."""
        bad = (z - self.shift) / self.spread
        good, other = (1.0 - self.eps) * math.exp(-0.5 * z * z), self.eps / self.spread * math.exp(-0.5 * bad * bad)
        density, slope = good + other, -z * good - bad / self.spread * other
        return slope**2 / density / math.sqrt(2.0 * math.pi) if density > 0 else 0.0

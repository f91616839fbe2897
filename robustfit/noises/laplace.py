"""Laplace errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter
from robustfit.scales.mad import CONSISTENCY


@dataclass(frozen=True)
class Laplace(Parametrised, Noise):
    """Laplace errors: density exp(-abs(e) / b) / (2 b), for which MAE is maximum likelihood.

    sigma > 0, in the units of y: the standard deviation, so b = sigma / sqrt(2). The scale is the normalised MAD,
    1.4826 b log 2 = 0.727 sigma. Reference: Laplace (1774), Mem. Acad. R. Sci. Paris 6, 621-656.

    >>> round(Laplace(2.0**0.5).quantile(0.75), 6), round(math.log(2.0), 6)
    (0.693147, 0.693147)
    """

    sigma: float = parameter(1.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.laplace(0.0, self.b, shape)

    @property
    def b(self) -> float:
        """The mean absolute error."""
        return self.sigma / math.sqrt(2.0)

    @property
    def scale(self) -> float:
        return CONSISTENCY * self.quantile(0.75)

    @property
    def symmetric(self) -> bool:
        return True

    @property
    def mean(self) -> float:
        return 0.0

    def quantile(self, level: float) -> float:
        tail = min(level, 1.0 - level)
        return math.copysign(-self.b * math.log(2.0 * tail), level - 0.5)

    @property
    def information(self) -> float | None:
        return 1.0 / self.b**2

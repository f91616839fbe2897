"""Skewed errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter
from robustfit.scales.mad import CONSISTENCY


@dataclass(frozen=True)
class Skewed(Parametrised, Noise):
    """Centred exponential errors: e = sigma (E - 1), E ~ Exp(1); mean 0, median sigma (log 2 - 1), skewness 2.

    Mean and median differ, so that losses estimate different intercepts, while slopes stay comparable. sigma > 0, in
    the units of y: the standard deviation. The scale is the normalised MAD, 1.4826 sigma asinh(1/2) = 0.713 sigma.

    >>> round(Skewed(1.0).quantile(0.5), 6), round(math.log(2.0) - 1.0, 6)
    (-0.306853, -0.306853)
    """

    sigma: float = parameter(1.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.sigma * (rng.standard_exponential(shape) - 1.0)

    @property
    def scale(self) -> float:
        return CONSISTENCY * self.sigma * math.asinh(0.5)

    @property
    def symmetric(self) -> bool:
        return False

    @property
    def mean(self) -> float:
        return 0.0

    def quantile(self, level: float) -> float:
        return self.sigma * (-math.log1p(-level) - 1.0)

    @property
    def information(self) -> float | None:
        return None

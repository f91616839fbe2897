"""Uniform errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter
from robustfit.scales.mad import CONSISTENCY


@dataclass(frozen=True)
class Uniform(Parametrised, Noise):
    """Uniform errors on (-a, a): tails lighter than the normal's, where least squares beats MAE by most.

    sigma > 0, in the units of y: the standard deviation, so a = sqrt(3) sigma. The scale is the normalised MAD,
    1.4826 a / 2 = 1.284 sigma.

    >>> round(Uniform(3.0**0.5).quantile(0.75), 12)
    1.5
    """

    sigma: float = parameter(1.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.half_width * (2.0 * rng.random(shape) - 1.0)

    @property
    def half_width(self) -> float:
        """a, the largest error."""
        return math.sqrt(3.0) * self.sigma

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
        return self.half_width * (2.0 * level - 1.0)

    @property
    def information(self) -> float | None:
        return None

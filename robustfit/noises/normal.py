"""Normal errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter


@dataclass(frozen=True)
class Normal(Parametrised, Noise):
    """Normal errors: e = sigma z, z ~ N(0, 1).

    sigma > 0, in the units of y: the standard deviation, and the scale.

    >>> Normal(2.0).scale, Normal(2.0).quantile(0.5)
    (2.0, 0.0)
    """

    sigma: float = parameter(1.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.sigma * rng.standard_normal(shape)

    @property
    def scale(self) -> float:
        return self.sigma

    @property
    def symmetric(self) -> bool:
        return True

    @property
    def mean(self) -> float:
        return 0.0

    def quantile(self, level: float) -> float:
        from scipy.special import ndtri

        return self.sigma * float(ndtri(level))

    @property
    def information(self) -> float | None:
        return 1.0 / self.sigma**2

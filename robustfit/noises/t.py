"""Student's t errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robustfit.data import Noise
from robustfit.linalg import Array
from robustfit.parameters import Parametrised, parameter
from robustfit.scales.mad import CONSISTENCY


@dataclass(frozen=True)
class T(Parametrised, Noise):
    """Student's t errors: e = sigma T, T ~ t(df); heavy tails that thin out as df grows, Cauchy at df = 1.

    df > 0; the mean exists for df > 1, the variance for df > 2. sigma > 0, in the units of y, multiplies the standard t
    (as the literature writes it: the standard deviation is sigma sqrt(df / (df - 2))). The scale is the normalised MAD,
    1.4826 times the upper quartile. Reference: Lange, Little & Taylor (1989), JASA 84, 881-896.

    >>> round(T(df=1.0, sigma=2.0).quantile(0.75), 12), T(df=1.0).mean
    (2.0, nan)
    """

    df: float = parameter(3.0, above=0)
    sigma: float = parameter(1.0, above=0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.sigma * rng.standard_t(self.df, shape)

    @property
    def scale(self) -> float:
        return CONSISTENCY * self.quantile(0.75)

    @property
    def symmetric(self) -> bool:
        return True

    @property
    def mean(self) -> float:
        return 0.0 if self.df > 1 else math.nan

    def quantile(self, level: float) -> float:
        from scipy.special import stdtrit

        return self.sigma * float(stdtrit(self.df, level))

    @property
    def information(self) -> float | None:
        return (self.df + 1.0) / ((self.df + 3.0) * self.sigma**2)

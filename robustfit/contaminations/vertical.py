"""Vertical outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination, error_unit
from robustfit.data import Data
from robustfit.linalg import Array
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Vertical(Contamination):
    """Targets that are off, features that are right: y + shift + spread z, z ~ N(0, 1), in units of the noise's scale.

    shift: upwards if positive, downwards if negative. spread >= 0. symmetric: the sign of the shift is a fair coin's,
    so that the outliers do not agree; one-sided outliers pull harder.

    >>> data, rng = Data.clean(np.ones((4, 1)), np.zeros(4)), np.random.default_rng(0)
    >>> sorted(Vertical(shift=10.0, spread=0.0).corrupt(data, 0.25, rng, rng).y.tolist())
    [0.0, 0.0, 0.0, 10.0]
    """

    shift: float = 10.0
    spread: float = parameter(1.0, at_least=0)
    symmetric: bool = False

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        shift = self.shift + self.spread * values.standard_normal(data.y.shape)
        if self.symmetric:
            shift = np.where(values.random(data.y.shape) < 0.5, -shift, shift)
        return data.X, data.y + shift * error_unit(data)

"""Flipped labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Contamination, other_class
from robustfit.data import Data
from robustfit.linalg import Array


@dataclass(frozen=True)
class Flips(Contamination):
    """Labels of another class, each of the others with the same probability, whatever the row: symmetric label noise.

    Reference: Angluin & Laird (1988), Mach. Learn. 2, 343-370.

    >>> data, rng = Data.clean(np.ones((2, 1)), np.array([-1.0, 1.0]), classes=("no", "yes")), np.random.default_rng(0)
    >>> Flips().spoil(data, rng)[1]
    array([ 1., -1.])
    """

    task: ClassVar[str] = "classification"

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        return data.X, other_class(data, values)

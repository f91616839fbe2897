"""Boxes with x and y exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Contamination
from robustfit.data import Data
from robustfit.linalg import Array


@dataclass(frozen=True)
class Swapped(Contamination):
    """Boxes whose coordinates were read in the wrong order, y before x: mirrored in the diagonal, corners still valid.

    >>> data = Data.clean(np.ones((1, 1)), np.array([[5.0, 0.0, 9.0, 2.0]]))
    >>> Swapped().spoil(data, np.random.default_rng(0))[1]
    array([[0., 5., 2., 9.]])
    """

    task: ClassVar[str] = "boxes"

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        return data.X, data.y[..., [1, 0, 3, 2]]

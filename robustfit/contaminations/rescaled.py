"""Boxes in the wrong scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Contamination
from robustfit.data import Data
from robustfit.linalg import Array
from robustfit.losses.boxes.base import centres_and_sizes, corners
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Rescaled(Contamination):
    """Boxes `factor` times as large: about the origin, as if in other units; or about their own centre.

    factor > 0. about: `origin` multiplies all four coordinates, as where the picture was resized or its size divided
    out; `centre` leaves the centre where it is, as where the size alone was misread (half of it, a margin added).

    >>> data = Data.clean(np.ones((1, 1)), np.array([[4.0, 4.0, 8.0, 6.0]]))
    >>> Rescaled(0.5).spoil(data, np.random.default_rng(0))[1]
    array([[2., 2., 4., 3.]])
    >>> Rescaled(0.5, about="centre").spoil(data, np.random.default_rng(0))[1]
    array([[5. , 4.5, 7. , 5.5]])
    """

    task: ClassVar[str] = "boxes"

    factor: float = parameter(0.5, above=0)
    about: str = parameter("origin", choices=("origin", "centre"))

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        if self.about == "origin":
            return data.X, self.factor * data.y
        return data.X, corners(centres_and_sizes(data.y) * [1.0, 1.0, self.factor, self.factor])

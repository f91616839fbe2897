"""Boxes in the wrong place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Contamination
from robustfit.data import Data
from robustfit.linalg import Array
from robustfit.parameters import parameter


@dataclass(frozen=True)
class Displaced(Contamination):
    """Boxes of the right size in the wrong place: moved by `distance` of their own diagonal in a random direction.

    distance > 0; from 1 on the box no longer overlaps with where it was.

    >>> data = Data.clean(np.ones((1, 1)), np.array([[0.0, 0.0, 3.0, 4.0]]))
    >>> X, moved = Displaced(distance=2.0).spoil(data, np.random.default_rng(0))
    >>> np.hypot(*(moved - data.y)[0, :2]).round(9).item()
    10.0
    """

    task: ClassVar[str] = "boxes"

    distance: float = parameter(1.0, above=0)

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        angle = values.uniform(0.0, 2.0 * np.pi, data.y.shape[:-1])
        diagonal = np.hypot(data.y[..., 2] - data.y[..., 0], data.y[..., 3] - data.y[..., 1])
        move = self.distance * diagonal[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        return data.X, data.y + np.concatenate([move, move], -1)

"""Boxes in pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.data import Data, Noise, Streams, Truth
from robustfit.linalg import Array
from robustfit.losses.boxes.base import corners
from robustfit.noises.normal import Normal
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario, design

CENTRE = (320.0, 240.0)
"""Where boxes lie on average, in pixels: the middle of a picture of 640 by 480."""

REACH = math.sqrt(3.0)
"""Features are uniform between minus this and this: of unit variance."""


@dataclass(frozen=True)
class RandomBoxes(Scenario):
    """Boxes whose centre and size are linear in the features, in pixels, all four with errors of their own.

    n_samples, n_features >= 1: independent features, uniform with mean 0 and variance 1. width, height > 0: the mean
    size; the width rises with the first feature and the height falls with the last, both by up to the share `variation`
    in [0, 1) either way, so that sizes are always positive and shapes range from wide to tall. spread >= 0: standard
    deviation of the centre's x and y over the boxes, which all features move. noise: the distribution of the errors of
    centre and size; the box then lies between its two corners, crossed or not. The corners are linear too, with
    symmetric errors where the noise is symmetric and no size comes near 0.

    >>> RandomBoxes(n_features=1, width=40.0, height=20.0, variation=0.0, spread=0.0).truth.coef
    array([[300., 230., 340., 250.],
           [  0.,   0.,   0.,   0.]])
    """

    task: ClassVar[str] = "boxes"

    n_samples: int = parameter(100, at_least=1)
    n_features: int = parameter(3, at_least=1)
    width: float = parameter(160.0, above=0)
    height: float = parameter(120.0, above=0)
    variation: float = parameter(0.8, at_least=0, below=1)
    spread: float = parameter(80.0, at_least=0)
    noise: Noise = Normal(8.0)

    @property
    def intercept(self) -> bool:
        return True

    @property
    def truth(self) -> Truth:
        """The coefficients of the four corner coordinates `(p, 4)` and the population moment."""
        q, slope = self.n_features, self.variation / REACH
        coef = np.zeros((q + 1, 4))
        coef[0] = (*CENTRE, self.width, self.height)
        coef[1:, 0] = self.spread / math.sqrt(q) * np.resize([1.0, -1.0], q)
        coef[1:, 1] = self.spread / math.sqrt(q)
        coef[1, 2] = slope * self.width
        coef[q, 3] = -slope * self.height
        return Truth(corners(coef), np.eye(q + 1))

    def sample(self, streams: Streams, replicates: int) -> Data:
        truth, shape = self.truth, (replicates, self.n_samples)
        X = design(streams.X.uniform(-REACH, REACH, (*shape, self.n_features)))
        errors = corners(self.noise.draw(streams.noise, (*shape, 4)))
        return Data.clean(X, between(X @ truth.coef + errors), truth)


def between(boxes: Array) -> Array:
    """The boxes between two opposite corners, in whichever order each pair of coordinates stands.

    >>> between(np.array([3.0, 0.0, 1.0, 2.0]))
    array([1., 0., 3., 2.])
    """
    first, last = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([np.minimum(first, last), np.maximum(first, last)], -1)

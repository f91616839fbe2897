"""What a loss of boxes is.

A box is its corners (x1, y1, x2, y2) on a trailing axis of four, x1 <= x2 and y1 <= y2; the loss of a true box y and a
predicted one eta reduces that axis. Everything broadcasts over the axes before it: `y[:, None]` against `eta` gives all
pairs, and its diagonal is what `y` against `eta` gives.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Bounded, OutputLoss
from robustfit.losses.boxes.jet import Jet
from robustfit.losses.boxes.pair import Pair


class OverlapLoss(OutputLoss, Bounded):
    """A loss of how two boxes lie to each other, stated once as a `cost`; its slope is derived.

    Invariant to translations and to a common change of unit, so that the scale has no say. A prediction whose corners
    are crossed stands for the box between them (Rezatofighi et al. 2019, algorithm 2). At kinks (aligned edges, boxes
    that touch) each output's slope is the mean of its two one-sided derivatives: 0 for identical boxes.
    """

    tasks = ("boxes",)
    convex = False
    wide = True

    @property
    def outputs(self) -> int:
        """4."""
        return 4

    @abstractmethod
    def cost(self, pair: Pair) -> Jet:
        """The loss of a pair of boxes; finite for all finite boxes."""

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """The cost of predicting the box eta for the box y, whatever the scale."""
        return self.cost(Pair.of(y, eta, slopes=False)).value

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """d value / d eta, but for what the loss counts as a constant."""
        return np.moveaxis(self.cost(Pair.of(y, eta, slopes=True)).gradient, 0, -1)

    def targets(self, y: Array) -> Array:
        """The boxes."""
        return y

    def held(self, y: Array, eta: Array, at: Array) -> Array:
        return self.cost(replace(Pair.of(y, eta, slopes=False), anchor=Pair.of(y, at, slopes=False))).value


def corners(boxes: Array) -> Array:
    """(centre x, centre y, width, height) as (x1, y1, x2, y2).

    >>> corners(np.array([2.0, 1.0, 4.0, 2.0]))
    array([0., 0., 4., 2.])
    """
    centre, half = boxes[..., :2], 0.5 * boxes[..., 2:]
    return np.concatenate([centre - half, centre + half], -1)


def centres_and_sizes(boxes: Array) -> Array:
    """(x1, y1, x2, y2) as (centre x, centre y, width, height).

    >>> centres_and_sizes(np.array([0.0, 0.0, 4.0, 2.0]))
    array([2., 1., 4., 2.])
    """
    first, last = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([0.5 * first + 0.5 * last, last - first], -1)

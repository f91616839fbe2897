"""A true and a predicted box, and how they lie to each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.boxes.jet import TINY, Jet, angle, at_least, greatest, least


@dataclass(frozen=True)
class Rectangle:
    """A box by its edges, left <= right and top <= bottom."""

    left: Jet
    top: Jet
    right: Jet
    bottom: Jet

    @classmethod
    def between(cls, x1: Jet, y1: Jet, x2: Jet, y2: Jet) -> Rectangle:
        """The box between two opposite corners."""
        return cls(least(x1, x2), least(y1, y2), greatest(x1, x2), greatest(y1, y2))

    @property
    def width(self) -> Jet:
        """right - left."""
        return self.right - self.left

    @property
    def height(self) -> Jet:
        """bottom - top."""
        return self.bottom - self.top

    @property
    def area(self) -> Jet:
        """width height."""
        return self.width * self.height


@dataclass(frozen=True)
class Pair:
    """Two boxes, in coordinates in which the square around both has side 1, so that no area over- or underflows.

    >>> pair = Pair.of(np.array([0.0, 0.0, 2.0, 1.0]), np.array([1.0, 0.0, 3.0, 1.0]), slopes=False)
    >>> float(pair.overlap.value.round(12)), float(pair.vacancy.value.round(12))
    (0.333333333333, 0.0)
    """

    true: Rectangle
    predicted: Rectangle
    anchor: Pair | None = None
    """The pair at which a loss takes what it counts as a constant; None is this one."""

    @classmethod
    def of(cls, y: Array, eta: Array, slopes: bool) -> Pair:
        """Boxes `(..., 4)` by their corners; with slopes, jets in the four coordinates of eta, else in none."""
        (true, predicted), unit = _framed(y, eta)
        seeds = np.eye(4)[:, : 4 if slopes else 0].reshape(4, -1, *[1] * unit.ndim) * (0.5 / unit)
        return cls(
            Rectangle.between(*(Jet(x, np.zeros_like(seed)) for x, seed in zip(true, seeds, strict=True))),
            Rectangle.between(*(Jet(x, seed) for x, seed in zip(predicted, seeds, strict=True))),
        )

    @cached_property
    def intersection(self) -> Jet:
        """The area that both cover; 0 where they are apart or only touch."""
        width = least(self.true.right, self.predicted.right) - greatest(self.true.left, self.predicted.left)
        height = least(self.true.bottom, self.predicted.bottom) - greatest(self.true.top, self.predicted.top)
        return at_least(0.0, width) * at_least(0.0, height)

    @cached_property
    def union(self) -> Jet:
        """The area that at least one covers."""
        return self.true.area + self.predicted.area - self.intersection

    @cached_property
    def overlap(self) -> Jet:
        """Intersection over union; of two boxes without area 1 if they are the same, else 0."""
        return self.intersection.over(self.union, self.same)

    @cached_property
    def same(self) -> Array:
        """1 where the boxes are identical, else 0."""
        edges = ("left", "top", "right", "bottom")
        equal = [getattr(self.true, edge).value == getattr(self.predicted, edge).value for edge in edges]
        return np.asarray(np.logical_and.reduce(equal), dtype=np.float64)

    @cached_property
    def enclosure(self) -> Rectangle:
        """The smallest box around both."""
        return Rectangle(
            least(self.true.left, self.predicted.left),
            least(self.true.top, self.predicted.top),
            greatest(self.true.right, self.predicted.right),
            greatest(self.true.bottom, self.predicted.bottom),
        )

    @cached_property
    def vacancy(self) -> Jet:
        """The share of the enclosing box that neither covers; 0 where it has no area."""
        return (self.enclosure.area - self.union).over(self.enclosure.area, 0.0)

    @cached_property
    def distance(self) -> Jet:
        """The squared distance of the centres over the squared diagonal of the enclosing box; 0 for equal points."""
        true, predicted, around = self.true, self.predicted, self.enclosure
        across = 0.5 * (predicted.left + predicted.right - true.left - true.right)
        down = 0.5 * (predicted.top + predicted.bottom - true.top - true.bottom)
        diagonal = around.width * around.width + around.height * around.height
        return (across * across + down * down).over(diagonal, 0.0)

    @cached_property
    def distortion(self) -> Jet:
        """v = 4 / pi^2 (arctan(w / h) of the true box - that of the predicted one)^2, in [0, 1]."""
        turn = angle(self.true.width, self.true.height) - angle(self.predicted.width, self.predicted.height)
        return 4.0 / np.pi**2 * (turn * turn)


def _framed(y: Array, eta: Array) -> tuple[Array, Array]:
    """Both boxes' coordinates `(2, 4, ...)` in the square around them, and half of that square's side.

    Halves, since their differences cannot overflow; boxes nearer to each other than 2e-308 are one point.
    """
    both = np.stack([np.moveaxis(half, -1, 0) for half in np.broadcast_arrays(0.5 * y, 0.5 * eta)])
    across, down = [[*both[:, 0], *both[:, 2]], [*both[:, 1], *both[:, 3]]]
    left, top = reduce(np.minimum, across), reduce(np.minimum, down)
    with np.errstate(invalid="ignore"):
        side = np.maximum(reduce(np.maximum, across) - left, reduce(np.maximum, down) - top)
        unit = np.where(side < TINY, 1.0, side)
        return (both - np.stack([left, top, left, top])) / unit, unit

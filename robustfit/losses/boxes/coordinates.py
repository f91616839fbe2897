"""A loss of each coordinate, summed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Loss, ResidualLoss


@dataclass(frozen=True)
class Coordinates(Loss):
    """The sum over the four coordinates of a loss of the residual, such as Smooth L1 (Fast R-CNN), MSE or MAE.

    It treats them as independent: the box it fits is that of four separate fits.
    Reference: Girshick (2015), Fast R-CNN, equation 2.

    >>> from robustfit.losses.mse import MSE
    >>> float(Coordinates(MSE()).value(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 0.0, 3.0, 1.0])))
    5.0
    """

    tasks = ("boxes",)

    loss: ResidualLoss

    @property
    def convex(self) -> bool:  # type: ignore[override]  # a fact of the class elsewhere
        """Whether the loss of a coordinate is."""
        return self.loss.convex

    @property
    def scale_free(self) -> bool:  # type: ignore[override]
        """Whether the loss of a coordinate is."""
        return self.loss.scale_free

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """The sum over the trailing axis; a scale broadcasts against that sum."""
        result: Array = self.loss.value(y, eta, np.asarray(scale)[..., None]).sum(-1)
        return result

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """The slope of each coordinate, `(..., 4)`."""
        return self.loss.slope(y, eta, np.asarray(scale)[..., None])

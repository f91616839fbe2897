"""The rule between the medians of two classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.estimators.base import Start
from robustfit.linalg import Array, apply
from robustfit.scales.base import median
from robustfit.scales.mad import CONSISTENCY


@dataclass(frozen=True)
class Medians(Start):
    """A score that is 0 halfway between the medians of two classes: b_j = (m_j - l_j) / s_j^2, as if independent.

    m and l are the medians of feature j for y = 1 and y = -1, s its median absolute deviation from them. Fisher's rule
    with medians: fewer than half of each class, wherever they are, cannot carry it off. So it is a start for losses
    that forget gross outliers; least squares is carried off by one. Features that are correlated cost it efficiency.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def coef(self, X: Array, y: Array, weights: Array | None, intercept: bool) -> Array:
        """The coefficients `(*batch, p)`; without intercept the classes are taken to lie opposite each other.

        >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, 5.0], [1.0, 6.0]])
        >>> Medians().coef(X, np.array([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]), None, True).round(4)
        array([-5.4592,  1.8197])
        """
        x = np.swapaxes(X, -1, -2)[..., int(intercept) :, :] * (1.0 if intercept else y[..., None, :])
        counts = np.ones_like(y) if weights is None else weights
        sides = [y > 0, y < 0] if intercept else [np.ones(y.shape, dtype=bool)]
        centres = [median(x, np.broadcast_to((counts * side)[..., None, :], x.shape)) for side in sides]
        own = sum(centre[..., None] * side[..., None, :] for centre, side in zip(centres, sides, strict=True))
        width = CONSISTENCY * median(np.abs(x - own), np.broadcast_to(counts[..., None, :], x.shape))
        slopes = (centres[0] - (centres[1] if intercept else 0.0)) / np.square(np.where(width > 0, width, 1.0))
        if not intercept:
            return slopes
        level = -apply(slopes[..., None, :], 0.5 * (centres[0] + centres[1]))
        return np.concatenate([level, slopes], -1)

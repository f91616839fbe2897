"""Wrong labels far out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.contaminations.base import Contamination, widths
from robustfit.data import Data, class_places, label_numbers
from robustfit.linalg import Array, least_squares
from robustfit.parameters import parameter


@dataclass(frozen=True)
class LeverageFlips(Contamination):
    """Rows moved far out to where their class is certain, and labelled as the class that is least likely there.

    x + (distance + spread z) width u, z ~ N(0, 1), u the unit vector in units of the columns' widths along which the
    logit of the row's own class rises fastest above the others' mean. The worst labels for a loss that grows with the
    margin without bound. distance > 0; spread >= 0. Logits are the true ones; of a user's data those of least squares
    on the indicators of the clean labels, which for two classes is linear discriminant analysis up to the intercept.

    >>> data = Data.clean(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 5.0]]), np.array([-1.0, 1.0, 1.0]), classes=(0, 1))
    >>> X, y = LeverageFlips(spread=0.0).spoil(data, np.random.default_rng(0))
    >>> X[:, 1].round(3), y
    (array([-14.826,  15.826,  19.826]), array([ 1., -1., -1.]))
    """

    task: ClassVar[str] = "classification"

    distance: float = parameter(10.0, above=0)
    spread: float = parameter(1.0, at_least=0)

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        k, first, unit, logits = len(data.classes), int(data.intercept), widths(data)[..., None, :], _logits(data)
        directions = _directions(np.swapaxes(logits[..., first:, :], -1, -2) * unit)
        own = np.take_along_axis(directions, class_places(data.y, k)[..., None], -2)
        length = self.distance + self.spread * values.standard_normal(data.y.shape)
        X = data.X.copy()
        X[..., first:] += length[..., None] * unit * own
        return X, label_numbers(k)[(X @ logits).argmin(-1)]


def _directions(rises: Array) -> Array:
    """Unit vectors along the rises per width of the logits, `(*batch, k, q)`; along x1 where nothing rises."""
    length = np.linalg.norm(rises, axis=-1, keepdims=True)
    return np.where(length > 0, rises / np.where(length > 0, length, 1.0), np.eye(rises.shape[-1])[0])


def _logits(data: Data) -> Array:
    """The coefficients of the k logits, centred over the classes, `(*batch, p, k)`; up to a factor."""
    if data.truth is not None:
        coef = data.truth.coef
        coef = np.stack([-0.5 * coef, 0.5 * coef], -1) if coef.ndim == 1 else coef
        return np.broadcast_to(coef, (*data.X.shape[:-2], *coef.shape))
    places = class_places(data.y_clean, len(data.classes))
    fits = [least_squares(data.X_clean, (places == j).astype(float)) for j in range(len(data.classes))]
    coef = np.stack(fits, -1)
    centred: Array = coef - coef.mean(-1, keepdims=True)
    return centred

"""What a scale is: a width of the residuals, in whose units a loss counts errors."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from robustfit.linalg import Array
from robustfit.parameters import Parametrised


class Scale(Parametrised, ABC):
    """A width of residuals."""

    @abstractmethod
    def estimate(self, residuals: Array, weights: Array | None = None, interpolated: int = 0) -> Array:
        """The scale of each member, `(*batch,)`.

        Args:
            residuals: of the initial fit, `(*batch, n)`.
            weights: how often each row counts, `(*batch, n)`.
            interpolated: how many rows the initial fit passes through by construction (p after LAD).
        """


def median(values: Array, weights: Array | None = None, skip: int = 0) -> Array:
    """The median over the last axis, of all but the `skip` smallest values; a row of weight k counts as k rows.

    >>> float(median(np.array([0.0, 0.0, 1.0, 2.0, 4.0]), skip=2))
    2.0
    >>> float(median(np.array([1.0, 5.0]), np.array([3.0, 1.0])))
    1.0
    """
    if weights is None:
        return _plain_median(values, skip)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, -1)
    reached = np.cumsum(np.take_along_axis(np.broadcast_to(weights, values.shape), order, -1), -1)
    total = reached[..., -1:]
    middle = np.minimum(skip, total) + 0.5 * np.maximum(total - skip, 0.0)
    slack = 1e-12 * total
    last = values.shape[-1] - 1
    low = np.minimum((reached < middle - slack).sum(-1, keepdims=True), last)
    high = np.minimum((reached <= middle + slack).sum(-1, keepdims=True), last)
    high = np.where(reached[..., -1:] <= middle + slack, low, high)
    both = np.take_along_axis(ordered, np.concatenate([low, high], -1), -1)
    result: Array = 0.5 * both[..., 0] + 0.5 * both[..., 1]
    return result


def _plain_median(values: Array, skip: int) -> Array:
    n = values.shape[-1]
    skip = min(skip, n - 1)
    low, high = skip + (n - skip - 1) // 2, skip + (n - skip) // 2
    ordered = np.partition(values, (low, high), axis=-1)
    result: Array = 0.5 * ordered[..., low] + 0.5 * ordered[..., high]
    return result

"""What a scale is: a width of the residuals, in whose units a loss counts errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.parameters import Parametrised

MOST_STEPS = 100
"""Steps of Newton's method for an M-scale: it needs 5 to 10, and descends all the way."""


class Scale(Parametrised, ABC):
    """A width of residuals: an `InitialScale` is taken once, a `JointScale` together with the fit."""


class InitialScale(Scale):
    """A width of the initial fit's residuals, which stays while the loss is minimised.

    Fact: `given`: it does not depend on the residuals, only on how many there are.
    """

    given: ClassVar[bool] = False

    @abstractmethod
    def estimate(self, residuals: Array, weights: Array | None = None, interpolated: int = 0) -> Array:
        """The scale of each member, `(*batch,)`.

        Args:
            residuals: of the initial fit, `(*batch, n)`.
            weights: how often each row counts, `(*batch, n)`.
            interpolated: how many rows the initial fit passes through by construction (p after LAD).
        """


class JointScale(Scale):
    """A width of the final fit's own residuals: fit and scale are solved for together."""

    @abstractmethod
    def refuses(self, loss: ResidualLoss) -> str:
        """Why this scale cannot be solved for together with a fit by this loss; empty where it can."""

    @abstractmethod
    def update(self, residuals: Array, loss: ResidualLoss, p: int, weights: Array | None = None) -> Array:
        """The scale that goes with residuals `(*batch, n)` of a fit by this loss with p coefficients, `(*batch,)`."""

    @abstractmethod
    def slope(self, residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
        """d scale / d residuals, `(*batch, n)`, at residuals whose scale is known."""


def count(residuals: Array, weights: Array | None) -> Array:
    """How many rows there are, a row of weight k counted as k, `(*batch,)`.

    >>> count(np.zeros(2), np.array([3.0, 1.0])).item()
    4.0
    """
    return np.full(residuals.shape[:-1], float(residuals.shape[-1])) if weights is None else weights.sum(-1)


def total(values: Array, weights: Array | None) -> Array:
    """The weighted sum over the rows."""
    result: Array = values.sum(-1) if weights is None else (weights * values).sum(-1)
    return result


def m_scale(residuals: Array, loss: ResidualLoss, target: Array, weights: Array | None = None) -> Array:
    """The s > 0 that solves sum w chi(r / s) = target with chi(u) = u psi(u) - rho(u); 0 where there is none.

    chi is u^2 / 2 within Huber's delta and delta^2 / 2 beyond. For an even convex loss it grows with abs(u), and where
    psi' falls with abs(u) the function s^2 (sum w chi(r / s) - target) of s^2 is concave: Newton's method descends from
    a point above to the root, for Huber's loss in finitely many steps.

    >>> from robustfit.losses.huber import Huber
    >>> m_scale(np.array([3.0, -4.0]), Huber(2.0), np.array(0.5)).item()  # all within: r'r / (2 s^2) = 1 / 2
    5.0
    """
    size = np.abs(residuals)
    unit = size.max(-1)
    unit = np.where(unit > 0, unit, 1.0)
    with np.errstate(all="ignore"):
        relative = size / unit[..., None]
        curvature = float(loss.curvature(np.zeros(())))
        square = np.where(target > 0, 0.5 * curvature * total(np.square(relative), weights) / target, 0.0)
        going = np.ones(square.shape, dtype=bool)
        for _ in range(MOST_STEPS):
            reached = _stepped(square, relative, loss, target, weights)
            going &= reached < square * (1.0 - 4.0 * np.finfo(float).eps)  # who has arrived stays, whoever goes on
            if not going.any():
                break
            square = np.where(going, reached, square)
    return unit * np.sqrt(square)


def _stepped(square: Array, residuals: Array, loss: ResidualLoss, target: Array, weights: Array | None) -> Array:
    """Newton's step for s^2 (sum w chi(r / s) - target)."""
    u = residuals / np.sqrt(square)[..., None]
    half = 0.5 * np.square(u) * loss.curvature(u)
    below = target - total(chi(loss, u) - half, weights)
    return np.where(below > 0, square * total(half, weights) / below, 0.0)


def chi(loss: ResidualLoss, u: Array) -> Array:
    """u psi(u) - rho(u), the derivative of -s rho(r / s) in s.

    >>> from robustfit.losses.huber import Huber
    >>> chi(Huber(2.0), np.array([1.0, -3.0]))
    array([0.5, 2. ])
    """
    return u * loss.psi(u) - loss.rho(u)


def m_slope(residuals: Array, scale: Array, loss: ResidualLoss, weights: Array | None = None) -> Array:
    """d s / d r of an M-scale: w chi'(u) / sum w chi'(u) u, chi'(u) = u psi'(u).

    >>> from robustfit.losses.huber import Huber
    >>> m_slope(np.array([3.0, -4.0]), np.array(5.0), Huber(2.0))  # s^2 = r'r: s' = r / s
    array([ 0.6, -0.8])
    """
    u = residuals / scale[..., None]
    rise = u * loss.curvature(u)
    rise = rise if weights is None else weights * rise
    result: Array = rise / (rise * u).sum(-1, keepdims=True)
    return result


def median(values: Array, weights: Array | None = None, skip: int = 0) -> Array:
    """The median over the last axis, of all but the `skip` smallest values; a row of weight k counts as k rows.

    >>> float(median(np.array([0.0, 0.0, 1.0, 2.0, 4.0]), skip=2))
    2.0
    >>> float(median(np.array([1.0, 5.0]), np.array([3.0, 1.0])))
    1.0
    """
    low, high = middle(values, weights, skip)
    return 0.5 * low + 0.5 * high


def middle(values: Array, weights: Array | None = None, skip: int = 0) -> tuple[Array, Array]:
    """The two values whose mean is the median: the same one twice where the number of rows is odd.

    >>> [float(value) for value in middle(np.array([4.0, 1.0, 2.0, 3.0]))]
    [2.0, 3.0]
    """
    if weights is None:
        n = values.shape[-1]
        skip = min(skip, n - 1)
        low, high = skip + (n - skip - 1) // 2, skip + (n - skip) // 2
        ordered = np.partition(values, high, axis=-1)  # for two places at once NumPy is seven times slower
        return (ordered[..., :high].max(-1) if low < high else ordered[..., high]), ordered[..., high]
    return _weighted_middle(values, weights, skip)


def _weighted_middle(values: Array, weights: Array, skip: int) -> tuple[Array, Array]:
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, -1)
    reached = np.cumsum(np.take_along_axis(np.broadcast_to(weights, values.shape), order, -1), -1)
    whole = reached[..., -1:]
    half = np.minimum(skip, whole) + 0.5 * np.maximum(whole - skip, 0.0)
    slack = 1e-12 * whole
    last = values.shape[-1] - 1
    low = np.minimum((reached < half - slack).sum(-1, keepdims=True), last)
    high = np.minimum((reached <= half + slack).sum(-1, keepdims=True), last)
    high = np.where(whole <= half + slack, low, high)
    return np.take_along_axis(ordered, low, -1)[..., 0], np.take_along_axis(ordered, high, -1)[..., 0]

"""What a loss is.

A loss maps an observation y and a prediction eta to a cost. Most depend on one number u per row, its error, and are
stated as rho(u), with psi = rho'; those of regression on the standardised residual u = (y - eta) / scale, with
weight = psi(u) / u. Others take k predictions per row. Capabilities are types: `SmoothLoss` has a weight and a
curvature, `Polyhedral` ones are piecewise linear and can be minimised exactly by linear programming, `Conjugate` losses
give certificates, `Bounded` ones know their supremum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import ClassVar

import numpy as np

from robustfit.errors import BadParameter
from robustfit.linalg import Array
from robustfit.parameters import Parametrised

REDUCTIONS = ("none", "sum", "mean")


def reduce(values: Array, reduction: str) -> Array:
    """The costs as they are (`none`), their sum, or their mean, over the data (the last axis).

    >>> float(reduce(np.array([1.0, 2.0]), "mean"))
    1.5
    """
    if reduction not in REDUCTIONS:
        raise BadParameter(f"reduction={reduction!r}: must be one of {', '.join(REDUCTIONS)}")
    if reduction == "none":
        return values
    result: Array = values.sum(-1) if reduction == "sum" else values.mean(-1)
    return result


class Loss(Parametrised, ABC):
    """What an error costs: `value` and its derivative `slope` in the prediction.

    Facts: `convex`; `scale_free`: the minimiser does not depend on the scale, and the objective is taken at scale 1;
    `tasks`: of which kinds of observations it is a loss; `negligible`: a mean loss that counts as 0, where 0 is its
    infimum and no minimum; `logit`: what times a best score is the log odds of the label, None where nothing is.
    """

    convex: ClassVar[bool]
    scale_free: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]]
    negligible: ClassVar[float] = 0.0
    logit: ClassVar[float | None] = None

    @abstractmethod
    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """The cost of predicting eta for y, elementwise; all three broadcast."""

    @abstractmethod
    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """d value / d eta, elementwise; an element of the subdifferential at a kink."""

    def __call__(self, y: Array, eta: Array, scale: Array | float = 1.0, reduction: str = "mean") -> Array:
        """The cost, reduced over the last axis by `none`, `sum` or `mean`."""
        return reduce(self.value(y, eta, scale), reduction)


class ErrorLoss(Loss):
    """A loss of one number u per row."""

    @abstractmethod
    def rho(self, u: Array) -> Array:
        """The cost of u, never negative."""

    @abstractmethod
    def psi(self, u: Array) -> Array:
        """rho'(u); the subgradient nearest to 0 at a kink."""

    @abstractmethod
    def weight(self, u: Array) -> Array:
        """The curvature of a parabola that touches rho at u and is nowhere below it; infinite where there is none."""

    @abstractmethod
    def curvature(self, u: Array) -> Array:
        """rho''(u) where it exists; at a kink of psi one of its two limits."""

    @abstractmethod
    def psi_given(self, u: Array, weight: Array) -> Array:
        """psi(u) where weight(u) is known already."""


class ResidualLoss(ErrorLoss):
    """A loss of the standardised residual u = (y - eta) / scale: rho(0) = 0, weight = psi(u) / u and its limit at 0."""

    tasks = ("regression", "classification", "boxes")

    def psi_given(self, u: Array, weight: Array) -> Array:
        """weight u."""
        return weight * u

    def value(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """rho((y - eta) / scale)."""
        return self.rho((y - eta) / scale)

    def slope(self, y: Array, eta: Array, scale: Array | float = 1.0) -> Array:
        """-psi((y - eta) / scale) / scale."""
        return -self.psi((y - eta) / scale) / scale


class OutputLoss(Loss):
    """A loss of k predictions per row: eta `(..., k)`, value `(...)`, slope `(..., k)`; no scale has a say.

    Facts: `wide`, whether an observation has k parts too, as a box has, and a label has not; `holds`, whether the slope
    counts a part of the value as a constant, so that it is not the value's derivative.
    """

    scale_free = True
    wide: ClassVar[bool] = False
    holds: ClassVar[bool] = False

    @property
    @abstractmethod
    def outputs(self) -> int:
        """k."""

    @abstractmethod
    def targets(self, y: Array) -> Array:
        """What a fit to start from, each output by itself, aims at: `(..., k)`."""

    @abstractmethod
    def held(self, y: Array, eta: Array, at: Array) -> Array:
        """The value with what the slope counts as a constant held at the prediction `at`: there, its slope is exact."""


class CurvedOutputLoss(OutputLoss):
    """A convex one that knows second derivatives and its conjugate: what Newton's method and certificates need."""

    convex = True

    @abstractmethod
    def bend(self, y: Array, eta: Array) -> Array:
        """The second derivatives of the value in eta, `(..., k, k)`."""

    @abstractmethod
    def weight(self, y: Array, eta: Array) -> Array:
        """The blocks of a paraboloid that touches the value at eta and is nowhere below it, `(..., k, k)`."""

    @property
    @abstractmethod
    def unseen(self) -> Array:
        """A block `(k, k)` over the directions of eta that change no value: added to curvatures, it makes them regular.

        No slope has a part in them, so it changes no step.
        """

    @abstractmethod
    def conjugate(self, y: Array, v: Array) -> Array:
        """sup over eta of v'eta - value, `(...)`; infinite outside its domain."""


class SmoothLoss(ResidualLoss):
    """An even loss with a continuous psi, stated by rho, weight and curvature."""

    def psi(self, u: Array) -> Array:
        """rho'(u) = u weight(u)."""
        return u * self.weight(u)


class Polyhedral(ErrorLoss):
    """A convex piecewise linear loss, rho(u) = max_k (a_k u + b_k), stated by its pieces alone."""

    convex = True

    @property
    @abstractmethod
    def pieces(self) -> tuple[tuple[float, float], ...]:
        """The (slope a_k, intercept b_k) of every piece, from left to right: slopes rise, each is needed somewhere."""

    def rho(self, u: Array) -> Array:
        """max_k (a_k u + b_k)."""
        (slope, offset), *others = self.pieces
        result: Array = slope * u + offset
        for slope, offset in others:
            result = np.maximum(result, slope * u + offset)
        return result

    def subdifferential(self, u: Array) -> tuple[Array, Array]:
        """The lowest and the highest slope at u: equal everywhere but at the kinks."""
        low = high = np.full(np.shape(u), self.pieces[0][0])
        for (flat, b), (steep, c) in pairwise(self.pieces):
            kink = (b - c) / (steep - flat)
            low, high = np.where(u > kink, steep, low), np.where(u >= kink, steep, high)
        return low, high

    def psi(self, u: Array) -> Array:
        """The slope at u; at a kink the one nearest to 0."""
        psi: Array = np.full(np.shape(u), self.pieces[0][0])
        for (flat, b), (steep, c) in pairwise(self.pieces):
            kink = (b - c) / (steep - flat)
            psi = np.where(u > kink, steep, psi)
            psi[np.equal(u, kink)] = min(max(flat, 0.0), steep)
        psi[np.isnan(u)] = np.nan
        return psi

    def weight(self, u: Array) -> Array:
        """psi(u) / u; at 0 infinite where there is a kink, else 0."""
        low, high = self.subdifferential(np.zeros(()))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(u == 0, np.where(low < high, np.inf, 0.0), self.psi(u) / u)

    def curvature(self, u: Array) -> Array:
        """0: the pieces are straight."""
        return np.zeros_like(u)


class PolyhedralLoss(Polyhedral, ResidualLoss):
    """A convex piecewise linear loss of the residual, stated by its pieces alone."""


class Conjugate(ABC):
    """A convex loss that knows rho*(v) = sup_u (u v - rho(u)): the source of certificates."""

    @property
    @abstractmethod
    def domain(self) -> tuple[float, float]:
        """The interval on which rho* is finite: the closure of the range of psi."""

    @abstractmethod
    def conjugate(self, v: Array) -> Array:
        """rho*(v) inside the domain; infinite outside."""


class Bounded(ABC):
    """A loss that no error can push beyond `rho_sup`: it forgets gross outliers (redescending psi)."""

    @property
    @abstractmethod
    def rho_sup(self) -> float:
        """The supremum of the loss."""


class Stepwise:
    """A loss that is constant between jumps: its slope, 0 wherever there is one, tells no solver where to go."""


def inside(v: Array, domain: tuple[float, float], values: Array) -> Array:
    """The values where v is in the domain, infinity elsewhere."""
    low, high = domain
    return np.where((v >= low) & (v <= high), values, np.inf)

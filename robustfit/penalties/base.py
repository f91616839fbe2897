"""What a penalty is: a convex cost of the slopes, never of the intercept."""

from __future__ import annotations

from abc import ABC, abstractmethod

from robustfit.linalg import Array
from robustfit.parameters import Parametrised


class Penalty(Parametrised, ABC):
    """A cost of the penalised coefficients, `(*batch, p)` without the intercept."""

    @abstractmethod
    def value(self, slopes: Array) -> Array:
        """The cost, `(*batch,)`."""

    @abstractmethod
    def gradient(self, slopes: Array) -> Array:
        """Its gradient, `(*batch, p)`; an element of the subdifferential at a kink."""

    @abstractmethod
    def curvature(self, slopes: Array) -> Array:
        """The diagonal of its Hessian, `(*batch, p)`; 0 at kinks."""

    @abstractmethod
    def step(self, matrix: Array, pull: Array, coef: Array, first: int) -> Array:
        """The d that minimises d'Md / 2 - pull'd + cost of (coef + d) from column `first` on, `(*batch, p)`.

        NaN for the members whose minimiser is not unique.
        """

    @abstractmethod
    def conjugate(self, gradient: Array) -> Array:
        """The convex conjugate at a gradient, `(*batch,)`; infinite outside its domain."""

    @abstractmethod
    def subgradient(self, slopes: Array, near: Array) -> Array:
        """The element of the subdifferential at the slopes that is nearest to a given vector."""


class PolyhedralPenalty(Penalty):
    """A penalty of absolute values: to a polyhedral loss its terms are further rows, one per slope."""

    @property
    @abstractmethod
    def price(self) -> float:
        """The cost of a unit of any slope; 0 without a penalty."""

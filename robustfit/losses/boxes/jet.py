"""Numbers that carry their gradients, so that a formula stands once and its derivative follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Jet:
    """Values `(*shape)` and their gradients in k variables `(k, *shape)`; with k = 0 they cost what the values cost.

    >>> x, y = Jet(np.array(3.0), np.array([1.0, 0.0])), Jet(np.array(5.0), np.array([0.0, 1.0]))
    >>> (x * y - x).gradient
    array([4., 3.])
    """

    value: Array
    gradient: Array

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.gradient + other.gradient)

    def __sub__(self, other: Jet) -> Jet:
        return Jet(self.value - other.value, self.gradient - other.gradient)

    def __mul__(self, other: Jet) -> Jet:
        return Jet(self.value * other.value, self.value * other.gradient + other.value * self.gradient)

    def __rmul__(self, factor: float) -> Jet:
        return Jet(factor * self.value, factor * self.gradient)

    def __rsub__(self, number: float) -> Jet:
        return Jet(number - self.value, -self.gradient)

    def over(self, other: Jet, otherwise: Array | float) -> Jet:
        """The quotient by a number >= 0; where that has no inverse (0, or below 2e-308) a constant."""
        regular = ~(other.value < TINY)  # NaN stays NaN
        divisor = np.where(regular, other.value, 1.0)
        ratio = self.value / divisor
        gradient = np.where(regular, (self.gradient - ratio * other.gradient) / divisor, 0.0)
        return Jet(np.where(regular, ratio, otherwise), gradient)

    def log(self) -> Jet:
        """The natural logarithm of positive numbers."""
        return Jet(np.log(self.value), self.gradient / self.value)

    def constant(self) -> Jet:
        """The same values, held fixed: no gradient passes."""
        return Jet(self.value, np.zeros_like(self.gradient))

    def where(self, condition: Array) -> Jet:
        """The same where the condition is 1, and 0 where it is 0."""
        return Jet(condition * self.value, condition * self.gradient)


def greatest(one: Jet, other: Jet) -> Jet:
    """The larger of the two; at a tie the mean of their gradients.

    >>> greatest(Jet(np.array(2.0), np.array([1.0])), Jet(np.array(2.0), np.array([0.0]))).gradient
    array([0.5])
    """
    return Jet(np.maximum(one.value, other.value), _shared(one, other, one.value - other.value))


def least(one: Jet, other: Jet) -> Jet:
    """The smaller of the two; at a tie the mean of their gradients.

    >>> least(Jet(np.array(2.0), np.array([1.0])), Jet(np.array(3.0), np.array([0.0]))).gradient
    array([1.])
    """
    return Jet(np.minimum(one.value, other.value), _shared(one, other, other.value - one.value))


def _shared(one: Jet, other: Jet, lead: Array) -> Array:
    """The gradient of the one where it leads, the other's where it is behind, their mean at a tie."""
    if not one.gradient.shape[0]:
        return one.gradient
    share = 0.5 * (lead > 0) + 0.5 * (lead >= 0)
    result: Array = share * one.gradient + (1.0 - share) * other.gradient
    return result


def at_least(number: float, jet: Jet) -> Jet:
    """The jet, or the number where that is larger; at a tie half of the gradient.

    >>> at_least(0.0, Jet(np.array(0.0), np.array([1.0]))).gradient
    array([0.5])
    """
    return greatest(jet, Jet(np.full_like(jet.value, number), np.zeros_like(jet.gradient)))


def angle(opposite: Jet, adjacent: Jet) -> Jet:
    """arctan(opposite / adjacent) for lengths; 0, without a gradient, where both are 0.

    >>> float(angle(Jet(np.array(2.0), np.zeros(0)), Jet(np.array(2.0), np.zeros(0))).value * 4 / np.pi)
    1.0
    """
    length = np.hypot(opposite.value, adjacent.value)
    safe = np.where(length > 0.0, length, 1.0)
    sine, cosine = opposite.value / safe, adjacent.value / safe
    gradient = (cosine * opposite.gradient - sine * adjacent.gradient) / safe
    return Jet(np.arctan2(opposite.value, adjacent.value), gradient)

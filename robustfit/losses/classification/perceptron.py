"""The perceptron's loss."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import PolyhedralLabelLoss, Unweighted


@dataclass(frozen=True)
class Perceptron(PolyhedralLabelLoss, Unweighted, Conjugate):
    """The perceptron's loss, phi(m) = max(0, -m): how far a wrong score is from the right side.

    Coefficients of zero cost nothing, so it needs a stop or a constraint rather than a minimiser; a subgradient step of
    length 1 on one datum is the perceptron's update. Reference: Rosenblatt (1958), Psychol. Rev. 65, 386-408.

    >>> import numpy as np
    >>> Perceptron().phi(np.array([-2.0, 0.5]))
    array([2., 0.])
    """

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        return (0.0, 0.0), (1.0, -1.0)

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0, 1.0

    def conjugate(self, v: Array) -> Array:
        """v on [0, 1]."""
        return inside(v, self.domain, v)

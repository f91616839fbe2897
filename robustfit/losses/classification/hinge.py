"""The hinge loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.losses.base import Conjugate, inside
from robustfit.losses.classification.base import PolyhedralLabelLoss, Unweighted


@dataclass(frozen=True)
class Hinge(PolyhedralLabelLoss, Unweighted, Conjugate):
    """Hinge loss, phi(m) = max(0, 1 - m): with an L2 penalty the linear support vector machine.

    A right label costs nothing only from the margin 1 on. Reference: Cortes & Vapnik (1995), Mach. Learn. 20, 273-297.

    >>> Hinge().phi(np.array([-1.0, 0.5, 3.0]))
    array([2. , 0.5, 0. ])
    """

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        return (0.0, 0.0), (1.0, 0.0)

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0, 1.0

    def conjugate(self, v: Array) -> Array:
        """0 on [0, 1]."""
        return inside(v, self.domain, np.zeros_like(v))

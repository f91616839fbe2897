"""The outliers taken away: what an oracle fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.contaminations.base import Contamination
from robustfit.data import Data
from robustfit.linalg import Array


@dataclass(frozen=True)
class Removed(Contamination):
    """Marked rows are blank, the intercept's entry too, so that least squares is that of the other rows.

    The rows are those that any contamination of the same fraction marks: an oracle that knows them.

    >>> data, rng = Data.clean(np.ones((4, 1)), np.arange(4.0)), np.random.default_rng(0)
    >>> blank = Removed().corrupt(data, 0.25, rng, rng)
    >>> float(blank.X.sum()), bool((blank.y[blank.outliers] == 0).all())
    (3.0, True)
    """

    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        return np.zeros_like(data.X), np.zeros_like(data.y)

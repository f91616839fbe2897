"""Most targets are 1000, the others 10."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array
from robustfit.parameters import parameter
from robustfit.scenarios.two_groups import TwoGroups


@dataclass(frozen=True)
class ThousandAndTen(TwoGroups):
    """Most targets are exactly 1000, a share of them exactly 10.

    n_samples >= 1; n_features >= 0, where 0 leaves a constant model. separation: how far the group means of feature x1
    differ, in its standard deviations: at 0 the features do not tell which target is low, at 5 they nearly do.
    share in [0, 1]: the low targets', exactly round(share n) rows. There is no truth, and no row is an outlier.

    >>> from robustfit.data import Streams
    >>> y = ThousandAndTen(n_samples=50).draw(Streams.spawn(seed=0, block=0), replicates=1).y
    >>> int((y == 1000).sum()), int((y == 10).sum())
    (45, 5)
    """

    n_samples: int = parameter(100, at_least=1)
    n_features: int = parameter(1, at_least=0)
    separation: float = 0.0
    share: float = parameter(0.1, at_least=0, at_most=1)

    @property
    def majority(self) -> float:
        return 1000.0

    def minority(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.full(shape, 10.0)

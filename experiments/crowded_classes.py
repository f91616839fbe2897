"""Two classes, one of which has a crowd of easy rows to one side: what focal loss was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.data import Data, Streams
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario, design

POSITIVE, HARD, EASY = (1.0, 0.0), (-1.0, 0.0), (-3.5, 4.3)
"""Centres: of the positive class, of the negative rows near it, and of the crowd, five standard deviations away."""


@dataclass(frozen=True)
class CrowdedClasses(Scenario):
    """Rows with two normal features; of the negative ones the share `easy` lies in a crowd far from the positive ones.

    No linear logit is true: the best line between positive and hard rows is upright, that between positive rows and the
    crowd leans. share in (0, 1): of the positive class. Reference for such crowds: Lin et al. (2017), Proc. ICCV, 2980.

    >>> data = CrowdedClasses(n_samples=1000, share=0.1).draw(Streams.spawn(seed=0, block=0), replicates=1)
    >>> 0.05 < float((data.y > 0).mean()) < 0.15
    True
    """

    task: ClassVar[str] = "classification"

    n_samples: int = parameter(100, at_least=1)
    share: float = parameter(0.1, above=0, below=1)
    easy: float = parameter(0.8, at_least=0, at_most=1)

    @property
    def n_features(self) -> int:
        """2."""
        return 2

    @property
    def intercept(self) -> bool:
        return True

    def sample(self, streams: Streams, replicates: int) -> Data:
        shape = (replicates, self.n_samples)
        positive, easy = streams.X.random(shape) < self.share, streams.X.random(shape) < self.easy
        centres = np.array([HARD, EASY, POSITIVE])[np.where(positive, 2, np.where(easy, 1, 0))]
        features = centres + streams.X.standard_normal((*shape, 2))
        return Data.clean(design(features), np.where(positive, 1.0, -1.0), classes=(-1, 1))

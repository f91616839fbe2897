"""What scenarios of two groups share: most targets stand at one value, the others elsewhere."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from robustfit.data import Data, Streams, choose
from robustfit.linalg import Array
from robustfit.scenarios.base import Scenario, design


class TwoGroups(Scenario):
    """Exactly round(share n) targets are drawn from a minority, the rest are one value.

    No linear model made these data: there is no truth. The minority are data like the others, no row is marked. The
    features are standard normal, but x1 has mean `separation` in the minority.
    """

    @property
    @abstractmethod
    def separation(self) -> float:
        """How far the group means of x1 differ, in standard deviations; 0 tells nothing about the group."""

    @property
    @abstractmethod
    def share(self) -> float:
        """The minority's share of the rows."""

    @property
    @abstractmethod
    def majority(self) -> float:
        """The majority's target."""

    @abstractmethod
    def minority(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """The minority's targets."""

    @property
    def intercept(self) -> bool:
        """Always."""
        return True

    def sample(self, streams: Streams, replicates: int) -> Data:
        """The rows of the minority are random ones."""
        shape = (replicates, self.n_samples)
        few = choose(streams.X, shape, round(self.share * self.n_samples))
        features = streams.X.standard_normal((*shape, self.n_features))
        features[..., :1] += self.separation * few[..., None]
        y = np.where(few, self.minority(streams.noise, shape), self.majority)
        return Data.clean(design(features), y)

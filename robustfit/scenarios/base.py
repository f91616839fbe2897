"""What a scenario is: it draws batches of clean samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from robustfit.data import Data, Streams, column_names
from robustfit.errors import BadData
from robustfit.linalg import Array
from robustfit.parameters import Parametrised

MOST_ENTRIES = 2**59
"""Entries of X whose bytes can still be counted in 64 bits; what only exceeds the memory fails by itself."""


class Scenario(Parametrised, ABC):
    """A source of clean samples; random numbers come from `streams.X` and `streams.noise` alone.

    Fact: `task`, what the targets are: numbers (regression), labels (classification) or boxes.
    """

    task: ClassVar[str] = "regression"

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """n, the rows of a sample."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """The columns besides the intercept's."""

    @property
    @abstractmethod
    def intercept(self) -> bool:
        """Whether the design has a column of ones, column 0."""

    @abstractmethod
    def sample(self, streams: Streams, replicates: int) -> Data:
        """What `draw` returns, sizes having been checked."""

    @property
    def p(self) -> int:
        """The coefficients: one per feature, and the intercept's."""
        return self.n_features + self.intercept

    def require_rows(self) -> None:
        """Refuse samples that determine no fit, and those that no machine can address.

        Raises:
            BadData: n is not greater than p, or far too large.
        """
        if self.n_samples <= self.p:
            columns = ", ".join(column_names(self.p, self.intercept))
            raise BadData(f"n_samples={self.n_samples}: must be more than the {self.p} coefficients ({columns})")
        if self.n_samples * self.p > MOST_ENTRIES:
            raise BadData(f"n_samples={self.n_samples:.3g}: with {self.p} coefficients no memory holds such a sample")

    def draw(self, streams: Streams, replicates: int) -> Data:
        """A batch of samples: X `(replicates, n, p)`, y `(replicates, n)` or (boxes) `(replicates, n, 4)`, unmarked.

        Raises:
            BadData: too few rows for the coefficients, or (a user's file) data that cannot be fitted.
        """
        self.require_rows()
        return self.sample(streams, replicates)


def design(features: Array, intercept: bool = True) -> Array:
    """The features behind a column of ones.

    >>> design(np.array([[5.0], [7.0]]))
    array([[1., 5.],
           [1., 7.]])
    """
    if not intercept:
        return features
    return np.concatenate([np.ones((*features.shape[:-1], 1)), features], axis=-1)

"""Vertical outliers where they hurt most."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit.data import Data, Noise, Streams
from robustfit.linalg import Array, Mask
from robustfit.noises.normal import Normal
from robustfit.parameters import parameter
from robustfit.scenarios.base import Scenario
from robustfit.scenarios.linear import Linear


@dataclass(frozen=True)
class WorstPlacement(Scenario):
    """A linear model whose round(share n) rows of the largest abs(x1) have targets off by shift sign(x1).

    So all of them tilt the slope of x1 the same way, with features that are right; a contamination marks random rows
    instead. share in [0, 0.5]; shift in units of the noise's scale. Reference: He, Jureckova, Koenker & Portnoy (1990),
    Econometrica 58, 1195-1214: what breaks LAD, the features being given, is their sum of abs(x'd) over the bad rows.

    >>> data = WorstPlacement(n_samples=10, share=0.2).draw(Streams.spawn(seed=0, block=0), replicates=1)
    >>> bool(np.abs(data.X[data.outliers, 1]).min() > np.abs(data.X[~data.outliers, 1]).max())
    True
    """

    n_samples: int = parameter(50, at_least=1)
    n_features: int = parameter(2, at_least=1)
    noise: Noise = Normal()
    share: float = parameter(0.1, at_least=0, at_most=0.5)
    shift: float = 10.0

    @property
    def intercept(self) -> bool:
        return True

    def sample(self, streams: Streams, replicates: int) -> Data:
        clean = Linear(self.n_samples, self.n_features, noise=self.noise).draw(streams, replicates)
        first = clean.X[..., 1]
        bad = largest(np.abs(first), round(self.share * self.n_samples))
        return replace(
            clean, y=clean.y + np.where(bad, self.shift * self.noise.scale * np.sign(first), 0.0), outliers=bad
        )


def largest(sizes: Array, count: int) -> Mask:
    """Which entries of the last axis are among the `count` largest.

    >>> largest(np.array([3.0, 1.0, 2.0]), 2)
    array([ True, False,  True])
    """
    ranks = np.argsort(np.argsort(-sizes, axis=-1, kind="stable"), axis=-1)
    chosen: Mask = ranks < count
    return chosen

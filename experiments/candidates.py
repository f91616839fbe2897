"""Candidate fits of one sample, each with its training loss and its distance from the truth: do the two agree?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from robustfit.catalogue import make
from robustfit.data import Data, Streams
from robustfit.estimators.m import M
from robustfit.linalg import Array, apply
from robustfit.scales.fixed import Fixed
from robustfit.scenarios.linear import Linear
from robustfit.solvers.newton import Newton

FITTED = ("mse", "mae", "huber", "log_cosh", "cauchy", "bisquare", "welsch")
"""The losses whose fits of the sample are candidates."""

TRAINING: dict[str, dict[str, Any]] = {"mse": {}, "mae": {}, "smooth_l1": {"beta": 1.0}, "bisquare": {}}
"""The losses by whose value the candidates are ranked."""

COUNT = 30
NEAREST, FARTHEST = 0.1, 5.0
"""Of the fixed candidates from the truth, in standard deviations of the noise."""


def agreement(contamination: str, fraction: float, size: float, replicates: int) -> pd.DataFrame:
    """Kendall's tau between training loss and surface_error within each sample: set, loss, replicate, tau."""
    data = samples(contamination, fraction, size, replicates)
    sets = {"fits": fits(data), "fixed lines": fixed(data)}
    parts = []
    for name, coefs in sets.items():
        errors = surface_errors(data, coefs)
        for loss in TRAINING:
            tau = kendall(training(data, coefs, loss), errors)
            parts.append(pd.DataFrame({"set": name, "loss": loss, "replicate": np.arange(len(tau)), "tau": tau}))
    return pd.concat(parts, ignore_index=True)


def samples(contamination: str, fraction: float, size: float, replicates: int) -> Data:
    """Samples of a linear model with 2 features and 50 rows, sigma = 1, spoilt."""
    streams = Streams.spawn(seed=0, block=0)
    clean = Linear(n_samples=50, n_features=2).draw(streams, replicates)
    spoilt: Data = make("contamination", contamination, shift=size).corrupt(
        clean, fraction, streams.marks, streams.values
    )
    return spoilt


def fits(data: Data) -> Array:
    """The fits of a sample by several losses, `(replicates, candidates, p)`."""
    initial = make("initial", "lad")
    return np.stack(
        [M(make("loss", loss), Newton(), Fixed(1.0), initial).fit(data.X, data.y).coef for loss in FITTED], axis=-2
    )


def fixed(data: Data) -> Array:
    """Candidates at rising distances from the truth, up and down each coefficient in turn: the same for all samples."""
    assert data.truth is not None
    p = len(data.truth.coef)
    distances = np.geomspace(NEAREST, FARTHEST, COUNT)
    axes = np.arange(COUNT) % (2 * p)
    steps = np.eye(p)[axes // 2] * np.where(axes % 2, -1.0, 1.0)[:, None]
    # A step of one along axis j moves the surface by the root of the moment matrix's diagonal entry.
    steps /= np.sqrt(np.diag(data.truth.moment))[axes // 2][:, None]
    coefs = data.truth.coef + distances[:, None] * steps
    return np.broadcast_to(coefs, (len(data.y), *coefs.shape))


def surface_errors(data: Data, coefs: Array) -> Array:
    """sqrt((b - b0)' E[xx'] (b - b0)) of every candidate, `(replicates, candidates)`."""
    assert data.truth is not None
    miss = coefs - data.truth.coef
    errors: Array = np.sqrt(np.einsum("...i,ij,...j->...", miss, data.truth.moment, miss))
    return errors


def training(data: Data, coefs: Array, loss: str) -> Array:
    """The mean loss of every candidate on its sample, `(replicates, candidates)`."""
    residuals = data.y[:, None, :] - apply(data.X[:, None], coefs)
    values: Array = make("loss", loss, **TRAINING[loss])(residuals, np.zeros(()))
    return values


def kendall(x: Array, y: Array) -> Array:
    """Kendall's tau along the last axis: concordant minus discordant pairs over all pairs, so ties count for neither.

    Reference: Kendall (1938), Biometrika 30, 81-93.

    >>> kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).round(4).item()
    0.3333
    """
    first, second = np.triu_indices(x.shape[-1], 1)
    agree = np.sign(x[..., first] - x[..., second]) * np.sign(y[..., first] - y[..., second])
    tau: Array = agree.sum(-1) / math.comb(x.shape[-1], 2)
    return tau

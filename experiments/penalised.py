"""Fits with a penalty, along a path of its price: how many coefficients are exactly 0, and how far off the fits are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.samples import drawn
from robustfit.catalogue import make
from robustfit.data import Data, Truth
from robustfit.errors import RobustfitError
from robustfit.estimators.m import M
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.losses.mae import MAE
from robustfit.penalties.base import Penalty
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton

LOSSES = ("mse", "huber", "mae")

TRUTHS = {"few and large": (3.0, 1.5, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0), "all alike": (0.85,) * 8}
"""True slopes. Reference: Tibshirani (1996), JRSS B 58, 267-288, section 7, examples 1 and 2."""

ZERO = 1e-9
"""A residual below this, in standard deviations of the errors, is rounding: the fit passes through its row."""


def data_of(truth: str, count: int) -> Data:
    """Samples of 50 rows with 8 features, neighbours' correlation 0.5, errors of standard deviation 3."""
    linear = {"scenario.n_samples": 50, "scenario.n_features": 8, "scenario.coef": list(TRUTHS[truth])}
    return drawn(linear | {"scenario.correlation": 0.5, "scenario.noise.sigma": 3.0}, count)


def fitted(data: Data, loss: ResidualLoss, penalty: Penalty) -> Fit:
    """The penalised fits of a batch.

    Raises:
        RobustfitError: one of them is not certified.
    """
    fit = M(loss, Newton(), Fixed(), M(MAE(), Newton(), Fixed()), penalty).fit(data.X, data.y)
    if not fit.certified.all():
        raise RobustfitError(f"{loss} with {penalty}: {int((~fit.certified).sum())} fits are not certified")
    return fit


def top_price(data: Data, loss: ResidualLoss) -> float:
    """The price of the lasso from which on all slopes are 0, in the mean over samples: max_j abs(gradient_j) at 0.

    The intercept alone is fitted there.
    """
    centre = M(loss, Newton(), Fixed()).fit(data.X[..., :1], data.y).coef
    alone = np.concatenate([centre, np.zeros_like(data.X[:, 0, 1:])], -1)
    gradient = Problem(data.X, data.y, loss).gradient(alone)
    return float(np.abs(gradient[:, 1:]).max(-1).mean())


def errors(truth: Truth, coef: Array) -> Array:
    """sqrt((b - true)' E[xx'] (b - true))."""
    off = coef - truth.coef
    result: Array = np.sqrt(np.einsum("...p,pq,...q->...", off, truth.moment, off))
    return result


def penalised(truth: str, fractions: Sequence[float], count: int) -> pd.DataFrame:
    """One line per loss, penalty, price and sample; prices are fractions of the lasso's top price, 0 is no penalty."""
    data = data_of(truth, count)
    if data.truth is None:
        raise RobustfitError(f"{truth}: the truth is not known")
    tables = []
    for name in LOSSES:
        loss = make("loss", name)
        top = top_price(data, loss)
        prices: list[tuple[str, float, Penalty]] = [("none", 0.0, NoPenalty())]
        prices += [(kind.__name__, share, kind(share * top)) for kind in (L1, L2) for share in fractions]
        for kind, share, penalty in prices:
            coef = fitted(data, loss, penalty).coef
            columns = {"loss": name, "penalty": kind, "price": share, "sample": np.arange(count)}
            columns |= {"zeros": (coef[:, 1:] == 0).mean(-1), "error": errors(data.truth, coef)}
            tables.append(pd.DataFrame(columns | {"through": _through(data, coef)}))
    return pd.concat(tables, ignore_index=True)


def _through(data: Data, coef: Array) -> Array:
    """How many rows each fit passes through."""
    result: Array = (np.abs(Problem(data.X, data.y, MAE()).residuals(coef)) <= 3.0 * ZERO).sum(-1)
    return result


def coefficient_paths(truth: str, fractions: Sequence[float]) -> pd.DataFrame:
    """The slopes of MSE's fit to the first sample along both paths."""
    data, loss = data_of(truth, 1), make("loss", "mse")
    top = top_price(data, loss)
    lines = []
    for kind in (L1, L2):
        for share in fractions:
            slopes = fitted(data, loss, kind(share * top)).coef[0, 1:]
            lines += [
                {"penalty": kind.__name__, "price": share, "feature": j + 1, "slope": float(slope)}
                for j, slope in enumerate(slopes)
            ]
    return pd.DataFrame(lines)

"""Fits to targets of two groups: most stand at one value, the others far below. What do they predict, for whom?

Every loss over its parameter, and MSE after a transform of the targets; predictions are for rows that were not fitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from robustfit.catalogue import make
from robustfit.data import Data, Streams
from robustfit.estimators.m import M
from robustfit.linalg import Array, apply
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton

WIDTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Tuning constants in the targets' own units, from far below the distance of the groups to beyond it."""

LEVELS = (0.02, 0.05, 0.08, 0.1, 0.15, 0.25, 0.5, 0.75, 0.9)

GRID: dict[str, tuple[str, tuple[float, ...]]] = {
    "huber": ("delta", WIDTHS),
    "smooth_l1": ("beta", WIDTHS),
    "log_cosh": ("c", WIDTHS),
    "quantile": ("tau", LEVELS),
    "cauchy": ("c", WIDTHS),
    "bisquare": ("c", WIDTHS),
    "welsch": ("c", WIDTHS),
}
"""The parameter of each loss that has one, and its values."""

TRANSFORMS = ("log", "rank", "normal rank")
"""Of the targets: log(1 + y), their rank in 0..1, the normal quantile of that."""

COLUMNS = (
    "method",
    "parameter",
    "replicate",
    "low_share",
    "all_high",
    "mean",
    "low",
    "high",
    "low_error",
    "high_error",
)


LOW = {150.0: (0.0, 30.0), 1000.0: (0.0, 20.0)}
"""Where the minority's targets are, by the majority's: all over 0..30, or 10."""


def predictions(
    scenario: str, features: int, separation: float, share: float, replicates: int, transforms: bool = True
) -> pd.DataFrame:
    """What every method, fitted to 100 rows, predicts for 100 fresh ones of the same kind; `COLUMNS`.

    low_share: share of the predictions that lie where the minority's targets do (`LOW`); all_high: whether all are the
    majority's value to 1e-6; mean, low, high: mean prediction of all rows and of either group; low_error, high_error:
    mean absolute error in either group.
    """
    source = make("scenario", scenario, n_samples=100, n_features=features, separation=separation, share=share)
    data, fresh = (source.draw(Streams.spawn(seed=0, block=block), replicates) for block in range(2))
    fits = [*loss_fits(data, fresh.X), *(transform_fits(data, fresh.X) if transforms else ())]
    # To nine digits: what rounding leaves of equal predictions is no Monte Carlo error.
    parts = [
        measured(fresh, one.round(9), source.majority).assign(method=method, parameter=value)
        for method, value, one in fits
    ]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


Predicted = tuple[str, float, Array]
"""Method, parameter (NaN where it has none) and predictions, `(replicates, n)`."""


def loss_fits(data: Data, X: Array) -> Iterator[Predicted]:
    """MSE, MAE, and every loss that has a parameter, over its values."""
    for loss in ("mse", "mae"):
        yield loss, np.nan, by_loss(data, X, loss)
    for loss, (name, values) in GRID.items():
        for value in values:
            yield loss, value, by_loss(data, X, loss, **{name: value})


def transform_fits(data: Data, X: Array) -> Iterator[Predicted]:
    """MSE on transformed targets."""
    for transform in TRANSFORMS:
        yield transform, np.nan, transformed(data, X, transform)


def by_loss(data: Data, X: Array, loss: str, **parameters: float) -> Array:
    """What the loss's fit predicts at X, its parameter in the targets' units; it starts from LAD."""
    estimator = M(make("loss", loss, **parameters), Newton(), Fixed(1.0), make("initial", "lad"))
    return apply(X, estimator.fit(data.X, data.y).coef)


def transformed(data: Data, X: Array, name: str) -> Array:
    """What least squares on transformed targets predicts at X, transformed back."""
    samples = zip(data.X, data.y, X, strict=True)
    return np.stack([_regressor(name, len(y)).fit(X, y).predict(new) for X, y, new in samples])


def _regressor(name: str, n: int) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.preprocessing import QuantileTransformer

    model = LinearRegression(fit_intercept=False)  # the design has its column of ones
    if name == "log":
        return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1)
    shape = {"rank": "uniform", "normal rank": "normal"}[name]
    ranks = QuantileTransformer(n_quantiles=n, output_distribution=shape)
    return TransformedTargetRegressor(
        model, transformer=ranks, check_inverse=False
    )  # tied targets have one rank, not theirs


def measured(data: Data, fitted: Array, majority: float) -> pd.DataFrame:
    """The columns of one method."""
    few, (low, high) = data.y < majority / 2, LOW[majority]
    table = {
        "replicate": np.arange(len(fitted)),
        "low_share": ((fitted >= low) & (fitted <= high)).mean(-1),
        "all_high": (np.abs(fitted - majority) <= 1e-6).all(-1),
        "mean": fitted.mean(-1),
    }
    for name, group in {"low": few, "high": ~few}.items():
        table[name] = over(fitted, group)
        table[f"{name}_error"] = over(np.abs(fitted - data.y), group)
    return pd.DataFrame(table)


def over(values: Array, group: Any) -> Array:
    """The mean over the rows of a group, `(replicates,)`.

    >>> over(np.array([[1.0, 3.0, 9.0]]), np.array([[True, True, False]]))
    array([2.])
    """
    means: Array = (values * group).sum(-1) / group.sum(-1)
    return means

"""Fits to data in which one class is rare, judged on new rows: does focal loss find the rare class better?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.samples import cell, fitted
from robustfit.data import Data, Streams
from robustfit.linalg import Array
from robustfit.metrics.measures import average_precision

NORMAL = {"scenario": "gaussian_classes", "scenario.n_features": 2, "scenario.distance": 2.0}
CROWDED: dict[str, Any] = {"scenario": {"name": "crowded_classes"}}
CROWDED["scenario"] |= {"_target_": "experiments.crowded_classes.CrowdedClasses"}
CROWDED["scenario"] |= {"n_samples": 100, "share": 0.1, "easy": 0.8}
FITTED = {"contamination": "flips", "loss": "focal", "initial": "ols", "solver": "newton"}

ORIGINS: dict[str, dict[str, Any]] = {
    "normal classes": NORMAL,
    "normal classes, 5 % of the labels flipped": NORMAL | {"outliers": 0.05},
    "a crowd of easy negatives": CROWDED,
}
"""Where the rows come from."""

ROWS, NEW = 500, 2500
"""How many rows are fitted, and on how many others the fit is judged, by their clean labels."""

MEASURES = {"precision": "average precision", "accuracy": "balanced accuracy"}


def judged(origin: str, share: float, settings: Sequence[tuple[float, float]], count: int) -> pd.DataFrame:
    """The measures of fits of focal loss with some gammas and alphas, a row for each and for each sample."""
    fixed = FITTED | ORIGINS[origin] | {"scenario.share": share, "scenario.n_samples": ROWS + NEW}
    data = drawn(fixed, count)
    tables = []
    for gamma, alpha in settings:
        coef = fitted({**fixed, "loss.gamma": gamma, "loss.alpha": alpha}, first(data, ROWS)).coef
        columns = measured(data.X_clean[:, ROWS:], data.y_clean[:, ROWS:], coef)
        tables.append(pd.DataFrame({"gamma": gamma, "alpha": alpha, "sample": np.arange(count)} | columns))
    return pd.concat(tables, ignore_index=True)


def drawn(settings: dict[str, Any], count: int) -> Data:
    """Some samples of a cell, of one stream whatever their number."""
    one, streams = cell(settings), Streams.spawn(seed=0, block=0)
    clean = one.scenario.draw(streams, count)
    return one.contamination.corrupt(clean, one.outliers, streams.marks, streams.values)


def first(data: Data, rows: int) -> Data:
    """The first rows of each sample."""
    return replace(data, X=data.X[:, :rows], y=data.y[:, :rows])


def measured(X: Array, y: Array, coef: Array) -> dict[str, Array]:
    """Average precision of finding the positive rows by their scores, and the mean of both classes' accuracies.

    >>> found = measured(np.array([[[1.0], [2.0]]]), np.array([[-1.0, 1.0]]), np.array([[1.0]]))
    >>> found["precision"], found["accuracy"]
    (array([1.]), array([0.5]))
    """
    scores = np.einsum("knp,kp->kn", X, coef)
    positive, above = y > 0, scores > 0
    found, refused = (above & positive).sum(-1) / positive.sum(-1), (~above & ~positive).sum(-1) / (~positive).sum(-1)
    return {"precision": average_precision(scores, positive), "accuracy": (found + refused) / 2}

"""How a fit of boxes misses: columns of boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.metrics.measures import average_precision, empty, overlaps, positives, predictions, ratio


def clean_iou(data: Data, fit: Fit) -> Any:
    """Mean intersection over union of the fitted boxes of the clean rows with the boxes before contamination."""
    return _clean_overlaps(data, fit).mean(-1)


def clean_iou_50(data: Data, fit: Fit) -> Any:
    """Share of the rows in which that is at least 0.5."""
    return _share(data, fit, 0.5)


def clean_iou_75(data: Data, fit: Fit) -> Any:
    """Share of the rows in which that is at least 0.75."""
    return _share(data, fit, 0.75)


def iou_error(data: Data, fit: Fit) -> Any:
    """1 - clean_iou, 0 if all boxes are met: the main measure."""
    return 1.0 - clean_iou(data, fit)


def target_iou(data: Data, fit: Fit) -> Any:
    """Mean intersection over union of the fitted boxes of the clean rows with the true ones, without noise."""
    if data.truth is None:
        return empty(data)
    return overlaps(data.X_clean @ data.truth.coef, predictions(data.X_clean, fit.coef)).mean(-1)


def corner_error(data: Data, fit: Fit) -> Any:
    """Root mean squared distance of a fitted corner coordinate from the true one over the clean population.

    sqrt(tr (B - T)' E[x x'] (B - T) / 4), x with 1, in units of y.
    """
    if data.truth is None:
        return empty(data)
    miss = fit.coef - data.truth.coef
    return np.sqrt(np.maximum(((data.truth.moment @ miss) * miss).sum((-2, -1)), 0.0) / 4.0)


def marked_iou(data: Data, fit: Fit) -> Any:
    """Mean intersection over union of the fitted boxes of the marked rows with the wrong ones; empty without any."""
    shares = overlaps(data.y, predictions(data.X, fit.coef))
    return ratio((shares * data.outliers).sum(-1), data.outliers.sum(-1))


def outlier_ap(data: Data, fit: Fit) -> Any:
    """Average precision of finding the marked rows by how little fitted and observed box overlap; empty without any."""
    shares = overlaps(data.y, predictions(data.X, fit.coef))
    return np.where(np.isnan(shares).any(-1), np.nan, average_precision(-shares, positives(data)))


def _clean_overlaps(data: Data, fit: Fit) -> Array:
    return overlaps(data.y_clean, predictions(data.X_clean, fit.coef))


def _share(data: Data, fit: Fit, least: float) -> Array:
    shares = _clean_overlaps(data, fit)
    return np.where(np.isnan(shares).any(-1), np.nan, (shares >= least).mean(-1))

"""What columns are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.data import Data, class_places
from robustfit.linalg import Array
from robustfit.losses.boxes.iou import IoU
from robustfit.scales.base import median
from robustfit.scales.mad import CONSISTENCY

FLAG = 2.5
"""A row is flagged when its residual exceeds this many MADs of the fit's own residuals."""


def batch(data: Data) -> int:
    """The number of samples."""
    return len(data.y)


def empty(data: Data) -> Array:
    """A column that does not apply."""
    return np.full(batch(data), np.nan)


def ratio(top: Any, bottom: Any) -> Array:
    """The quotient by a count; NaN where there are none.

    >>> ratio(np.array([1.0, 0.0]), np.array([2, 0]))
    array([0.5, nan])
    """
    return np.where(bottom > 0, top / np.maximum(bottom, 1), np.nan)


def predictions(X: Array, coef: Array) -> Array:
    """X b, `(*batch, n)`; of k outputs X B, `(*batch, n, k)`.

    >>> X = np.array([[[1.0, 2.0]]])
    >>> predictions(X, np.array([[1.0, 10.0]])), predictions(X, np.array([[[1.0, 0.0], [10.0, 1.0]]]))
    (array([[21.]]), array([[[21.,  2.]]]))
    """
    product: Array = X @ coef if coef.ndim == X.ndim else linalg.apply(X, coef)
    return product


def positives(data: Data) -> linalg.Mask:
    """The rows that a detection of outliers should find."""
    return data.outliers & data.bad_leverage


def flagged(residuals: Array) -> linalg.Mask:
    """Rows whose residual exceeds 2.5 MAD (about 0) of the residuals; all others where the MAD is 0.

    >>> flagged(np.array([1.0, -1.0, 1.0, 100.0]))
    array([False, False, False,  True])
    """
    size = np.abs(residuals)
    result: linalg.Mask = size > FLAG * CONSISTENCY * median(size)[..., None]
    return result


def given_places(data: Data, scores: Array) -> NDArray[np.int64]:
    """The places of the classes that rows with these scores are given: of two the second where the score is positive.

    >>> data = Data.clean(np.ones((3, 1)), np.array([-1.0, 1.0, 1.0]), classes=("no", "yes"))
    >>> given_places(data, np.array([-2.0, 0.0, 0.5]))
    array([0, 0, 1])
    """
    return np.asarray(scores > 0 if len(data.classes) == 2 else scores.argmax(-1), dtype=np.int64)


def margins(data: Data, scores: Array) -> Array:
    """By how much the labels' scores win: y times the score for two classes, for more ahead of the best other score.

    >>> data = Data.clean(np.ones((2, 1)), np.array([0.0, 2.0]), classes=(0, 1, 2))
    >>> margins(data, np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]]))
    array([ 2., -3.])
    """
    k = len(data.classes)
    if k == 2:
        return data.y * scores
    own = class_places(data.y, k)[..., None] == np.arange(k)
    result: Array = np.where(own, scores, -np.inf).max(-1) - np.where(own, -np.inf, scores).max(-1)
    return result


def overlaps(true: Array, fitted: Array) -> Array:
    """Intersection over union of each pair of boxes, `(*batch, n)`.

    >>> overlaps(np.array([0.0, 0.0, 2.0, 2.0]), np.array([0.0, 0.0, 2.0, 1.0])).item()
    0.5
    """
    return 1.0 - IoU().value(true, fitted)


def average_precision(scores: Array, positive: linalg.Mask) -> Array:
    """Mean over the positives of the precision among the rows that score at least as much; NaN without positives.

    >>> average_precision(np.array([3.0, 2.0, 1.0]), np.array([True, False, True])).round(4).item()
    0.8333
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    hits = np.take_along_axis(positive, order, -1)
    ordered = np.take_along_axis(scores, order, -1)
    rank = np.arange(scores.shape[-1])
    ends = np.where(np.diff(ordered, axis=-1, append=-np.inf) != 0, rank, scores.shape[-1] - 1)
    last = np.minimum.accumulate(ends[..., ::-1], -1)[..., ::-1]
    precision = np.take_along_axis(np.cumsum(hits, -1), last, -1) / (last + 1.0)
    return ratio((precision * hits).sum(-1), positive.sum(-1))

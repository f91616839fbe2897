"""A sample row by row: what was observed, what is fitted, and how the two agree; the columns of `data.csv`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.data import Data, class_places
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.losses.classification.base import sigmoid
from robustfit.losses.classification.softmax_cross_entropy import log_softmax
from robustfit.metrics.measures import flagged, given_places, margins, overlaps, predictions

Columns = dict[str, Any]


def per_datum(data: Data, fit: Fit) -> Columns:
    """The columns of the first sample of a batch, those of its features apart.

    Of numbers: y, fitted, residual, u = residual / scale, the weight of u, and a flag where the residual is large. Of
    labels, as the user calls them: y, the class that is fitted, the scores, the margin of the label y, its probability
    where the loss has one, its loss, and a flag where it does not win. Of boxes: the corners observed, clean and
    fitted, and how much the fitted box overlaps the observed and the clean one.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return COLUMNS[data.task](data.member(0), fit, fit.coef[0])


def _numbers(data: Data, fit: Fit, coef: Array) -> Columns:
    scale = float(fit.scale[0])
    residuals = data.y - linalg.apply(data.X, coef)
    u = residuals / scale if scale > 0 else np.full_like(residuals, np.nan)
    table = {"y": data.y, "y_clean": data.y_clean, "outlier": data.outliers}
    table |= {"fitted": data.y - residuals, "residual": residuals, "u": u}
    return table | {"weight": fit.loss.weight(u), "leverage": linalg.leverage(data.X), "flag": flagged(residuals)}


def _labels(data: Data, fit: Fit, coef: Array) -> Columns:
    scores, k = predictions(data.X, coef), len(data.classes)
    ahead, names = margins(data, scores), _classes(data)
    y, y_clean = (names[class_places(labels, k)] for labels in (data.y, data.y_clean))
    table = {"y": y, "y_clean": y_clean, "outlier": data.outliers, "fitted": _fitted(data, scores, names)}
    table |= {"score": scores} if k == 2 else _outputs("score", data, scores)
    table |= {"margin": ahead}
    if fit.loss.logit is not None:
        table |= {"probability": _probability(data, fit.loss.logit * scores)}
    loss = fit.loss.value(data.y, scores, fit.scale[0])
    return table | {"loss": loss, "leverage": linalg.leverage(data.X), "flag": ahead <= 0}


def _boxes(data: Data, fit: Fit, coef: Array) -> Columns:
    boxes = predictions(data.X, coef)
    table: Columns = _outputs("y", data, data.y) | _outputs("y_clean", data, data.y_clean)
    table |= {"outlier": data.outliers, **_outputs("fitted", data, boxes)}
    table |= {"iou": overlaps(data.y, boxes), "iou_clean": overlaps(data.y_clean, boxes)}
    return table | {"leverage": linalg.leverage(data.X)}


COLUMNS: dict[str, Callable[[Data, Fit, Array], Columns]] = {
    "regression": _numbers,
    "classification": _labels,
    "boxes": _boxes,
}


def _outputs(name: str, data: Data, values: Array) -> Columns:
    """A column per output."""
    return {f"{name}.{output}": values[:, j] for j, output in enumerate(data.output_names)}


def _classes(data: Data) -> NDArray[np.object_]:
    """What the classes are called, each as it is."""
    names = np.empty(len(data.classes), dtype=object)
    names[:] = data.classes
    return names


def _fitted(data: Data, scores: Array, names: NDArray[np.object_]) -> Any:
    """The classes that the rows are given; none where there is no fit."""
    fitted = names[given_places(data, scores)]
    fitted[np.isnan(margins(data, scores))] = None
    return fitted


def _probability(data: Data, scores: Array) -> Array:
    """The probability of the label that each row carries."""
    if len(data.classes) == 2:
        return sigmoid(data.y * scores)
    own = class_places(data.y, len(data.classes))[:, None]
    shares: Array = np.exp(np.take_along_axis(log_softmax(scores), own, -1)[:, 0])
    return shares

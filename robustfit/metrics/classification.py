"""How a fit of labels errs: columns of classification.

Of two classes a row is given the second, y = 1, where its score is positive; of more the one with the largest score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustfit.data import Data, class_places
from robustfit.fit import Fit
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Loss
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy, log_softmax
from robustfit.metrics.measures import (
    average_precision,
    batch,
    empty,
    given_places,
    margins,
    positives,
    predictions,
    ratio,
)
from robustfit.normal_classes import NormalClasses

Places = NDArray[np.int64]


def clean_error(data: Data, fit: Fit) -> Any:
    """Share of clean rows that the fit mislabels, the main measure: of the population, exactly, where two classes are
    drawn, else of the sample.
    """
    classes = _population(data)
    return 1.0 - clean_accuracy(data, fit) if classes is None else classes.error(fit.coef)


def bayes_error(data: Data, fit: Fit) -> Any:
    """The same probability of the best rule there is; empty where it is unknown, and for more than two classes."""
    classes = _population(data)
    return empty(data) if classes is None else np.full(batch(data), classes.bayes_error)


def excess_error(data: Data, fit: Fit) -> Any:
    """clean_error above bayes_error, at least 0: what the fit costs beside the best rule."""
    return np.maximum(clean_error(data, fit) - bayes_error(data, fit), 0.0)


def clean_accuracy(data: Data, fit: Fit) -> Any:
    """Share of the sample's rows whose clean label the fit gives to the clean row."""
    return _known(fit, _right(data, fit).mean(-1))


def balanced_accuracy(data: Data, fit: Fit) -> Any:
    """Mean over the classes of the share of their clean rows that the fit gives to them; classes without rows apart."""
    right, own = _right(data, fit), _indicators(_places(data, data.y_clean), data)
    shares = ratio((right[..., None] & own).sum(-2), own.sum(-2))
    return _known(fit, np.nansum(shares, -1) / own.any(-2).sum(-1))


def minority_ap(data: Data, fit: Fit) -> Any:
    """Average precision of finding the clean rows of the rarest class by their score; empty without any.

    Of more than two classes by the logarithm of the class's share in the softmax. Of classes equally rare the last.
    """
    rare = _rarest(data)
    own = _indicators(_places(data, data.y_clean), data)
    found = average_precision(_of_class(_log_shares(data, _scores(data.X_clean, fit)), rare), _of_class(own, rare))
    return _known(fit, found)


def direction_error(data: Data, fit: Fit) -> Any:
    """Angle between the fitted and the true slopes, in degrees; empty where either are 0.

    Of more than two classes between the slopes of all logits, each feature's centred over the classes.
    """
    if data.truth is None:
        return empty(data)
    fitted, true = (_direction(data, coef) for coef in (fit.coef, np.broadcast_to(data.truth.coef, fit.coef.shape)))
    halves = np.arctan2(np.linalg.norm(fitted - true, axis=-1), np.linalg.norm(fitted + true, axis=-1))
    return np.degrees(2.0 * halves)


def clean_log_loss(data: Data, fit: Fit) -> Any:
    """Mean cross-entropy of the clean rows, in nats; empty for losses whose scores are no multiples of log odds."""
    if fit.loss.logit is None:
        return empty(data)
    k = len(data.classes)
    loss: Loss = CrossEntropy() if k == 2 else SoftmaxCrossEntropy(k)
    return loss.value(data.y_clean, fit.loss.logit * _scores(data.X_clean, fit)).mean(-1)


def marked_agreement(data: Data, fit: Fit) -> Any:
    """Share of the marked rows to which the fit gives the wrong label that they carry; empty without any."""
    agrees = given_places(data, _scores(data.X, fit)) == _places(data, data.y)
    return _known(fit, ratio((agrees & data.outliers).sum(-1), data.outliers.sum(-1)))


def outlier_ap(data: Data, fit: Fit) -> Any:
    """Average precision of finding the marked rows by how far their label's score falls short; empty without any.

    By -y times the score for two classes, for more by the best other score above that of the label.
    """
    return _known(fit, average_precision(-margins(data, _scores(data.X, fit)), positives(data)))


def lowest_score(data: Data, fit: Fit) -> Any:
    """Smallest score of the sample's rows, of any class."""
    return _scores(data.X, fit).reshape(batch(data), -1).min(-1)


def highest_score(data: Data, fit: Fit) -> Any:
    """Largest score of the sample's rows, of any class."""
    return _scores(data.X, fit).reshape(batch(data), -1).max(-1)


def _population(data: Data) -> NormalClasses | None:
    """The classes whose errors are known exactly."""
    classes = data.truth.classes if data.truth is not None else None
    return classes if classes is not None and len(classes.shares) == 2 else None


def _known(fit: Fit, values: Array) -> Array:
    """The values, but NaN where there is no fit: a comparison with NaN would count as a wrong label."""
    missing = np.isnan(fit.coef).reshape(len(fit.coef), -1).any(-1)
    return np.where(missing, np.nan, values)


def _scores(X: Array, fit: Fit) -> Array:
    return predictions(X, fit.coef)


def _places(data: Data, y: Array) -> Places:
    return class_places(y, len(data.classes))


def _right(data: Data, fit: Fit) -> Mask:
    return np.asarray(given_places(data, _scores(data.X_clean, fit)) == _places(data, data.y_clean))


def _indicators(places: Places, data: Data) -> Mask:
    """Whether rows are of each class, `(*batch, n, k)`."""
    return np.asarray(places[..., None] == np.arange(len(data.classes)))


def _rarest(data: Data) -> Places:
    """The place of the class with the smallest share, of the population where it is known, else of the clean rows."""
    counts = _indicators(_places(data, data.y_clean), data).sum(-2)
    if data.truth is not None and data.truth.classes is not None:
        counts = np.broadcast_to(data.truth.classes.shares, counts.shape)
    return np.asarray(counts.shape[-1] - 1 - counts[..., ::-1].argmin(-1))


def _log_shares(data: Data, scores: Array) -> Array:
    """What rises with the chances of each class, `(*batch, n, k)`."""
    if len(data.classes) == 2:
        return np.stack([-scores, scores], -1)
    return log_softmax(scores)


def _of_class(values: Any, place: Places) -> Any:
    """The values `(*batch, n)` of one class of each sample."""
    return np.take_along_axis(values, place[..., None, None], -1)[..., 0]


def _direction(data: Data, coef: Array) -> Array:
    """The slopes as a unit vector, `(*batch, q)` or `(*batch, q k)`; NaN where they are 0."""
    slopes = coef[:, int(data.intercept) :]
    centred = slopes if coef.ndim == 2 else slopes - slopes.mean(-1, keepdims=True)
    flat = centred.reshape(batch(data), -1)
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    return np.where(length > 0, flat / np.where(length > 0, length, 1.0), np.nan)

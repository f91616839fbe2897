"""How a fit of numbers misses: columns of regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustfit import linalg
from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.losses.base import Loss, Polyhedral
from robustfit.losses.mse import MSE
from robustfit.metrics.measures import average_precision, batch, empty, flagged, positives, ratio


def intercept(data: Data, fit: Fit) -> Any:
    """Fitted intercept, in units of y."""
    return fit.coef[..., 0] if data.intercept else empty(data)


def coef(data: Data, fit: Fit) -> Any:
    """Fitted slopes (a list; `coef.1`, `coef.2` ... in CSV)."""
    return fit.coef[..., int(data.intercept) :]


def true_intercept(data: Data, fit: Fit) -> Any:
    """Intercept that generated the clean data."""
    return np.full(batch(data), data.truth.coef[0]) if data.truth and data.intercept else empty(data)


def true_coef(data: Data, fit: Fit) -> Any:
    """Slopes that generated the clean data (a list; `true_coef.1` ... in CSV)."""
    return np.broadcast_to(_true(data)[int(data.intercept) :], coef(data, fit).shape)


def target_intercept(data: Data, fit: Fit) -> Any:
    """What this loss estimates of the clean data: the true intercept plus the noise's mean, quantile or centre.

    The mean for MSE, the quantile for MAE and Quantile, the centre of symmetry for the others; empty where undefined.
    """
    if data.truth is None or not data.intercept:
        return empty(data)
    return np.full(batch(data), data.truth.coef[0] + _noise_target(data, fit.loss))


def intercept_error(data: Data, fit: Fit) -> Any:
    """Distance of the intercept from its target, in units of y."""
    return np.abs(intercept(data, fit) - target_intercept(data, fit))


def slope_error(data: Data, fit: Fit) -> Any:
    """Euclidean distance of the slopes from the true ones."""
    return np.sqrt(np.square(coef(data, fit) - true_coef(data, fit)).sum(-1))


def coef_error(data: Data, fit: Fit) -> Any:
    """Euclidean distance of all coefficients from their targets."""
    return np.sqrt(np.square(_miss(data, fit)).sum(-1))


def surface_error(data: Data, fit: Fit) -> Any:
    """Root mean squared distance between the fitted and the target surface over the clean population, in units of y.

    sqrt((b - target)' E[x x'] (b - target)), x with 1: the main measure, for no unit of the design changes it.
    """
    if data.truth is None:
        return empty(data)
    miss = _miss(data, fit)
    return np.sqrt(np.maximum((linalg.apply(data.truth.moment, miss) * miss).sum(-1), 0.0))


def scale_value(data: Data, fit: Fit) -> Any:
    """Scale of the errors in whose units the loss counts, in units of y; 0 where most rows lie on one surface."""
    return fit.scale


def clean_rmse(data: Data, fit: Fit) -> Any:
    """Root mean squared error on the uncorrupted targets."""
    return np.sqrt(np.square(_clean_residuals(data, fit)).mean(-1))


def clean_mae(data: Data, fit: Fit) -> Any:
    """Mean absolute error on the uncorrupted targets."""
    return np.abs(_clean_residuals(data, fit)).mean(-1)


def marked_rmse(data: Data, fit: Fit) -> Any:
    """Root mean squared error on the marked rows as observed; empty without any."""
    squares = np.square(_residuals(data, fit)) * data.outliers
    return ratio(squares.sum(-1), data.outliers.sum(-1)) ** 0.5


def outlier_ap(data: Data, fit: Fit) -> Any:
    """Average precision of finding the marked rows by the size of their residuals; empty without any."""
    return average_precision(np.abs(_residuals(data, fit)), positives(data))


def outlier_precision(data: Data, fit: Fit) -> Any:
    """Share of the flagged rows (residual above 2.5 MAD of the fit's residuals) that are marked; empty if none is."""
    flags = flagged(_residuals(data, fit))
    return np.where(positives(data).any(-1), ratio((flags & positives(data)).sum(-1), flags.sum(-1)), np.nan)


def outlier_recall(data: Data, fit: Fit) -> Any:
    """Share of the marked rows that are flagged; empty without any."""
    flags = flagged(_residuals(data, fit))
    return ratio((flags & positives(data)).sum(-1), positives(data).sum(-1))


def _true(data: Data) -> Array:
    return data.truth.coef if data.truth is not None else np.full(data.X.shape[-1], np.nan)


def _miss(data: Data, fit: Fit) -> Array:
    """b - target, `(*batch, p)`."""
    target = np.broadcast_to(_true(data), fit.coef.shape).copy()
    if data.intercept:
        target[..., 0] = target_intercept(data, fit)
    return fit.coef - target


def _noise_target(data: Data, loss: Loss) -> float:
    noise = data.truth.noise if data.truth is not None else None
    if noise is None:
        return np.nan
    if isinstance(loss, MSE):
        return noise.mean
    if isinstance(loss, Polyhedral):
        low, high = loss.pieces[0][0], loss.pieces[-1][0]
        return noise.quantile(high / (high - low))
    return noise.quantile(0.5) if noise.symmetric else np.nan


def _residuals(data: Data, fit: Fit) -> Array:
    return data.y - linalg.apply(data.X, fit.coef)


def _clean_residuals(data: Data, fit: Fit) -> Array:
    return data.y_clean - linalg.apply(data.X_clean, fit.coef)

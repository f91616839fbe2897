"""One function, one column: what is measured of the fits of a batch of samples.

Every public function takes the data and the fits, both with one batch axis, and returns one value per fit; its name is
the column and the first paragraph of its docstring the column's documentation. NaN says that the column does not apply.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from robustfit import linalg
from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.losses.base import PolyhedralLoss, ResidualLoss
from robustfit.losses.mse import MSE
from robustfit.scales.base import median
from robustfit.scales.mad import CONSISTENCY

FLAG = 2.5
"""A row is flagged when its residual exceeds this many MADs of the fit's own residuals."""


def n_samples(data: Data, fit: Fit) -> Any:
    """Rows of the sample."""
    return np.full(_batch(data), data.y.shape[-1])


def n_features(data: Data, fit: Fit) -> Any:
    """Features of the sample, the intercept not counted."""
    return np.full(_batch(data), data.X.shape[-1] - data.intercept)


def n_outliers(data: Data, fit: Fit) -> Any:
    """Rows that the contamination marked."""
    return data.outliers.sum(-1)


def intercept(data: Data, fit: Fit) -> Any:
    """Fitted intercept, in units of y."""
    return fit.coef[..., 0] if data.intercept else _empty(data)


def coef(data: Data, fit: Fit) -> Any:
    """Fitted slopes (a list; `coef.1`, `coef.2` ... in CSV)."""
    return fit.coef[..., int(data.intercept) :]


def true_intercept(data: Data, fit: Fit) -> Any:
    """Intercept that generated the clean data."""
    return np.full(_batch(data), data.truth.coef[0]) if data.truth and data.intercept else _empty(data)


def true_coef(data: Data, fit: Fit) -> Any:
    """Slopes that generated the clean data (a list; `true_coef.1` ... in CSV)."""
    return np.broadcast_to(_true(data)[int(data.intercept) :], coef(data, fit).shape)


def target_intercept(data: Data, fit: Fit) -> Any:
    """What this loss estimates of the clean data: the true intercept plus the noise's mean, quantile or centre.

    The mean for MSE, the quantile for MAE and Quantile, the centre of symmetry for the others; empty where undefined.
    """
    if data.truth is None or not data.intercept:
        return _empty(data)
    return np.full(_batch(data), data.truth.coef[0] + _noise_target(data, fit.loss))


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
        return _empty(data)
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
    return _ratio(squares.sum(-1), data.outliers.sum(-1)) ** 0.5


def outlier_ap(data: Data, fit: Fit) -> Any:
    """Average precision of finding the marked rows by the size of their residuals; empty without any."""
    return average_precision(np.abs(_residuals(data, fit)), _positives(data))


def outlier_precision(data: Data, fit: Fit) -> Any:
    """Share of the flagged rows (residual above 2.5 MAD of the fit's residuals) that are marked; empty if none is."""
    flags = flagged(_residuals(data, fit))
    return np.where(_positives(data).any(-1), _ratio((flags & _positives(data)).sum(-1), flags.sum(-1)), np.nan)


def outlier_recall(data: Data, fit: Fit) -> Any:
    """Share of the marked rows that are flagged; empty without any."""
    flags = flagged(_residuals(data, fit))
    return _ratio((flags & _positives(data)).sum(-1), _positives(data).sum(-1))


def status(data: Data, fit: Fit) -> Any:
    """How the fit ended: converged, max_iter, stalled, zero_scale, perfect_fit, rank_deficient, fallback or failed."""
    return np.array([one.name for one in fit.status.ravel()], dtype=object)


def solver_used(data: Data, fit: Fit) -> Any:
    """Solver that did the work: what `auto` chose, `newton` where the scale is 0."""
    return np.full(_batch(data), fit.solver, dtype=object)


def solver_success(data: Data, fit: Fit) -> Any:
    """What the solver said of itself; nothing here relies on it."""
    return fit.solution.success


def false_success(data: Data, fit: Fit) -> Any:
    """The solver claimed success, and a point is known whose objective is lower by more than 1e-6, relative."""
    return fit.false_success


def n_iter(data: Data, fit: Fit) -> Any:
    """Iterations, as the solver counts them; steps of a scale that is solved for with the fit included."""
    return fit.solution.n_iter


def n_eval(data: Data, fit: Fit) -> Any:
    """Evaluations of the objective."""
    return fit.solution.n_eval


def objective(data: Data, fit: Fit) -> Any:
    """Mean loss at the fit of residual / scale (the residual itself for mse, mae and quantile), plus the penalty."""
    return fit.objective


def gradient_norm(data: Data, fit: Fit) -> Any:
    """Euclidean norm of the objective's gradient at the fit (of a subgradient at a kink)."""
    return fit.gradient_norm


def gap(data: Data, fit: Fit) -> Any:
    """How far the objective can be above the least one, relative: a proof for convex losses (see gap_kind)."""
    return fit.gap


def gap_kind(data: Data, fit: Fit) -> Any:
    """What gap is: exact (a vertex and its dual), dual (Fenchel's bound), stationary (no proof: loss not convex)."""
    return fit.gap_kind.astype(object)


def certified(data: Data, fit: Fit) -> Any:
    """Whether the gap is a proof and at most 1e-9."""
    return fit.certified


def measure(data: Data, fit: Fit) -> dict[str, Any]:
    """All columns, by name."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: column(data, fit) for name, column in columns().items()}


def columns() -> dict[str, Callable[[Data, Fit], Any]]:
    """The columns of this file and the functions that compute them, in the order of the file.

    >>> list(columns())[:3]
    ['n_samples', 'n_features', 'n_outliers']
    """
    here = vars(sys.modules[__name__])
    return {name: it for name, it in here.items() if inspect.isfunction(it) and _is_column(it)}


def _is_column(function: Callable[..., Any]) -> bool:
    takes = list(inspect.signature(function).parameters) == ["data", "fit"]
    return takes and not function.__name__.startswith("_") and function is not measure


def flagged(residuals: Array) -> linalg.Mask:
    """Rows whose residual exceeds 2.5 MAD (about 0) of the residuals; all others where the MAD is 0.

    >>> flagged(np.array([1.0, -1.0, 1.0, 100.0]))
    array([False, False, False,  True])
    """
    size = np.abs(residuals)
    result: linalg.Mask = size > FLAG * CONSISTENCY * median(size)[..., None]
    return result


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
    return _ratio((precision * hits).sum(-1), positive.sum(-1))


def _batch(data: Data) -> int:
    return len(data.y)


def _empty(data: Data) -> Array:
    return np.full(_batch(data), np.nan)


def _ratio(top: Any, bottom: Any) -> Array:
    return np.where(bottom > 0, top / np.maximum(bottom, 1), np.nan)


def _true(data: Data) -> Array:
    return data.truth.coef if data.truth is not None else np.full(data.X.shape[-1], np.nan)


def _miss(data: Data, fit: Fit) -> Array:
    """b - target, `(*batch, p)`."""
    target = np.broadcast_to(_true(data), fit.coef.shape).copy()
    if data.intercept:
        target[..., 0] = target_intercept(data, fit)
    return fit.coef - target


def _noise_target(data: Data, loss: ResidualLoss) -> float:
    noise = data.truth.noise if data.truth is not None else None
    if noise is None:
        return np.nan
    if isinstance(loss, MSE):
        return noise.mean
    if isinstance(loss, PolyhedralLoss):
        low, high = loss.pieces[0][0], loss.pieces[-1][0]
        return noise.quantile(high / (high - low))
    return noise.quantile(0.5) if noise.symmetric else np.nan


def _residuals(data: Data, fit: Fit) -> Array:
    return data.y - linalg.apply(data.X, fit.coef)


def _clean_residuals(data: Data, fit: Fit) -> Array:
    return data.y_clean - linalg.apply(data.X_clean, fit.coef)


def _positives(data: Data) -> linalg.Mask:
    return data.outliers & data.bad_leverage

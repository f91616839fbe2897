"""The scikit-learn face: `RobustRegressor(loss="huber").fit(X, y)`."""

from __future__ import annotations

import warnings
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from robustfit.catalogue import make
from robustfit.errors import BadParameter, Unknown
from robustfit.estimators.m import M
from robustfit.fit import Fit, Status
from robustfit.linalg import Array

PARTS = {"loss": "loss", "solver": "solver", "scale": "scale", "initial": "initial", "penalty": "penalty"}
"""The parameters that may be a name of the catalogue or an object, and the catalogue's group of each."""


class RobustRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A linear model fitted by minimising a robust loss, with a proof of how far from optimal it can be.

    Every part is a name (`robustfit.catalogue.names("loss")` lists them) or an object, so that
    `RobustRegressor(loss=Quantile(tau=0.9), scale="fixed")` and a grid over `loss__delta` both work.

    Args:
        loss: what an error costs; tuning constants are in units of the scale.
        solver: how the loss is minimised.
        scale: how wide the errors are: `mad` of the initial fit's residuals, or `fixed` (1: raw tuning constants);
            `iterated`, `proposal2` and `concomitant` are solved for with the fit.
        initial: the fit to start from, `lad` or `ols`.
        penalty: what the slopes cost.
        fit_intercept: whether to fit an intercept.

    Attributes:
        coef_, intercept_: the fit, `(n_features,)` and a number.
        scale_: the scale of the errors; 0 where most rows lie on one surface.
        objective_, gap_, certified_: the mean loss reached, how far from the least one it can be (relative), and
            whether that is at most 1e-9; for a loss that is not convex `gap_` is a stationarity number.
        n_iter_, status_: the solver's iterations and how it ended.
        fit_: everything that was measured, a `robustfit.fit.Fit`.

    >>> X, y = np.arange(6.0)[:, None], np.array([0.0, 1.0, 2.0, 3.0, 4.0, 50.0])
    >>> model = RobustRegressor(loss="mae").fit(X, y)
    >>> model.coef_, bool(model.certified_)
    (array([1.]), True)
    """

    def __init__(
        self,
        loss: Any = "huber",
        *,
        solver: Any = "auto",
        scale: Any = "mad",
        initial: Any = "lad",
        penalty: Any = "none",
        fit_intercept: bool = True,
    ) -> None:
        self.loss = loss
        self.solver = solver
        self.scale = scale
        self.initial = initial
        self.penalty = penalty
        self.fit_intercept = fit_intercept

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Args:
            X: features, `(n, n_features)`; NumPy (a memory-mapped file too) or pandas. Single precision stays so in
                memory: its numbers are exact in double precision, in which all products are taken.
            y: targets, `(n,)`.
            sample_weight: how often each row counts, `(n,)`, never negative; the same as repeating rows.

        Warns:
            ConvergenceWarning: the columns are linearly dependent, or no scale or no optimum was found.
        """
        rows, targets = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True)
        weights = None if sample_weight is None else self._weights(sample_weight, rows)
        if weights is not None:
            rows, targets, weights = rows[weights > 0], targets[weights > 0], weights[weights > 0]
        design = _with_ones(rows) if self.fit_intercept else rows
        with np.errstate(over="ignore", invalid="ignore"):
            self._publish(self.estimator().fit(design, targets.astype(np.float64), weights, self.fit_intercept))
        return self

    def estimator(self) -> M:
        """The estimator that the parameters describe, names made into objects."""
        return M(**{name: part(name, getattr(self, name)) for name in PARTS})

    def predict(self, X: ArrayLike) -> Array:
        """X coef + intercept, `(n,)`."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        result: Array = rows @ self.coef_ + self.intercept_
        return result

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep` those of the parts too, `loss__delta` and the like."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for name in PARTS:
                inner = _inner(name, params[name])
                params |= {f"{name}__{key}": value for key, value in inner.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the parts too: `set_params(loss="huber", loss__delta=2)`."""
        plain = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**plain)
        for name, value in params.items():
            if "__" in name:
                part_name, _, inner = name.partition("__")
                self._set_inner(part_name, inner, value)
        return self

    def _set_inner(self, name: str, inner: str, value: Any) -> None:
        thing = part(name, getattr(self, name, None)) if name in PARTS else None
        known = [entry.name for entry in fields(thing)] if is_dataclass(thing) else []
        if inner not in known:
            raise BadParameter(f"{name}__{inner}: no such parameter; {name} has: {', '.join(known) or 'none'}")
        setattr(self, name, replace(thing, **{inner: value}))  # type: ignore[type-var]

    def _weights(self, sample_weight: ArrayLike, X: Array) -> Array:
        weights: Array = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise BadParameter("sample_weight: all weights are zero; at least one must be positive")
        return weights

    def _publish(self, fit: Fit) -> None:
        self.fit_ = fit
        self.coef_ = fit.coef[1:] if self.fit_intercept else fit.coef
        self.intercept_ = float(fit.coef[0]) if self.fit_intercept else 0.0
        self.scale_, self.objective_, self.gap_ = float(fit.scale), float(fit.objective), float(fit.gap)
        self.certified_ = bool(fit.certified)
        self.n_iter_ = max(1, int(fit.solution.n_iter))
        self.status_ = fit.status.item()
        if self.status_ not in (Status.converged, Status.perfect_fit):
            warnings.warn(f"{self.status_.name}: {self.status_.value}", ConvergenceWarning, stacklevel=3)


def _with_ones(X: Array) -> Array:
    """X behind a column of ones, in X's own precision and without a second copy of X on the way."""
    design = np.empty((X.shape[0], X.shape[1] + 1), dtype=X.dtype)
    design[:, 0], design[:, 1:] = 1.0, X
    return design


def _inner(group: str, given: Any) -> dict[str, Any]:
    """The parameters of a part; none where its name does not exist, which `fit` will say."""
    try:
        thing = part(group, given)
    except Unknown:
        return {}
    return {entry.name: getattr(thing, entry.name) for entry in fields(thing)} if is_dataclass(thing) else {}


def part(group: str, given: Any) -> Any:
    """A part of the estimator: the catalogue's object of that name, or the object itself."""
    return _made(group, given) if isinstance(given, str) else given


@cache
def _made(group: str, name: str) -> Any:
    """The catalogue's object of a name, made once: it is frozen."""
    return make(group, name)

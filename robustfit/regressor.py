"""The scikit-learn face: `RobustRegressor(loss="huber").fit(X, y)`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from robustfit.estimators.m import M
from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.parts import Composed, counting, meant_for, tell, with_ones


class RobustRegressor(RegressorMixin, Composed):  # type: ignore[misc]
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

    parts = ("loss", "solver", "scale", "initial", "penalty")
    task = "regression"

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
        rows, targets, weights = counting(rows, targets, sample_weight)
        design = with_ones(rows) if self.fit_intercept else rows
        with np.errstate(over="ignore", invalid="ignore"):
            self._publish(self.estimator().fit(design, targets.astype(np.float64), weights, self.fit_intercept))
        return self

    def estimator(self) -> M:
        """The estimator that the parameters describe, names made into objects."""
        return meant_for(self.task, M(**self.made()))

    def predict(self, X: ArrayLike) -> Array:
        """X coef + intercept, `(n,)`."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        result: Array = rows @ self.coef_ + self.intercept_
        return result

    def _publish(self, fit: Fit) -> None:
        self.fit_ = fit
        self.coef_ = fit.coef[1:] if self.fit_intercept else fit.coef
        self.intercept_ = float(fit.coef[0]) if self.fit_intercept else 0.0
        self.scale_, self.objective_, self.gap_ = float(fit.scale), float(fit.objective), float(fit.gap)
        self.certified_ = bool(fit.certified)
        self.n_iter_ = max(1, int(fit.solution.n_iter))
        self.status_ = fit.status.item()
        tell(self.status_)

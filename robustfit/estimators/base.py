"""What an estimator is: a statistical procedure from data to coefficients; and what a start is, a rough one."""

from __future__ import annotations

from abc import ABC, abstractmethod

from robustfit.fit import Fit
from robustfit.linalg import Array
from robustfit.parameters import Parametrised


class Estimator(Parametrised, ABC):
    """A procedure that fits a linear model to every member of a batch."""

    @abstractmethod
    def fit(
        self,
        X: Array,
        y: Array,
        weights: Array | None = None,
        intercept: bool = True,
        starts: dict[str, Array] | None = None,
        outputs: int = 1,
    ) -> Fit:
        """Fit, certify and measure.

        Args:
            X: design `(*batch, n, p)`, the intercept as column 0 where there is one.
            y: targets `(*batch, n)`.
            weights: how often each row counts, `(*batch, n)`.
            intercept: whether column 0 is an intercept, which no penalty touches.
            starts: keeps the initial fits of these samples for other estimators that meet them.
            outputs: the predictions per row: k for y `(*batch, n, k)`, and for labels 0 ... k - 1 of k > 2 classes.
        """


class Start(Parametrised, ABC):
    """A rule that gives coefficients to start from, of which nothing is measured."""

    @abstractmethod
    def coef(self, X: Array, y: Array, weights: Array | None, intercept: bool) -> Array:
        """Coefficients `(*batch, p)`; arguments as for `Estimator.fit`, of two classes y is -1 and 1."""

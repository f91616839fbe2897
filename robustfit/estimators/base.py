"""What an estimator is: a statistical procedure from data to coefficients."""

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
    ) -> Fit:
        """Fit, certify and measure.

        Args:
            X: design `(*batch, n, p)`, the intercept as column 0 where there is one.
            y: targets `(*batch, n)`.
            weights: how often each row counts, `(*batch, n)`.
            intercept: whether column 0 is an intercept, which no penalty touches.
            starts: keeps the initial fits of these samples for other estimators that meet them.
        """

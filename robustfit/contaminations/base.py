"""What a contamination is: it spoils exactly a fraction of the rows of each sample and remembers which.

Sizes have no unit of their own: a shift of y is in units of the noise's scale, a distance in widths of the column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Real
from typing import ClassVar

import numpy as np

from robustfit.data import Data, choose, class_places, label_numbers
from robustfit.errors import BadParameter, Incompatible
from robustfit.linalg import Array, Mask, apply, least_squares
from robustfit.parameters import Parametrised
from robustfit.scales.base import median
from robustfit.scales.mad import CONSISTENCY


class Contamination(Parametrised, ABC):
    """A way in which rows go wrong, stated for every row; `corrupt` decides which rows it happens to.

    Facts: `off_surface`, whether the rows leave the surface, and so should be found by a detection of outliers; `task`,
    whether numbers (regression), labels (classification) or boxes can go wrong so.
    """

    off_surface: ClassVar[bool] = True
    task: ClassVar[str] = "regression"

    @abstractmethod
    def spoil(self, data: Data, values: np.random.Generator) -> tuple[Array, Array]:
        """What X and y would be if every row went wrong; they may broadcast against the data's."""

    def corrupt(self, data: Data, fraction: float, marks: np.random.Generator, values: np.random.Generator) -> Data:
        """The clean data with exactly round(fraction n) rows of each sample spoilt and marked.

        The rows are a prefix of one random permutation (which a `Choosy` contamination begins with rows of its choice),
        and values are drawn for all rows whatever the fraction: the outliers at 10 % are among those at 30 %, with the
        same values.

        Args:
            data: clean data; its arrays are not modified.
            fraction: of the rows, in [0, 0.5].
            marks: the stream that says which rows.
            values: the stream that says what becomes of them.

        Raises:
            BadParameter: the fraction is out of range.
            Incompatible: the data lack what the contamination needs.
        """
        shape = data.X.shape[:-1]
        count = n_outliers(fraction, shape[-1])
        if count == 0:
            return data
        outliers = choose(marks, shape, count, self.first(data) if isinstance(self, Choosy) else None)
        X, y = self.spoil(data, values)
        return replace(
            data,
            X=np.where(outliers[..., None], X, data.X),
            y=np.where(outliers[..., None] if data.y.ndim > outliers.ndim else outliers, y, data.y),
            outliers=outliers,
            bad_leverage=self.off_surface,
        )


class Choosy(ABC):
    """A contamination that happens to some rows before any other."""

    @abstractmethod
    def first(self, data: Data) -> Mask:
        """The rows that it happens to first, `(*batch, n)`; to others only when these have run out."""


def n_outliers(fraction: float, n: int) -> int:
    """How many of n rows a fraction marks: round(fraction n), halves to even.

    >>> n_outliers(0.1, 50), n_outliers(0.1, 25)
    (5, 2)
    >>> n_outliers(1.7, 50)
    Traceback (most recent call last):
    robustfit.errors.BadParameter: outliers=1.7: must be a fraction in [0, 0.5]
    """
    if not isinstance(fraction, Real) or isinstance(fraction, bool) or not 0 <= fraction <= 0.5:
        raise BadParameter(f"outliers={fraction}: must be a fraction in [0, 0.5]")
    return round(float(fraction) * n)


def error_unit(data: Data) -> Array:
    """The unit of a shift of y, `(*batch, 1)`: the noise's scale; where it is unknown the clean targets' MAD, 1 if 0.

    >>> error_unit(Data.clean(np.ones((3, 1)), np.array([0.0, 1.0, 5.0]))).round(4)
    array([1.4826])
    """
    if data.truth is not None and data.truth.noise is not None:
        return np.full((*data.y.shape[:-1], 1), data.truth.noise.scale)
    return _or(width(data.y_clean), 1.0)[..., None]


def width(values: Array) -> Array:
    """The normalised median absolute deviation from the median, over the last axis.

    >>> width(np.array([0.0, 1.0, 5.0])).round(4).item()
    1.4826
    """
    return CONSISTENCY * median(np.abs(values - median(values)[..., None]))


def moved(data: Data, rows: Array, distance: Array | float) -> Array:
    """A copy of the rows, `(*batch, n, p)`, with x1 moved out to median + distance width of the clean column.

    Raises:
        Incompatible: there is no column besides the intercept.

    >>> data = Data.clean(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 5.0]]), np.zeros(3))
    >>> moved(data, data.X[:1], 10.0).round(3)
    array([[ 1.   , 15.826]])
    """
    first = int(data.intercept)
    unit = widths(data)[..., :1]
    X = rows.copy()
    X[..., first] = median(data.X_clean[..., first])[..., None] + distance * unit
    return X


def widths(data: Data) -> Array:
    """The widths of the clean columns besides the intercept, `(*batch, q)`.

    Normalised MAD; the standard deviation where that is 0, as for rare dummies; else 1.

    Raises:
        Incompatible: there is no such column.

    >>> widths(Data.clean(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 5.0]]), np.zeros(3))).round(4)
    array([1.4826])
    """
    columns = np.swapaxes(data.X_clean[..., int(data.intercept) :], -1, -2)
    if columns.shape[-2] == 0:
        raise Incompatible("leverage needs a feature to move: there is no column besides the intercept")
    return _or(width(columns), _or(columns.std(-1), 1.0))


def other_class(data: Data, values: np.random.Generator) -> Array:
    """A wrong label for every row, each of the other classes with the same probability.

    >>> two = Data.clean(np.ones((2, 1)), np.array([-1.0, 1.0]), classes=("a", "b"))
    >>> other_class(two, np.random.default_rng(0))
    array([ 1., -1.])
    """
    k = len(data.classes)
    places = (class_places(data.y, k) + values.integers(1, k, data.y.shape)) % k
    labels: Array = label_numbers(k)[places]
    return labels


def surface(data: Data) -> Array:
    """The coefficients of what the good rows follow: the true ones, or least squares on the clean data."""
    return data.truth.coef if data.truth is not None else least_squares(data.X_clean, data.y_clean)


def carried(data: Data, X: Array, coef: Array) -> Array:
    """The targets of rows moved to X along a surface, each with its own error: y + (X - x)' b."""
    return data.y + apply(X - data.X, coef)


def _or(values: Array, other: Array | float) -> Array:
    return np.where(values > 0, values, other)

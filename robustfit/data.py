"""A sample: what was observed, and, where it is known, the truth behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustfit.linalg import Array, Mask
from robustfit.normal_classes import NormalClasses


class Noise(ABC):
    """The distribution of the errors of a scenario, and what a loss would estimate of it."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Independent errors."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """The width, in the sense of the normal's standard deviation."""

    @property
    @abstractmethod
    def symmetric(self) -> bool:
        """Whether e and -e have the same distribution."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The expectation; NaN where it does not exist."""

    @abstractmethod
    def quantile(self, level: float) -> float:
        """The quantile of that level in (0, 1)."""

    @property
    @abstractmethod
    def information(self) -> float | None:
        """Fisher's information about the location, the integral of (f'/f)^2 f; None where it sets no bound.

        With it (X'X)^-1 / information is the least covariance that unbiased coefficients can have (Cramer-Rao). It sets
        none where the support moves with the location.
        """


@dataclass(frozen=True)
class Truth:
    """What generated the clean data."""

    coef: Array
    """True coefficients, the intercept first where there is one: `(p,)`, with k outputs `(p, k)`.

    Of two classes the log odds of y = 1, of more the k logits, which sum to 0; of boxes the four corner coordinates.
    """
    moment: Array
    """E[x x'] of a clean row x, `(p, p)`: the metric of `surface_error`."""
    noise: Noise | None = None
    """The distribution of y's errors; None where the scenario is no linear model plus noise in y."""
    classes: NormalClasses | None = None
    """The population that labelled rows were drawn from."""


@dataclass(frozen=True)
class Data:
    """A batch of samples: design `(*batch, n, p)` with the intercept as column 0, targets `(*batch, n)`.

    y holds numbers; or labels, -1.0 and 1.0 of two classes, 0.0 ... k - 1.0 of more; or boxes `(*batch, n, 4)`, their
    corners x1 <= x2 and y1 <= y2 in the order x1, y1, x2, y2.
    """

    X: Array
    y: Array
    X_clean: Array
    y_clean: Array
    outliers: Mask
    """The marked rows, `(*batch, n)`."""
    truth: Truth | None = None
    intercept: bool = True
    names: tuple[str, ...] = ()
    """The names of the columns, the intercept's included."""
    bad_leverage: bool = True
    """Whether marked rows are off the surface: good leverage points are no positives of a detection."""
    task: str = "regression"
    """What y holds: regression, classification or boxes."""
    classes: tuple[Any, ...] = ()
    """The labels as a file or a user calls them, in the order of the numbers that stand for them in y."""

    @classmethod
    def clean(
        cls,
        X: Array,
        y: Array,
        truth: Truth | None = None,
        intercept: bool = True,
        names: tuple[str, ...] = (),
        classes: tuple[Any, ...] = (),
    ) -> Data:
        """Data in which no row is marked: of labels where `classes` are given, of boxes where y has outputs.

        >>> data = Data.clean(np.ones((3, 1)), np.zeros((3, 4)))
        >>> int(data.outliers.sum()), data.task
        (0, 'boxes')
        """
        names = names or column_names(X.shape[-1], intercept)
        task = "classification" if classes else "boxes" if y.ndim == X.ndim else "regression"
        unmarked = np.zeros(X.shape[:-1], dtype=bool)
        return cls(X, y, X, y, unmarked, truth, intercept, names, task=task, classes=classes)

    @property
    def outputs(self) -> int:
        """The predictions that a row needs: 4 for a box, k for one of k > 2 labels, else 1."""
        if self.task == "boxes":
            return int(self.y.shape[-1])
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def output_names(self) -> tuple[str, ...]:
        """What the outputs are called where there are several: the corners of a box, or the classes.

        >>> Data.clean(np.ones((3, 1)), np.zeros((3, 4))).output_names
        ('x1', 'y1', 'x2', 'y2')
        """
        if self.task == "boxes":
            return ("x1", "y1", "x2", "y2")
        return tuple(map(str, self.classes)) if self.outputs > 1 else ()

    def member(self, i: int) -> Data:
        """One sample of a batch with one axis."""
        return self.take(i)

    def take(self, index: slice | int) -> Data:
        """Some members of the first batch axis."""
        parts = {name: getattr(self, name)[index] for name in ("X", "y", "X_clean", "y_clean", "outliers")}
        return replace(self, **parts)


def column_names(p: int, intercept: bool) -> tuple[str, ...]:
    """`intercept`, then `x1`, `x2` ...

    >>> column_names(3, True)
    ('intercept', 'x1', 'x2')
    """
    slopes = tuple(f"x{j}" for j in range(1, p + (not intercept)))
    return ("intercept", *slopes) if intercept else slopes


def choose(rng: np.random.Generator, shape: tuple[int, ...], count: int, first: Mask | None = None) -> Mask:
    """Exactly `count` random rows of each sample: a prefix of one permutation, so that fewer are among more.

    The rows of the mask `first` come before all others, in the order that the permutation gives them.

    >>> few, more = (choose(np.random.default_rng(0), (5,), count) for count in (2, 3))
    >>> int(few.sum()), int(more.sum()), int((few & more).sum())
    (2, 3, 2)
    >>> choose(np.random.default_rng(0), (3,), 1, first=np.array([False, True, False]))
    array([False,  True, False])
    """
    ranks = rng.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)
    if first is not None:
        ranks = np.argsort(np.argsort(ranks + shape[-1] * ~first, axis=-1), axis=-1)
    chosen: Mask = ranks < count
    return chosen


def label_numbers(k: int) -> Array:
    """The numbers that stand for k classes in y.

    >>> label_numbers(2), label_numbers(3)
    (array([-1.,  1.]), array([0., 1., 2.]))
    """
    return np.array([-1.0, 1.0]) if k == 2 else np.arange(float(k))


def class_places(y: Array, k: int) -> NDArray[np.int64]:
    """The place of each label among the k classes, from 0.

    >>> class_places(np.array([-1.0, 1.0]), 2)
    array([0, 1])
    """
    return np.asarray(y > 0 if k == 2 else y, dtype=np.int64)


@dataclass(frozen=True)
class Streams:
    """The random numbers of one block, one independent stream per role, so that no role disturbs another."""

    X: np.random.Generator
    noise: np.random.Generator
    marks: np.random.Generator
    values: np.random.Generator
    moves: np.random.Generator

    @classmethod
    def spawn(cls, seed: int, block: int) -> Streams:
        """The streams of (seed, block): a pure function of the two.

        >>> bool(Streams.spawn(0, 3).X.random() == Streams.spawn(0, 3).X.random())
        True
        """
        roles = range(len(cls.__dataclass_fields__))
        return cls(*(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block, role))) for role in roles))

"""A sample: what was observed, and, where it is known, the truth behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from robustfit.linalg import Array, Mask


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
    """True coefficients, `(p,)`, the intercept first where there is one."""
    moment: Array
    """E[x x'] of a clean row x, `(p, p)`: the metric of `surface_error`."""
    noise: Noise | None = None
    """The errors' distribution; None where the scenario is no linear model plus noise."""


@dataclass(frozen=True)
class Data:
    """A batch of samples: design `(*batch, n, p)` with the intercept as column 0, targets `(*batch, n)`."""

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

    @classmethod
    def clean(
        cls, X: Array, y: Array, truth: Truth | None = None, intercept: bool = True, names: tuple[str, ...] = ()
    ) -> Data:
        """Data in which no row is marked.

        >>> int(Data.clean(np.ones((3, 1)), np.zeros(3)).outliers.sum())
        0
        """
        names = names or column_names(X.shape[-1], intercept)
        return cls(X, y, X, y, np.zeros(y.shape, dtype=bool), truth, intercept, names)

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


def choose(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> Mask:
    """Exactly `count` random rows of each sample: a prefix of one permutation, so that fewer are among more.

    >>> few, more = (choose(np.random.default_rng(0), (5,), count) for count in (2, 3))
    >>> int(few.sum()), int(more.sum()), int((few & more).sum())
    (2, 3, 2)
    """
    ranks = rng.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)
    chosen: Mask = ranks < count
    return chosen


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

"""The largest fraction of outliers that an estimator tolerates, whichever of the contaminations tried is the worst.

What counts is a measure of the task and a bound of its own: a surface_error of 1 in units of y (one sigma of noise with
sigma=1); an excess_error of 0.05 (5 % of new rows mislabelled more than by the best rule); an iou_error of 0.3 (a mean
IoU of 0.7).

The fractions of a study are different samples, whose rows are read one set after the other: `tolerable_errors` keeps
8 bytes of a row, and `tolerated_fractions` needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.errors import Unknown
from robustfit.linalg import Array
from robustfit.summary import errors, failed, settings, task
from robustfit.task import REGRESSION, TASKS

if TYPE_CHECKING:
    import pandas

DRAWS = 500
"""Bootstrap samples."""

BATCHES = 20
"""In which they are drawn, to bound memory."""

TOLERATED_DOCS = {
    "against": "Kind of contamination, with all its parameters in the grid; `all`: whichever kind is the worst.",
    "tolerated_fraction": "Largest fraction of outliers such that there and at all smaller ones of the grid the worst "
    "location of the measure over the contaminations is within the bound; 0 if nowhere; empty if there is no error.",
    "tolerated_low": "Lower end of its 95 % interval, by bootstrapping replicates; it moves in steps of the grid.",
    "tolerated_high": "Upper end of that interval.",
    "measure": "The measure of the error: surface_error, excess_error of labels, iou_error of boxes.",
    "bound": "Largest value of it that is tolerated.",
    "location": "What must be within the bound: the mean or the median over the replicates.",
    "worst": "That location at the tolerated fraction, of the worst contamination there.",
    "beyond": "Worst contamination at the next fraction of the grid; empty where there is no next one.",
    "fractions": "How many fractions the grid has.",
    "largest_fraction": "The largest of them: where it is tolerated, more may be.",
    "replicates": "Over how many replicates each location is taken.",
    "failures": "Fits that failed, over all fractions: each counts as an infinite error.",
}
"""Every column of the table of tolerated fractions that is no setting, and what it means."""

LOCATIONS: dict[str, Callable[..., Any]] = {"mean": np.mean, "median": np.median}

Settings = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Circumstances:
    """What a cell is, empty settings left out: who is fitted in which world, to what fraction of which outliers."""

    world: Settings
    """Study, scenario and seed."""
    estimator: Settings
    contamination: Settings
    fraction: float
    task: str = REGRESSION.name

    @classmethod
    def of(cls, settings: Mapping[str, Any], task: str = REGRESSION.name) -> Circumstances:
        """The circumstances of a cell with these settings."""
        known = {name: value for name, value in settings.items() if value is not None and value == value}
        parts: dict[str, dict[str, object]] = {"world": {}, "estimator": {}, "contamination": {}}
        for name, value in known.items():
            if name not in ("cell", "outliers"):
                parts[_PARTS.get(name.partition(".")[0], "estimator")][name] = value
        world, estimator, contamination = (tuple(sorted(part.items())) for part in parts.values())
        return cls(world, estimator, contamination, float(known["outliers"]), task)

    @property
    def kind(self) -> object:
        """The kind of the contamination."""
        return dict(self.contamination).get("contamination")

    @property
    def curve(self) -> tuple[Settings, Settings]:
        """What the conditions along which the fraction grows share."""
        return self.world, self.estimator


_PARTS = {"study": "world", "seed": "world", "scenario": "world", "contamination": "contamination"}


def tolerable_errors(rows: pandas.DataFrame) -> dict[Circumstances, Array]:
    """The measure of each cell by replicate, `(K,)`: infinite where the fit failed or there is no row."""
    found, replicates, of = {}, int(rows["replicate"].max()) + 1, task(rows)
    measure, _ = of.tolerated
    for cell in errors(rows, measure):
        values = np.full(replicates, np.inf)
        error = cell[measure].to_numpy(dtype=float)
        values[cell["replicate"].to_numpy(dtype=int)] = np.where(failed(cell), np.inf, error)
        found[Circumstances.of(settings(cell), of.name)] = values
    return found


@dataclass(frozen=True)
class Curve:
    """The errors of one estimator as the fraction of outliers grows, and which location of them must be within what."""

    conditions: tuple[Circumstances, ...]
    samples: tuple[Array, ...]
    bound: float
    location: str

    @property
    def measure(self) -> str:
        """What the errors are."""
        return TASKS[self.conditions[0].task].tolerated[0]

    @property
    def fractions(self) -> Array:
        """Of every condition."""
        return np.array([condition.fraction for condition in self.conditions])

    @cached_property
    def locations(self) -> Array:
        """Of every condition's errors."""
        return np.array([LOCATIONS[self.location](sample) for sample in self.samples])

    @property
    def levels(self) -> Array:
        """The fractions of the grid, rising, `(F,)`."""
        return np.unique(self.fractions)

    def worst(self, locations: Array) -> Array:
        """The largest location, `(..., conditions)`, at each fraction, `(..., F)`."""
        return np.stack([locations[..., self.fractions == level].max(-1) for level in self.levels], axis=-1)

    def within(self, locations: Array) -> Any:
        """How many of the fractions, from the smallest on, are within the bound without a gap, `(...)`."""
        return np.logical_and.accumulate(self.worst(locations) <= self.bound, axis=-1).sum(-1)

    def tolerated(self, locations: Array) -> Any:
        """The last of these fractions, `(...)`; 0 where there is none."""
        return np.concatenate([[0.0], self.levels])[self.within(locations)]

    def interval(self, seed: int) -> tuple[float, float]:
        """The 95 % percentile interval of the tolerated fraction over bootstrap samples of the replicates."""
        statistic, rng, replicates = LOCATIONS[self.location], np.random.default_rng(seed), self.replicates
        found = []
        for _ in range(BATCHES):
            drawn = rng.integers(replicates, size=(DRAWS // BATCHES, replicates))
            locations = np.stack([statistic(sample[drawn], axis=-1) for sample in self.samples], axis=-1)
            found.append(self.tolerated(locations))
        low, high = np.quantile(np.concatenate(found), [0.025, 0.975], method="inverted_cdf")
        return float(low), float(high)

    @property
    def replicates(self) -> int:
        """In the smallest sample."""
        return min(map(len, self.samples))

    @property
    def beyond(self) -> str:
        """The contamination with the largest location at the first fraction beyond the bound."""
        above = self.levels[self.within(self.locations) :]
        if len(above) == 0:
            return ""
        at_that = np.where(self.fractions == above[0], self.locations, -np.inf)
        return described(self.conditions[int(np.argmax(at_that))].contamination)

    def line(self, against: object, seed: int) -> dict[str, object]:
        """What the table says of it."""
        count, (low, high) = int(self.within(self.locations)), self.interval(seed)
        result = np.array([self.tolerated(self.locations), low, high])
        result[:] = np.nan if np.isnan(self.locations).any() else result
        names = ("tolerated_fraction", "tolerated_low", "tolerated_high")
        line: dict[str, object] = dict(self.conditions[0].world + self.conditions[0].estimator) | {"against": against}
        line |= dict(zip(names, result.tolist(), strict=True)) | {"measure": self.measure}
        line |= {"bound": self.bound, "location": self.location}
        line |= {"worst": self.worst(self.locations)[count - 1] if count else np.nan, "beyond": self.beyond}
        line |= {"fractions": len(self.levels), "largest_fraction": float(self.levels[-1])}
        failures = sum(int(np.isinf(sample).sum()) for sample in self.samples)
        return line | {"replicates": self.replicates, "failures": failures}


def tolerated_fractions(
    samples: Mapping[Circumstances, Array], bound: float | None = None, location: str = "mean", seed: int = 0
) -> pandas.DataFrame:
    """What each estimator tolerates, against all contaminations and against each kind of several: a line each.

    `samples`: of all sets of data of the study, the union of what `tolerable_errors` gives of each. bound: of the
    measure; None is the task's.
    The breakdown point of theory is the fraction from which the worst error is unbounded; here it is the grid's worst
    that is beyond the bound. All cells of an estimator are resampled by the same replicates, for the same replicate is
    the same clean sample in all of them. Where no fraction is above 0 there is no line.

    Raises:
        Unknown: the location is neither mean nor median.

    >>> clean, spoilt = (Circumstances((), (("loss", "mse"),), (), fraction) for fraction in (0.0, 0.1))
    >>> table = tolerated_fractions({clean: np.array([0.1, 0.2]), spoilt: np.array([5.0, 6.0])})
    >>> table[["loss", "against", "tolerated_fraction", "fractions"]].values.tolist()
    [['mse', 'all', 0.0, 2]]
    """
    import pandas

    if location not in LOCATIONS:
        raise Unknown.name("location", location, LOCATIONS)
    lines = []
    for against, conditions in _curves(samples):
        found = tuple(samples[condition] for condition in conditions)
        limit = TASKS[conditions[0].task].tolerated[1] if bound is None else bound
        lines.append(Curve(tuple(conditions), found, limit, location).line(against, seed))
    return pandas.DataFrame(lines)


def _curves(conditions: Iterable[Circumstances]) -> Iterator[tuple[object, list[Circumstances]]]:
    """The conditions of every curve: those of an estimator, then those of each kind, clean data being of every kind."""
    curves: dict[tuple[Settings, Settings], list[Circumstances]] = {}
    for condition in conditions:
        curves.setdefault(condition.curve, []).append(condition)
    for curve in curves.values():
        kinds = list(dict.fromkeys(condition.kind for condition in curve if condition.fraction > 0))
        if kinds:
            yield "all", curve
        for kind in kinds if len(kinds) > 1 else ():
            yield kind, [condition for condition in curve if condition.kind == kind or condition.fraction == 0]


def described(contamination: Settings) -> str:
    """A contamination's settings in short.

    >>> described((("contamination", "vertical"), ("contamination.shift", 10.0)))
    'vertical(shift=10.0)'
    """
    if not contamination:
        return ""
    first, *rest = contamination
    parameters = ", ".join(f"{name.partition('.')[2]}={value}" for name, value in rest)
    return f"{first[1]}({parameters})" if rest else str(first[1])

"""Every cell against a reference that met the same samples: paired differences and relative efficiencies.

Replicate k of two cells is the same sample, so that much of the sampling error cancels in their difference. A pair
counts if both replicates have a finite error, and it is said how many do. Differences are of the task's main measure:
surface_error of numbers, clean_error of labels, iou_error of boxes. Efficiencies are ratios of mean squares: of
slope_error, since surfaces may have different targets (a mean, a median) and slopes have not; of direction_error for
labels and corner_error for boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from robustfit import montecarlo
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate
from robustfit.scenarios.base import Scenario
from robustfit.scenarios.linear import Linear
from robustfit.summary import errors, failed, setting_names, settings, task
from robustfit.task import Task

if TYPE_CHECKING:
    import pandas

COMPARISON_DOCS = {
    "reference": "What the cell is held against: least_squares, best (of the cells that meet the same samples, by the "
    "root mean square of the main measure, by its median where a tail is heavy) or bound (Cramer-Rao's).",
    "reference_cell": "Digest of that cell; empty for the bound.",
    "reference_loss": "Its loss.",
    "replicates": "Replicates of the cells.",
    "pairs": "Replicates in which both have a finite main measure: surface_error, clean_error or iou_error.",
    "slope_pairs": "Replicates in which both have a finite error to square: slope_error, direction_error or "
    "corner_error; for the bound, in which the cell has one.",
    "location": "Of the difference: mean, or median where the tail index of either cell says that means cannot be "
    "trusted.",
    "difference": "That location of the paired differences in the main measure; below 0 the cell is better.",
    "difference_mcse": "Its Monte Carlo standard error.",
    "win_share": "Share of the pairs in which the cell's main measure is the smaller, ties counting half.",
    "win_share_mcse": "Its Monte Carlo standard error.",
    "efficiency": "Mean squared slope_error (direction_error of labels, corner_error of boxes) of the reference over "
    "the cell's, or the bound over it; above 1 the cell is better. Empty where the tail index of either says that mean "
    "squares cannot be trusted.",
    "efficiency_mcse": "Its Monte Carlo standard error.",
    "median_ratio": "Where efficiency is empty for that: the ratio of the medians of the same errors.",
    "median_ratio_mcse": "Its Monte Carlo standard error, from bootstrap samples of the pairs.",
}
"""Every column of a comparison that is not a setting of the cell, and what it means."""

EFFICIENCIES = {"least_squares": "efficiency_vs_ls", "best": "efficiency_vs_best", "bound": "efficiency_vs_bound"}
"""What a summary calls the efficiencies against the references."""

EFFICIENCY_DOCS = {
    "efficiency_vs_ls": "Efficiency of the slopes against least squares on the same samples: the ratio of mean squared "
    "slope_error (direction_error of labels, corner_error of boxes), above 1 where this loss is the better; empty "
    "where means cannot be trusted.",
    "efficiency_vs_ls_mcse": "Its Monte Carlo standard error, of the pairs.",
    "efficiency_vs_best": "The same against the cell with the least main measure on these samples.",
    "efficiency_vs_best_mcse": "Its Monte Carlo standard error, of the pairs.",
    "efficiency_vs_bound": "The same against the Cramer-Rao bound; empty where none is known.",
    "efficiency_vs_bound_mcse": "Its Monte Carlo standard error.",
}
"""What `with_efficiencies` adds to a summary."""


@dataclass(frozen=True)
class Errors:
    """The errors of a cell by replicate, `(K,)`, NaN where there are none, and what the cell is."""

    settings: dict[str, object]
    main: Array
    """The task's main measure."""
    squared: Array
    """The measure whose mean squares are compared."""
    failures: int

    @classmethod
    def of(cls, rows: pandas.DataFrame, task: Task, replicates: int) -> Errors:
        """The errors in the rows of one cell; entry k is replicate k's."""
        columns = np.full((2, replicates), np.nan)
        found = rows[[task.error, task.squared]].to_numpy(dtype=float)
        columns[:, rows["replicate"].to_numpy(dtype=int)] = found.T
        return cls(settings(rows), columns[0], columns[1], int(failed(rows).sum()))

    @cached_property
    def heavy_main(self) -> bool:
        """Whether means of the main measure cannot be trusted."""
        return montecarlo.heavy_tailed(self.main)

    @cached_property
    def heavy_squared(self) -> bool:
        """Whether mean squares cannot be trusted."""
        return montecarlo.heavy_tailed(self.squared)


def compare(rows: pandas.DataFrame, bound: float | None = None) -> pandas.DataFrame:
    """One line per cell and reference; `COMPARISON_DOCS` says what is in it.

    Args:
        rows: of all cells that meet the same samples, as `Study.tables` yields them.
        bound: the least mean squared slope_error that is possible, see `slope_bound`.
    """
    import pandas

    replicates, of = int(rows["replicate"].max()) + 1, task(rows)
    group = [Errors.of(cell, of, replicates) for cell in errors(rows, of.error, of.squared)]
    references = {"least_squares": least_squares(group), "best": best(group)}
    lines = []
    for cell in group:
        lines += [_against(cell, name, other) for name, other in references.items() if other is not None]
        lines += [_against_bound(cell, bound)] if bound is not None else []
    return pandas.DataFrame(lines, columns=[*setting_names(rows), *COMPARISON_DOCS])


def least_squares(group: Sequence[Errors]) -> Errors | None:
    """The first cell of unpenalised least squares with the fewest failures; None without any."""
    found = [cell for cell in group if cell.settings.get("loss") == "mse" and cell.settings.get("penalty") == "none"]
    return min(found, key=lambda cell: cell.failures, default=None)


def best(group: Sequence[Errors]) -> Errors | None:
    """The cell with the least root mean square of the main measure, or the least median if any has a heavy tail.

    One with failures is the best only if all have some. It is chosen by the same replicates that it is then compared
    on, so that a tie may look like a lead of about one MCSE. None where no cell has that measure.
    """
    statistic = montecarlo.median if any(cell.heavy_main for cell in group) else montecarlo.rmse
    values = [(cell.failures, statistic(cell.main).value) for cell in group]
    defined = [(value, place) for place, value in enumerate(values) if not np.isnan(value[1])]
    return group[min(defined)[1]] if defined else None


def slope_bound(scenario: Scenario, outliers: float) -> float | None:
    """The least mean squared slope_error of unbiased slopes, tr E[(X'X)^-1] / information over the slopes (Cramer-Rao).

    For clean data of the scenario `linear`, whose normal features give the expectation exactly at any n (asymptotically
    it is the trace of the inverse covariance over n). None for others, and where the noise sets no bound.
    Reference: Lehmann & Casella (1998), Theory of Point Estimation, 2nd ed., section 2.6.

    >>> slope_bound(Linear(n_samples=105, n_features=3), outliers=0.0)
    0.03
    """
    if outliers > 0 or not isinstance(scenario, Linear) or scenario.noise.information is None:
        return None
    slopes = np.diag(scenario.expected_inverse_gram)[int(scenario.intercept) :]
    bound = float(slopes.sum()) / scenario.noise.information
    return bound if np.isfinite(bound) else None


def with_efficiencies(summary: pandas.DataFrame, comparisons: pandas.DataFrame) -> pandas.DataFrame:
    """The summary with `efficiency_vs_ls`, `efficiency_vs_best`, `efficiency_vs_bound` and their MCSE."""
    for reference, name in EFFICIENCIES.items():
        lines = comparisons[comparisons["reference"] == reference].drop_duplicates("cell").set_index("cell")
        for suffix in ("", "_mcse"):
            summary = summary.assign(**{f"{name}{suffix}": summary["cell"].map(lines[f"efficiency{suffix}"])})
    return summary


def _against(cell: Errors, name: str, other: Errors) -> dict[str, object]:
    """The line of a cell against another."""
    main, reference = montecarlo.pairs(cell.main, other.main)
    location = "median" if cell.heavy_main or other.heavy_main else "mean"
    difference = montecarlo.median if location == "median" else montecarlo.mean
    line = cell.settings | {"reference": name, "reference_cell": other.settings["cell"]}
    line |= {"reference_loss": other.settings["loss"], "replicates": len(cell.main), "pairs": len(main)}
    line |= {"slope_pairs": len(montecarlo.pairs(cell.squared, other.squared)[0]), "location": location}
    line |= _columns("difference", difference(main - reference))
    line |= _columns("win_share", montecarlo.win_share(main, reference))
    squares, medians = _of_slopes(cell, other)
    return line | _columns("efficiency", squares) | _columns("median_ratio", medians)


def _of_slopes(cell: Errors, other: Errors) -> tuple[Estimate, Estimate]:
    """The efficiency and the ratio of medians: only one of them is to be gone by."""
    if cell.heavy_squared or other.heavy_squared:
        return _NONE, montecarlo.median_ratio(other.squared, cell.squared)
    return montecarlo.efficiency(cell.squared, other.squared), _NONE


def _against_bound(cell: Errors, bound: float) -> dict[str, object]:
    squares = np.square(cell.squared[np.isfinite(cell.squared)])
    efficiency = _NONE if cell.heavy_squared else montecarlo.ratio(np.full_like(squares, bound), squares)
    line = cell.settings | {"reference": "bound", "reference_cell": None, "reference_loss": None}
    line |= {"replicates": len(cell.main), "pairs": 0, "slope_pairs": len(squares), "location": None}
    line |= _columns("difference", _NONE) | _columns("win_share", _NONE)
    return line | _columns("efficiency", efficiency) | _columns("median_ratio", _NONE)


_NONE = Estimate(np.nan, np.nan, 0)


def _columns(name: str, estimate: Estimate) -> dict[str, object]:
    return {name: estimate.value, f"{name}_mcse": estimate.mcse}

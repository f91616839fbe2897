"""Rows to one line per cell, every number with its Monte Carlo standard error (see `robustfit.montecarlo`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit import montecarlo
from robustfit.catalogue import GROUPS
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate
from robustfit.task import TASKS, Task, task_of

if TYPE_CHECKING:
    import pandas

MAIN = tuple(task.error for task in TASKS.values())
"""The main measure of each task."""
ERRORS = tuple(error for task in TASKS.values() for error in task.errors)
LOCATED = (*ERRORS, "scale_value")
SUMMARISED = (
    *LOCATED, "clean_rmse", "clean_mae", "marked_rmse", "outlier_ap", "outlier_precision", "outlier_recall",
    "bayes_error", "clean_accuracy", "balanced_accuracy", "minority_ap", "clean_log_loss", "marked_agreement",
    "lowest_score", "highest_score", "clean_iou", "clean_iou_50", "clean_iou_75", "target_iou", "marked_iou",
    "instability", "solution_width", "objective", "gap", "n_iter", "n_eval", "seconds",
)  # fmt: skip
SHARES = ("certified", "solver_success", "false_success")
SETTINGS = ("study", "cell", "seed", "outliers", *GROUPS)
DATA = ("seed", "outliers", "scenario", "contamination")
"""The settings that say which samples a cell meets; the others say how they are fitted."""

COUNTS = {
    "replicates": "Replicates of the cell, failed ones included.",
    "failures": "Replicates without a fit.",
    "error": "Why the first replicate has no fit; empty where it has one.",
}

SUFFIXES = {
    "": "Mean of `{name}`.",
    "_mcse": "Its Monte Carlo standard error.",
    "_n": "Over how many replicates the mean is taken: those that have a value.",
}

LOCATION_SUFFIXES = {
    "_median": "Median of `{name}`.",
    "_median_mcse": "Its Monte Carlo standard error, from the interval.",
    "_median_low": "Lower end of the median's 95 % interval between order statistics.",
    "_median_high": "Upper end of that interval.",
    "_trimmed": "Mean of `{name}` without the tenth at either end.",
    "_trimmed_mcse": "Its Monte Carlo standard error.",
}

ERROR_SUFFIXES = {
    "_rmse": "Root mean square of `{name}`.",
    "_rmse_mcse": "Its Monte Carlo standard error.",
    "_tail": "Tail index of `{name}`: mean squares exist above 2, their standard errors above 4; large in light tails.",
    "_tail_mcse": "Its standard error.",
}

BIAS = {
    "intercept_bias": "Mean of the fitted intercept minus its target.",
    "intercept_bias_mcse": "Its Monte Carlo standard error.",
    "intercept_variance": "Variance of the fitted intercept over the replicates.",
    "intercept_variance_mcse": "Its Monte Carlo standard error.",
    "slope_bias": "Mean of each fitted slope minus the true one (a list).",
    "slope_bias_mcse": "Their Monte Carlo standard errors (a list).",
    "slope_squared_bias": "Sum of the squared slope biases, estimated without bias, so it may fall below 0.",
    "slope_squared_bias_mcse": "Its Monte Carlo standard error.",
    "slope_variance": "Sum of the variances of the slopes; plus slope_squared_bias it is the mean squared slope_error.",
    "slope_variance_mcse": "Its Monte Carlo standard error.",
}

SHOWN = {
    f"{name}_shown": f"Location of {name} to go by: `median` where the tail index of any cell that meets the same "
    "samples says that means cannot be trusted, else `mean`."
    for name in MAIN
}


RANK = {"rank": "Place by the shown main measure among the cells that meet the same samples; ties share the best."}
"""What `ranked` adds."""


def column_docs() -> dict[str, str]:
    """Every column of a summary that is not a setting, and what it means.

    >>> column_docs()["gap_n"]
    'Over how many replicates the mean is taken: those that have a value.'
    """
    docs = dict(COUNTS)
    for name in SUMMARISED:
        docs |= _expanded(name, SUFFIXES)
        docs |= _expanded(name, LOCATION_SUFFIXES) if name in LOCATED else {}
        docs |= _expanded(name, ERROR_SUFFIXES) if name in ERRORS else {}
    for name in SHARES:
        docs |= _expanded(name, SUFFIXES | {"": "Share of the replicates with `{name}`."})
    return docs | BIAS | SHOWN


def _expanded(name: str, suffixes: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}{suffix}": text.format(name=name) for suffix, text in suffixes.items()}


def summarise(rows: pandas.DataFrame) -> pandas.DataFrame:
    """One line per cell (and per way of trying its stability): settings, replicates, failures, statistics and MCSE.

    Failed fits stay in `replicates` and are counted in `failures`; each mean says in `NAME_n` over how many it is.
    A replicate that was computed twice counts once. A row without a cell, of a job that failed, has its own line.
    """
    import pandas

    summary = pandas.DataFrame([_line(cell) for cell in cells(rows)])
    return with_shown(summary)


def task(rows: pandas.DataFrame) -> Task:
    """The task of rows, whose main measure has values in them; of several the first, regression without any."""
    return task_of(name for name in MAIN if name in rows and rows[name].notna().any())


def errors(rows: pandas.DataFrame, *names: str) -> Iterator[pandas.DataFrame]:
    """As `cells`, but only what a cell is, which replicates failed and these columns, NaN where there are none."""
    columns = [*setting_names(rows), "replicate", "error", "status", *names]
    return cells(rows.reindex(columns=columns))


def cells(rows: pandas.DataFrame) -> Iterator[pandas.DataFrame]:
    """The rows of one cell after the other, in the order of their first rows, each replicate once."""
    alone = "row " + rows.index.astype(str)
    cell = rows["cell"].where(rows["cell"].notna(), alone) if "cell" in rows else alone
    tried = [rows[name] for name in setting_names(rows) if name.partition(".")[0] == "stability"]
    for _, group in rows.groupby([cell, *tried], sort=False, dropna=False):
        twice = "replicate" in group and len(group) > 1 and group["replicate"].duplicated().any()
        yield group.drop_duplicates("replicate") if twice else group


def _line(rows: pandas.DataFrame) -> dict[str, object]:
    line = settings(rows) | {"error": rows["error"].iloc[0]}
    line |= {"replicates": len(rows), "failures": int(failed(rows).sum())}
    for name in (*SUMMARISED, *SHARES):
        if name in rows:
            line |= _statistics(name, rows[name].to_numpy(dtype=float))
    return line | _bias(rows)


def _statistics(name: str, values: Array) -> dict[str, object]:
    average = montecarlo.share(values) if name in SHARES else montecarlo.mean(values)
    statistics = _columns(name, average) | {f"{name}_n": average.n}
    if name in LOCATED:
        statistics |= _locations(name, values)
    if name in MAIN:
        statistics[f"{name}_shown"] = "median" if montecarlo.heavy_tailed(values) else "mean"
    if name in ERRORS:
        statistics |= _columns(f"{name}_rmse", montecarlo.rmse(values))
        statistics |= _columns(f"{name}_tail", montecarlo.tail_index(values))
    return statistics


def _locations(name: str, values: Array) -> dict[str, object]:
    low, high = montecarlo.median_interval(values)
    interval = {f"{name}_median_low": low, f"{name}_median_high": high}
    median = _columns(f"{name}_median", montecarlo.median(values))
    return median | interval | _columns(f"{name}_trimmed", montecarlo.trimmed_mean(values))


def _columns(name: str, estimate: Estimate) -> dict[str, object]:
    return {name: estimate.value, f"{name}_mcse": estimate.mcse}


def _bias(rows: pandas.DataFrame) -> dict[str, object]:
    """Bias and variance of the coefficients, where rows have them."""
    bias: dict[str, object] = {}
    if "target_intercept" in rows:
        intercept = rows["intercept"].to_numpy(dtype=float)
        bias |= _columns("intercept_bias", montecarlo.mean(intercept - rows["target_intercept"].to_numpy(dtype=float)))
        bias |= _columns("intercept_variance", montecarlo.variance(intercept))
    return bias | _slope_bias(_slope_errors(rows)) if "true_coef" in rows else bias


def _slope_errors(rows: pandas.DataFrame) -> Array:
    """Fitted slopes minus true ones, `(K, q)`, NaN where there is no fit or no truth."""
    coef, true = vectors(rows["coef"]), vectors(rows["true_coef"])
    return coef - true if coef.shape == true.shape else np.full_like(coef, np.nan)


def _slope_bias(errors: Array) -> dict[str, object]:
    means = [montecarlo.mean(column) for column in errors.T]
    lists = {"slope_bias": [one.value for one in means], "slope_bias_mcse": [one.mcse for one in means]}
    squared = _columns("slope_squared_bias", montecarlo.squared_norm_of_mean(errors))
    return lists | squared | _columns("slope_variance", montecarlo.total_variance(errors))


def vectors(column: pandas.Series[Any]) -> Array:
    """A column of lists as an array `(K, q)`, NaN where there is no list."""
    lists = [value for value in column.to_list() if hasattr(value, "__len__")]
    result = np.full((len(column), max(map(len, lists), default=0)), np.nan)
    if lists:
        result[column.notna().to_numpy()] = np.array(lists, dtype=float)
    return result


def setting_names(table: pandas.DataFrame) -> list[str]:
    """The columns that say what a cell is, ordered by group, wherever in the table they are."""
    groups = {str(name): str(name).partition(".")[0] for name in table}
    return sorted((name for name in groups if groups[name] in SETTINGS), key=lambda name: SETTINGS.index(groups[name]))


def settings(rows: pandas.DataFrame) -> dict[str, object]:
    """What the cell is whose rows these are."""
    first = rows.iloc[0]
    return {name: first[name] for name in setting_names(rows)}


def data_names(table: pandas.DataFrame) -> list[str]:
    """The settings that say which samples a cell meets."""
    return [name for name in setting_names(table) if name.partition(".")[0] in DATA]


def samples(table: pandas.DataFrame) -> pandas.Series[int]:
    """A number for each line that is the same where the cells meet the same samples."""
    names = data_names(table)
    if not names:
        return table.index.to_series() * 0
    return table.groupby(names, sort=False, dropna=False).ngroup()


def failed(rows: pandas.DataFrame) -> pandas.Series[bool]:
    """Which rows have no fit."""
    no_fit: pandas.Series[bool] = rows["error"].fillna("") != ""
    return no_fit | (rows["status"] == "failed") if "status" in rows else no_fit


def with_shown(summary: pandas.DataFrame) -> pandas.DataFrame:
    """The summary with one location to go by for all cells that meet the same samples: the median if any needs it.

    Else the mean of one loss would be held against the median of another.
    """
    for column in _shown_columns(summary):
        heavy = summary[column] == "median"
        needed = heavy.groupby(samples(summary)).transform("any") if heavy.any() else heavy
        summary = summary.assign(**{column: np.where(needed, "median", "mean")})
    return summary


def shown(summary: pandas.DataFrame) -> pandas.DataFrame:
    """The location of the main measure to go by and its MCSE, as columns `value` and `mcse`, one line per cell."""
    tables = [_shown(summary, column.removesuffix("_shown")) for column in _shown_columns(summary)]
    return reduce(lambda one, other: one.combine_first(other), tables)


def has_main(summary: pandas.DataFrame) -> bool:
    """Whether any cell has a main measure: without one there is no fit."""
    return bool(_shown_columns(summary))


def medians(summary: pandas.DataFrame) -> pandas.Series[bool]:
    """The cells whose main measure is to be gone by in the median."""
    import pandas

    needed = pandas.Series(False, index=summary.index)
    for column in _shown_columns(summary):
        name = column.removesuffix("_shown")
        needed |= (summary[column] == "median") & summary[f"{name}_median"].notna()
    return needed


def _shown_columns(summary: pandas.DataFrame) -> list[str]:
    """The columns that say which location to go by: one, but for a study of several tasks."""
    return [name for name in SHOWN if name in summary]


def _shown(summary: pandas.DataFrame, name: str) -> pandas.DataFrame:
    import pandas

    median = summary[f"{name}_shown"] == "median"
    value = summary[name].mask(median, summary[f"{name}_median"])
    mcse = summary[f"{name}_mcse"].mask(median, summary[f"{name}_median_mcse"])
    return pandas.DataFrame({"value": value, "mcse": mcse})


def ranked(summary: pandas.DataFrame) -> pandas.DataFrame:
    """The summary and `rank` by the shown main measure among the cells that meet the same samples, 1 the best.

    A cell shares the rank of the best cell above it that is at most 2 joint MCSE, 2 sqrt(a^2 + b^2), better; the next
    rank counts all cells above (1, 1, 3). Cells with failures come after all without, by their number of failures, and
    those in which all failed last; where the measure is not defined there is no rank. The joint MCSE neglects that
    the samples are the same, so it calls too many a tie rather than too few: the paired differences of
    `robustfit.comparisons` are sharper.
    """
    import pandas

    table = shown(summary).assign(failures=summary["failures"]).to_numpy(dtype=float)
    defined = ~np.isnan(table[:, 0]) | (summary["failures"] > 0).to_numpy()
    ranks = pandas.array([pandas.NA] * len(summary), dtype="Int64")
    for places in summary.groupby(samples(summary)).indices.values():
        places = places[defined[places]]
        ranks[places] = _ranks(table[places])
    return summary.assign(rank=ranks)


def _ranks(cells: Array) -> Array:
    """Ranks of (value, mcse, failures) triples."""
    order = np.lexsort((cells[:, 0], cells[:, 2], np.isnan(cells[:, 0])))
    ranks, best, rank = np.zeros(len(cells), dtype=int), cells[:0], 0
    for place, index in enumerate(order, 1):
        if rank == 0 or not _tied(best, cells[index]):
            best, rank = cells[index], place
        ranks[index] = rank
    return ranks


def _tied(best: Array, other: Array) -> bool:
    if np.isnan(best[0]):
        return True  # all that follow have failed throughout too
    joint = np.nan_to_num(np.hypot(best[1], other[1]))
    return bool(best[2] == other[2] and other[0] - best[0] <= 2 * joint)

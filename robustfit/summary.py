"""Rows to one line per cell, every number with its Monte Carlo standard error.

The MCSE of a mean over K independent replicates is their standard deviation over sqrt(K); of a share q it is
sqrt(q (1 - q) / K). Reference: Morris, White & Crowther (2019), Statist. Med. 38, 2074-2102, table 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustfit.catalogue import GROUPS

if TYPE_CHECKING:
    import pandas

SUMMARISED = (
    "surface_error", "slope_error", "intercept_error", "coef_error", "scale_value", "clean_rmse", "clean_mae",
    "marked_rmse", "outlier_ap", "outlier_precision", "outlier_recall", "instability", "solution_width", "objective",
    "gap", "n_iter", "n_eval", "seconds",
)  # fmt: skip
SHARES = ("certified", "solver_success", "false_success")
SETTINGS = ("study", "cell", "seed", "outliers", *GROUPS)


def summarise(rows: pandas.DataFrame) -> pandas.DataFrame:
    """One line per cell (and per way of trying its stability): settings, replicates, failures, means and their MCSE.

    Failed fits stay in `replicates` and are counted in `failures`; each mean says in `NAME_n` over how many it is.
    A replicate that was computed twice counts once. A row without a cell, of a job that failed, has its own line.
    """
    import pandas

    alone = "row " + rows.index.astype(str)
    cell = rows["cell"].where(rows["cell"].notna(), alone) if "cell" in rows else alone
    tried = [rows[name] for name in setting_names(rows) if name.partition(".")[0] == "stability"]
    return pandas.DataFrame([_line(group) for _, group in rows.groupby([cell, *tried], sort=False, dropna=False)])


def _line(rows: pandas.DataFrame) -> dict[str, object]:
    if "replicate" in rows and len(rows) > 1:
        rows = rows.drop_duplicates("replicate")
    first = rows.iloc[0]
    line = {name: first[name] for name in setting_names(rows)}
    line |= {"error": first["error"], "replicates": len(rows), "failures": int(_failed(rows).sum())}
    for name in (*SUMMARISED, *SHARES):
        if name in rows:
            average = share_and_error if name in SHARES else mean_and_error
            mean, error, count = average(rows[name].to_numpy(dtype=float))
            line |= {name: mean, f"{name}_mcse": error, f"{name}_n": count}
    return line


def setting_names(table: pandas.DataFrame) -> list[str]:
    """The columns that say what a cell is, ordered by group, wherever in the table they are."""
    groups = {str(name): str(name).partition(".")[0] for name in table}
    return sorted((name for name in groups if groups[name] in SETTINGS), key=lambda name: SETTINGS.index(groups[name]))


def _failed(rows: pandas.DataFrame) -> pandas.Series[bool]:
    failed: pandas.Series[bool] = rows["error"] != ""
    return failed | (rows["status"] == "failed") if "status" in rows else failed


def mean_and_error(values: np.ndarray) -> tuple[float, float, int]:
    """Mean, its MCSE (NaN below two values), and over how many values that are not NaN.

    >>> mean_and_error(np.array([1.0, 3.0, np.nan]))
    (2.0, 1.0, 2)
    """
    values = values[~np.isnan(values)]
    count = len(values)
    if count == 0:
        return np.nan, np.nan, 0
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan
        return float(values.mean()), error, count


def share_and_error(values: np.ndarray) -> tuple[float, float, int]:
    """Share, its MCSE (NaN below two values), and over how many values that are not NaN.

    >>> share_and_error(np.array([1.0, 0.0, 0.0, 1.0]))
    (0.5, 0.25, 4)
    """
    share, _, count = mean_and_error(values)
    return share, float(np.sqrt(share * (1 - share) / count)) if count > 1 else np.nan, count

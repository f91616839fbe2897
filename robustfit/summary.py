"""Rows to one line per cell, every number with its Monte Carlo standard error.

The MCSE of a mean over K independent replicates is their standard deviation over sqrt(K); of a share q it is
sqrt(q (1 - q) / K). Reference: Morris, White & Crowther (2019), Statist. Med. 38, 2074-2102, table 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

SUMMARISED = (
    "surface_error", "slope_error", "intercept_error", "coef_error", "scale_value", "clean_rmse", "clean_mae",
    "marked_rmse", "outlier_ap", "outlier_precision", "outlier_recall", "instability", "solution_width", "objective",
    "gap", "n_iter", "n_eval", "seconds",
)  # fmt: skip
SHARES = ("certified", "solver_success", "false_success")


def summarise(rows: pandas.DataFrame) -> pandas.DataFrame:
    """One line per cell: settings, replicates, failures, and mean and MCSE of every measure.

    Failed fits stay in `replicates` and are counted in `failures`; each mean says in `NAME_n` over how many it is.
    """
    import pandas

    keys = rows["cell"].where(rows["cell"].notna(), rows.index.astype(str)) if "cell" in rows else rows.index
    lines = [_line(group) for _, group in rows.groupby(keys, sort=False)]
    return pandas.DataFrame(lines)


def _line(rows: pandas.DataFrame) -> dict[str, object]:
    first = rows.iloc[0]
    measures = [name for name in (*SUMMARISED, *SHARES) if name in rows]
    end = list(rows.columns).index("n_samples") if "n_samples" in rows else len(rows.columns)
    line = {name: first[name] for name in rows.columns[:end] if name not in ("block", "replicate")}
    line |= {"error": first["error"], "replicates": len(rows), "failures": int(_failed(rows).sum())}
    for name in measures:
        mean, error, count = mean_and_error(rows[name].to_numpy(dtype=float))
        line |= {name: mean, f"{name}_mcse": error, f"{name}_n": count}
    return line


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
    error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan
    return float(values.mean()), error, count

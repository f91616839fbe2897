"""Sweeps and studies: a line per cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from robustfit.report.tables import aligned, counted, setting, share, with_error
from robustfit.summary import ERRORS, SHOWN, medians, setting_names

if TYPE_CHECKING:
    import pandas

TABLE = (
    "surface_error", "slope_error", "clean_error", "bayes_error", "clean_accuracy", "minority_ap", "iou_error",
    "clean_iou_75", "corner_error", "efficiency_vs_ls", "efficiency_vs_bound", "scale_value", "instability",
    "outlier_ap", "n_iter", "gap",
)  # fmt: skip


def sweep(summary: pandas.DataFrame) -> str:
    """One table over the cells of a sweep: what varies, then the main measures with their MCSE.

    Where the tails are too heavy for means, medians of the errors stand there, and the table says so.
    """
    header, lines = _varying(summary), []
    measures = [name for name in TABLE if name in summary and summary[name].notna().any()]
    shares = [name for name in ("certified",) if name in summary]
    for _, line in summary.iterrows():
        cells = [setting(line[name]) for name in header]
        cells += [_mean(line, name) for name in measures]
        cells += [share(line[name]) for name in shares]
        lines.append([*cells, str(line["error"] or "")])
    failed = any(cells[-1] for cells in lines)
    titles = [*header, *measures, *shares, *(["error"] if failed else [])]
    shown = [cells if failed else cells[:-1] for cells in lines]
    note = f"{counted(len(lines), 'cell')}, {_replicates(summary)} each"
    note += "; means (Monte Carlo standard errors)" if summary["replicates"].max() > 1 else ""
    note += "; one sample each, so no standard errors" if summary["replicates"].max() == 1 else ""
    note += "; med: medians, where tails are too heavy for means" if medians(summary).any() else ""
    return aligned(titles, shown, left=len(header)) + "\n\n" + note


def _replicates(summary: pandas.DataFrame) -> str:
    fewest, most = int(summary["replicates"].min()), int(summary["replicates"].max())
    return counted(most, "replicate") if fewest == most else f"{fewest} to {most} replicates"


def tolerated(table: pandas.DataFrame) -> str:
    """The tolerated fractions of a study with their intervals: a line per estimator, a column per kind of outliers."""
    names = [name for name in _varying(table) if name.partition(".")[0] not in ("outliers", "contamination")]
    kinds = list(table["against"].unique())
    titles = [kind.partition("(")[0] for kind in kinds]
    titles = titles if len(set(titles)) == len(titles) else kinds
    lines = []
    for values, group in table.groupby(names, sort=False, dropna=False):
        of = group.set_index("against")
        lines.append([*map(setting, values), *(_fraction(of.loc[kind]) if kind in of.index else "-" for kind in kinds)])
    header = [*names, *titles]
    measure, bound, location = table[["measure", "bound", "location"]].iloc[0]
    note = f"largest fraction of outliers up to which the {location} {measure} stays within {bound:g} (95 % interval)"
    most = (table["tolerated_fraction"] == table["largest_fraction"]).any()
    note += "; +: the largest fraction that was tried" if most else ""
    return aligned(header, lines, left=len(names)) + "\n\n" + note


def _fraction(line: Any) -> str:
    if math.isnan(line["tolerated_fraction"]):
        return "-"
    low, high = line["tolerated_low"], line["tolerated_high"]
    ends = "" if low == high == line["tolerated_fraction"] else f" ({low:g} to {high:g})"
    more = "+" if line["tolerated_fraction"] == line["largest_fraction"] else ""
    return f"{line['tolerated_fraction']:g}{more}{ends}"


def _varying(summary: pandas.DataFrame) -> list[str]:
    """The settings that differ between cells; the loss always."""
    names = [name for name in setting_names(summary) if name not in ("study", "cell")]
    plain = [
        name for name in names if "." not in name or summary.groupby(name.partition(".")[0])[name].nunique().max() > 1
    ]
    return [name for name in plain if name == "loss" or summary[name].nunique(dropna=False) > 1]


def _mean(line: Any, name: str) -> str:
    if name == "gap":
        return f"{line[name]:.0e}" if not math.isnan(line[name]) else "-"
    if name in ERRORS and any(line.get(shown) == "median" for shown in SHOWN):
        median = float(line[f"{name}_median"])
        return f"{with_error(median, float(line[f'{name}_median_mcse']))} med" if not math.isnan(median) else "-"
    return with_error(float(line[name]), float(line[f"{name}_mcse"]))

"""Results in words and tables, for a terminal, a pipe or a notebook: plain text that loses no digits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit import __version__
from robustfit.cell import Fitted, column_docs
from robustfit.fit import Fit, Status
from robustfit.scenarios.csv import CSV
from robustfit.stability import Exhibit
from robustfit.summary import ERRORS, setting_names

if TYPE_CHECKING:
    import pandas


def aligned(header: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table as text: the first `left` columns and the last, if it has no title, to the left, numbers to the right.

    >>> print(aligned(["loss", "error"], [["mse", "1.5"], ["huber", "0.25"]]))
    loss   error
    mse      1.5
    huber   0.25
    """
    widths = [max(len(row[j]) for row in (header, *lines)) for j in range(len(header))]
    sides = ["<" if j < left or not title else ">" for j, title in enumerate(header)]
    rows = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in (header, *lines)
    ]
    return "\n".join(row.rstrip() for row in rows)


def number(value: float, digits: int = 4) -> str:
    """A number to a few significant digits; a dash where there is none.

    >>> number(0.000123456), number(1234567.0), number(float("nan"))
    ('0.0001235', '1.235e+06', '-')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.{digits}g}"


def with_error(mean: float, error: float) -> str:
    """A mean with its Monte Carlo standard error, to the digits that the error supports.

    >>> with_error(1.23456, 0.0234), with_error(1.5, float("nan"))
    ('1.235 (0.023)', '1.5')
    """
    if not math.isfinite(error) or math.isnan(mean):
        return number(mean)
    if error == 0:
        return f"{number(mean)} (0)"
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 6 or abs(mean) >= 1e6:
        return f"{mean:.3e} ({error:.1e})"
    return f"{mean:.{places}f} ({error:.{places}f})"


def single(fitted: Fitted, reference: Fit) -> str:
    """What one run found: the first sample in full."""
    settings, loss = fitted.cell.settings, str(fitted.cell.settings["loss"])
    parts = [
        f"robustfit {__version__}   loss={loss}  outliers={settings['outliers']:g}  seed={fitted.cell.seed}",
        "\n".join(f"  {word:<12} {text}" for word, text in _facts(fitted)),
        _coefficients(fitted, reference, loss),
        _measures(fitted, reference, loss),
        _path(fitted.exhibit) if fitted.exhibit else "",
        _meaning(fitted, reference, loss),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(fitted: Fitted) -> list[tuple[str, str]]:
    settings, data, fit = fitted.cell.settings, fitted.data, fitted.fit
    n, p = data.X.shape[-2:]
    marked = int(data.outliers[0].sum())
    scenario = f"{settings['scenario']}: {n} rows, {_count(p - data.intercept, 'feature')}"
    noise = settings.get("scenario.noise")
    contamination = f"{settings['contamination']}, {marked} of {n} rows" if marked else "none"
    start = f"scale={settings['scale']}, initial={settings['initial']}"
    solution = fit.solution
    ways = f"{fit.solver}: {fit.status[0].name}, {solution.n_iter[0]} iterations, {solution.n_eval[0]} evaluations"
    facts = [
        ("scenario", scenario + (f", {noise} noise" if noise else "")),
        ("outliers", contamination),
        ("loss", f"{_loss(settings)}, {start}"),
        ("solver", ways),
    ]
    if settings["penalty"] != "none":
        facts.insert(3, ("penalty", f"{settings['penalty']}, alpha={_setting(settings.get('penalty.alpha'))}"))
    if isinstance(fitted.cell.scenario, CSV) and fitted.cell.scenario.left_out:
        facts.insert(1, ("left out", f"{', '.join(fitted.cell.scenario.left_out)}: columns of text"))
    return facts


def _loss(settings: Mapping[str, Any]) -> str:
    """The loss and its parameters, as in huber(delta=1.345)."""
    parameters = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith("loss.")}
    constants = ", ".join(f"{key}={_setting(value)}" for key, value in parameters.items())
    return f"{settings['loss']}({constants})" if constants else str(settings["loss"])


def _coefficients(fitted: Fitted, reference: Fit, loss: str) -> str:
    names = fitted.data.names
    columns = _truths(fitted)
    columns += [(loss, fitted.fit.coef[0]), ("least squares", reference.coef[0])]
    header = ["coefficient", *(title for title, _ in columns)]
    shown = range(min(len(names), 20))
    lines = [[names[j], *(number(float(values[j]), 5) for _, values in columns)] for j in shown]
    more = f"\n... and {len(names) - 20} more" if len(names) > 20 else ""
    return aligned(header, lines) + more


def _truths(fitted: Fitted) -> list[tuple[str, Any]]:
    """The true coefficients, and beside them what this loss estimates of them, where that is something else."""
    data, target = fitted.data, float(fitted.measured["target_intercept"][0])
    if data.truth is None:
        return []
    same = not data.intercept or math.isnan(target) or target == data.truth.coef[0]
    aim = [] if same else [("target", np.concatenate([[target], data.truth.coef[1:]]))]
    return [("true", data.truth.coef), *aim]


def _measures(fitted: Fitted, reference: Fit, loss: str) -> str:
    m, fit = fitted.measured, fitted.fit
    proof = {"exact": "exact dual", "dual": "dual bound", "stationary": "stationarity, no proof"}[str(fit.gap_kind[0])]
    verdict = "certified" if fit.certified[0] else "not certified"
    warning = "; the solver's success is false" if fit.false_success[0] else ""
    priced = fitted.cell.settings["penalty"] != "none"
    clean = "error on the uncorrupted targets" if fitted.data.outliers.any() else "error on the targets"
    lines = [
        ("surface_error", number(float(m["surface_error"][0])), "distance from the target surface, in units of y"),
        ("clean_rmse", number(float(m["clean_rmse"][0])), clean),
        ("scale", number(float(m["scale_value"][0])), "width of the errors in whose units the loss counts"),
        (
            "instability",
            number(float(m["instability"][0])),
            "change of the fit per unit of a small move of one entry of X, mean over sampled ones",
        ),
        (
            "jump_size",
            number(float(m["jump_size"][0])),
            "largest jump of a fitted value as one sampled entry moves, in sigma",
        ),
        (
            "jump_distance",
            number(float(m["jump_distance"][0])),
            "how far off the nearest jump of a sampled entry is, in spreads of its column",
        ),
        ("solution_width", number(float(m["solution_width"][0])), "0: the optimum is unique"),
        ("outlier_ap", number(float(m["outlier_ap"][0])), "how well the residuals find the outliers (1: all first)"),
        ("objective", number(float(m["objective"][0]), 10), "mean loss plus penalty" if priced else "mean loss"),
        ("gap", f"{float(fit.gap[0]):.1e}", f"{proof}: {verdict}{warning}"),
    ]
    return aligned(["measure", "value", ""], [list(line) for line in lines if line[1] != "-"])


def _path(exhibit: Exhibit) -> str:
    """The intervals of one exact path."""
    table, name, row = exhibit.table(), exhibit.data.names[exhibit.column], exhibit.path.motion.row
    numbers = table[["from", "to", f"from.{name}", f"to.{name}", "jump"]].map(lambda value: number(value, 5))
    header = [f"{name} from", "to", "slope from", "to", "jump", "through rows"]
    cells = [list(line) for line in numbers.assign(rows=table["rows"]).head(20).to_numpy()]
    title = f"Exact path of {exhibit.exact} as {name} of row {row} moves; it is at {number(exhibit.position, 5)}"
    note = "jump: where the interval ends, the largest change of a fitted value, in units of y; rows count from 0"
    more = f"\n... and {len(table) - 20} more" if len(table) > 20 else ""
    return f"{title}\n\n{aligned(header, cells, left=0)}{more}\n\n{note}"


def _meaning(fitted: Fitted, reference: Fit, loss: str) -> str:
    """One line on what the figures say."""
    fit, status = fitted.fit, fitted.fit.status[0]
    if status in (Status.zero_scale, Status.perfect_fit, Status.rank_deficient, Status.failed):
        return f"Meaning: {status.value}."
    proof = "there may be a better fit: this one is not proved optimal"
    if fit.certified[0]:
        size = f" by more than {float(fit.gap[0]):.1e} of it" if fit.gap[0] > 0 else ""
        what = "a mean loss" if fitted.cell.settings["penalty"] == "none" else "a mean loss plus penalty"
        proof = f"no coefficients have {what} that is lower{size}"
    return f"Meaning: {_comparison(fitted, reference, loss)}; {proof}."


def _comparison(fitted: Fitted, reference: Fit, loss: str) -> str:
    from robustfit.metrics import surface_error

    first = fitted.data.take(slice(0, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        own, other = float(fitted.measured["surface_error"][0]), float(surface_error(first, reference)[0])
    if math.isnan(own) or math.isnan(other):
        shift = float(np.sqrt(np.square(fitted.fit.coef[0] - reference.coef[0]).sum()))
        return f"the {loss} fit differs from least squares by {number(shift)} in the coefficients"
    if own == other or loss == "mse" or not _same_target(fitted, reference):
        return f"the {loss} fit misses what it estimates, its target surface, by {number(own)}"
    nearer = own < other
    ratio = other / own if nearer else own / other
    return (
        f"the {loss} fit is {ratio:.3g} times {'nearer to' if nearer else 'farther from'} the target than least squares"
    )


def _same_target(fitted: Fitted, reference: Fit) -> bool:
    """Whether the loss and least squares estimate the same surface."""
    from robustfit.metrics import target_intercept

    own, other = fitted.measured["target_intercept"][0], target_intercept(fitted.data.take(slice(0, 1)), reference)[0]
    return not fitted.data.intercept or bool(own == other)


TABLE = (
    "surface_error", "slope_error", "efficiency_vs_ls", "efficiency_vs_bound", "scale_value", "instability",
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
        cells = [_setting(line[name]) for name in header]
        cells += [_mean(line, name) for name in measures]
        cells += [_share(line[name]) for name in shares]
        lines.append([*cells, str(line["error"] or "")])
    failed = any(cells[-1] for cells in lines)
    titles = [*header, *measures, *shares, *(["error"] if failed else [])]
    shown = [cells if failed else cells[:-1] for cells in lines]
    note = f"{_count(len(lines), 'cell')}, {_replicates(summary)} each"
    note += "; means (Monte Carlo standard errors)" if summary["replicates"].max() > 1 else ""
    note += "; one sample each, so no standard errors" if summary["replicates"].max() == 1 else ""
    note += "; med: medians, where tails are too heavy for means" if _medians(summary).any() else ""
    return aligned(titles, shown, left=len(header)) + "\n\n" + note


def _replicates(summary: pandas.DataFrame) -> str:
    fewest, most = int(summary["replicates"].min()), int(summary["replicates"].max())
    return _count(most, "replicate") if fewest == most else f"{fewest} to {most} replicates"


def _medians(summary: pandas.DataFrame) -> pandas.Series[bool]:
    """Where the median of the surface error is to be shown."""
    import pandas

    if "surface_error_shown" not in summary:
        return pandas.Series(False, index=summary.index)
    needed: pandas.Series[bool] = (summary["surface_error_shown"] == "median") & summary["surface_error_median"].notna()
    return needed


def tolerated(table: pandas.DataFrame) -> str:
    """The tolerated fractions of a study with their intervals: a line per estimator, a column per kind of outliers."""
    names = [name for name in _varying(table) if name.partition(".")[0] not in ("outliers", "contamination")]
    kinds = list(table["against"].unique())
    titles = [kind.partition("(")[0] for kind in kinds]
    titles = titles if len(set(titles)) == len(titles) else kinds
    lines = []
    for values, group in table.groupby(names, sort=False, dropna=False):
        of = group.set_index("against")
        lines.append(
            [*map(_setting, values), *(_fraction(of.loc[kind]) if kind in of.index else "-" for kind in kinds)]
        )
    header = [*names, *titles]
    bound, location = table["bound"].iloc[0], table["location"].iloc[0]
    note = (
        f"largest fraction of outliers up to which the {location} surface_error stays within {bound:g} (95 % interval)"
    )
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _varying(summary: pandas.DataFrame) -> list[str]:
    """The settings that differ between cells; the loss always."""
    names = [name for name in setting_names(summary) if name not in ("study", "cell")]
    plain = [
        name for name in names if "." not in name or summary.groupby(name.partition(".")[0])[name].nunique().max() > 1
    ]
    return [name for name in plain if name == "loss" or summary[name].nunique(dropna=False) > 1]


def _setting(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _mean(line: Any, name: str) -> str:
    if name == "gap":
        return f"{line[name]:.0e}" if not math.isnan(line[name]) else "-"
    if name in ERRORS and line.get("surface_error_shown") == "median":
        median = float(line[f"{name}_median"])
        return f"{with_error(median, float(line[f'{name}_median_mcse']))} med" if not math.isnan(median) else "-"
    return with_error(float(line[name]), float(line[f"{name}_mcse"]))


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.4g} %"


def columns_table() -> str:
    """The documentation of every column, as a Markdown table."""
    rows = [f"| `{name}` | {' '.join(text.split())} |" for name, text in column_docs().items()]
    return "\n".join(["| column | meaning |", "|---|---|", *rows])

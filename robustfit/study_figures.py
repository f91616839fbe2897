"""Studies as pictures: errors along an axis, efficiency against robustness, estimates, the ways of solvers.

Every loss has the same colour, dashes and marker in all of them; bands and bars are two Monte Carlo standard errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.axes import Layout, named, parts, varying
from robustfit.cell import Cell, Fitted
from robustfit.linalg import Array
from robustfit.panels import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    RED,
    Style,
    direct,
    grid,
    legend,
    outer_labels,
    scales,
    style,
    styles,
)
from robustfit.study import Study
from robustfit.summary import has_main, medians, shown, task
from robustfit.task import REGRESSION

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND = 2.0
"""Monte Carlo standard errors on either side."""

MOST_LINES = 10
"""More in one panel cannot be told apart."""

MOST_PANELS = 16
"""More in one figure cannot be read."""

FRACTION = 0.2
"""Outliers at which robustness is read off, or the next fraction below."""

DOTS = 200
"""Replicates whose estimates are drawn."""


def study_figures(study: Study, summary: pandas.DataFrame) -> dict[str, Figure]:
    """The figures that make sense for what varies in a study, by name: the stems of their files.

    `error`, `efficiency`, `instability` and `minority` along an axis; `frontier`, or `tuning` where constants vary,
    where clean and contaminated data are there; `estimates`; `convergence` where solvers vary. Efficiencies are drawn
    if the summary has `efficiency_vs_best`.
    """
    if not has_main(summary):
        return {}  # there is no fit at all
    layout = Layout.of(summary)
    if _solvers(layout):
        return _ways(study.cells, summary, layout)
    if sum(1 for _ in layout.panels(summary)) > MOST_PANELS:
        return {}
    figures: dict[str, Figure] = {}
    if few := sum(1 for _ in layout.lines(summary)) <= MOST_LINES:
        figures |= {name: along(summary, layout, name) for name in QUANTITIES if _drawable(summary, layout, name)}
        figures |= {"estimates": estimates(study, summary, layout)} if _of_numbers(summary) else {}
    if _has_frontier(summary, layout):
        constants = any(name.startswith("loss.") for name in layout.line)
        figures |= {"tuning": tuning(summary, layout)} if constants else {}
        figures |= {"frontier": frontier(summary, layout)} if few and not constants else {}
    return figures


def _solvers(layout: Layout) -> list[str]:
    """The settings of solvers that vary."""
    return [name for name in layout.line if name.partition(".")[0] == "solver"]


def _ways(cells: Sequence[Cell], summary: pandas.DataFrame, layout: Layout) -> dict[str, Figure]:
    """The figure of solvers, over the cells that can be fitted; none where the solvers are too many."""
    fitted = set(summary["cell"][summary["failures"] < summary["replicates"]])
    there = [cell for cell in cells if cell.key in fitted]
    few = len(summary[_solvers(layout)].drop_duplicates()) <= MOST_PANELS
    return {"convergence": convergence(there)} if there and few else {}


def _drawable(summary: pandas.DataFrame, layout: Layout, name: str) -> bool:
    """Whether there is an axis and there are values along it.

    Efficiencies are shown for clean data alone, how the rarest class is found along how rare it is.
    """
    values = quantity(summary, name)["value"]
    efficient = layout.x != "outliers" and _of_numbers(summary)
    apt = {"efficiency": efficient, "minority": layout.x == "scenario.share"}.get(name, True)
    return layout.x is not None and apt and bool(np.isfinite(values).any())


def _of_numbers(summary: pandas.DataFrame) -> bool:
    """Whether coefficients compare between losses: those of scores do not, nor do the best ones make the best boxes."""
    return task(summary) is REGRESSION


def _has_frontier(summary: pandas.DataFrame, layout: Layout) -> bool:
    """Whether each estimator has one clean cell in each panel, with an efficiency, and contaminated ones."""
    clean = summary[summary["outliers"] == 0] if layout.x == "outliers" and _of_numbers(summary) else summary[:0]
    return bool(np.isfinite(quantity(clean, "efficiency")["value"]).any())


QUANTITIES = ("error", "efficiency", "instability", "minority")
WORDS = {
    "efficiency": "efficiency against the best loss",
    "instability": "instability",
    "minority": "average precision of the rarest class",
}
COLUMNS = {"efficiency": "efficiency_vs_best", "instability": "instability", "minority": "minority_ap"}


def quantity(summary: pandas.DataFrame, name: str) -> pandas.DataFrame:
    """The values of a quantity and their MCSE, as columns `value` and `mcse`; NaN where there are none."""
    import pandas

    if name == "error":
        return shown(summary)
    nothing = pandas.Series(np.nan, summary.index)
    columns = {"value": COLUMNS[name], "mcse": f"{COLUMNS[name]}_mcse"}
    found = {new: summary.get(old, nothing) for new, old in columns.items()}
    return pandas.DataFrame(found).astype(float)


def words(summary: pandas.DataFrame, name: str) -> str:
    """What the axis of a quantity says; of the error, which locations it shows."""
    if name != "error":
        return WORDS[name]
    locations = " or ".join(np.unique(np.where(medians(summary), "median", "mean")))
    return f"{locations} {task(summary).axis}"


def along(summary: pandas.DataFrame, layout: Layout, name: str) -> Figure:
    """A quantity along the axis, one line per estimator with its band, one panel per kind of data."""
    assert layout.x is not None
    panels = list(layout.panels(summary))
    figure, places = grid(len(panels))
    chosen = styles(layout.lines(summary))
    for axes, (title, part) in zip(places, panels, strict=True):
        for label, line in layout.lines(part):
            _line(axes, line[layout.x], quantity(line, name), chosen[label])
        axes.set_title(title, loc="left", fontsize=10)
    scales(places, summary[layout.x], quantity(summary, name)["value"])
    outer_labels(places, AXES.get(layout.x, layout.x.rpartition(".")[2]), f"{words(summary, name)}\n(± {BAND:g} MCSE)")
    ends = [_ends(part, layout, name) for _, part in panels]
    direct(figure, places, ends, {label: how.color for label, how in chosen.items()})
    return figure


AXES = {
    "outliers": "fraction of outliers",
    "scenario.n_samples": "rows of the sample, n",
    "scenario.share": "share of the last class",
    "scenario.distance": "distance of the classes, sd",
}


def _ends(part: pandas.DataFrame, layout: Layout, name: str) -> dict[str, float]:
    """Where each line ends, those that are nowhere left out."""
    heights = {label: quantity(line, name)["value"].dropna() for label, line in layout.lines(part)}
    return {label: float(values.iloc[-1]) for label, values in heights.items() if len(values)}


def _line(axes: Axes, x: Any, values: pandas.DataFrame, how: Style) -> None:
    """One line with its band."""
    x, y, error = x.to_numpy(dtype=float), values["value"].to_numpy(), BAND * np.nan_to_num(values["mcse"].to_numpy())
    axes.fill_between(x, np.maximum(y - error, 1e-12), y + error, color=how.color, alpha=0.2, lw=0)
    axes.plot(x, y, color=how.color, ls=how.dashes, lw=1.6, marker=how.marker, ms=4)


def frontier(summary: pandas.DataFrame, layout: Layout) -> Figure:
    """Efficiency on clean data against the error under outliers, one point per estimator; the lower right is best."""
    fraction, panels = _fraction(summary), list(layout.panels(summary))
    figure, places = grid(len(panels))
    found = [trade_offs(part, layout, fraction) for _, part in panels]
    chosen = styles(layout.lines(summary))
    for axes, (title, _), points in zip(places, panels, found, strict=True):
        for _, point in points.groupby("label", sort=False):
            _points(axes, point, chosen[point["label"].iloc[0]])
        axes.set_title(title, loc="left", fontsize=10)
    _frontier_axes(places, found, summary, fraction)
    ends = [dict(zip(points["label"], points["error"], strict=True)) for points in found]
    direct(figure, places, ends, {label: how.color for label, how in chosen.items()})
    return figure


def tuning(summary: pandas.DataFrame, layout: Layout) -> Figure:
    """The same for losses with several constants: one panel per loss, its points joined and named by the constant.

    One line per kind of outliers.
    """
    fraction = _fraction(summary)
    found = {title: trade_offs(part, layout, fraction) for title, part in layout.panels(summary)}
    counts = next(iter(found.values())).groupby("loss", sort=False).size()
    losses = [str(loss) for loss, count in counts.items() if count > 1]
    figure, places = grid(len(losses))
    for axes, loss in zip(places, losses, strict=True):
        for points, how in zip(found.values(), KINDS, strict=False):
            _points(axes, points[points["loss"] == loss], how)
        _constants(axes, [points[points["loss"] == loss] for points in found.values()])
        axes.set_title(loss.replace("_", " "), loc="left", fontsize=10)
    _frontier_axes(places, list(found.values()), summary, fraction)
    legend(figure, dict(zip(found, KINDS, strict=False)))
    return figure


KINDS = (Style(BLUE, "-", "o"), Style(RED, "--", "^"), Style(GREEN, "-.", "s"), Style(PURPLE, ":", "D"))
"""The styles of kinds of outliers; more are not drawn."""


def _fraction(summary: pandas.DataFrame) -> float:
    """The fraction at which robustness is read off."""
    fractions = summary["outliers"][summary["outliers"] > 0]
    below = fractions[fractions <= FRACTION + 1e-12]
    return float(below.max() if len(below) else fractions.min())


def trade_offs(part: pandas.DataFrame, layout: Layout, fraction: float) -> pandas.DataFrame:
    """Each estimator's label, loss, efficiency on clean data and error at a fraction of outliers, with their MCSE."""
    import pandas

    points = []
    for label, line in layout.lines(part):
        clean, spoilt = line[line["outliers"] == 0], line[line["outliers"] == fraction]
        if len(clean) and len(spoilt):
            efficiency, error = quantity(clean, "efficiency").iloc[0], quantity(spoilt, "error").iloc[0]
            numbers = (efficiency["value"], efficiency["mcse"], error["value"], error["mcse"])
            points.append((label, line["loss"].iloc[0], *numbers))
    names = ["label", "loss", "efficiency", "efficiency_mcse", "error", "error_mcse"]
    return pandas.DataFrame(points, columns=names)


def _points(axes: Axes, points: pandas.DataFrame, how: Style) -> None:
    """Points with their bars, joined."""
    x, y = points["efficiency"], points["error"]
    xerr, yerr = (BAND * points[f"{name}_mcse"].fillna(0.0) for name in ("efficiency", "error"))
    axes.errorbar(x, y, yerr, xerr, color=how.color, ls=how.dashes, lw=1.3, marker=how.marker, ms=6, elinewidth=0.8)


def _constants(axes: Axes, lines: Sequence[pandas.DataFrame]) -> None:
    """Each constant above its highest point, where the last one leaves room."""
    highest = np.max([points["error"] for points in lines], axis=0)
    room = np.array([0.05, 0.08 * (highest.max() - highest.min() or 1.0)])
    last = np.full(2, -np.inf)
    for label, *point in zip(lines[0]["label"], lines[0]["efficiency"], highest, strict=True):
        if (np.abs(point - last) > room).any():
            name, last = label.rpartition("= ")[2], np.array(point)
            axes.annotate(name, tuple(point), (-3, 7), textcoords="offset points", fontsize=8, ha="right", color=GREY)


def _frontier_axes(
    places: Sequence[Axes], found: Sequence[pandas.DataFrame], summary: pandas.DataFrame, fraction: float
) -> None:
    scales(places, [], np.concatenate([points["error"] for points in found]))
    y = f"{words(summary, 'error')},\n{100 * fraction:g} % outliers (± {BAND:g} MCSE)"
    outer_labels(places, f"{words(summary, 'efficiency')}, no outliers", y)


def estimates(study: Study, summary: pandas.DataFrame, layout: Layout) -> Figure:
    """Raw estimates: intercepts and first slopes of some replicates, one strip per estimator, one column per data.

    Those beyond the range that holds 99 % of all are drawn at its ends, as triangles.
    """
    chosen = styles(layout.lines(summary))
    columns = _chosen_data(summary, layout)
    rows = _first_rows(study, {cell for cells in columns.values() for cell in cells.values()})
    names = [name for name in ("intercept", "intercepts", "coef") if name in rows and rows[name].notna().any()]
    figure, places = _strips(len(columns), len(names), len(chosen))
    for k, (title, cells) in enumerate(columns.items()):
        for axes, name in zip(places[k], names, strict=True):
            for label, cell in cells.items():
                values = _first_numbers(rows[rows["cell"] == cell][name])
                _strip(axes, values, list(chosen).index(label), chosen[label])
            _finish_strips(axes, list(chosen), rows[rows["cell"].isin(cells.values())], name)
        places[k][0].set_title(title, loc="left", fontsize=10)
    return figure


def _chosen_data(summary: pandas.DataFrame, layout: Layout) -> dict[str, dict[str, str]]:
    """The cells of each estimator for some data, by title: up to four panels, each at one place of its axis."""
    columns = {}
    for title, part in layout.panels(summary):
        place, words = _place(part, layout)
        here = part[part[layout.x] == place] if layout.x else part
        columns[", ".join(filter(None, (title, words)))] = {
            label: str(line["cell"].iloc[0]) for label, line in layout.lines(here)
        }
    return dict(list(columns.items())[:4])


def _place(part: pandas.DataFrame, layout: Layout) -> tuple[float, str]:
    """Where on the axis estimates are shown."""
    if layout.x is None:
        return 0.0, ""
    if layout.x == "outliers":
        fraction = _fraction(part)
        return fraction, f"{100 * fraction:g} % outliers"
    values = np.unique(part[layout.x])
    middle = float(values[len(values) // 2])
    return middle, named({layout.x: middle})


def _first_rows(study: Study, cells: set[str]) -> pandas.DataFrame:
    """The first replicates of some cells; of the study's files no others are read."""
    import pandas

    count = min(study.replicates, DOTS) if isinstance(study.replicates, int) else DOTS
    members = tuple(member for member in study.members if member.cell.key in cells)
    rows = pandas.concat(replace(study, members=members, replicates=count).tables(), ignore_index=True)
    return rows.drop_duplicates(["cell", "replicate"])


def _first_numbers(column: pandas.Series[Any]) -> Array:
    """The entries, the first ones of lists."""
    values = [value[0] if hasattr(value, "__len__") and len(value) else value for value in column]
    return np.array([value if isinstance(value, float) else np.nan for value in values])


def _strips(columns: int, rows: int, strips: int) -> tuple[Figure, list[list[Axes]]]:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(3.6 * columns + 0.8, (0.28 * strips + 0.9) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    return figure, [list(grid[:, k]) for k in range(columns)]


def _strip(axes: Axes, values: Array, place: int, how: Style) -> None:
    """The estimates of one estimator as dots, and their median."""
    values = values[np.isfinite(values)]
    heights = place + np.random.default_rng(place).uniform(-0.28, 0.28, len(values))
    axes.scatter(values, heights, s=5, color=how.color, alpha=0.45, linewidths=0, clip_on=True)
    if len(values):
        axes.plot([np.median(values)] * 2, [place - 0.4, place + 0.4], color=BLACK, lw=1.8)


def _finish_strips(axes: Axes, labels: Sequence[str], rows: pandas.DataFrame, name: str) -> None:
    """Range, true value and names; dots beyond the range become triangles at its ends."""
    low, high = _range(_first_numbers(rows[name]), _first_numbers(rows[f"true_{name}"]))
    for dots in list(axes.collections):
        places = np.asarray(dots.get_offsets())
        for beyond, edge, marker in ((places[:, 0] < low, low, "<"), (places[:, 0] > high, high, ">")):
            heights = places[beyond, 1]
            axes.scatter(np.full(len(heights), edge), heights, s=12, marker=marker, color=dots.get_facecolor()[:1])
        dots.set_offsets(places[(low <= places[:, 0]) & (places[:, 0] <= high)])
    for truth in _first_numbers(rows[f"true_{name}"])[:1]:
        axes.axvline(truth, color=GREY, lw=1.0, ls=":", zorder=0)
    room = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.set_yticks(range(len(labels)), [label.replace("_", " ") for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel(f"{ESTIMATES[name]} (dotted: true; bar: median)")
    axes.spines[["top", "right"]].set_visible(False)


ESTIMATES = {"intercept": "intercept", "intercepts": "first intercept", "coef": "first slope"}


def _range(values: Array, truth: Array) -> tuple[float, float]:
    """What holds 99 % of the values, and the true one."""
    values = values[np.isfinite(values)]
    ends = np.concatenate([np.percentile(values, [0.5, 99.5]) if len(values) else [0.0, 1.0], truth[:1]])
    ends = ends[np.isfinite(ends)]
    return float(ends.min()), float(ends.max())


FLOOR = 1e-16
"""What is drawn of a distance of 0."""


def convergence(cells: Sequence[Cell]) -> Figure:
    """Solvers' ways on one sample, the first of the last data: objective above the lowest against evaluations.

    One panel per solver, one line per loss, a dot where the solver stopped; the lowest objective is over all solvers.
    """
    import pandas

    same = [cell for cell in cells if cell.data_key == cells[-1].data_key]
    table = pandas.DataFrame([dict(cell.settings) for cell in same]).assign(place=range(len(same)))
    fits = [Fitted.of(cell, 0, 1) for cell in same]
    lowest = table.assign(objective=[float(fit.fit.objective[0]) for fit in fits]).groupby("loss")["objective"].min()
    solver = [name for name in varying(table) if name.partition(".")[0] == "solver"]
    panels = list(parts(table, solver))
    figure, places = grid(len(panels), width=2.6, height=2.2, columns=5)
    for axes, (title, part) in zip(places, panels, strict=True):
        for loss, place in zip(part["loss"], part["place"], strict=True):
            _way(axes, fits[place], float(lowest[loss]), style(str(loss)))
        axes.set(xscale="log", yscale="log")
        axes.set_title(title.replace(", whiten on", ""), loc="left", fontsize=9)
    outer_labels(places, "evaluations", "objective above\nthe lowest, relative")
    legend(figure, {loss.replace("_", " "): style(loss) for loss in dict.fromkeys(table["loss"])})
    return figure


def _way(axes: Axes, fitted: Fitted, lowest: float, how: Style) -> None:
    """One solver's way, ending in what was measured of its solution."""
    fit = fitted.fit
    steps = [(step.evaluations, step.objective) for step in fit.solution.trace]
    steps.append((int(fit.solution.n_eval[0]), float(fit.objective[0])))
    x, y = np.array(steps, dtype=float).T
    y = np.maximum((y - lowest) / (abs(lowest) or 1.0), FLOOR)
    axes.plot(np.maximum(x, 1.0), y, color=how.color, ls=how.dashes, lw=1.3)
    axes.plot(max(x[-1], 1.0), y[-1], color=how.color, marker=how.marker, ms=5)

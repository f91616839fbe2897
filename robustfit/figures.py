"""Fits as pictures, for print and for the colour-blind (Okabe & Ito's colours, and a second cue beside each colour)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustfit import linalg
from robustfit.data import Data
from robustfit.fit import Step
from robustfit.linalg import Array
from robustfit.panels import BLUE, GREEN, GREY, ORANGE, RED
from robustfit.stability import Exhibit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def fit_figure(data: Data, coef: Array, reference: Array, label: str) -> Figure:
    """One sample along its first feature: rows, marked rows, the true line, the fit and least squares.

    With several features the picture shows partial residuals: what the fit leaves for the first feature, the others
    at their means. All arrays of one sample.
    """
    figure = _figure(6.4, 4.2)
    axes = figure.subplots()
    x, y = _partial(data, coef)
    marked = data.outliers
    axes.scatter(x[~marked], y[~marked], s=18, color=GREY, alpha=0.75, linewidths=0, label="data")
    if marked.any():
        axes.scatter(x[marked], y[marked], s=34, color=RED, marker="x", label=f"outliers ({int(marked.sum())})")
    if data.truth is not None:
        axes.axline(*_line(data, data.truth.coef), color="black", lw=1.2, ls=":", label="truth")
    axes.axline(*_line(data, reference), color=ORANGE, lw=1.8, ls="--", label="least squares")
    axes.axline(*_line(data, coef), color=BLUE, lw=2.0, label=label)
    axes.set_xlabel(_feature(data))
    axes.set_ylabel("y" if data.X.shape[-1] <= 1 + data.intercept else "y, other features at their means")
    axes.legend(frameon=False, loc="best", fontsize=9)
    _margins(axes, x, y)
    return figure


def _feature(data: Data) -> str:
    return data.names[int(data.intercept)] if data.X.shape[-1] > data.intercept else "row"


def _partial(data: Data, coef: Array) -> tuple[Array, Array]:
    """The first feature, and y without what the fit gives to the deviations of the other features."""
    first = int(data.intercept)
    if data.X.shape[-1] <= first:
        return np.arange(len(data.y), dtype=float), data.y
    others = data.X[:, first + 1 :]
    return data.X[:, first], data.y - linalg.apply(others - others.mean(0), coef[first + 1 :])


def _line(data: Data, coef: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two points of a fit along the first feature, the other features at their means."""
    first = int(data.intercept)
    level = float(coef[0]) if data.intercept else 0.0
    level += float(data.X[:, first + 1 :].mean(0) @ coef[first + 1 :])
    slope = float(coef[first]) if len(coef) > first else 0.0
    return (0.0, level), (1.0, level + slope)


def _margins(axes: Axes, x: Array, y: Array) -> None:
    for low, high, limit in ((x.min(), x.max(), axes.set_xlim), (y.min(), y.max(), axes.set_ylim)):
        room = 0.05 * (high - low) or 1.0
        limit(low - room, high + room)


def trace_figure(trace: tuple[Step, ...], best: float, label: str) -> Figure:
    """How far the objective was above a lower bound of it, against iterations and evaluations."""
    figure = _figure(7.2, 3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    objective = np.array([step.objective for step in trace])
    unit = max(abs(best), 1e-17 * np.abs(objective).max()) or 1.0
    above = np.maximum(objective - best, 0.0) / unit
    floor = np.where(above > 0, above, 1e-17)
    left.semilogy([step.iteration for step in trace], floor, color=BLUE, marker=".")
    right.semilogy([step.evaluations for step in trace], floor, color=BLUE, marker=".")
    left.set_xlabel("iterations")
    right.set_xlabel("evaluations")
    left.set_ylabel("objective above its bound, relative")
    left.set_title(label, loc="left", fontsize=9)
    return figure


def save(figure: Figure, path: Path) -> None:
    """A figure as PNG."""
    figure.savefig(path, dpi=110)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(width, height), layout="constrained")


def path_figure(exhibit: Exhibit) -> Figure:
    """What the fits do as one entry of X moves: the slope against its place, and the lines where the exact one jumps.

    Where it does not jump, the lines at both ends of the path.
    """
    figure = _figure(9.6, 4.2)
    left, right = figure.subplots(1, 2)
    _slopes(left, exhibit)
    _turn(right, exhibit)
    return figure


SLOPE_STYLES = [(BLUE, "-", 2.0), (GREEN, "-.", 1.8)]
"""The loss, then LAD where that is another one; least squares as everywhere."""


def _slopes(axes: Axes, exhibit: Exhibit) -> None:
    """The slope in each fit against the place of the entry."""
    name, column = exhibit.data.names[exhibit.column], exhibit.column
    curves = exhibit.curves()
    styles = dict(zip([label for label in curves if label != "least squares"], SLOPE_STYLES, strict=False))
    for label, (places, coef) in curves.items():
        color, dashes, width = styles.get(label, (ORANGE, "--", 1.8))
        axes.plot(exhibit.position + places, coef[:, column], color=color, ls=dashes, lw=width, label=label)
        for jump in exhibit.path.jumps if label == exhibit.exact else ():
            ends = [jump.before[column], jump.after[column]]
            axes.plot([exhibit.position + jump.place] * 2, ends, color=color, ls=":", lw=1.2)
    axes.axvline(exhibit.position, color=GREY, lw=0.8)
    place, frame = (exhibit.position, 0.0), ("data", "axes fraction")
    axes.annotate("as it is", place, (3, 4), frame, "offset points", fontsize=8, color=GREY)
    axes.set_xlabel(f"{name} of row {exhibit.path.motion.row}")
    axes.set_ylabel(f"slope of {name}")
    axes.legend(frameon=False, loc="best", fontsize=9)


def _turn(axes: Axes, exhibit: Exhibit) -> None:
    """The data along the column of the entry, and the exact fit before and after its largest jump."""
    jump, (start, stop), row = exhibit.path.largest, exhibit.path.ends, exhibit.path.motion.row
    before, after = (jump.before, jump.after) if jump else exhibit.path.coef(np.array([start, stop]))
    words = ("before the jump", "after the jump") if jump else ("farthest left", "farthest right")
    order = [*range(exhibit.data.intercept), exhibit.column]
    order += [j for j in range(len(before)) if j not in order]
    data = replace(exhibit.data, X=exhibit.data.X[:, order], names=tuple(exhibit.data.names[j] for j in order))
    x, y = _partial(data, before[order])
    others = np.arange(len(x)) != row
    axes.scatter(x[others], y[others], s=18, color=GREY, alpha=0.75, linewidths=0, label="data")
    place = exhibit.position + (jump.place if jump else 0.0)
    axes.plot(place, y[row], "D", ms=7, mfc="none", mec="black", mew=1.4, ls="none", label=f"row {row}, moved")
    axes.annotate("", (place, y[row]), (exhibit.position, y[row]), arrowprops={"arrowstyle": "->", "color": "black"})
    color = BLUE if exhibit.exact == exhibit.own else GREEN
    axes.axline(*_line(data, before[order]), color=color, lw=2.0, label=f"{exhibit.exact} {words[0]}")
    axes.axline(*_line(data, after[order]), color=RED, lw=2.0, ls=(0, (7, 2)), label=f"{exhibit.exact} {words[1]}")
    axes.set_xlabel(_feature(data))
    axes.set_ylabel("y" if data.X.shape[-1] <= 1 + data.intercept else "y, other features at their means")
    axes.legend(frameon=False, loc="best", fontsize=9)
    _margins(axes, np.append(x, place), y)

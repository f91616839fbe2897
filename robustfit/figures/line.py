"""A fit of numbers: the line through the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustfit import linalg
from robustfit.data import Data
from robustfit.figures.canvas import canvas, margins
from robustfit.linalg import Array
from robustfit.panels import BLUE, GREY, ORANGE, RED

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def line_figure(data: Data, coef: Array, reference: Array, label: str) -> Figure:
    """One sample along its first feature: rows, marked rows, the true line, the fit and least squares.

    With several features the picture shows partial residuals: what the fit leaves for the first feature, the others
    at their means. All arrays of one sample.
    """
    figure = canvas(6.4, 4.2)
    axes = figure.subplots()
    x, y = partial(data, coef)
    marked = data.outliers
    axes.scatter(x[~marked], y[~marked], s=18, color=GREY, alpha=0.75, linewidths=0, label="data")
    if marked.any():
        axes.scatter(x[marked], y[marked], s=34, color=RED, marker="x", label=f"outliers ({int(marked.sum())})")
    if data.truth is not None:
        axes.axline(*line(data, data.truth.coef), color="black", lw=1.2, ls=":", label="truth")
    axes.axline(*line(data, reference), color=ORANGE, lw=1.8, ls="--", label="least squares")
    axes.axline(*line(data, coef), color=BLUE, lw=2.0, label=label)
    axes.set_xlabel(feature_name(data))
    axes.set_ylabel("y" if data.X.shape[-1] <= 1 + data.intercept else "y, other features at their means")
    axes.legend(frameon=False, loc="best", fontsize=9)
    margins(axes, x, y)
    return figure


def feature_name(data: Data) -> str:
    """What the first feature is called; without any, rows are counted."""
    return data.names[int(data.intercept)] if data.X.shape[-1] > data.intercept else "row"


def partial(data: Data, coef: Array) -> tuple[Array, Array]:
    """The first feature, and y without what the fit gives to the deviations of the other features."""
    first = int(data.intercept)
    if data.X.shape[-1] <= first:
        return np.arange(len(data.y), dtype=float), data.y
    others = data.X[:, first + 1 :]
    return data.X[:, first], data.y - linalg.apply(others - others.mean(0), coef[first + 1 :])


def line(data: Data, coef: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two points of a fit along the first feature, the other features at their means."""
    first = int(data.intercept)
    level = float(coef[0]) if data.intercept else 0.0
    level += float(data.X[:, first + 1 :].mean(0) @ coef[first + 1 :])
    slope = float(coef[first]) if len(coef) > first else 0.0
    return (0.0, level), (1.0, level + slope)

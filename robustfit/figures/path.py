"""The path of fits as one entry of X moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from robustfit.figures.canvas import canvas, margins
from robustfit.figures.line import feature_name, line, partial
from robustfit.panels import BLUE, GREEN, GREY, ORANGE, RED
from robustfit.stability import Exhibit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def path_figure(exhibit: Exhibit) -> Figure:
    """What the fits do as one entry of X moves: the slope against its place, and the lines where the exact one jumps.

    Where it does not jump, the lines at both ends of the path.
    """
    figure = canvas(9.6, 4.2)
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
    x, y = partial(data, before[order])
    others = np.arange(len(x)) != row
    axes.scatter(x[others], y[others], s=18, color=GREY, alpha=0.75, linewidths=0, label="data")
    place = exhibit.position + (jump.place if jump else 0.0)
    axes.plot(place, y[row], "D", ms=7, mfc="none", mec="black", mew=1.4, ls="none", label=f"row {row}, moved")
    axes.annotate("", (place, y[row]), (exhibit.position, y[row]), arrowprops={"arrowstyle": "->", "color": "black"})
    color = BLUE if exhibit.exact == exhibit.own else GREEN
    axes.axline(*line(data, before[order]), color=color, lw=2.0, label=f"{exhibit.exact} {words[0]}")
    axes.axline(*line(data, after[order]), color=RED, lw=2.0, ls=(0, (7, 2)), label=f"{exhibit.exact} {words[1]}")
    axes.set_xlabel(feature_name(data))
    axes.set_ylabel("y" if data.X.shape[-1] <= 1 + data.intercept else "y, other features at their means")
    axes.legend(frameon=False, loc="best", fontsize=9)
    margins(axes, np.append(x, place), y)

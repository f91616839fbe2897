"""A fit of boxes: some rows' boxes, observed, clean and fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.data import Data
from robustfit.figures.canvas import canvas
from robustfit.linalg import Array
from robustfit.metrics.measures import overlaps
from robustfit.panels import BLACK, BLUE, ORANGE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 6
"""Rows."""


def box_figure(data: Data, coef: Array, reference: Array, label: str) -> Figure:
    """Some rows of one sample, a panel each: the clean box, the observed one where it is wrong, and the fitted ones.

    The first rows, and up to three of the first outliers among them, in the order of the sample; y points down, as in
    a picture. All arrays of one sample.
    """
    rows = shown_rows(data)
    across = min(3, len(rows))
    down = -(-len(rows) // across)
    figure = canvas(2.7 * across, 2.5 * down + 0.6)
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    fits = {"least squares": (data.X @ reference, ORANGE, "--", 1.8), label: (data.X @ coef, BLUE, "-", 2.0)}
    for axes, row in zip(panels, rows, strict=False):
        _panel(axes, data, int(row), fits)
    for axes in panels[len(rows) :]:
        axes.remove()
    figure.legend(handles=_legend(panels[: len(rows)]), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _legend(panels: list[Axes]) -> list[Any]:
    """A line of each kind, in the order of a panel that has most kinds."""
    return max((axes.get_legend_handles_labels()[0] for axes in panels), key=len)


def shown_rows(data: Data) -> Any:
    """The first three outliers and the first other rows, six in all, in the order of the sample.

    >>> data = Data.clean(np.ones((8, 1)), np.zeros((8, 4)))
    >>> shown_rows(data).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    wrong = np.flatnonzero(data.outliers)[: SHOWN // 2]
    others = np.flatnonzero(~data.outliers)[: SHOWN - len(wrong)]
    return np.sort(np.concatenate([wrong, others]))


def _panel(axes: Axes, data: Data, row: int, fits: dict[str, tuple[Array, str, Any, float]]) -> None:
    if data.outliers[row]:
        _outline(axes, data.y[row], color=RED, ls="-.", lw=1.5, label="observed, wrong")
    for name, (predicted, color, dashes, width) in fits.items():
        _outline(axes, predicted[row], color=color, ls=dashes, lw=width, label=name.replace("_", " "))
    known = "clean" if data.truth is not None else "observed"  # of a user's own boxes nobody knows which are right
    _outline(axes, data.y_clean[row], color=BLACK, ls=":", lw=1.6, label=known)
    _view(axes)
    share = float(overlaps(data.y_clean[row], [*fits.values()][-1][0][row]))
    which = ", outlier" if data.outliers[row] else ""
    axes.set_title(f"row {row}{which}: IoU with {known} {share:.2f}", loc="left", fontsize=9)


def _outline(axes: Axes, box: Array, **how: Any) -> None:
    """The four sides, closed."""
    x1, y1, x2, y2 = box
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], solid_joinstyle="miter", **how)


def _view(axes: Axes) -> None:
    """Equal units in both directions, y pointing down, with room around the boxes."""
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)

"""An empty figure, the room around points, and how a figure is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from robustfit.linalg import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def canvas(width: float, height: float) -> Figure:
    """An empty figure, in inches; no display is asked for."""
    from matplotlib.figure import Figure as Canvas

    return Canvas(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """A figure as PNG."""
    figure.savefig(path, dpi=110)


def margins(axes: Axes, x: Array, y: Array) -> None:
    """Let the axes reach a little beyond the points."""
    for low, high, limit in ((x.min(), x.max(), axes.set_xlim), (y.min(), y.max(), axes.set_ylim)):
        room = 0.05 * (high - low) or 1.0
        limit(low - room, high + room)

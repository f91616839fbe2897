"""A solver's way to its fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustfit.figures.canvas import canvas
from robustfit.fit import Step
from robustfit.panels import BLUE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trace_figure(trace: tuple[Step, ...], best: float, label: str, proved: bool = True) -> Figure:
    """How far the objective was above a lower bound of it, against iterations and evaluations.

    Above the lowest value on the way where no bound is proved, which says little near the end: that point is left out.
    """
    figure = canvas(7.2, 3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    objective = np.array([step.objective for step in trace])
    unit = max(abs(best), 1e-17 * np.abs(objective).max()) or 1.0
    above = np.maximum(objective - best, 0.0) / unit
    floor = np.where(above > 0, above, 1e-17 if proved else np.nan)
    left.semilogy([step.iteration for step in trace], floor, color=BLUE, marker=".")
    right.semilogy([step.evaluations for step in trace], floor, color=BLUE, marker=".")
    left.set_xlabel("iterations")
    right.set_xlabel("evaluations")
    left.set_ylabel(f"objective above its {'bound' if proved else 'lowest value'}, relative")
    left.set_title(label, loc="left", fontsize=9)
    return figure

"""Fits as pictures, for print and for the colour-blind (Okabe & Ito's colours, and a second cue beside each colour)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustfit.data import Data
from robustfit.figures.boxes import box_figure
from robustfit.figures.canvas import save
from robustfit.figures.labels import label_figure
from robustfit.figures.line import line_figure
from robustfit.figures.path import path_figure
from robustfit.figures.trace import trace_figure
from robustfit.linalg import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fit_figure", "path_figure", "save", "trace_figure"]

FIGURES = {"regression": line_figure, "classification": label_figure, "boxes": box_figure}


def fit_figure(data: Data, coef: Array, reference: Array, label: str) -> Figure:
    """One sample, its fit, called `label`, and the reference's fit, as the task shows them; arrays of one sample."""
    return FIGURES[data.task](data, coef, reference, label)

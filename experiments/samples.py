"""Samples and fits that claims look at directly: a few at a time, no rows kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from robustfit.cell import Cell
from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.grid import applied
from robustfit.laboratory import base
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.problem import Problem

Settings = Mapping[str, Any]


def cell(settings: Settings) -> Cell:
    """The cell of some settings over those of all experiments."""
    return Cell.from_config(applied(base(), settings))


def drawn(settings: Settings, count: int) -> Data:
    """The first samples of a cell."""
    return cell(settings).draw(0)[0].take(slice(0, count))


def fitted(settings: Settings, data: Data) -> Fit:
    """The fits of a cell's estimator to samples."""
    return cell(settings).estimator.fit(data.X, data.y, None, data.intercept, outputs=data.outputs)


def problem(loss: ResidualLoss, data: Data) -> Problem:
    """The mean loss of the residuals, at scale 1."""
    return Problem(data.X, data.y, loss, np.ones(data.y.shape[:-1]), intercept=data.intercept)


def above_least(one: Problem, coef: Array, least: Array) -> Array:
    """How far the objective is above its least, `(*batch,)`; never negative."""
    return (one.objective(coef) - one.objective(least)).clip(min=0.0)

"""One function, one column: what is measured of the fits of a batch of samples.

Every public function of the modules of columns takes the data and the fits, both with one batch axis, and returns one
value per fit; its name is the column and the first paragraph of its docstring the column's documentation. NaN says that
the column does not apply. Which columns there are is a matter of the task.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.metrics import boxes, classification, outputs, regression, sample, solution

Column = Callable[[Data, Fit], Any]

MODULES = {
    "regression": (sample, regression, solution),
    "classification": (sample, outputs, classification, solution),
    "boxes": (sample, outputs, boxes, solution),
}
"""Where the columns of each task are, in their order."""


def measure(data: Data, fit: Fit) -> dict[str, Any]:
    """All columns of the task of the data, by name."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: column(data, fit) for name, column in columns(data.task).items()}


def columns(task: str = "regression") -> dict[str, Column]:
    """The columns of a task and the functions that compute them.

    >>> list(columns())[:3], list(columns("boxes"))[7]
    (['n_samples', 'n_features', 'n_outliers'], 'clean_iou')
    """
    return {name: column for module in MODULES[task] for name, column in _columns(module)}


def _columns(module: ModuleType) -> Iterator[tuple[str, Column]]:
    for name, function in vars(module).items():
        own = inspect.isfunction(function) and function.__module__ == module.__name__
        if own and not name.startswith("_") and list(inspect.signature(function).parameters) == ["data", "fit"]:
            yield name, function

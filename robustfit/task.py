"""What is asked of data: a number, a label or a box per row; and by which measures an answer is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from robustfit.catalogue import locate, name_of, names, spec
from robustfit.errors import Incompatible


@dataclass(frozen=True)
class Task:
    """A task and the columns of rows that say how well a fit does it.

    error: the main measure, by which cells are ranked, compared and drawn. errors: all measures of which a summary has
    root mean squares and tail indices, the main one first. squared: the measure whose mean squares efficiencies
    compare. tolerated: the measure, and the largest mean of it, up to which outliers count as tolerated. axis: what the
    axis of the main measure says.
    """

    name: str
    error: str
    errors: tuple[str, ...]
    squared: str
    tolerated: tuple[str, float]
    axis: str


REGRESSION = Task(
    "regression",
    "surface_error",
    ("surface_error", "slope_error", "intercept_error", "coef_error"),
    "slope_error",
    ("surface_error", 1.0),  # units of y: one sigma of noise with sigma=1
    "surface error, units of y",
)
CLASSIFICATION = Task(
    "classification",
    "clean_error",
    ("clean_error", "excess_error", "direction_error"),
    "direction_error",
    ("excess_error", 0.05),  # of all new rows 5 % more are mislabelled than by the best rule
    "share of clean rows mislabelled",
)
BOXES = Task(
    "boxes",
    "iou_error",
    ("iou_error", "corner_error"),
    "corner_error",
    ("iou_error", 0.3),  # a mean IoU of 0.7: clean boxes of random_boxes are fitted at 0.79, and 0.5 is a bare hit
    "1 - IoU with clean boxes",
)
TASKS = {task.name: task for task in (REGRESSION, CLASSIFICATION, BOXES)}


def task_of(columns: Iterable[str]) -> Task:
    """The task of rows or summaries with these columns: whose main measure is among them, regression if none is.

    >>> task_of(["loss", "iou_error"]).name
    'boxes'
    """
    known = set(columns)
    return next((task for task in TASKS.values() if task.error in known), REGRESSION)


def tasks_of(choice: Any) -> tuple[str, ...]:
    """What a choice (or its class) is for: its `task`, or its `tasks`; any task where it says neither.

    >>> from robustfit.scales.mad import MAD
    >>> tasks_of(MAD)
    ('regression', 'classification', 'boxes')
    """
    task = getattr(choice, "task", None)
    tasks: tuple[str, ...] = getattr(choice, "tasks", tuple(TASKS)) if task is None else (task,)
    return tasks


def fitting(group: str, task: str) -> tuple[str, ...]:
    """The choices of a group that a task can use.

    >>> fitting("contamination", "regression")
    ('bad_leverage', 'cluster', 'good_leverage', 'vertical')
    """
    return tuple(name for name in names(group) if task in tasks_of(locate(spec(group, name)["_target_"], group)))


def require(task: str, **parts: Any) -> None:
    """Refuse parts, each given under its group, that are for other tasks than the scenario's.

    Raises:
        Incompatible: says what the part is for and which choices there are for the task.

    >>> from robustfit.contaminations.vertical import Vertical
    >>> require("boxes", contamination=Vertical())
    Traceback (most recent call last):
    robustfit.errors.Incompatible: contamination=vertical is for regression, the scenario's data are for boxes: \
take displaced, rescaled, swapped (task=boxes chooses what fits) or a scenario for regression
    >>> require("regression", contamination=Vertical())
    """
    for group, part in parts.items():
        if task not in (known := tasks_of(part)):
            raise Incompatible(
                f"{group}={name_of(group, part)} is for {known[0]}, the scenario's data are for {task}: take "
                f"{', '.join(fitting(group, task))} (task={task} chooses what fits) or {_scenarios(known[0])}"
            )


def _scenarios(task: str) -> str:
    """Where data for a task come from, in words."""
    if task == REGRESSION.name:
        return f"a scenario for {task}"
    return f"a scenario for {task}: {', '.join(fitting('scenario', task))} (task={task} chooses one)"

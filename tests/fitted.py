"""Fits of each task as a run makes them, by the names of their parts."""

from __future__ import annotations

from typing import Any

from robustfit.catalogue import GROUPS, spec
from robustfit.cell import Cell, Fitted, reference
from robustfit.fit import Fit

PARTS = {
    "classification": ("gaussian_classes", "flips", "cross_entropy", "auto", "fixed", "ols", "none", "none"),
    "boxes": ("random_boxes", "displaced", "giou", "auto", "fixed", "lad", "none", "none"),
}


def fitted(task: str, outliers: float = 0.1, more: dict[str, Any] | None = None, replicates: int = 1, **names: str):
    """The first block of a cell, its first replicates fitted; `more` sets parameters by their path."""
    chosen = dict(zip(GROUPS, PARTS[task], strict=True)) | names
    config: dict[str, Any] = {group: {"name": chosen[group]} | spec(group, chosen[group]) for group in GROUPS}
    for path, value in (more or {}).items():
        group, _, key = path.partition(".")
        config[group][key] = value
    return Fitted.of(Cell.from_config(config | {"outliers": outliers, "seed": 0}), 0, replicates)


def referred(found: Fitted) -> Fit:
    """The reference's fit of the first sample."""
    first = found.data.take(slice(0, 1))
    return reference(first.task).fit(first.X, first.y, None, first.intercept, None, first.outputs)

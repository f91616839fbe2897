"""A user's own labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from robustfit.data import label_numbers
from robustfit.errors import BadData
from robustfit.scenarios.file import Column, File, FromFile, Targets

MOST = 100
"""Classes; more different values are measurements."""


@dataclass(frozen=True)
class CSVLabels(FromFile):
    """The rows of a CSV file with a header: one column holds labels, text or numbers, of two or more classes.

    path, target, features: as in `csv`. The classes are the different labels, sorted; of two the second is y = 1.

    Raises:
        BadData: when the file is read, as for `csv`; for a row without a label, for one class only, and for more than
            100 or as many as there are rows.
        Unknown: when the file is read, for a column that does not exist.
    """

    task: ClassVar[str] = "classification"

    path: str
    target: str
    features: tuple[str, ...] | None = None

    @property
    def file(self) -> File:
        return File(self.path, (self.target,), self.features, labels)


def labels(columns: tuple[Column, ...]) -> Targets:
    """A column of labels as numbers, and what they are called."""
    (column,) = columns
    column.refuse(column.missing, "no label", "fill it in, or drop the row")
    values = _text(column) if column.text.any() else _numbers(column)
    classes, places = np.unique(values, return_inverse=True)
    _require_labels(column.name, classes, len(values))
    return Targets(label_numbers(len(classes))[places], tuple(classes.tolist()))


def _text(column: Column) -> Any:
    return column.entries.astype(str).str.strip().to_numpy(dtype=str)


def _numbers(column: Column) -> Any:
    """The numbers, whole ones as such, and truth values as they are."""
    values = column.finite()
    if column.entries.dtype.kind in "bi":
        return column.entries.to_numpy()
    return values.astype(np.int64) if (values == np.round(values)).all() and abs(values).max() < 2**53 else values


def _require_labels(name: str, classes: Any, rows: int) -> None:
    if len(classes) == 1:
        raise BadData(f"column '{name}' has one label only ('{classes[0]}'): two or more classes are needed")
    if len(classes) > MOST or len(classes) == rows:
        raise BadData(
            f"column '{name}' has {len(classes)} different labels in {rows} rows: it looks like a measurement; use "
            "task=regression scenario=csv"
        )

"""A user's own boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustfit.errors import BadData
from robustfit.scenarios.file import Column, File, FromFile, Targets


@dataclass(frozen=True)
class CSVBoxes(FromFile):
    """The rows of a CSV file with a header: four columns hold a box by its corners, in the order x1, y1, x2, y2.

    path, features: as in `csv`. target: the list of these four columns; x1 <= x2 and y1 <= y2 in every row.

    Raises:
        BadData: when the file is read, as for `csv`; for other than four columns, and for a box whose corners are in
            the wrong order.
        Unknown: when the file is read, for a column that does not exist.
    """

    task: ClassVar[str] = "boxes"

    path: str
    target: tuple[str, ...]
    features: tuple[str, ...] | None = None

    @property
    def file(self) -> File:
        if len(self.target) != 4:
            given = ", ".join(self.target) or "none"
            raise BadData(f"scenario.target has {len(self.target)} columns ({given}): a box has four, x1, y1, x2, y2")
        return File(self.path, self.target, self.features, boxes)


def boxes(columns: tuple[Column, ...]) -> Targets:
    """Four columns as boxes."""
    for axis, first, last in zip("xy", columns[:2], columns[2:], strict=True):
        crossed = last.finite() < first.finite()
        last.refuse(crossed, f"{axis}2 < {axis}1", f"column '{first.name}' must hold the smaller {axis} of the box")
    corners = np.stack([column.numbers for column in columns], axis=-1)
    if not ((corners[:, 2:] > corners[:, :2]).all(-1)).any():
        raise BadData(f"no box of {', '.join(column.name for column in columns)} has an area: none can overlap another")
    return Targets(corners)

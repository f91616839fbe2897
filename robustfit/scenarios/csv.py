"""A user's own data."""

from __future__ import annotations

from dataclasses import dataclass

from robustfit.scenarios.file import Column, File, FromFile, Targets


@dataclass(frozen=True)
class CSV(FromFile):
    """The rows of a CSV file with a header: one column is the target, others are the features.

    path: of the file; a relative one starts at the current directory. target: the column to predict. features: the
    columns to predict it from; null means every other column of numbers (columns of text are left out). Nothing is
    drawn: all replicates are the same read-only rows, and the truth is unknown.

    Raises:
        BadData: when the file is read, for one that is missing, empty or has too few rows, for text, gaps, infinities
            or a constant in a used column.
        Unknown: when the file is read, for a column that does not exist.
    """

    path: str
    target: str
    features: tuple[str, ...] | None = None

    @property
    def file(self) -> File:
        return File(self.path, (self.target,), self.features, numbers)


def numbers(columns: tuple[Column, ...]) -> Targets:
    """A column of numbers that are not all the same."""
    return Targets(columns[0].checked())

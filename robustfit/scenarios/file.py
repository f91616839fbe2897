"""A file of a user's own: which of its rows and columns are data, and what is said of one that cannot be used."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from robustfit.data import Data, Streams
from robustfit.errors import BadData, Unknown
from robustfit.linalg import Array, Mask
from robustfit.scenarios.base import Scenario, design


@dataclass(frozen=True)
class Targets:
    """What is to be predicted: numbers, labels or boxes, `(n,)` or `(n, 4)`, and what the labels are called."""

    y: Array
    classes: tuple[Any, ...] = ()


@dataclass(frozen=True)
class File:
    """A CSV file with a header: the target's columns, how to read those, and the features (None: all other numbers)."""

    path: str
    targets: tuple[str, ...]
    features: tuple[str, ...] | None
    read: Callable[[tuple[Column, ...]], Targets]

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes: what the data are, wherever they stand."""
        return hashlib.sha256(existing(self.path).read_bytes()).hexdigest()

    @property
    def table(self) -> Contents:
        """The file's content; read again only when the file has changed."""
        path = existing(self.path)
        stat = path.stat()
        return _read(self, path, (stat.st_mtime_ns, stat.st_size))


@dataclass(frozen=True, eq=False)
class Contents:
    """The used columns of a file, the intercept first among the features, and the names of columns left out as text."""

    X: Array
    targets: Targets
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


class FromFile(Scenario, ABC):
    """The rows of a user's file: nothing is drawn, all replicates are the same read-only rows, no truth is known."""

    @property
    @abstractmethod
    def file(self) -> File:
        """The file, and what is read of it."""

    @property
    def n_samples(self) -> int:
        """Its rows."""
        return len(self.file.table.X)

    @property
    def n_features(self) -> int:
        """Its columns that are features."""
        return len(self.file.table.names) - 1

    @property
    def intercept(self) -> bool:
        """Always."""
        return True

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are not used because they hold text; none where the features were named."""
        return self.file.table.left_out

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return self.file.digest

    def sample(self, streams: Streams, replicates: int) -> Data:
        """The rows, once for each replicate."""
        table = self.file.table
        X, y = (np.broadcast_to(part, (replicates, *part.shape)) for part in (table.X, table.targets.y))
        return Data.clean(X, y, names=table.names, classes=table.targets.classes)


def existing(path: str) -> Path:
    """The absolute path of a file that exists.

    >>> existing("no/such.csv")
    Traceback (most recent call last):
    robustfit.errors.BadData: no/such.csv: there is no such file; scenario.path starts at the current directory
    """
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "there is no such file"
        raise BadData(f"{path}: {what}; scenario.path starts at the current directory")
    return file


@lru_cache(maxsize=8)
def _read(file: File, path: Path, _version: tuple[int, int]) -> Contents:
    try:
        frame = _frame(path)
        features = _features(frame, file.targets, file.features)
        _require_rows(len(frame), ("intercept", *features))
        targets = file.read(tuple(Column.of(frame, name) for name in file.targets))
        x = [Column.of(frame, name).checked() for name in features]
    except (BadData, Unknown) as error:
        raise type(error)(f"{file.path}: {error}") from None
    X = design(np.stack(x, axis=-1) if x else np.empty((len(frame), 0)))
    for array in (X, targets.y):
        array.flags.writeable = False
    others = [name for name in frame.columns if name not in (*file.targets, *features)]
    return Contents(X, targets, ("intercept", *features), () if file.features is not None else tuple(others))


def _frame(file: Path) -> Any:
    """The file as a pandas DataFrame of at least one row."""
    import pandas

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # else values without a name are dropped
            frame = pandas.read_csv(file, index_col=False, skipinitialspace=True, low_memory=False)
    except pandas.errors.EmptyDataError:
        raise BadData("the file is empty") from None
    except (pandas.errors.ParserError, pandas.errors.ParserWarning, UnicodeDecodeError) as error:
        raise BadData(f"not a table of comma-separated values ({' '.join(str(error).split())})") from None
    if len(frame.columns) == 1 and any(mark in frame.columns[0] for mark in ";\t"):
        raise BadData(f"the header is one name, {frame.columns[0]!r}: columns must be separated by commas")
    if frame.empty:
        raise BadData("the file has a header but no rows")
    return frame


def _features(frame: Any, targets: tuple[str, ...], features: tuple[str, ...] | None) -> tuple[str, ...]:
    """The names of the features, each an existing column, once, and not the target."""
    for name in (*targets, *(features or ())):
        if name not in frame.columns:
            raise Unknown.name("column", name, frame.columns)
    _require_once(targets, "scenario.target")
    if features is None:
        return _numeric(frame, targets)
    for name in targets:
        if name in features:
            raise BadData(f"column '{name}' is the target: leave it out of scenario.features")
    _require_once(features, "scenario.features")
    return features


def _require_once(names: tuple[str, ...], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise BadData(f"column '{name}' is named twice in {where}")


def _numeric(frame: Any, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The other columns that are not text; text in less than half of a column is a slip, not to be passed over."""
    others = [name for name in frame.columns if name not in targets]
    found = tuple(name for name in others if 2 * Column.of(frame, name).text.sum() < len(frame))
    if not found:
        raise BadData("no column of numbers besides the target; scenario.features=[] fits a constant")
    return found


def _require_rows(rows: int, names: tuple[str, ...]) -> None:
    if rows <= len(names):
        raise BadData(f"{rows} rows: must be more than the {len(names)} coefficients ({', '.join(names)})")


@dataclass(frozen=True, eq=False)
class Column:
    """A column as it was read: its entries, and the numbers they are (NaN where they are none)."""

    name: str
    entries: Any
    numbers: Array
    missing: Mask

    @classmethod
    def of(cls, frame: Any, name: str) -> Column:
        """The column of that name."""
        import pandas

        entries = frame[name]
        numbers = pandas.to_numeric(entries, errors="coerce").to_numpy(float, na_value=np.nan)
        return cls(name, entries, numbers, entries.isna().to_numpy(bool))

    @property
    def text(self) -> Mask:
        """The entries that are there but are no numbers."""
        return np.isnan(self.numbers) & ~self.missing

    def finite(self) -> Array:
        """The numbers, all finite.

        Raises:
            BadData: names the first entry that is none, with its row.
        """
        self.refuse(
            self.text, "text", "encode it as numbers, or leave the column out; labels are read by scenario=csv_labels"
        )
        self.refuse(self.missing, "no value", "fill it in, or drop the row")
        self.refuse(np.isinf(self.numbers), "no finite number", "correct it, or drop the row")
        return self.numbers

    def checked(self) -> Array:
        """The numbers, all finite and not all the same.

        Raises:
            BadData: names the first entry that is no finite number, or the constant.
        """
        numbers = self.finite()
        if numbers.min() == numbers.max():
            raise BadData(f"column '{self.name}' is constant ({numbers[0]:g}): no target or feature may be")
        return numbers

    def refuse(self, rows: Mask, what: str, hint: str) -> None:
        """Complain about the first of these rows."""
        if rows.any():
            row = int(rows.argmax())
            entry = "" if self.missing[row] else f" ('{self.entries.iloc[row]}')"
            raise BadData(f"column '{self.name}' has {what}{entry} in row {row + 1} below the header: {hint}")

"""A user's own data."""

from __future__ import annotations

import hashlib
import warnings
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
class CSV(Scenario):
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
    def n_samples(self) -> int:
        return len(self.table.y)

    @property
    def n_features(self) -> int:
        return len(self.table.names) - 1

    @property
    def intercept(self) -> bool:
        return True

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are not used because they hold text; none where the features were named."""
        return self.table.left_out

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes: what the data are, wherever they stand."""
        return hashlib.sha256(existing(self.path).read_bytes()).hexdigest()

    @property
    def table(self) -> _Table:
        """The file's content; read again only when the file has changed."""
        path = existing(self.path)
        stat = path.stat()
        return _read(self, path, (stat.st_mtime_ns, stat.st_size))

    def sample(self, streams: Streams, replicates: int) -> Data:
        table = self.table
        X = np.broadcast_to(table.X, (replicates, *table.X.shape))
        y = np.broadcast_to(table.y, (replicates, *table.y.shape))
        return Data.clean(X, y, names=table.names)


@dataclass(frozen=True, eq=False)
class _Table:
    """The used columns of a file as numbers, the intercept first."""

    X: Array
    y: Array
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


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
def _read(scenario: CSV, file: Path, _version: tuple[int, int]) -> _Table:
    try:
        frame = _frame(file)
        features = _features(frame, scenario.target, scenario.features)
        _require_rows(len(frame), ("intercept", *features))
        y, *x = (_column(frame, name).checked() for name in (scenario.target, *features))
    except (BadData, Unknown) as error:
        raise type(error)(f"{scenario.path}: {error}") from None
    X = design(np.stack(x, axis=-1) if x else np.empty((len(y), 0)))
    for array in (X, y):
        array.flags.writeable = False
    others = [name for name in frame.columns if name not in (scenario.target, *features)]
    return _Table(X, y, ("intercept", *features), () if scenario.features is not None else tuple(others))


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


def _features(frame: Any, target: str, features: tuple[str, ...] | None) -> tuple[str, ...]:
    """The names of the features, each an existing column, once, and not the target."""
    for name in (target, *(features or ())):
        if name not in frame.columns:
            raise Unknown.name("column", name, frame.columns)
    if features is None:
        return _numeric(frame, target)
    if target in features:
        raise BadData(f"column '{target}' is the target: leave it out of scenario.features")
    for name in features:
        if features.count(name) > 1:
            raise BadData(f"column '{name}' is named twice in scenario.features")
    return features


def _numeric(frame: Any, target: str) -> tuple[str, ...]:
    """The other columns that are not text; text in less than half of a column is a slip, not to be passed over."""
    others = [name for name in frame.columns if name != target]
    found = tuple(name for name in others if 2 * _column(frame, name).text.sum() < len(frame))
    if not found:
        raise BadData("no column of numbers besides the target; scenario.features=[] fits a constant")
    return found


def _require_rows(rows: int, names: tuple[str, ...]) -> None:
    if rows <= len(names):
        raise BadData(f"{rows} rows: must be more than the {len(names)} coefficients ({', '.join(names)})")


@dataclass(frozen=True, eq=False)
class _Column:
    """A column as it was read: its entries, and the numbers they are (NaN where they are none)."""

    name: str
    entries: Any
    numbers: Array
    missing: Mask

    @property
    def text(self) -> Mask:
        """The entries that are there but are no numbers."""
        return np.isnan(self.numbers) & ~self.missing

    def checked(self) -> Array:
        """The numbers, all finite and not all the same."""
        self.refuse(self.text, "text", "encode it as numbers, or leave the column out")
        self.refuse(self.missing, "no value", "fill it in, or drop the row")
        self.refuse(np.isinf(self.numbers), "no finite number", "correct it, or drop the row")
        if self.numbers.min() == self.numbers.max():
            raise BadData(f"column '{self.name}' is constant ({self.numbers[0]:g}): no target or feature may be")
        return self.numbers

    def refuse(self, rows: Mask, what: str, hint: str) -> None:
        """Complain about the first of these rows."""
        if rows.any():
            row = int(rows.argmax())
            entry = "" if self.missing[row] else f" ('{self.entries.iloc[row]}')"
            raise BadData(f"column '{self.name}' has {what}{entry} in row {row + 1} below the header: {hint}")


def _column(frame: Any, name: str) -> _Column:
    import pandas

    entries = frame[name]
    numbers = pandas.to_numeric(entries, errors="coerce").to_numpy(float, na_value=np.nan)
    return _Column(name, entries, numbers, entries.isna().to_numpy(bool))

"""Files on disk, written whole or not at all: under a temporary name first, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import robustfit
from robustfit.errors import RobustfitError

if TYPE_CHECKING:
    import pandas

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "hydra-core", "omegaconf", "matplotlib")
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_CORETYPE")


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name only when all its files are written; nothing is left if one fails.

    Where the folder exists already (a sweep makes its jobs' folders), the files are moved into it one by one.

    Raises:
        RobustfitError: the disk is full, or the place cannot be written to.
    """
    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise RobustfitError(f"cannot write to {path.parent}: {error.strerror}") from error
    try:
        yield draft
        _publish(draft, path)
    except OSError as error:
        raise RobustfitError(f"cannot write to {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if made and not path.exists():
            remove_empty(path.parent)


def remove_empty(path: Path) -> None:
    """Remove a folder if it is there and has nothing in it."""
    with suppress(OSError):
        path.rmdir()


def _publish(draft: Path, path: Path) -> None:
    for file in draft.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    draft.chmod(0o755)
    if path.exists():
        for file in draft.iterdir():
            os.replace(file, path / file.name)
    else:
        os.replace(draft, path)


def write_table(table: pandas.DataFrame, stem: Path) -> None:
    """A table as Parquet and as CSV, lists spread over columns in the CSV."""
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
    wide(table).to_csv(stem.with_suffix(".csv"), index=False)


def wide(table: pandas.DataFrame) -> pandas.DataFrame:
    """Columns of lists as one column per entry.

    >>> import pandas
    >>> list(wide(pandas.DataFrame({"a": [1], "coef": [[2.0, 3.0]]})).columns)
    ['a', 'coef.1', 'coef.2']
    """
    import pandas

    parts = []
    for name in table.columns:
        column = table[name]
        if column.map(_is_list).any():
            length = max(len(value) for value in column if _is_list(value))
            lists = [list(value) if _is_list(value) else [] for value in column]
            rows = [value + [None] * (length - len(value)) for value in lists]
            parts.append(pandas.DataFrame(rows, columns=[f"{name}.{j + 1}" for j in range(length)], index=table.index))
        else:
            parts.append(column.to_frame())
    return pandas.concat(parts, axis=1)


def _is_list(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def read_rows(path: Path) -> pandas.DataFrame:
    """The rows that a run wrote."""
    import pandas

    return pandas.read_parquet(path / "rows.parquet")


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """A mapping as JSON that a person can read."""
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


def provenance(config: Mapping[str, Any]) -> dict[str, Any]:
    """What produced a result: versions, commit, host, threads, command line and configuration."""
    return {
        "robustfit": robustfit.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "host": platform.node(),
        "processors": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in THREAD_SETTINGS},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "config": config,
    }


def commit() -> str | None:
    """The git commit of the checkout that the package runs from, marked when it was changed; None outside one."""
    here = Path(__file__).resolve().parents[1]
    if not (here / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Store:
    """The rows of a study in a folder: one Parquet file per unit of work, timings in a twin beside it.

    A file's footer says which cells and which block it holds and which version of the numerics made it; so what is done
    is read from the files themselves, and two processes on one study can at most do a block twice.
    """

    path: Path

    def done(self) -> set[tuple[str, int]]:
        """The (cell, block) pairs whose rows are here; unreadable files count as missing and are set aside."""
        found = set()
        for file in self._files("*"):
            footer = self._footer(file)
            found |= {(cell, footer["block"]) for cell in footer["cells"]} if footer else set()
        return found

    def write(
        self, data: str, block: int, cells: tuple[str, ...], rows: pandas.DataFrame, timings: pandas.DataFrame
    ) -> None:
        """Write the rows of a unit, whole or not at all.

        Raises:
            RobustfitError: the disk is full or the folder cannot be written to.
        """
        footer = {"cells": cells, "block": block, "numerics": numerics()}
        name = f"{data}-{block:06d}-{hashlib.sha256(' '.join(cells).encode()).hexdigest()[:8]}.parquet"
        for table, folder_name in ((timings, "timings"), (rows, "rows")):
            _write_parquet(table, self.path / folder_name / name, footer)

    def read(self, data: str) -> pandas.DataFrame:
        """All rows of one set of data with their seconds, in the order of cell and replicate, each once."""
        import pandas

        files = self._files(data)
        if not files:
            raise RobustfitError(f"{self.path}: no rows of {data}")
        rows = pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True)
        twins = [self.path / "timings" / file.name for file in files]
        timings = pandas.concat([pandas.read_parquet(file) for file in twins if file.exists()], ignore_index=True)
        key = ["cell", "replicate"]
        timings = timings.drop_duplicates(key)[[*key, "seconds"]]
        return rows.drop_duplicates(key).merge(timings, on=key, how="left").sort_values(key, ignore_index=True)

    def other_versions(self) -> int:
        """How many files were made by another version of the numerics."""
        footers = [self._footer(file) for file in self._files("*")]
        return sum(footer is not None and footer["numerics"] != numerics() for footer in footers)

    def _files(self, data: str) -> list[Path]:
        return sorted((self.path / "rows").glob(f"{data}-*.parquet"))

    def _footer(self, file: Path) -> dict[str, Any] | None:
        import pyarrow.parquet

        try:
            metadata = pyarrow.parquet.read_metadata(file).metadata or {}
            footer: dict[str, Any] = json.loads(metadata[b"robustfit"])
            return footer
        except (OSError, KeyError, ValueError, pyarrow.lib.ArrowException):
            broken = file.with_suffix(".broken")
            print(
                f"{file}: not a whole file of rows: set aside as {broken.name}, to be computed again", file=sys.stderr
            )
            os.replace(file, broken)
            return None


def _write_parquet(table: pandas.DataFrame, file: Path, footer: Mapping[str, Any]) -> None:
    """One Parquet file: written under a temporary name, synced, renamed."""
    import pyarrow
    import pyarrow.parquet

    content = pyarrow.Table.from_pandas(table, preserve_index=False)
    content = content.replace_schema_metadata({"robustfit": json.dumps(footer, sort_keys=True)})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{file.stem}.", suffix=".draft", dir=file.parent)
        with os.fdopen(handle, "wb") as stream:
            pyarrow.parquet.write_table(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, file)
    except OSError as error:
        raise RobustfitError(f"cannot write {file}: {error.strerror}; what was written before is whole") from error


@cache
def numerics() -> str:
    """A digest of the code that decides the numbers: every module but those that only show them."""
    package = Path(__file__).resolve().parent
    shown = {"cli.py", "report.py", "figures.py", "store.py", "summary.py", "engines.py", "grid.py", "regressor.py"}
    files = sorted(file for file in package.rglob("*.py") if file.name not in shown)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

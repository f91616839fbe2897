"""Files on disk, written whole or not at all: under a temporary name first, synced, then renamed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
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

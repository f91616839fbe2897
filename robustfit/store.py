"""Files on disk, written whole or not at all: under a temporary name first, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import robustfit
from robustfit.errors import RobustfitError

if TYPE_CHECKING:
    import pandas
    import pyarrow

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


def read_rows(path: Path | str) -> pandas.DataFrame:
    """The rows in a folder of a run, a sweep or a study, with the columns of all of its files.

    Raises:
        RobustfitError: there are none, or a file is damaged.
    """
    import pandas

    whole = Path(path) / "rows.parquet"
    return pandas.read_parquet(whole) if whole.is_file() else Store(Path(path)).read(Store(Path(path)).parts())


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
class Piece:
    """A file of rows: whose samples, which block, which cells (by their `rows_key`), which version of the numerics."""

    file: Path
    data: str
    block: int
    keys: tuple[str, ...]
    numerics: str

    @property
    def paths(self) -> tuple[Path, Path]:
        """The file and the timings beside it."""
        return self.file, self.file.parent.with_name("timings") / self.file.name


@dataclass(frozen=True)
class Store:
    """The rows of a study in a folder: one Parquet file per unit of work, timings in a twin beside it.

    `rows/DATA-BLOCK-CELLS-NUMERICS.parquet`: a file's name says which samples, which block, which set of cells (a
    digest; `cells/` says which they are and how they are configured) and which version of the numerics made it. So what
    is done is read from the folder, and two processes on one study can at most do a block twice, with the same bytes.
    """

    path: Path

    def parts(self) -> list[Piece]:
        """The files of rows, in the order of their names; what is no whole file is set aside and not among them."""
        sets, found = self._sets(), []
        for file in sorted((self.path / "rows").glob("*.parquet")):
            match = _NAME.fullmatch(file.stem)
            if match and not _whole(file):
                _set_aside(file)
            elif match:
                data, block, cells, digest = match.groups()
                if keys := sets.get(cells) or _keys(file):
                    found.append(Piece(file, data, int(block), keys, digest))
        return found

    def write(self, data: str, block: int, keys: tuple[str, ...], rows: bytes, timings: bytes) -> None:
        """Write the rows of a unit, whole or not at all.

        Raises:
            RobustfitError: the disk is full or the folder cannot be written to.
        """
        name = f"{data}-{block:06d}-{set_name(keys)}-{numerics()[:8]}.parquet"
        for content, kind in ((timings, "timings"), (rows, "rows")):
            _write(content, self.path / kind / name)

    def other_versions(self) -> int:
        """How many files were made by another version of the numerics."""
        return sum(part.numerics != numerics()[:8] for part in self.parts())

    def remember(self, units: Iterable[Sequence[tuple[str, str]]]) -> None:
        """Write down how cells are configured, for each set of (key, configuration) that is not known yet.

        Raises:
            RobustfitError: the disk is full or the folder cannot be written to.
        """
        import pandas
        import pyarrow

        known = self._sets()
        wanted = {set_name([key for key, _ in unit]): unit for unit in units}
        lines = [(name, *cell) for name, unit in sorted(wanted.items()) if name not in known for cell in unit]
        if lines:
            table = pandas.DataFrame(lines, columns=["set", "key", "config"]).assign(cell=[x[1][:16] for x in lines])
            name = hashlib.sha256(" ".join(line[0] for line in lines).encode()).hexdigest()[:16]
            _write(encoded(pyarrow.Table.from_pandas(table), {}), self.path / "cells" / f"{name}.parquet")
        self._tidy()

    def configs(self) -> pandas.DataFrame:
        """Every cell that was ever asked for (`cell`, `key`) and its configuration (`config`, JSON)."""
        import pandas

        files = sorted((self.path / "cells").glob("*.parquet"))
        tables = [_read(file, None).to_pandas() for file in files]
        empty = pandas.DataFrame({"set": [], "key": [], "config": [], "cell": []}, dtype=str)
        found: pandas.DataFrame = pandas.concat([empty, *tables]).drop_duplicates("key", ignore_index=True)
        return found

    def read(self, parts: Sequence[Piece], columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """The rows of some files with their seconds, as they lie there; of `columns` only, if given.

        Raises:
            RobustfitError: a file is damaged; it has been set aside.
        """
        import pyarrow

        tables = [_joined(part, columns) for part in parts]
        if not tables:
            raise RobustfitError(f"{self.path}: there are no rows")
        table = pyarrow.concat_tables(tables, promote_options="permissive").to_pandas(self_destruct=True)
        return cast("pandas.DataFrame", table)

    def _sets(self) -> dict[str, tuple[str, ...]]:
        """The cells of every set that was written down."""
        found: dict[str, list[str]] = {}
        for file in (self.path / "cells").glob("*.parquet"):
            with suppress(RobustfitError):  # it is set aside, and written again when it is wanted
                table = _read(file, ["set", "key"])
                for name, key in zip(table["set"].to_pylist(), table["key"].to_pylist(), strict=True):
                    found.setdefault(name, []).append(key)
        return {name: tuple(keys) for name, keys in found.items() if set_name(keys) == name}

    def _tidy(self) -> None:
        """Remove what writers that were killed left half-written: drafts that no living process can be at."""
        folders = (*self.path.parent.glob(f".{self.path.name}.*"), *self.path.glob(".figures.*"))
        for draft in (*self.path.glob("*/.*.draft"), *folders):
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > ABANDONED:
                    shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


_NAME = re.compile(r"([0-9a-f]{16})-(\d{6,})-([0-9a-f]{12})-([0-9a-f]{8})")

ABANDONED = 3600.0
"""Seconds after which a draft of a file is nobody's: a file takes milliseconds to write."""


def set_name(keys: Iterable[str]) -> str:
    """A digest that stands for a set of cells in the name of a file."""
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()[:12]


def encoded(table: pyarrow.Table, footer: Mapping[str, Any]) -> bytes:
    """A table as the content of a Parquet file, with a checksum on every page."""
    import pyarrow
    import pyarrow.parquet

    stream = pyarrow.BufferOutputStream()
    table = table.replace_schema_metadata({"robustfit": json.dumps(footer, sort_keys=True)})
    pyarrow.parquet.write_table(table, stream, compression="zstd", write_page_checksum=True, write_statistics=INDEXED)
    return bytes(stream.getvalue())


INDEXED = ["cell", "block", "replicate", "outliers", "loss", "status"]
"""The columns whose extremes are in the footers, so that queries by them skip files."""


TIMED = ("seconds", "cost")
"""The columns that are kept in the twin of a file of rows."""


def _joined(part: Piece, columns: Sequence[str] | None) -> pyarrow.Table:
    """The rows of a file and, from its twin, their timings; null where the twin is gone."""
    import pyarrow

    file, twin = part.paths
    rows = _read(file, columns and [name for name in columns if name not in TIMED])
    timed = [name for name in columns if name in TIMED] if columns else ["seconds"]
    timings = _read(twin, timed) if timed and twin.exists() else None
    for name in timed:
        values = pyarrow.nulls(len(rows), pyarrow.float64()) if timings is None else timings[name]
        rows = rows.append_column(name, values)
    return rows


def _read(file: Path, columns: Sequence[str] | None) -> pyarrow.Table:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file, page_checksum_verification=True) as content:
            return content.read(columns)
    except (OSError, pyarrow.lib.ArrowException, UnicodeDecodeError) as error:
        if not isinstance(error, FileNotFoundError):
            _set_aside(file)
        raise RobustfitError(f"{file}: cannot be read; run the study again to compute it anew") from error


def _keys(file: Path) -> tuple[str, ...]:
    """The cells of a file of rows, from its footer; none where that is damaged: the file is set aside."""
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_metadata(file).metadata or {}
        return tuple(json.loads(metadata.get(b"robustfit", b"{}")).get("keys", ()))
    except (OSError, ValueError, pyarrow.lib.ArrowException):
        _set_aside(file)
        return ()


def _whole(file: Path) -> bool:
    """Whether a file begins and ends as a Parquet file does: one that was cut off does not."""
    with file.open("rb") as stream:
        begins = stream.read(4)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 8))
        ends = stream.read(8)
    return begins == ends[4:] == b"PAR1" and int.from_bytes(ends[:4], "little") + 12 <= size


def _set_aside(file: Path) -> None:
    broken = file.with_suffix(".broken")
    print(f"{file}: damaged: set aside as {broken.name}, to be computed again", file=sys.stderr)
    with suppress(FileNotFoundError):  # another process was faster
        os.replace(file, broken)


def _write(content: bytes, file: Path) -> None:
    """One file: written under a temporary name, synced, renamed; nothing of it is left where that fails."""
    draft = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{file.stem}.", suffix=".draft", dir=file.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, file)
    except OSError as error:
        raise RobustfitError(f"cannot write {file}: {error.strerror}; what was written before is whole") from error
    finally:
        if draft is not None:
            with suppress(OSError):
                os.unlink(draft)


SHOWING = (
    "__init__ __main__ axes claims claims_report classifier cli comparisons engines figures grid laboratory montecarlo "
    "panels parts plan precision progress regressor replay report results runs store study study_figures summary "
    "tolerated"
).split()
"""Modules that start, keep and show results, and decide no number of a row."""


@cache
def numerics() -> str:
    """A digest of the code that decides the numbers: every module but those that only run and show."""
    package = Path(__file__).resolve().parent
    files = sorted(file for file in package.rglob("*.py") if file.parent != package or file.stem not in SHOWING)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

"""One row of a study or a run once more: sample and fit rebuilt bit for bit, and held against what is stored."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.block import as_written, fit, fitted
from robustfit.cell import Cell, Fitted
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.store import Store, read_rows

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Address:
    """Where a row is: FOLDER:CELL:REPLICATE, as studies print it; the beginning of the cell's digest is enough."""

    folder: Path
    cell: str
    replicate: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that a text names.

        Raises:
            BadParameter: it is not of that form.

        >>> Address.parse("results/studies/breakdown:0a1b:12").replicate
        12
        """
        folder, _, rest = text.rpartition(":")
        folder, _, cell = folder.rpartition(":")
        if not (folder and cell and rest.isdigit()):
            raise BadParameter(f"replay={text}: must be FOLDER:CELL:REPLICATE, such as results/studies/NAME:0a1b2c:12")
        return cls(Path(folder), cell, int(rest))

    def __str__(self) -> str:
        return f"{self.folder}:{self.cell}:{self.replicate}"


@dataclass(frozen=True)
class Stored:
    """A row as it is stored: what it is of, the cell's configuration, and how many samples were fitted side by side."""

    address: Address
    config: Mapping[str, Any]
    row: pandas.DataFrame
    fitted: int | None
    """None: the whole block."""

    @property
    def cell(self) -> Cell:
        """The cell that the configuration describes."""
        return Cell.from_config(self.config)


@dataclass(frozen=True)
class Replay:
    """A row that was made again: sample and fit (None where there is none), and what differs from the stored row."""

    stored: Stored
    row: pandas.DataFrame
    fitted: Fitted | None
    failure: str
    """The traceback, where the fit failed with one."""
    differences: tuple[str, ...]


def find(address: Address) -> Stored:
    """The row at an address.

    Raises:
        RobustfitError: there is no such folder, cell or replicate.
    """
    if (address.folder / "rows").is_dir():
        return _of_study(address, Store(address.folder))
    if (address.folder / "rows.parquet").is_file() and (address.folder / "config.yaml").is_file():
        return _of_run(address)
    raise RobustfitError(f"replay={address}: {address.folder} is no folder of a study or a run")


def _of_study(address: Address, store: Store) -> Stored:
    configs = store.configs().set_index("key")["config"]
    keys = [key for key in configs.index if key.startswith(address.cell)]
    if len(keys) != 1:
        raise Unknown.name("cell", address.cell, keys or sorted({key[:16] for key in configs.index})[:10])
    config = json.loads(configs[keys[0]])
    cell = Cell.from_config(config)
    block = address.replicate // cell.block_size
    parts = [part for part in store.parts() if part.data == cell.data_key and keys[0] in part.keys]
    here = [part for part in parts if part.block == block][:1]
    if not here:
        last = (max((part.block for part in parts), default=-1) + 1) * cell.block_size - 1
        raise RobustfitError(f"replay={address}: there is no such replicate; the last one is {last}")
    rows = store.read(here)
    tried = {"cell": cell.key, "replicate": address.replicate, "stability": cell.settings["stability"]}
    for name, value in tried.items():
        rows = rows[rows[name] == value]
    return Stored(address, config, rows.iloc[:1], None)


def _of_run(address: Address) -> Stored:
    import yaml

    config = yaml.safe_load((address.folder / "config.yaml").read_text(encoding="utf-8"))
    rows = read_rows(address.folder)
    cells = sorted(set(rows["cell"]))
    if not any(cell.startswith(address.cell) for cell in cells):
        raise Unknown.name("cell", address.cell, cells)
    row = rows[rows["replicate"] == address.replicate]
    if row.empty:
        raise RobustfitError(f"replay={address}: there is no such replicate; the last one is {rows['replicate'].max()}")
    last = rows.loc[rows["block"] == row["block"].item(), "replicate"].max()
    return Stored(address, config, row, int(last) % Cell.from_config(config).block_size + 1)


def again(stored: Stored) -> Replay:
    """Draw and fit the row's block once more, and hold the row against the stored one."""
    cell, address = stored.cell, stored.address
    block, member = divmod(address.replicate, cell.block_size)
    study = str(stored.row["study"].item())
    row = fitted(study, [cell], block, stored.fitted).iloc[[member]].reset_index(drop=True)
    try:
        found, failure = one(cell, block, member, stored.fitted), ""
    except Exception:
        found, failure = None, traceback.format_exc()
    return Replay(stored, row, found, failure, tuple(_differences(stored.row, row, cell)))


def one(cell: Cell, block: int, member: int, wanted: int | None) -> Fitted:
    """One sample of a block and its fit, made among its neighbours, with the solver's way on this sample alone."""
    with np.errstate(over="ignore", invalid="ignore"):
        data, _ = cell.draw(block)
        place = slice(member, member + 1)
        first = data.take(place)
        whole = fit(cell, block, data.take(slice(0, wanted)), {} if wanted is None else None)
        alone = cell.estimator.fit(first.X, first.y, None, first.intercept, None, first.outputs)
        solution = replace(_member(whole.fit.solution, place), trace=alone.solution.trace)
        measured = {name: np.asarray(values)[place] for name, values in whole.measured.items()}
        return Fitted(cell, block, first, replace(_member(whole.fit, place), solution=solution), measured)


def _member(batch: Any, place: slice) -> Any:
    """One member of a dataclass of arrays with one batch axis."""
    arrays = {entry.name: getattr(batch, entry.name) for entry in fields(batch)}
    return replace(batch, **{name: a[place] for name, a in arrays.items() if isinstance(a, np.ndarray)})


def _differences(stored: pandas.DataFrame, row: pandas.DataFrame, cell: Cell) -> list[str]:
    """The columns whose values are not the same to the last bit; of timings that is not asked."""
    one, other = (as_written(table, [cell]).to_pylist()[0] for table in (stored, row))
    return [name for name in one if name in stored and repr(one[name]) != repr(other[name])]

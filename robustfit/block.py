"""A block of replicates of one set of data, with every estimator that meets it: the unit of work and of storage.

The samples and the initial fits are made once. A block is always fitted whole, so that its rows depend on nothing but
what it is: a pure function of plain data, which any process may compute.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.cell import Cell, Fitted, failed_block
from robustfit.data import Data, Streams
from robustfit.schema import table, types
from robustfit.store import encoded

if TYPE_CHECKING:
    import pandas
    import pyarrow

TIMINGS = {"cell": "string", "block": "int64", "replicate": "int64", "seconds": "double", "cost": "double"}
"""Kept beside the rows: the seconds of a fit, and of all that its row took (drawing, fitting, measuring)."""


@dataclass(frozen=True)
class Unit:
    """One block of one set of data, and the cells (as JSON) whose rows are wanted."""

    study: str
    configs: tuple[str, ...]
    block: int
    data: str

    @property
    def cells(self) -> list[Cell]:
        """The cells that the configurations describe."""
        return [Cell.from_config(json.loads(config)) for config in self.configs]


@dataclass(frozen=True)
class Block:
    """What a unit yields: rows and timings as the content of Parquet files, ready to be written."""

    data: str
    block: int
    keys: tuple[str, ...]
    fits: int
    rows: bytes
    timings: bytes


def compute(unit: Unit) -> Block:
    """Draw a block once and fit every cell of the unit to it."""
    started = time.perf_counter()
    cells = unit.cells
    rows = fitted(unit.study, cells, unit.block)
    keys = tuple(cell.rows_key for cell in cells)
    footer = {"keys": keys, "block": unit.block}
    content = encoded(as_written(rows, cells), footer)
    rows["cost"] = (time.perf_counter() - started) / len(rows)
    return Block(unit.data, unit.block, keys, len(rows), content, encoded(table(rows, TIMINGS), footer))


def fitted(study: str, cells: Iterable[Cell], block: int, wanted: int | None = None) -> pandas.DataFrame:
    """The rows of some cells that meet the same samples, of the first `wanted` of a block; of all of it if None.

    One thread of the linear algebra does it, everywhere, so that sums are taken in the same order.
    """
    import pandas
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        cells = list(cells)
        data = cells[0].draw(block)[0].take(slice(0, wanted))
        starts: dict[str, Any] | None = {} if wanted is None else None
        return pandas.concat([_rows(study, cell, block, data, starts) for cell in cells], ignore_index=True)


def _rows(study: str, cell: Cell, block: int, data: Data, starts: dict[str, Any] | None) -> pandas.DataFrame:
    """The rows of one cell on a block; where it cannot be fitted, rows that say why."""
    try:
        return fit(cell, block, data, starts).rows(study)
    except Exception as error:
        return failed_block(study, cell, block, len(data.y), error)


def fit(cell: Cell, block: int, data: Data, starts: dict[str, Any] | None) -> Fitted:
    """One cell on the samples of a block; `starts` keeps the initial fits for other cells that meet them."""
    return Fitted.on(cell, block, data, Streams.spawn(cell.seed, block).moves, starts)


def as_written(rows: pandas.DataFrame, cells: Iterable[Cell]) -> pyarrow.Table:
    """Rows as the store keeps them, without their timings."""
    return table(rows, types(part for cell in cells for part in cell.parts.items()))

"""A study: a grid of cells times replicates, which can be killed, resumed and extended without changing a row.

The unit of work is one block of one set of data with every estimator of the grid that meets it: the samples and the
initial fits are made once. A block is always fitted whole, so that rows do not depend on how many replicates were asked
for, on the engine, on the order, or on whether the study was killed in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from robustfit.cell import Cell, Fitted, failed_block
from robustfit.data import Data, Streams
from robustfit.errors import BadParameter, Failure
from robustfit.grid import Grid
from robustfit.store import Store

if TYPE_CHECKING:
    import pandas

CONSENT = 100_000
"""The most cells that a study runs without `consent=true`."""


@dataclass(frozen=True)
class Unit:
    """One block of one set of data, and the cells (as JSON) whose rows are missing."""

    study: str
    configs: tuple[str, ...]
    block: int
    data: str


@dataclass(frozen=True)
class Block:
    """What a unit yields: rows, their timings beside them, and which cells they belong to."""

    unit: Unit
    cells: tuple[str, ...]
    rows: pandas.DataFrame
    timings: pandas.DataFrame


def compute(unit: Unit) -> Block:
    """Draw a block once and fit every cell of the unit to it: a pure function of the unit."""
    import pandas

    cells = [Cell.from_config(json.loads(config)) for config in unit.configs]
    data, _ = cells[0].draw(unit.block)
    starts: dict[str, Any] = {}
    tables = [_table(unit, cell, data, starts) for cell in cells]
    rows = pandas.concat(tables, ignore_index=True)
    timings = rows[["cell", "block", "replicate", "seconds"]]
    return Block(unit, tuple(cell.key for cell in cells), rows.drop(columns="seconds"), timings)


def _table(unit: Unit, cell: Cell, data: Data, starts: dict[str, Any]) -> pandas.DataFrame:
    """The rows of one cell on a block; where it cannot be fitted, rows that say why."""
    try:
        moves = Streams.spawn(cell.seed, unit.block).moves
        return Fitted.on(cell, unit.block, data, moves, starts).rows(unit.study)
    except Exception as error:
        return failed_block(unit.study, cell, unit.block, len(data.y), error)


class Runner(Protocol):
    """Where units run: see `robustfit.engines`."""

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Each unit's result or failure, once."""


@dataclass(frozen=True)
class Study:
    """A grid of cells, how many replicates of each, and where the rows are kept."""

    name: str
    cells: tuple[tuple[Cell, str], ...]
    """Every cell and its configuration as JSON."""
    replicates: int
    store: Store
    skipped: int = 0

    @classmethod
    def of(cls, name: str, grid: Grid, base: Mapping[str, Any], replicates: int, store: Store, consent: bool) -> Study:
        """The study that a grid describes.

        Raises:
            RobustfitError: a cell names something that does not exist or does not go together; too many cells.
        """
        if grid.size > CONSENT and not consent:
            raise BadParameter(f"study={name} has {grid.size} cells, more than {CONSENT}: say consent=true to run it")
        cells = tuple((Cell.from_config(config), json.dumps(config, sort_keys=True)) for config in grid.configs(base))
        if not cells:
            raise BadParameter(f"study={name}: the grid is empty: all of its {grid.size} combinations are skipped")
        return cls(name, cells, replicates, store, len(grid.skipped()))

    def missing(self) -> list[Unit]:
        """What has still to be computed, the blocks in order, so that a precision is reached everywhere together."""
        done, units = self.store.done(), []
        for data, cells in self.groups().items():
            for block in range(-(-self.replicates // cells[0][0].block_size)):
                left = tuple(config for cell, config in cells if (cell.key, block) not in done)
                if left:
                    units.append(Unit(self.name, left, block, data))
        return sorted(units, key=lambda unit: unit.block)

    def groups(self) -> dict[str, list[tuple[Cell, str]]]:
        """The cells that meet the same samples, by the digest of those."""
        groups: dict[str, list[tuple[Cell, str]]] = {}
        for cell, config in self.cells:
            groups.setdefault(cell.data_key, []).append((cell, config))
        return groups

    def run(self, engine: Runner, advance: Callable[[Block | Failure], None] = lambda _: None) -> list[Failure]:
        """Compute what is missing and write each block as it ends; returns the failures of blocks, of which nothing is.

        A failed block is tried again by the next run.
        """
        units, failures = self.missing(), []
        for _, result in engine.run(compute, units):
            if isinstance(result, Failure):
                failures.append(result)
            else:
                self.store.write(result.unit.data, result.unit.block, result.cells, result.rows, result.timings)
            advance(result)
        return failures

    def tables(self) -> Iterator[pandas.DataFrame]:
        """The rows of the asked replicates, one set of data at a time, so that memory does not grow with the study."""
        import pandas

        for data, cells in self.groups().items():
            rows = self.store.read(data)
            asked = rows[rows["replicate"] < self.replicates]
            yield pandas.concat([asked[asked["cell"] == cell.key] for cell, _ in cells], ignore_index=True)

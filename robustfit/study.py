"""A study: a grid of cells times replicates, which can be killed, resumed and extended without changing a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from robustfit.block import Block, Unit, compute
from robustfit.catalogue import GROUPS
from robustfit.cell import Cell
from robustfit.errors import BadParameter, Failure
from robustfit.grid import Grid
from robustfit.precision import Precision
from robustfit.schema import types
from robustfit.store import Piece, Store
from robustfit.task import TASKS, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas

CONSENT = 100_000
"""The most cells that a study runs without `consent=true`."""

PILOT = 128
"""Replicates from which it is foretold how many a precision takes."""


class Runner(Protocol):
    """Where units run: see `robustfit.engines`."""

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Each unit's result or failure, once."""


@dataclass(frozen=True)
class Member:
    """A cell of a study, the digest that its rows are kept under, and its configuration as JSON."""

    cell: Cell
    key: str
    config: str


@dataclass(frozen=True)
class Goal:
    """How many replicates of one set of data there are to be, as far as is known, and whether that will be enough."""

    replicates: int
    settled: bool
    met: bool


@dataclass(frozen=True)
class Study:
    """A grid of cells, how many replicates of each (or how precise their means are to be), and where the rows are."""

    name: str
    members: tuple[Member, ...]
    replicates: int | Precision
    store: Store
    skipped: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(
        cls, name: str, grid: Grid, base: Mapping[str, Any], replicates: int | Precision, store: Store, consent: bool
    ) -> Study:
        """The study that a grid describes.

        Raises:
            RobustfitError: a cell names something that does not exist or does not go together; too many cells.
        """
        if grid.size > CONSENT and not consent:
            raise BadParameter(f"study={name} has {grid.size} cells, more than {CONSENT}: say consent=true to run it")
        members = tuple(_member(config) for config in grid.configs(base))
        if not members:
            raise BadParameter(f"study={name}: the grid is empty: all of its {grid.size} combinations are skipped")
        made = cls(name, members, replicates, store, tuple(grid.skipped()))
        return replace(made, replicates=replicates.of_task(made.task)) if isinstance(replicates, Precision) else made

    @property
    def task(self) -> Task:
        """What is asked of the data; of a study of several tasks, the first."""
        return TASKS[self.members[0].cell.scenario.task]

    @property
    def cells(self) -> list[Cell]:
        """All cells, in the order of the grid."""
        return [member.cell for member in self.members]

    @cached_property
    def groups(self) -> dict[str, list[Member]]:
        """The cells that meet the same samples, by the digest of those."""
        groups: dict[str, list[Member]] = {}
        for member in self.members:
            groups.setdefault(member.cell.data_key, []).append(member)
        return groups

    def goals(self, parts: Sequence[Piece]) -> dict[str, Goal]:
        """How many replicates of each set of data there are to be, judged from the rows that there are.

        Where a precision is wanted, all cells that meet the same samples go on together until it is met in each.
        """
        if not isinstance(self.replicates, Precision):
            return dict.fromkeys(self.groups, Goal(self.replicates, settled=True, met=True))
        here = _by_data(parts)
        return {data: self._goal(members, here.get(data, [])) for data, members in self.groups.items()}

    def _goal(self, members: Sequence[Member], parts: Sequence[Piece]) -> Goal:
        assert isinstance(self.replicates, Precision)
        size, done = members[0].cell.block_size, _done(parts)
        looks = list(self.replicates.looks(size))
        ready = [look for look in looks if not _lacking(members, look, done)]
        values = self._values(members, parts, ready[-1]) if ready else []
        for look in looks:
            if look not in ready:
                return Goal(look, settled=False, met=False)
            if self.replicates.all_met(one[:look] for one in values):
                return Goal(look, settled=True, met=True)
        return Goal(looks[-1], settled=True, met=False)

    def _values(self, members: Sequence[Member], parts: Sequence[Piece], count: int) -> list[np.ndarray]:
        """The column whose precision is wanted, in the order of the replicates, for each cell."""
        assert isinstance(self.replicates, Precision)
        trials = {name for member in members for name in _trial(member.cell)}
        rows = self.store.read(_within(parts, members, count), ["cell", "replicate", self.replicates.of, *trials])
        return [table[self.replicates.of].to_numpy(dtype=float) for table in _split(rows, members, count)]

    def missing(self, parts: Sequence[Piece] | None = None) -> list[Unit]:
        """What has to be computed next, the blocks in order, so that a precision is reached everywhere together."""
        parts = self.store.parts() if parts is None else parts
        goals, here, units = self.goals(parts), _by_data(parts), []
        for data, members in self.groups.items():
            done = _done(here.get(data, []))
            for block, left in _lacking(members, goals[data].replicates, done).items():
                units.append(Unit(self.name, tuple(member.config for member in left), block, data))
        return sorted(units, key=lambda unit: unit.block)

    def run(
        self,
        engine: Runner,
        advance: Callable[[Block | Failure], None] = lambda _: None,
        begin: Callable[[Sequence[Unit]], None] = lambda _: None,
    ) -> list[Failure]:
        """Compute what is missing and write each block as it ends; returns the failures of blocks, of which nothing is.

        A failed block is tried again by the next run.

        Raises:
            RobustfitError: the rows cannot be written.
        """
        failures: dict[tuple[str, int], Failure] = {}
        while units := [unit for unit in self.missing() if (unit.data, unit.block) not in failures]:
            self.store.remember([list(zip(keys, unit.configs, strict=True)) for unit, keys in self._keyed(units)])
            begin(units)
            for index, result in engine.run(compute, units):
                if isinstance(result, Failure):
                    failures[units[index].data, units[index].block] = result
                else:
                    self.store.write(result.data, result.block, result.keys, result.rows, result.timings)
                advance(result)
        return list(failures.values())

    def remember(self) -> None:
        """Write down once more how cells are configured whose rows there are, where the file that says so was lost.

        Raises:
            RobustfitError: the disk is full or the folder cannot be written to.
        """
        configs = {member.key: member.config for member in self.members}
        whole = [part.keys for part in self.store.parts() if configs.keys() >= set(part.keys)]
        if whole:
            self.store.remember([[(key, configs[key]) for key in keys] for keys in whole])

    def _keyed(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, list[str]]]:
        keys = {member.config: member.key for member in self.members}
        return ((unit, [keys[config] for config in unit.configs]) for unit in units)

    def pilot(self) -> Study:
        """The same study with just enough replicates to foretell how many it takes."""
        return replace(self, replicates=PILOT)

    def tables(self) -> Iterator[pandas.DataFrame]:
        """The rows of the asked replicates, one set of data at a time, so that memory does not grow with the study."""
        import pandas

        parts = self.store.parts()
        goals, here = self.goals(parts), _by_data(parts)
        for data, members in self.groups.items():
            if wanted := _within(here.get(data, []), members, goals[data].replicates):
                rows = self.store.read(wanted, self._columns)
                yield pandas.concat(_split(rows, members, goals[data].replicates), ignore_index=True)

    @cached_property
    def _columns(self) -> list[str]:
        """The columns of the rows but for settings that no cell of this study has, and the seconds."""
        settings = {name for member in self.members for name in member.cell.settings}
        known = types(part for member in self.members for part in member.cell.parts.items())
        return [*(name for name in known if name.partition(".")[0] not in GROUPS or name in settings), "seconds"]


def _member(config: Mapping[str, Any]) -> Member:
    cell = Cell.from_config(config)
    return Member(cell, cell.rows_key, json.dumps(config, sort_keys=True))


def _by_data(parts: Iterable[Piece]) -> dict[str, list[Piece]]:
    found: dict[str, list[Piece]] = {}
    for part in parts:
        found.setdefault(part.data, []).append(part)
    return found


def _done(parts: Iterable[Piece]) -> set[tuple[str, int]]:
    """The cells and blocks whose rows there are, among files of one set of data."""
    return {(key, part.block) for part in parts for key in part.keys}


def _lacking(members: Sequence[Member], replicates: int, done: set[tuple[str, int]]) -> dict[int, list[Member]]:
    """The blocks up to a number of replicates that some cells lack, and which."""
    blocks = range(-(-replicates // members[0].cell.block_size))
    left = {block: [member for member in members if (member.key, block) not in done] for block in blocks}
    return {block: lacking for block, lacking in left.items() if lacking}


def _within(parts: Iterable[Piece], members: Sequence[Member], replicates: int) -> list[Piece]:
    """The files that hold rows of some cells among the first replicates."""
    keys, size = {member.key for member in members}, members[0].cell.block_size
    return [part for part in parts if part.block * size < replicates and not keys.isdisjoint(part.keys)]


def _split(rows: pandas.DataFrame, members: Sequence[Member], replicates: int) -> Iterator[pandas.DataFrame]:
    """The rows of each cell up to a number of replicates, in order, each replicate once."""
    asked = rows[rows["replicate"] < replicates]
    tables = dict(iter(asked.groupby("cell", sort=False)))
    for member in members:
        table = tables.get(member.cell.key, asked[:0])
        for name, value in _trial(member.cell).items():
            table = table[table[name] == value]
        yield table.drop_duplicates("replicate").sort_values("replicate")


def _trial(cell: Cell) -> dict[str, Any]:
    """How a cell's stability is tried: the only setting in which two cells of one `cell` digest can differ."""
    return {name: value for name, value in cell.settings.items() if name.partition(".")[0] == "stability"}

"""What a study will take, foretold from a pilot: replicates, fits, time and disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from robustfit.precision import Precision
from robustfit.progress import duration
from robustfit.study import Study

if TYPE_CHECKING:
    import pandas

TARGETS = (0.1, 0.05, 0.02, 0.01, 0.005)
"""The precisions to choose from where none was named."""


@dataclass(frozen=True)
class Group:
    """What a pilot tells of one set of data."""

    cells: int
    block: int
    values: tuple[pandas.Series[float], ...]
    """The column whose precision is wanted, for each cell."""
    seconds: float
    """Of one process, for one replicate of all cells."""
    bytes: float

    def replicates(self, wanted: int | Precision) -> tuple[int, bool]:
        """How many replicates are wanted or needed, and whether that is within the cap."""
        if not isinstance(wanted, Precision):
            return wanted, True
        needed = max((wanted.needed(values.to_numpy(dtype=float)) for values in self.values), default=0.0)
        return wanted.look_after(needed, self.block), needed <= wanted.cap


def ways(study: Study, column: Precision) -> list[int | Precision]:
    """What to choose from: the number of replicates or the precision that was asked for, and others."""
    if isinstance(study.replicates, Precision):
        asked = study.replicates
        return [replace(asked, target=asked.target * factor) for factor in (4.0, 2.0, 1.0, 0.5)]
    return [study.replicates, *(replace(column, target=target) for target in TARGETS)]


def groups(pilot: Study, column: str) -> Iterator[Group]:
    """What the rows of a pilot tell of each set of data."""
    parts = pilot.store.parts()
    for data, members in pilot.groups.items():
        keys = {member.key for member in members}
        here = [part for part in parts if part.data == data and not keys.isdisjoint(part.keys)]
        rows = pilot.store.read(here, ["cell", "replicate", column, "cost"])
        each = rows["replicate"].nunique()
        size = sum(path.stat().st_size for part in here for path in part.paths if path.exists())
        values = tuple(table[column] for _, table in rows.groupby("cell"))
        block = members[0].cell.block_size
        yield Group(len(members), block, values, float(rows["cost"].sum()) / each, size / each)


@dataclass(frozen=True)
class Forecast:
    """What one choice takes: replicates of a cell (fewest, most), fits, time, disk; cells that miss it at the cap."""

    choice: str
    fewest: int
    most: int
    fits: int
    seconds: float
    bytes: float
    beyond: int

    def words(self) -> list[str]:
        """The same as a person reads it."""
        replicates = f"{self.fewest:,}" if self.fewest == self.most else f"{self.fewest:,} to {self.most:,}"
        size = f"{self.bytes / 1e6:,.0f} MB"
        return [self.choice, replicates, f"{self.fits:,}", duration(self.seconds), size, f"{self.beyond:,}"]


def forecast(found: Sequence[Group], choice: int | Precision, processes: int) -> Forecast:
    """What a number of replicates, or a precision, takes, whole blocks being computed."""
    counts = [group.replicates(choice) for group in found]
    whole = [math.ceil(count / group.block) * group.block for (count, _), group in zip(counts, found, strict=True)]
    return Forecast(
        f"precision={choice.target:g}" if isinstance(choice, Precision) else f"replicates={choice}",
        fewest=min(count for count, _ in counts),
        most=max(count for count, _ in counts),
        fits=sum(count * group.cells for count, group in zip(whole, found, strict=True)),
        seconds=sum(count * group.seconds for count, group in zip(whole, found, strict=True)) / processes,
        bytes=sum(count * group.bytes for count, group in zip(whole, found, strict=True)),
        beyond=sum(group.cells for (_, within), group in zip(counts, found, strict=True) if not within),
    )

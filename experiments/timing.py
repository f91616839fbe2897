"""Times taken in turn, the rows of a table with targets that they make, and the page that shows them."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

import robustfit

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Target:
    """What a row must reach.

    >>> str(Target(5.0)), Target(5.0).met(4.0), Target(5.0, at_least=True).met(4.0)
    ('5 or less', True, False)
    """

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{self.limit:g} or {'more' if self.at_least else 'less'}"


@dataclass(frozen=True)
class Row:
    """One measured row: the work, what it is compared with, what must come out, and one value per turn.

    >>> Row("fits", "faster than a loop", Target(2.0, at_least=True), (1.0, 1.0, 4.0)).verdict
    'no, by a factor of 2'
    """

    work: str
    comparator: str
    target: Target | None
    values: tuple[float, ...]
    unit: str = "x"
    aside: bool = False
    """Another way to do the work of a row: shown apart, and not counted."""

    @property
    def verdict(self) -> str:
        """`yes`, or `no` with the factor that is missing, or why there is neither."""
        if not self.values or self.target is None:
            return "-" if self.values else "not measured"
        median = statistics.median(self.values)
        factor = max(median, self.target.limit) / min(median, self.target.limit)
        return "yes" if self.target.met(median) else f"no, by a factor of {factor:.3g}"

    def cells(self) -> list[str]:
        """The row of the page's table."""
        numbers = [f"{end(self.values):.3g}" if self.values else "" for end in (min, statistics.median, max)]
        target = "" if self.target is None else f"{self.target}"
        return [self.work, self.comparator, self.unit, target, *numbers, self.verdict]


Values = tuple[float, ...]

Measure = Callable[[], tuple[float, Any]]
"""Does the work once: the seconds it took, and what came out."""


@dataclass(frozen=True)
class Side:
    """One way to do the work of a row."""

    name: str
    measure: Measure
    how: str = ""
    share: float = 1.0
    """The part of the work that one run does."""


@dataclass(frozen=True)
class Taken:
    """What one side took: seconds for the whole work, one entry per turn, and its last answer."""

    side: Side
    seconds: tuple[float, ...]
    answer: Any = None

    @property
    def median(self) -> float:
        """Seconds of the middle turn."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Section:
    """Rows that were measured together, the conditions, and lines of Markdown with the details."""

    title: str
    conditions: str
    rows: list[Row]
    details: list[str] = field(default_factory=list)


def clocked(work: Callable[[], Any], repeat: int = 1) -> Measure:
    """A measure of a Python function: the median of some runs, one after the other."""

    def measure() -> tuple[float, Any]:
        seconds = []
        for _ in range(repeat):
            started = time.perf_counter()
            result = work()
            seconds.append(time.perf_counter() - started)
        return statistics.median(seconds), result

    return measure


def in_turn(sides: Sequence[Side], turns: int) -> dict[str, Taken]:
    """All sides measured A B A B ..., so that what else the machine does meets them alike."""
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    answers: dict[str, Any] = {}
    for turn in range(turns):
        for side in sides:
            say(f"  turn {turn + 1} of {turns}: {side.name}")
            elapsed, answers[side.name] = side.measure()
            seconds[side.name].append(elapsed / side.share)
    return {side.name: Taken(side, tuple(seconds[side.name]), answers[side.name]) for side in sides}


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def ratio(top: Taken | None, bottom: Taken | None) -> tuple[float, ...]:
    """Seconds over seconds of the same turn; nothing where one side is not there."""
    if top is None or bottom is None:
        return ()
    return tuple(a / b for a, b in zip(top.seconds, bottom.seconds, strict=True))


def against(taken: dict[str, Taken], ours: str, targets: dict[str, Target]) -> Iterator[tuple[str, Target, Values]]:
    """How many times faster than each comparator we are where that must be much, else how many times its time."""
    for name, target in targets.items():
        pair = (taken.get(name), taken[ours]) if target.at_least else (taken[ours], taken.get(name))
        words = f"faster than {name}" if target.at_least else f"time over that of {name}"
        yield words, target, ratio(*pair)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown.

    >>> table(["a", "b"], [["1", "2"]])
    ['| a | b |', '| --- | --- |', '| 1 | 2 |']
    """
    rule = ["---"] * len(head)
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *lines)]


def time_table(taken: dict[str, Taken]) -> list[str]:
    """What each side took."""
    lines = [[name, f"{one.median:.3g}", one.side.how] for name, one in taken.items()]
    return table(["side", "seconds (median)", "what is timed"], lines)


HEAD = ["work", "against", "unit", "target", "min", "median", "max", "met"]


def page(sections: Sequence[Section], facts: Sequence[str]) -> str:
    """The whole report: facts, the table of all rows, and the sections' details."""
    rows = [row for section in sections for row in section.rows]
    aimed = [row for row in rows if row.target is not None and row.values and not row.aside]
    reached = sum(row.verdict == "yes" for row in aimed)
    lines = ["# Speed, measured side by side", "", *facts, ""]
    lines += [f"{reached} of {len(aimed)} measured targets are met, each by the median of its turns.", ""]
    lines += table(HEAD, [row.cells() for row in rows if not row.aside])
    lines += ["", "Beside them, other ways to do the same work, and what belongs to a row:", ""]
    lines += table(HEAD, [row.cells() for row in rows if row.aside])
    for section in sections:
        lines += ["", f"## {section.title}", "", section.conditions, "", *section.details]
    return "\n".join(lines).rstrip() + "\n"


def environment(loads: Sequence[str], others: str) -> list[str]:
    """When, where and with what it was measured."""
    packages = ("numpy", "scipy", "scikit-learn", "statsmodels")
    versions = ", ".join(f"{name} {installed(name) or 'not there'}" for name in packages)
    pools = [f"{pool['num_threads']} {pool['internal_api']}" for pool in threadpool_info()]
    return [
        f"- robustfit {commit()}; Python {platform.python_version()}, {versions}; {others}",
        f"- {datetime.now():%Y-%m-%d %H:%M}; {os.cpu_count()} processors",
        f"- default threads of the libraries in use: {', '.join(pools)}",
        f"- load average of the machine (1, 5, 15 minutes) before the run: {loads[0]}; after it: {loads[-1]}",
    ]


def installed(package: str) -> str:
    """The version of a Python package; empty where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def commit() -> str:
    """The version of robustfit and the commit it was measured at."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(git, capture_output=True, text=True, check=False) if shutil.which("git") else None
    known = done is not None and done.returncode == 0
    return f"{robustfit.__version__} ({done.stdout.strip()})" if done and known else robustfit.__version__


def load_average() -> str:
    """How busy the machine is."""
    return ", ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"

"""What a study has done so far: a bar on a terminal or in a notebook, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Counts blocks, cells and fits as they end, and says so."""

    def __init__(self, name: str, *, quiet: bool = False, every: float = EVERY) -> None:
        self.name, self.every, self.quiet = name, every, quiet
        self.started = self.said = time.monotonic()
        self.blocks = self.fits = self.failures = self.total = 0
        self.left: Counter[str] = Counter()
        self.open: dict[str, int] = {}
        self.bar = _bar(name, _can_draw() and not quiet)

    def begin(self, units: Sequence[Any]) -> None:
        """So many units are to be computed next: each has `data` and `configs`, one per cell."""
        self.total = self.blocks + self.failures + len(units)
        self.left = Counter(unit.data for unit in units)
        self.open = {unit.data: len(unit.configs) for unit in units}
        self.bar.reset(self.total)
        self.bar.update(self.blocks)

    def advance(self, block: Any) -> None:
        """A block has ended: it has `data` and `fits`, a failure has neither."""
        if hasattr(block, "fits"):
            self.blocks, self.fits = self.blocks + 1, self.fits + block.fits
            self.left[block.data] -= 1
        else:
            self.failures += 1
        self.bar.set_postfix_str(self._rates(), refresh=False)
        self.bar.update()
        if self.bar.disable and not self.quiet and time.monotonic() - self.said >= self.every:
            self.said = time.monotonic()
            print(self, file=sys.stderr, flush=True)

    def close(self) -> None:
        """No more blocks come."""
        self.bar.close()

    def __str__(self) -> str:
        ended = self.blocks + self.failures
        left = (self.total - ended) * (time.monotonic() - self.started) / max(ended, 1)
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{self.name}: {ended:,} of {self.total:,} blocks{failed}, {self._rates()}, {duration(left)} left"

    def _rates(self) -> str:
        cells, done = sum(self.open.values()), sum(n for data, n in self.open.items() if self.left[data] == 0)
        rate = self.fits / max(time.monotonic() - self.started, 1e-9)
        return f"{done:,} of {cells:,} cells, {rate:,.0f} fits/s"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(7.4), duration(125), duration(9000)
    ('7 s', '2 min 5 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _can_draw() -> bool:
    """Whether there is a terminal, or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _bar(name: str, drawn: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=0, desc=name, unit="block", leave=False, disable=not drawn)

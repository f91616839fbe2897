"""Where claims get their numbers: studies whose rows are kept, and computations whose tables are.

Both are kept under a digest of the code that made them, so that what another version left is never used: it is computed
anew, and said so. A killed run goes on where it was.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar

from robustfit.catalogue import GROUPS, spec
from robustfit.claims import MissingRows
from robustfit.errors import RobustfitError
from robustfit.grid import Grid
from robustfit.progress import Progress
from robustfit.store import Store, folder, numerics
from robustfit.study import Runner, Study
from robustfit.summary import failed

if TYPE_CHECKING:
    import pandas

    from robustfit.linalg import Array

T = TypeVar("T")

BASE = {"scenario": "linear", "contamination": "vertical", "loss": "mse", "solver": "newton", "scale": "fixed"}
BASE |= {"initial": "lad", "penalty": "none", "stability": "none"}
"""What an experiment's cells have unless its grid says otherwise: the documents' raw definitions, at scale 1."""


@dataclass(frozen=True)
class Experiment:
    """A study that claims ask for: its grid and how many replicates, fixed; fewer where only a quick look is wanted."""

    name: str
    grid: Grid
    replicates: int
    quick: int


@dataclass(frozen=True)
class Laboratory:
    """Runs experiments and keeps what they yield.

    Args:
        path: the folder of all rows and tables.
        engine: where blocks are computed.
        quick: whether to take the few replicates.
        compute: whether what is missing may be computed.
        silent: whether to say nothing.
    """

    path: Path
    engine: Runner
    quick: bool = False
    compute: bool = True
    silent: bool = False

    def choose(self, full: T, quick: T) -> T:
        """One of two sizes."""
        return quick if self.quick else full

    def rows(self, experiment: Experiment) -> pandas.DataFrame:
        """The rows of an experiment, of all its replicates; what is missing is computed first.

        Raises:
            MissingRows: there are none and none may be computed, a block failed, or a fit did.
        """
        import pandas

        replicates = self.choose(experiment.replicates, experiment.quick)
        nowhere = Store(self.path / experiment.name)
        study = Study.of(experiment.name, experiment.grid, base(), replicates, nowhere, consent=True)
        study = replace(study, store=Store(self._place(experiment.name, version(*_targets(study)))))
        self._complete(study)
        table = pandas.concat(study.tables(), ignore_index=True)
        if (lost := failed(table)).any():
            raise MissingRows(f"{experiment.name}: {int(lost.sum())} of {len(table)} rows have no fit")
        return table

    def table(self, name: str, compute: Callable[..., pandas.DataFrame], **parameters: Any) -> pandas.DataFrame:
        """A table that a module's function computes from plain parameters, kept; for what takes seconds.

        Raises:
            MissingRows: there is none and none may be computed.
        """
        import pandas

        text = json.dumps([compute.__qualname__, parameters], sort_keys=True)
        module = compute.__module__
        place = self._place(f"{name}/{module.rpartition('.')[2]}", version(module))
        file = place / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.parquet"
        if not file.exists():
            self._may(f"{name}: the table is missing")
            self._say(shorten(f"{name}: computing a table, {parameters or ''}", 100))
            with folder(place) as draft:
                compute(**parameters).to_parquet(draft / file.name, index=False)
        return pandas.read_parquet(file)

    def _place(self, name: str, version: str) -> Path:
        """The folder of a study or table, of this version of the code."""
        place = self.path / name / version
        if not place.exists() and any(self.path.glob(f"{name}/*")):
            self._say(f"{name}: rows of another version of the code are left alone in {self.path / name}")
        return place

    def _complete(self, study: Study) -> None:
        units = study.missing()
        if not units:
            return
        blocks = sum(len(unit.configs) for unit in units)
        self._may(f"{study.name}: the rows of {blocks} blocks of cells are missing")
        self._say(f"{study.name}: {len(study.members)} cells, {study.replicates} replicates")
        progress = Progress(study.name, quiet=self.silent)
        try:
            failures = study.run(self.engine, progress.advance, progress.begin)
        finally:
            progress.close()
        if failures:
            raise MissingRows(f"{study.name}: {len(failures)} blocks failed, the first with {failures[0].reason}")

    def _may(self, missing: str) -> None:
        if not self.compute:
            raise MissingRows(f"{missing}, and nothing was to be computed (compute=false)")

    def _say(self, text: str) -> None:
        if not self.silent:
            print(text, file=sys.stderr, flush=True)


@cache
def base() -> dict[str, Any]:
    """The configuration that an experiment's grid changes."""
    groups = {group: {"name": BASE[group], **spec(group, BASE[group])} for group in GROUPS}
    return groups | {"outliers": 0.0, "seed": 0}


def version(*modules: str) -> str:
    """A digest of the code that decides numbers: the package's numerics, and modules of `experiments` that have a part.

    With a module those count that it imports.
    """
    files = sorted({file for module in modules for file in _sources(module)})
    digest = hashlib.sha256(numerics().encode() + b"".join(file.read_bytes() for file in files))
    return digest.hexdigest()[:12]


OUTSIDE = "experiments"
"""The package whose modules have parts in claims, beside robustfit."""


@cache
def _sources(module: str) -> frozenset[Path]:
    """The file of a module outside of robustfit, and those of its package that it imports."""
    found = importlib.util.find_spec(module) if module.partition(".")[0] == OUTSIDE else None
    if found is None or found.origin is None:
        return frozenset()
    file = Path(found.origin)
    names = [name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for name in _imported(node)]
    return frozenset({file}).union(*(_sources(name) for name in names if name != module))


def _imported(node: ast.AST) -> list[str]:
    """The modules of the package outside that a statement may import."""
    if isinstance(node, ast.ImportFrom) and (node.module or "") == OUTSIDE:
        return [f"{OUTSIDE}.{alias.name}" for alias in node.names]
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return [name for name in names if name.startswith(f"{OUTSIDE}.")]


def _targets(study: Study) -> list[str]:
    """The modules outside of robustfit that parts of a study's cells come from."""
    parts = {type(part).__module__ for cell in study.cells for part in cell.parts.values()}
    return sorted(part for part in parts if part.startswith(f"{OUTSIDE}."))


def sample(rows: pandas.DataFrame, column: str, settings: Mapping[str, Any]) -> Array:
    """A column of the one cell that has these settings, in the order of its replicates: pairs with other cells'.

    Raises:
        RobustfitError: there is no such cell, or several.
    """
    mask = rows["replicate"].notna()
    for name, value in settings.items():
        mask &= rows[name] == value
    chosen = rows[mask]
    if chosen["cell"].nunique() != 1:
        raise RobustfitError(f"{chosen['cell'].nunique()} cells have {dict(settings)}, one is needed")
    values: Array = chosen.sort_values("replicate")[column].to_numpy(dtype=float)
    return values

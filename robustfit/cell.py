"""Cells, blocks and the rows they yield: one point of a grid of experiments, and what was found there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from robustfit.catalogue import GROUPS, build, make, name_of
from robustfit.contaminations.base import Contamination, n_outliers
from robustfit.data import Data, Streams
from robustfit.errors import BadParameter
from robustfit.estimators.m import M
from robustfit.fit import Fit
from robustfit.losses.base import ResidualLoss
from robustfit.metrics import columns, measure
from robustfit.per_datum import per_datum
from robustfit.scenarios.base import Scenario
from robustfit.scenarios.file import FromFile
from robustfit.stability import COLUMNS as STABILITY_COLUMNS
from robustfit.stability import Exhibit, Moves, Stability
from robustfit.task import require

if TYPE_CHECKING:
    import pandas

BLOCK_ENTRIES = 2**17
"""About how many entries of X a block has: a megabyte, which stays in the cache."""

IDENTITY_COLUMNS = {
    "study": "Name of the study; `run` for a single run, `sweep` for a multirun.",
    "cell": "Digest of what the cell is: the same for the same scenario, contamination, estimator and seed.",
    "block": "Block of replicates that the row's random numbers belong to.",
    "replicate": "Number of the sample within the cell; the same number is the same clean sample for every method.",
    "seed": "Seed of the study; with block and replicate it determines the sample.",
    "outliers": "Fraction of the rows that was contaminated.",
    "scenario": "Where the data come from; its parameters follow as `scenario.NAME`, and so for the choices below.",
    "contamination": "What spoils the contaminated rows.",
    "loss": "What an error costs.",
    "solver": "What was asked to minimise the loss; `solver_used` says what did.",
    "scale": "How the width of the errors is estimated; `scale_value` is the width.",
    "initial": "Fit that the scale is estimated from and the solver starts from.",
    "penalty": "What a coefficient costs.",
    "stability": "How it was tried how firmly the fit stands.",
    "seconds": "Time of the block's fits over their number (a timing: the only column that is not reproducible).",
    "error": "Why there is no fit; empty where there is one.",
}


@dataclass(frozen=True)
class Cell:
    """One point of a grid: where data come from, what spoils them, how they are fitted, and the seed."""

    scenario: Scenario
    contamination: Contamination
    outliers: float
    estimator: M
    stability: Stability
    seed: int
    settings: Mapping[str, Any]
    """What the rows call it: group names, and parameters under their configuration path."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Cell:
        """The cell that a plain configuration describes: groups with `name`, `_target_` and parameters, and scalars.

        Raises:
            RobustfitError: something does not exist, is out of range or does not go together.
        """
        parts = {group: build(_spec(config[group]), group) for group in GROUPS}
        estimator = M(**{name: parts[name] for name in ("loss", "solver", "scale", "initial", "penalty")})
        n_outliers(config["outliers"], 1)
        if not isinstance(config["seed"], int) or config["seed"] < 0:
            raise BadParameter(f"seed={config['seed']!r}: must be a whole number, at least 0")
        scenario, contamination, stability = parts["scenario"], parts["contamination"], parts["stability"]
        require(scenario.task, **{group: parts[group] for group in ("loss", "contamination", "initial", "stability")})
        settings = {"outliers": float(config["outliers"]), **_settings(config, parts)}
        return cls(scenario, contamination, settings["outliers"], estimator, stability, config["seed"], settings)

    @property
    def key(self) -> str:
        """A digest of what the cell is; the extra metrics of `stability` are not part of it."""
        parts = (self.scenario, self.contamination, self.outliers, self.estimator, self.seed)
        text = json.dumps([identity(part) for part in parts], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def parts(self) -> dict[str, Any]:
        """The objects that it is made of, by group, but the initial estimator, which is known by its name."""
        of = self.estimator
        fitted = {"loss": of.loss, "solver": of.solver, "scale": of.scale, "penalty": of.penalty}
        return {"scenario": self.scenario, "contamination": self.contamination, **fitted, "stability": self.stability}

    @property
    def rows_key(self) -> str:
        """A digest of what the rows hold: the cell, and how its stability is tried."""
        text = json.dumps(identity(self.stability), sort_keys=True)
        return f"{self.key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def data_key(self) -> str:
        """A digest of the samples that the cell meets, in blocks of its size: cells that share it meet the same."""
        parts = (self.scenario, self.contamination, self.outliers, self.seed, self.block_size)
        text = json.dumps([identity(part) for part in parts], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def block_size(self) -> int:
        """Replicates per block: a function of n and p alone."""
        entries = self.scenario.n_samples * self.scenario.p
        return int(2 ** min(8, max(0, np.log2(BLOCK_ENTRIES / entries) // 1)))

    def draw(self, block: int) -> tuple[Data, Streams]:
        """The samples of a block, contaminated, and its streams."""
        streams = Streams.spawn(self.seed, block)
        clean = self.scenario.draw(streams, self.block_size)
        return self.contamination.corrupt(clean, self.outliers, streams.marks, streams.values), streams


def identity(thing: Any) -> Any:
    """What a part of a cell is, as plain data: class and parameters; of a file its content, not its path.

    >>> from robustfit.losses.huber import Huber
    >>> identity(Huber(2.0))
    {'is': 'robustfit.losses.huber.Huber', 'delta': 2.0}
    """
    if is_dataclass(thing) and isinstance(thing, FromFile):
        told = {entry.name: getattr(thing, entry.name) for entry in fields(thing) if entry.name != "path"}
        return {"is": type(thing).__name__, "digest": thing.digest} | told
    if is_dataclass(thing):
        path = f"{type(thing).__module__}.{type(thing).__qualname__}"
        return {"is": path} | {entry.name: identity(getattr(thing, entry.name)) for entry in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): identity(value) for key, value in thing.items()}
    return [identity(item) for item in thing] if isinstance(thing, tuple) else thing


def _spec(config: Any) -> Any:
    """A group's configuration without the name under which it was chosen."""
    return {key: value for key, value in config.items() if key != "name"} if isinstance(config, Mapping) else config


def _settings(config: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The cell's columns: each group's name, then its parameters, flat."""
    settings: dict[str, Any] = {}
    for group in GROUPS:
        settings[group] = config[group].get("name") or name_of(group, parts[group])
        if group != "initial":
            settings |= _flat(group, parts[group])
    return settings


def _flat(prefix: str, thing: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for entry in fields(thing):
        name, value = f"{prefix}.{entry.name}", getattr(thing, entry.name)
        if is_dataclass(value):
            flat |= {name: name_of(f"{prefix}/{entry.name}", value)} | _flat(name, value)
        elif isinstance(value, (tuple, Mapping)):
            flat[name] = json.dumps(value if isinstance(value, tuple) else dict(value))
        else:
            flat[name] = value
    return flat


@dataclass(frozen=True)
class Fitted:
    """The wanted replicates of one block, drawn, fitted and measured."""

    cell: Cell
    block: int
    data: Data
    fit: Fit
    measured: Mapping[str, Any]

    @classmethod
    def of(cls, cell: Cell, block: int, wanted: int) -> Fitted:
        """Draw the block whole, fit its first `wanted` replicates."""
        data, streams = cell.draw(block)
        return cls.on(cell, block, data.take(slice(0, wanted)), streams.moves)

    @classmethod
    def on(
        cls, cell: Cell, block: int, data: Data, moves: np.random.Generator, starts: dict[str, Any] | None = None
    ) -> Fitted:
        """Fit samples that were drawn already; `starts` keeps the initial fits for other cells that meet them."""
        fit = cell.estimator.fit(data.X, data.y, None, data.intercept, starts, data.outputs)
        extra = cell.stability.measure(data, cell.estimator, fit, moves)
        return cls(cell, block, data, fit, measure(data, fit) | extra)

    def rows(self, study: str) -> pandas.DataFrame:
        """One row per replicate."""
        import pandas

        count, first = len(self.data.y), self.block * self.cell.block_size
        table: dict[str, Any] = {"study": study, "cell": self.cell.key, "block": self.block}
        table |= {"replicate": np.arange(first, first + count), "seed": self.cell.seed, **self.cell.settings}
        table |= {name: list(value) for name, value in self.measured.items()}
        return pandas.DataFrame(table | {"seconds": self.fit.seconds / count, "error": ""})

    def per_datum(self) -> pandas.DataFrame:
        """The first sample, one line per row of it: its features, then the columns of `robustfit.per_datum`.

        A feature that is called as one of the other columns, as `weight` may be, becomes `x.weight`.
        """
        import pandas

        data, table, first = self.data, per_datum(self.data, self.fit), int(self.data.intercept)
        names = [f"x.{name}" if name in table else name for name in data.names[first:]]
        return pandas.DataFrame(dict(zip(names, data.X[0, :, first:].T, strict=True)) | table)

    @cached_property
    def exhibit(self) -> Exhibit | None:
        """The path of one datum of the first sample; None where paths were not asked for or there is none."""
        stability = self.cell.stability
        if not (isinstance(stability, Moves) and stability.path):
            return None
        moves = Streams.spawn(self.cell.seed, self.block).moves
        return stability.exhibit(self.data.take(slice(0, 1)), self.cell.estimator, self.fit.scale[0], moves)

    @property
    def one_by_one(self) -> bool:
        """Whether there are several outputs and each was fitted by itself."""
        return self.data.outputs > 1 and isinstance(self.cell.estimator.loss, ResidualLoss)

    def trace(self) -> pandas.DataFrame:
        """The solver's way on the first sample: iteration, evaluations, objective and coefficients, if it tells.

        Of several outputs `coef.FEATURE.OUTPUT`; where these were fitted one by one, the way of the first.
        """
        import pandas

        way, names = self.fit.solution.trace, [f"coef.{name}" for name in self.data.names]
        if outputs := self.data.output_names[: 1 if self.one_by_one else None]:
            names = [f"{name}.{output}" for name in names for output in outputs]
        names = ["iteration", "evaluations", "objective", *names]
        lines = [[step.iteration, step.evaluations, step.objective, *step.coef] for step in way]
        return pandas.DataFrame(lines, columns=names)


def run(cell: Cell, replicates: int) -> Iterator[Fitted]:
    """The first replicates of a cell, a block at a time."""
    for block in range(-(-replicates // cell.block_size)):
        yield Fitted.of(cell, block, min(cell.block_size, replicates - block * cell.block_size))


def failed_rows(study: str, config: Mapping[str, Any], error: str) -> pandas.DataFrame:
    """The row of a cell that could not be run: what it was to be, as far as it is a number, and why it is not."""
    import pandas

    row = {"study": study} | _numbers("", {key: config.get(key) for key in ("seed", "outliers")})
    for group in GROUPS:
        row |= {group: config[group].get("name")} | _numbers(f"{group}.", config[group])
    return pandas.DataFrame([row | {"error": error}])


def failed_block(study: str, cell: Cell, block: int, count: int, error: Exception) -> pandas.DataFrame:
    """The rows of a block that a cell could not be fitted to."""
    import pandas

    first = block * cell.block_size
    table: dict[str, Any] = {"study": study, "cell": cell.key, "block": block}
    table |= {"replicate": np.arange(first, first + count), "seed": cell.seed, **cell.settings}
    return pandas.DataFrame(table | {"status": "failed", "seconds": np.nan, "error": str(error)})


def _numbers(prefix: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that fit into a column of numbers, whatever else was given."""
    return {f"{prefix}{key}": value for key, value in config.items() if type(value) in (int, float)}


REFERENCES = {
    "regression": "least squares",
    "classification": "logistic regression",
    "boxes": "least squares",
}
"""What fits of each task are compared with: maximum likelihood without outliers, unpenalised."""


def reference(task: str) -> M:
    """The estimator that fits of a task are compared with: least squares, of labels cross-entropy (the scores logits).

    >>> reference("classification").loss, reference("boxes").loss
    (CrossEntropy(weights=()), MSE())
    """
    if task == "classification":
        return M(make("loss", "cross_entropy"), scale=make("scale", "fixed"))
    made: M = make("initial", "ols")
    return made


def column_docs(task: str = "regression") -> dict[str, str]:
    """Every column of a task's rows and what it means."""
    measured = {name: (function.__doc__ or "").split("\n\n")[0] for name, function in columns(task).items()}
    ahead = {name: text for name, text in IDENTITY_COLUMNS.items() if name not in ("seconds", "error")}
    behind = {name: IDENTITY_COLUMNS[name] for name in ("seconds", "error")}
    return ahead | measured | STABILITY_COLUMNS | behind

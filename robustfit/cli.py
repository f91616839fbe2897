"""The command line: `python -m robustfit loss=huber outliers=0.1`. The only module that knows Hydra.

Everything is checked before anything heavy is imported, and files appear only when all of a run is done.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from robustfit.catalogue import GROUPS, config_dir, names
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.parameters import Range, check

if TYPE_CHECKING:
    import pandas

    from robustfit.cell import Cell, Fitted
    from robustfit.errors import Failure
    from robustfit.fit import Fit
    from robustfit.study import Study

SCALARS: dict[str, tuple[type, Range]] = {
    "outliers": (float, Range(at_least=0, at_most=0.5)),
    "replicates": (int, Range(at_least=1)),
    "seed": (int, Range(at_least=0, at_most=1e18)),  # a column of 64 bits
    "figure": (bool, Range()),
    "trace": (bool, Range()),
    "out": (str, Range()),
    "consent": (bool, Range()),
}

STUDIES = ("study", "engine")
"""The groups that are no part of a cell: which grid of cells, and where its blocks run."""

REFUSED = (RobustfitError, HydraException, OmegaConfBaseException, OSError, MemoryError)
"""What a user can act on, said in one line; anything else is a mistake of ours and keeps its traceback."""

_sweeps: list[Path] = []
"""Where the sweep writes that is under way."""

_failures: list[str] = []
"""The overrides of the jobs of a sweep that failed: a sweep goes on, its exit code says so."""

_full_errors = os.environ.get("HYDRA_FULL_ERROR") == "1"


def main() -> None:
    """Run the command line."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # a user's own loss may lie in the current directory, for the console script too
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then hands its errors over, to be said in one line here
    try:
        if any(argument.startswith("-") for argument in sys.argv[1:]):
            with_flags()
        else:
            run(plain(*composed(sys.argv[1:])))
    except KeyboardInterrupt:
        print("\ninterrupted: nothing half-written was left", file=sys.stderr)
        sys.exit(130)
    except REFUSED as error:
        refuse(error)
    if _failures:
        sys.exit(1)


def with_flags() -> None:
    """What Hydra does: help, configurations, or a run or sweep of `job`; a sweep ends with its table."""
    sys.argv[1:] = sorted(sys.argv[1:], key=_is_flag)  # argparse takes no overrides on both sides of a flag
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="main")(job)()
        for sweep in _sweeps:
            finish(sweep)
    finally:
        for sweep in _sweeps:
            prune(sweep)


def _is_flag(argument: str) -> bool:
    """Whether an argument is a flag or a flag's value, rather than an override such as `loss=mae` or `~loss`."""
    return argument.startswith("-") or "=" not in argument and not argument.startswith("~")


def refuse(error: Exception) -> NoReturn:
    """Say in one line what is wrong and end; with HYDRA_FULL_ERROR=1 raise it."""
    if _full_errors:
        raise error
    print(f"robustfit: {explained(error)}", file=sys.stderr)
    sys.exit(2)


def explained(error: Exception) -> str:
    """An error of ours or of Hydra's in one line."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return str(Unknown.name(group, name, error.options))
    cause = error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and isinstance(cause.parent_node, DictConfig):
        place = str(cause.full_key).rpartition(".")[0]
        known = [str(key) for key in cause.parent_node if key not in ("_target_", "hydra")]
        known = [f"{place}.{key}" if place else key for key in known]
        return str(Unknown.name("setting", str(cause.full_key), known))
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    return " ".join(str(error).split("\n\n")[0].split())


def composed(overrides: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration and the names that were chosen, composed once: `hydra.main` would do it twice."""
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        try:
            config = hydra.compose("main", overrides, return_hydra_config=True)
        except REFUSED:
            raise
        except ValueError as error:  # Hydra's, of a group that is null or a number
            raise BadParameter(str(error)) from error
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return config, choices


def job(config: DictConfig) -> None:
    """What Hydra calls when there are flags: one run, or one job of a sweep."""
    try:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            sweep_job(config, Path(HydraConfig.get().runtime.output_dir))
        else:
            run(plain(config, HydraConfig.get().runtime.choices))
    except REFUSED as error:
        refuse(error)  # here, or Hydra prints a line of its own first


def plain(config: DictConfig, choices: Mapping[str, str]) -> dict[str, Any]:
    """The configuration as a plain mapping, each group with the name that was chosen for it.

    Raises:
        RobustfitError: a value is missing, of the wrong type or out of range, or nobody knows the key.
    """
    try:
        content: dict[str, Any] = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except MissingMandatoryValue as error:
        raise BadParameter(f"{error.full_key}: needs a value, such as {error.full_key}=...") from None
    if content.get("replicates") is None:
        content["replicates"] = content["study"].get("replicates", 1)
    require_settings(content)
    for key, (kind, allowed) in SCALARS.items():
        content[key] = check(key, content[key], kind, allowed)
    return named(content, choices)


def require_settings(content: Mapping[str, Any]) -> None:
    """Refuse keys that nobody knows, keys that were deleted, and groups that are no groups."""
    for key in content:
        if key not in GROUPS and key not in SCALARS and key not in STUDIES:
            raise Unknown.name("setting", key, [*GROUPS, *SCALARS, *STUDIES])
    for key in SCALARS:
        if key not in content:
            raise BadParameter(f"{key}: must be given")
    for group in GROUPS:
        if not isinstance(content.get(group), dict):
            raise Unknown.name(group, str(content.get(group)), names(group))


def named(content: dict[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """A plain configuration in which each group knows the name that was chosen for it."""
    groups = (*GROUPS, *STUDIES)
    given = {group: content[group] if isinstance(content.get(group), dict) else {} for group in groups}
    return content | {group: {"name": choices.get(group), **given[group]} for group in groups}


def run(settings: dict[str, Any]) -> None:
    """A study where one is named, else a run of one cell."""
    if settings["study"].get("axes") or settings["study"].get("zipped"):
        study_run(settings)
    else:
        single_run(settings)


def study_run(settings: dict[str, Any]) -> None:
    """Compute what a study still lacks, summarise it, write the summary beside its rows."""
    from robustfit.catalogue import build
    from robustfit.grid import Grid
    from robustfit.store import Store
    from robustfit.study import Study

    name = settings["study"]["name"]
    path, base = Path(settings["out"]) / "studies" / name, {key: settings[key] for key in (*GROUPS, "outliers", "seed")}
    study = Study.of(name, Grid.of(settings["study"]), base, settings["replicates"], Store(path), settings["consent"])
    engine = build({key: value for key, value in settings["engine"].items() if key != "name"}, "engine")
    announce(study)
    failures = computed(study, engine)
    for failure in failures[:5]:
        print(f"robustfit: a block failed: {failure.reason}", file=sys.stderr)
    conclude(study, path, settings)
    if failures:
        _failures.append(name)


def announce(study: Study) -> None:
    """Say what is about to happen."""
    units = study.missing()
    print(
        f"study {study.name}: {len(study.cells)} cells ({study.skipped} combinations skipped), "
        f"{study.replicates} replicates; {len(units)} blocks to compute",
        file=sys.stderr,
    )
    if others := study.store.other_versions():
        print(f"note: {others} files of rows were made by another version of the numerics", file=sys.stderr)


def computed(study: Study, engine: Any) -> list[Failure]:
    """Compute what is missing, with a progress bar on a terminal and a line now and then elsewhere.

    Raises:
        KeyboardInterrupt: after saying what is done and how to go on.
    """
    from tqdm import tqdm

    units = study.missing()
    fits = sum(len(unit.configs) for unit in units)
    quiet: dict[str, Any] = {"mininterval": 10.0, "ascii": True, "ncols": 80} if not sys.stderr.isatty() else {}
    with tqdm(total=fits, unit="cell blocks", leave=False, disable=not units, **quiet) as bar:

        def advance(block: Any) -> None:
            bar.update(len(getattr(block, "cells", ())))

        try:
            return study.run(engine, advance)
        except KeyboardInterrupt:
            left = len(study.missing())
            print(
                f"\nstopped: {len(units) - left} of {len(units)} blocks are written; run it again to go on",
                file=sys.stderr,
            )
            raise


def conclude(study: Study, path: Path, settings: Mapping[str, Any]) -> None:
    """The table of a study, and its files."""
    import pandas

    from robustfit import report
    from robustfit.store import folder, provenance, write_json
    from robustfit.summary import summarise

    summary = pandas.concat([summarise(rows) for rows in study.tables()], ignore_index=True)
    print(report.sweep(summary))
    with folder(path) as draft:
        summary.to_csv(draft / "summary.csv", index=False)
        write_json(provenance(settings), draft / "provenance.json")
    print(f"\nWritten to {path}: summary.csv, provenance.json, rows/, timings/")


def single_run(settings: dict[str, Any]) -> None:
    """Run one cell, print what it found, write it down."""
    blocks, reference = fits(settings)
    from robustfit import report

    print(report.single(blocks[0], reference))
    table = rows(blocks, "run")
    if len(table) > 1:
        from robustfit.summary import summarise

        print("\n" + report.sweep(summarise(table)))
    path = Path(settings["out"]) / "runs" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    names = write(path, settings, table, blocks[0], reference.coef[0])
    print(f"\nWritten to {path}: {', '.join(names)}")


def fits(settings: Mapping[str, Any]) -> tuple[list[Fitted], Fit]:
    """All blocks of the cell that the settings describe, and the least squares fit of its first sample."""
    import numpy as np

    from robustfit.cell import Cell, least_squares

    cell = Cell.from_config(settings)
    with np.errstate(over="ignore", invalid="ignore"):  # outliers may be as far out as numbers go
        blocks = fitted_blocks(cell, settings["replicates"])
        first = blocks[0].data.take(slice(0, 1))
        return blocks, least_squares().fit(first.X, first.y, None, first.intercept)


def fitted_blocks(cell: Cell, replicates: int) -> list[Fitted]:
    """All blocks of a cell, with a progress bar on a terminal where there are several."""
    from robustfit.cell import run

    if replicates == 1:
        return list(run(cell, 1))
    from tqdm import tqdm

    blocks = []
    with tqdm(total=replicates, unit="fit", disable=not sys.stderr.isatty(), leave=False) as bar:
        for block in run(cell, replicates):
            blocks.append(block)
            bar.update(len(block.data.y))
    return blocks


def rows(blocks: list[Fitted], study: str) -> pandas.DataFrame:
    """The rows of all blocks."""
    import pandas

    return pandas.concat([block.rows(study) for block in blocks], ignore_index=True)


def write(path: Path, settings: Mapping[str, Any], table: pandas.DataFrame, first: Fitted, reference: Any) -> list[str]:
    """Write rows, summary, data, configuration, provenance and figures of one cell; the names of the files."""
    from robustfit.store import folder, provenance, write_json, write_table
    from robustfit.summary import summarise

    with folder(path) as draft:
        write_table(table, draft / "rows")
        summarise(table).to_csv(draft / "summary.csv", index=False)
        first.per_datum().to_csv(draft / "data.csv", index=False)
        (draft / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(dict(settings))), encoding="utf-8")
        write_json(provenance(settings), draft / "provenance.json")
        if settings["trace"]:
            first.trace().to_csv(draft / "trace.csv", index=False)
        if first.exhibit:
            first.exhibit.table().to_csv(draft / "path.csv", index=False)
        draw(draft, settings, first, reference)
        return sorted(file.name for file in draft.iterdir())


def draw(path: Path, settings: Mapping[str, Any], first: Fitted, reference: Any) -> None:
    """The figures that were asked for, of the first sample."""
    if not settings["figure"]:
        return
    from robustfit import figures

    loss = str(settings["loss"]["name"])
    figures.save(figures.fit_figure(first.data.member(0), first.fit.coef[0], reference, loss), path / "fit.png")
    way = first.fit.solution.trace
    if settings["trace"] and way:
        best = float(
            first.fit.objective[0] * (1.0 - (first.fit.gap[0] if first.fit.gap_kind[0] != "stationary" else 0))
        )
        figures.save(figures.trace_figure(way, best, f"{loss}, {first.fit.solver}"), path / "trace.png")
    if first.exhibit:
        figures.save(figures.path_figure(first.exhibit), path / "path.png")


def sweep_job(config: DictConfig, path: Path) -> None:
    """One job of a sweep: its rows go into its own folder; a failure becomes a row and the sweep goes on."""
    of = HydraConfig.get()
    label = " ".join(of.overrides.task) or "defaults"
    try:
        settings = plain(config, of.runtime.choices) | {"figure": False}
        blocks, reference = fits(settings)
        write(path, settings, rows(blocks, "sweep"), blocks[0], reference.coef[0])
    except Exception as error:
        failed_job(config, path, label, error)
    else:
        print(f"[{of.job.num}] {label}", file=sys.stderr)


def failed_job(config: DictConfig, path: Path, label: str, error: Exception) -> None:
    """Say that a job of a sweep failed, and leave the row that stands for it."""
    from robustfit.cell import failed_rows
    from robustfit.store import folder, write_table

    if _full_errors:
        traceback.print_exception(error)
    _failures.append(label)
    print(f"[{HydraConfig.get().job.num}] {label}: FAILED: {explained(error)}", file=sys.stderr)
    content: dict[str, Any] = OmegaConf.to_container(config)  # type: ignore[assignment]
    row = failed_rows("sweep", named(content, HydraConfig.get().runtime.choices), explained(error))
    with folder(path) as draft:
        write_table(row, draft / "rows")


class Sweep(Callback):
    """Tells where a sweep will write, before anything is there."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the folder."""
        _sweeps.append(Path(config.hydra.sweep.dir))


def finish(sweep: Path) -> None:
    """When all jobs of a sweep are done: one table over all of them, printed and written."""
    import pandas

    from robustfit import report
    from robustfit.store import folder, read_rows, write_table
    from robustfit.summary import summarise

    jobs = sorted((file.parent for file in sweep.glob("*/rows.parquet")), key=lambda job: (len(job.name), job.name))
    table = pandas.concat([read_rows(job) for job in jobs], ignore_index=True)
    summary = summarise(table)
    print(report.sweep(summary))
    with folder(sweep) as draft:
        write_table(table, draft / "rows")
        summary.to_csv(draft / "summary.csv", index=False)
    print(f"\nWritten to {sweep}: rows.parquet, rows.csv, summary.csv, and a folder for each job")
    if _failures:
        print(f"{len(jobs) - len(_failures)} of {len(jobs)} jobs succeeded", file=sys.stderr)


def prune(sweep: Path) -> None:
    """Remove the folders of jobs that came to nothing, and that of a sweep of which nothing came."""
    from robustfit.store import remove_empty

    for job in sweep.glob("*/"):
        remove_empty(job)
    if not any(sweep.glob("*/rows.parquet")):
        (sweep / "multirun.yaml").unlink(missing_ok=True)
        remove_empty(sweep)
        remove_empty(sweep.parent)

"""The command line: `python -m robustfit loss=huber outliers=0.1`. The only module that knows Hydra.

Everything is checked before anything heavy is imported, and files appear only when all of a run is done.
"""

from __future__ import annotations

import os
import sys
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

from robustfit.catalogue import GROUPS, config_dir
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.parameters import Range, check

if TYPE_CHECKING:
    import pandas

    from robustfit.study import Cell, Fitted

SCALARS: dict[str, tuple[type, Range]] = {
    "outliers": (float, Range(at_least=0, at_most=0.5)),
    "replicates": (int, Range(at_least=1)),
    "seed": (int, Range(at_least=0)),
    "figure": (bool, Range()),
    "trace": (bool, Range()),
    "out": (str, Range()),
}

_failures: list[str] = []
"""The overrides of the jobs of a sweep that failed: a sweep goes on, its exit code says so."""


_full_errors = bool(os.environ.get("HYDRA_FULL_ERROR"))


def main() -> None:
    """Run the command line."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # a user's own loss may lie in the current directory, for the console script too
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then hands its errors over, to be said in one line here
    try:
        if any(argument.startswith("-") for argument in sys.argv[1:]):
            hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="main")(job)()
        else:
            single_run(plain(*composed(sys.argv[1:])))
    except KeyboardInterrupt:
        print("\ninterrupted: nothing half-written was left", file=sys.stderr)
        sys.exit(130)
    except (RobustfitError, HydraException, OmegaConfBaseException) as error:
        refuse(error)
    if _failures:
        sys.exit(1)


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
        known = [str(key) for key in cause.parent_node if key not in ("_target_", "hydra")]
        return str(Unknown.name("setting", str(cause.full_key), known))
    return " ".join(str(error).split("\n\n")[0].split())


def composed(overrides: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration and the names that were chosen, composed once: `hydra.main` would do it twice."""
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        config = hydra.compose("main", overrides, return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return config, choices


def job(config: DictConfig) -> None:
    """What Hydra calls when there are flags: one run, or one job of a sweep."""
    try:
        settings = plain(config, HydraConfig.get().runtime.choices)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            sweep_job(settings, Path(HydraConfig.get().runtime.output_dir))
        else:
            single_run(settings)
    except RobustfitError as error:
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
    for key in content:
        if key not in GROUPS and key not in SCALARS:
            raise Unknown.name("setting", key, [*GROUPS, *SCALARS])
    for key, (kind, allowed) in SCALARS.items():
        content[key] = check(key, content[key], kind, allowed)
    return content | {group: {"name": choices[group], **content[group]} for group in GROUPS}


def single_run(settings: dict[str, Any]) -> None:
    """Run one cell, print what it found, write it down."""
    from robustfit.study import Cell, least_squares

    cell = Cell.from_config(settings)
    blocks = fitted_blocks(cell, settings["replicates"])
    first = blocks[0]
    reference = least_squares().fit(first.data.X[:1], first.data.y[:1], None, first.data.intercept)
    from robustfit import report

    print(report.single(first, reference))
    table = rows(blocks, "run")
    if len(table) > 1:
        from robustfit.summary import summarise

        print("\n" + report.sweep(summarise(table)))
    path = Path(settings["out"]) / "runs" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    names = write(path, settings, table, first, reference.coef[0])
    print(f"\nWritten to {path}: {', '.join(names)}")


def fitted_blocks(cell: Cell, replicates: int) -> list[Fitted]:
    """All blocks of a cell, with a progress bar on a terminal where there are several."""
    from robustfit.study import run

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
        draw(draft, settings, first, reference)
        return sorted(file.name for file in draft.iterdir())


def draw(path: Path, settings: Mapping[str, Any], first: Fitted, reference: Any) -> None:
    """The figures that were asked for, of the first sample."""
    if not settings["figure"]:
        return
    from robustfit import figures

    loss = str(settings["loss"]["name"])
    figures.save(figures.fit_figure(first.data.member(0), first.fit.coef[0], reference, loss), path / "fit.png")
    if settings["trace"]:
        way, best = first.fit.solution.trace, float(first.fit.objective[0])
        figures.save(figures.trace_figure(way, best, f"{loss}, {first.fit.solver}"), path / "trace.png")


def sweep_job(settings: dict[str, Any], path: Path) -> None:
    """One job of a sweep: its rows go into its own folder; a failure becomes a row and the sweep goes on."""
    from robustfit.store import folder, write_table
    from robustfit.study import Cell, failed_rows, least_squares

    label = " ".join(HydraConfig.get().overrides.task) or "defaults"
    try:
        cell = Cell.from_config(settings)
        blocks = fitted_blocks(cell, settings["replicates"])
        first = blocks[0]
        reference = least_squares().fit(first.data.X[:1], first.data.y[:1], None, first.data.intercept)
        write(path, settings | {"figure": False}, rows(blocks, "sweep"), first, reference.coef[0])
        print(f"[{HydraConfig.get().job.num}] {label}", file=sys.stderr)
    except Exception as error:
        if _full_errors:
            raise
        _failures.append(label)
        print(f"[{HydraConfig.get().job.num}] {label}: FAILED: {error}", file=sys.stderr)
        with folder(path) as draft:
            write_table(failed_rows("sweep", settings, error), draft / "rows")


class Sweep(Callback):
    """What happens when all jobs of a sweep are done: one table over all of them."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Gather the jobs' rows, summarise, print and write."""
        import pandas

        from robustfit import report
        from robustfit.store import folder, read_rows, write_table
        from robustfit.summary import summarise

        path = Path(config.hydra.sweep.dir)
        jobs = sorted((file.parent for file in path.glob("*/rows.parquet")), key=lambda job: int(job.name))
        table = pandas.concat([read_rows(job) for job in jobs], ignore_index=True)
        summary = summarise(table)
        print(report.sweep(summary))
        with folder(path) as draft:
            write_table(table, draft / "rows")
            summary.to_csv(draft / "summary.csv", index=False)
        print(f"\nWritten to {path}: rows.parquet, rows.csv, summary.csv, and a folder for each job")
        if _failures:
            print(f"{len(jobs) - len(_failures)} of {len(jobs)} jobs succeeded", file=sys.stderr)

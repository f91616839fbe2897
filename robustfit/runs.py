"""Runs from settings to files: one cell, a study, the plan of a study, the replay of a row. Knows no Hydra.

Settings are a plain mapping: a specification per group of `robustfit.catalogue.GROUPS` (with the `name` that was
chosen), `study` and `engine` likewise, and the scalars of `configs/main.yaml`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustfit.catalogue import GROUPS, build, parameters
from robustfit.errors import BadParameter, Failure, RobustfitError, Unknown

if TYPE_CHECKING:
    import pandas

    from robustfit.cell import Fitted
    from robustfit.engines import Engine
    from robustfit.fit import Fit
    from robustfit.plan import Forecast
    from robustfit.precision import Precision
    from robustfit.replay import Replay
    from robustfit.results import Results
    from robustfit.study import Study


def run(settings: Mapping[str, Any]) -> bool:
    """What the settings ask for; whether all of it succeeded."""
    if settings["replay"] is not None:
        return replay(settings)
    if not is_study(settings["study"]):
        single(settings)
        return True
    if settings["plan"]:
        plan(settings)
        return True
    results = study(settings, Voice())
    conclude(results, settings)
    return not results.failures


def is_study(content: Mapping[str, Any]) -> bool:
    """Whether a configuration is that of a study, and not of none."""
    return content.get("name") not in (None, "none")


# One cell


def single(settings: Mapping[str, Any]) -> None:
    """Run one cell, print what it found, write it down."""
    engine = settings["engine"].get("name") not in (None, "serial")
    asked = {"plan": settings["plan"], "precision": settings["precision"].get("target"), "engine": engine}
    for name in asked:
        if asked[name]:
            raise BadParameter(f"{name} is for studies: say which, as in study=breakdown")
    blocks, reference = fits(settings)
    from robustfit import report

    print(report.single(blocks[0], reference))
    table = rows(blocks, "run")
    if len(table) > 1:
        from robustfit.summary import summarise

        print("\n" + report.sweep(summarise(table)))
    path = run_folder(settings)
    names = write(path, settings, table, blocks[0], reference.coef[0])
    print(f"\nWritten to {path}: {', '.join(names)}")


def run_folder(settings: Mapping[str, Any]) -> Path:
    """A new folder for a run, named by the time."""
    return Path(settings["out"]) / "runs" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"


def fits(settings: Mapping[str, Any]) -> tuple[list[Fitted], Fit]:
    """All blocks of the cell that the settings describe, and the reference's fit of its first sample."""
    from robustfit.cell import Cell

    cell = Cell.from_config(settings)
    with _any_size():
        blocks = fitted_blocks(cell, settings["replicates"])
        return blocks, reference_fit(blocks[0])


def reference_fit(fitted: Fitted) -> Fit:
    """The fit of the first sample that the task's fits are compared with."""
    from robustfit.cell import reference

    first = fitted.data.take(slice(0, 1))
    return reference(first.task).fit(first.X, first.y, None, first.intercept, None, first.outputs)


def fitted_blocks(cell: Any, replicates: int) -> list[Fitted]:
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
    import yaml

    from robustfit.store import folder, provenance, write_json, write_table
    from robustfit.summary import summarise

    with folder(path) as draft:
        write_table(table, draft / "rows")
        summarise(table).to_csv(draft / "summary.csv", index=False)
        first.per_datum().to_csv(draft / "data.csv", index=False)
        (draft / "config.yaml").write_text(yaml.safe_dump(dict(settings), sort_keys=False), encoding="utf-8")
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
        corner = f", {first.data.output_names[0]} alone" if first.one_by_one else ""
        title = f"{loss}, {first.fit.solver}{corner}"
        proved = first.fit.gap_kind[0] in ("exact", "dual") and not first.one_by_one
        figures.save(figures.trace_figure(way, lowest(first), title, bool(proved)), path / "trace.png")
    if first.exhibit:
        figures.save(figures.path_figure(first.exhibit), path / "path.png")


def lowest(first: Fitted) -> float:
    """What the objective on the solver's way is held against: its proved lower bound, else the lowest that was met."""
    fit = first.fit
    if first.one_by_one:  # the way is that of one output, the fit's objective the sum of all
        return min(step.objective for step in fit.solution.trace)
    gap = fit.gap[0] if fit.gap_kind[0] in ("exact", "dual") else 0.0
    return float(fit.objective[0] * (1.0 - gap))


# Studies


@dataclass(frozen=True)
class Voice:
    """Says on the standard error what happens; the silent one says nothing."""

    silent: bool = False

    def say(self, text: str) -> None:
        """One message."""
        if not self.silent:
            print(text, file=sys.stderr, flush=True)


def study(settings: Mapping[str, Any], voice: Voice) -> Results:
    """Compute what a study still lacks, gather what it found, write the tables beside its rows.

    Raises:
        RobustfitError: something is wrong with the study, or nothing can be written.
        KeyboardInterrupt: after saying what is done and how to go on.
    """
    from robustfit.results import gathered

    asked = described(settings)
    announce(asked, voice)
    failures = compute(asked, engine_of(settings), voice)
    for failure in failures[:5]:
        voice.say(f"robustfit: a block failed: {failure.reason}")
    results = gathered(asked, failures)
    results.write(settings)
    if settings["figure"]:
        draw_study(results)
    return results


def draw_study(results: Results) -> None:
    """The figures of a study, beside its rows."""
    from robustfit import figures
    from robustfit.store import folder
    from robustfit.study_figures import study_figures

    with folder(results.path / "figures") as draft:
        for name, figure in study_figures(results.study, results.summary).items():
            figures.save(figure, draft / f"{name}.png")


def described(settings: Mapping[str, Any]) -> Study:
    """The study that the settings describe."""
    from robustfit.grid import Grid
    from robustfit.store import Store
    from robustfit.study import Study

    name = settings["study"]["name"]
    base = {key: settings[key] for key in (*GROUPS, "outliers", "seed")}
    store = Store(Path(settings["out"]) / "studies" / name)
    wanted = precision_of(settings) or settings["replicates"]
    return Study.of(name, Grid.of(settings["study"]), base, wanted, store, settings["consent"])


def precision_of(settings: Mapping[str, Any]) -> Precision | None:
    """The precision that was asked for, if one was.

    Raises:
        RobustfitError: there is no such column, or it holds no numbers.
    """
    from robustfit.precision import MAIN, Precision
    from robustfit.schema import numbers

    asked = settings["precision"]
    if not asked or asked.get("target") is None:
        return None
    for key in asked:
        if key not in parameters(Precision):
            raise Unknown.name("setting", f"precision.{key}", [f"precision.{name}" for name in parameters(Precision)])
    try:
        precision = Precision(**asked)
    except BadParameter as error:
        raise BadParameter(f"precision.{error}") from None
    known = (MAIN, *numbers())
    if precision.of not in known:
        raise Unknown.name("column of numbers", precision.of, known)
    return precision


def engine_of(settings: Mapping[str, Any]) -> Engine:
    """The engine that was chosen."""
    made: Engine = build({key: value for key, value in settings["engine"].items() if key != "name"}, "engine")
    return made


def announce(asked: Study, voice: Voice) -> None:
    """Say what is about to happen."""
    from robustfit.precision import Precision

    skipped = f" ({len(asked.skipped)} skipped: see skipped.csv)" if asked.skipped else ""
    wanted = asked.replicates
    until = f"until the standard error is {wanted}" if isinstance(wanted, Precision) else counted(wanted, "replicate")
    units = asked.missing()
    cells, blocks = counted(len(asked.members), "cell"), counted(len(units), "block")
    voice.say(f"study {asked.name}: {cells}{skipped}, {until}; {blocks} to compute")
    if others := asked.store.other_versions():
        voice.say(f"note: {counted(others, 'file')} of rows of another version of the numerics")


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "block"), counted(2000, "block")
    ('1 block', '2,000 blocks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def compute(asked: Study, engine: Engine, voice: Voice) -> list[Failure]:
    """Compute what is missing, saying how far it is."""
    from robustfit.progress import Progress

    asked.remember()
    if not asked.missing():
        return []
    progress = Progress(asked.name, quiet=voice.silent)
    try:
        with engine.open() as runner:
            return asked.run(runner, progress.advance, progress.begin)
    except (KeyboardInterrupt, RobustfitError):
        progress.close()
        voice.say(f"\nstopped: {progress.blocks:,} blocks were written in this run; run it again to go on")
        raise
    finally:
        progress.close()


def conclude(results: Results, settings: Mapping[str, Any]) -> None:
    """Print the table of a study, what failed and how to look at it, and where its files are."""
    from robustfit import report

    print(report.sweep(results.summary))
    if has_fractions(results.tolerated):
        print("\n" + report.tolerated(results.tolerated))
    if verdict := precision_verdict(results):
        print(f"\n{verdict}")
    if len(results.failed):
        print(f"\n{len(results.failed):,} rows have no fit. To look at one of each reason:")
        for reason, address in results.replays()[:5]:
            print(f"  python -m robustfit replay={address}   # {reason.partition(chr(10))[0]}")
    files = sorted(file.name for file in results.path.iterdir() if file.suffix in (".csv", ".json"))
    folders = sorted(f"{file.name}/" for file in results.path.iterdir() if file.is_dir())
    print(f"\nWritten to {results.path}: {', '.join([*files, *folders])}")


def has_fractions(tolerated: pandas.DataFrame) -> bool:
    """Whether there are fractions enough to say which of them are tolerated."""
    return len(tolerated) > 0 and bool((tolerated["tolerated_fraction"].notna() & (tolerated["fractions"] > 2)).any())


def precision_verdict(results: Results) -> str:
    """How many replicates the precision that was asked for took, and where it was not reached."""
    from robustfit.precision import Precision

    wanted, summary = results.study.replicates, results.summary
    if not isinstance(wanted, Precision) or "precision_met" not in summary:
        return ""
    fewest, most, short = summary["replicates"].min(), summary["replicates"].max(), (~summary["precision_met"]).sum()
    end = f"; {short:,} of {len(summary):,} cells miss it (precision_met in summary.csv)" if short else ""
    return f"standard error {wanted}: {fewest:,} to {most:,} replicates, at most {wanted.cap:,}{end}"


def plan(settings: Mapping[str, Any]) -> None:
    """Run a pilot of a study, whose rows are kept, and print what the study will take."""
    from robustfit import plan as planning
    from robustfit.precision import Precision

    asked, engine, voice = described(settings), engine_of(settings), Voice()
    column = Precision(1.0, **{key: settings["precision"][key] for key in ("of", "relative", "cap")})
    column = column.of_task(asked.task)
    pilot, started = asked.pilot(), time.monotonic()
    announce(pilot, voice)
    if failures := compute(pilot, engine, voice):
        raise RobustfitError(f"study={asked.name}: a block of the pilot failed: {failures[0].reason}")
    found = list(planning.groups(pilot, column.of))
    table = [planning.forecast(found, way, engine.processes) for way in planning.ways(asked, column)]
    print(plan_table(table, column, engine.processes))
    took = f"{pilot.replicates} replicates of each, {time.monotonic() - started:.0f} s"
    sizes = f"{len(asked.members):,} cells on {len(found):,} sets of data"
    print(f"\n{sizes}; the pilot ({took}) is kept in {asked.store.path}")


def plan_table(found: Sequence[Forecast], column: Precision, processes: int) -> str:
    """A forecast as text."""
    from robustfit.report import aligned

    header = ["choice", "replicates", "fits", "time", "disk", "cells beyond the cap"]
    table = aligned(header, [one.words() for one in found])
    workers = "1 process" if processes == 1 else f"{processes} processes"
    what = f"standard error of the mean of {column.of}, {'relative' if column.relative else 'absolute'}"
    return f"{table}\n\nprecision: {what}; time with {workers}, without their start"


# Replays


def replay(settings: Mapping[str, Any]) -> bool:
    """Make a row again, hold it against the stored one, print and write the run of its sample; whether they agree."""
    from robustfit.replay import Address, again, find

    found = again(find(Address.parse(str(settings["replay"]))))
    print(same_or_not(found))
    if found.failure:
        print(f"\nThe fit fails:\n\n{found.failure}")
    if found.fitted is not None:
        own = {key: settings[key] for key in ("out", "figure", "seed")}
        written(found, {**found.stored.config, **own, "seed": found.stored.cell.seed, "trace": True})
    return not found.differences


def same_or_not(found: Replay) -> str:
    """Whether the row that was made again is the stored one."""
    address = found.stored.address
    columns = f"{len(found.row.columns) - 1} columns"  # all but the seconds
    if not found.differences:
        return f"replay of {address}: the same as the stored row, bit for bit ({columns})"
    names = ", ".join(found.differences)
    return f"replay of {address}: differs from the stored row in {names}; another version of the numerics made it?"


def written(found: Replay, settings: dict[str, Any]) -> None:
    """Print and write the run of a replayed sample."""
    from robustfit import report

    assert found.fitted is not None
    with _any_size():
        reference = reference_fit(found.fitted)
        print("\n" + report.single(found.fitted, reference))
        path = run_folder(settings)
        names = write(path, settings, found.row, found.fitted, reference.coef[0])
    print(f"\nWritten to {path}: {', '.join(names)}")


@contextmanager
def _any_size() -> Iterator[None]:
    """Outliers may be as far out as numbers go."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        yield

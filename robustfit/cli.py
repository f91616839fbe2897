"""The command line: `python -m robustfit loss=huber outliers=0.1`. The only module that knows Hydra.

Everything is checked before anything heavy is imported, and files appear only when all of a run is done.
"""

from __future__ import annotations

import os
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from unittest.mock import patch

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from robustfit import runs
from robustfit.catalogue import GROUPS, config_dir, names, spec
from robustfit.errors import BadParameter, RobustfitError, Unknown
from robustfit.parameters import Range, check
from robustfit.runs import is_study

if TYPE_CHECKING:
    from robustfit.results import Results

SCALARS: dict[str, tuple[type, Range]] = {
    "outliers": (float, Range(at_least=0, at_most=0.5)),
    "replicates": (int, Range(at_least=1)),
    "seed": (int, Range(at_least=0, at_most=1e18)),  # a column of 64 bits
    "figure": (bool, Range()),
    "trace": (bool, Range()),
    "out": (str, Range()),
    "consent": (bool, Range()),
    "plan": (bool, Range()),
    "replay": (str | None, Range()),  # type: ignore[dict-item]
}

STUDIES = ("study", "engine")
"""The groups that are no part of a cell: which grid of cells, and where its blocks run."""

SHORT = {"precision": "precision.target"}
"""What may be said shorter on the command line."""

REPLAYED = ("replay", "out", "figure", "trace")
"""All that can be said beside `replay`: everything else is what it was."""

REFUSED = (RobustfitError, HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, MemoryError)
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
    except BrokenPipeError:  # who reads, such as head, has had enough; Python would say so again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except REFUSED as error:
        refuse(error)
    if _failures:
        sys.exit(1)


def with_flags() -> None:
    """What Hydra does: help, configurations, or a run or sweep of `job`; a sweep ends with its table."""
    ordered = sorted(sys.argv[1:], key=_is_flag)  # argparse takes no overrides on both sides of a flag
    sys.argv[1:] = [in_full(text) for text in ordered]
    try:
        with _flags_in_one_line():
            hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="main")(job)()
        for sweep in _sweeps:
            finish(sweep)
    finally:
        for sweep in _sweeps:
            prune(sweep)


@contextmanager
def _flags_in_one_line() -> Iterator[None]:
    """Let a flag that does not exist be refused as everything else is: Hydra's parser prints its usage and ends."""

    def refused(parser: ArgumentParser, message: str) -> NoReturn:
        raise BadParameter(f"{message}; --help lists what exists")

    with patch.object(ArgumentParser, "error", refused):
        yield


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


def composed(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str], list[str]]:
    """The configuration, the names that were chosen and the keys that were set, composed once; `hydra.main` does twice.

    Works inside another application of Hydra and any number of times.
    """
    with _own_hydra(), hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_dir())):
        try:
            full = [in_full(text) for text in overrides]
            config = hydra.compose("main", [*parts_of_study(full), *full], return_hydra_config=True)
        except REFUSED:
            raise
        except ValueError as error:  # Hydra's, of a group that is null or a number
            raise BadParameter(str(error)) from error
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return config, choices, keys(overrides)


def parts_of_study(overrides: Sequence[str]) -> list[str]:
    """The choices that a shipped study makes for all of its cells, so that their parameters can be set too.

    >>> parts_of_study(["study=imbalance", "scenario.share=0.1", "scale=mad"])
    ['scenario=gaussian_classes', 'contamination=one_sided_flips', 'initial=ols', 'solver=newton', 'stability=none']
    """
    given = {key: value for key, _, value in (text.partition("=") for text in overrides)}
    if given.get("study") not in names("study"):
        return []
    settings: dict[str, Any] = spec("study", given["study"]).get("settings") or {}
    return [f"{key}={value}" for key, value in settings.items() if key in GROUPS and key not in given]


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Hydra has one global state: put the caller's back afterwards."""
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().hydra = None
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before  # another instance by now


def in_full(override: str) -> str:
    """An override with its key in full.

    >>> in_full("precision=0.01"), in_full("loss=mae")
    ('precision.target=0.01', 'loss=mae')
    """
    key, equals, value = override.partition("=")
    return f"{SHORT.get(key, key)}{equals}{value}"


def keys(overrides: Sequence[str]) -> list[str]:
    """The keys that overrides set, as a study's axes call them.

    >>> keys(["loss=mae", "scenario/noise=t", "+loss.delta=1", "~figure"])
    ['loss', 'scenario.noise', 'loss.delta', 'figure']
    """
    return [text.partition("=")[0].lstrip("+~").partition("@")[0].replace("/", ".") for text in overrides]


def job(config: DictConfig) -> None:
    """What Hydra calls when there are flags: one run, or one job of a sweep."""
    try:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            require_sweepable(config, HydraConfig.get().runtime.choices)
            sweep_job(config, Path(HydraConfig.get().runtime.output_dir))
        else:
            run(plain(config, HydraConfig.get().runtime.choices, keys(HydraConfig.get().overrides.task)))
    except REFUSED as error:
        refuse(error)  # here, or Hydra prints a line of its own first


def plain(config: DictConfig, choices: Mapping[str, str], given: Sequence[str] = ()) -> dict[str, Any]:
    """The configuration as a plain mapping, each group with the name that was chosen for it.

    Raises:
        RobustfitError: a value is missing, of the wrong type or out of range, or nobody knows the key.
    """
    try:
        content: dict[str, Any] = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except MissingMandatoryValue as error:
        raise BadParameter(f"{error.full_key}: needs a value, such as {error.full_key}=...") from None
    require_one_of(content, choices, given)
    if content.get("replicates") is None:
        content["replicates"] = content["study"].get("replicates", 1)
    require_settings(content)
    for group in (*GROUPS, *STUDIES, "task"):
        if group not in choices:
            raise BadParameter(f"{group}: must be one name; a study or --multirun takes several")
    for key, (kind, allowed) in SCALARS.items():
        content[key] = check(key, content[key], kind, allowed)
    if content["replay"] is not None and (others := sorted(set(given) - set(REPLAYED))):
        raise BadParameter(f"{others[0]}: a replay takes nothing but {', '.join(REPLAYED)}: the rest is as it was")
    settings = named(content, choices)
    return settings | {"study": narrowed(settings, choices, given)}


def require_one_of(content: Mapping[str, Any], choices: Mapping[str, str], given: Sequence[str]) -> None:
    """Refuse what contradicts something else that was given."""
    precise = isinstance(content.get("precision"), dict) and content["precision"].get("target") is not None
    if precise and "replicates" in given:
        raise BadParameter("replicates and precision: give one of them; precision.cap limits the replicates")
    if "task" in given and is_study({"name": choices.get("study")}):
        raise BadParameter("task: a study says itself what its data are; without study=..., task chooses defaults")


def narrowed(settings: Mapping[str, Any], choices: Mapping[str, str], given: Sequence[str]) -> dict[str, Any]:
    """The study, in which what was given on the command line is an axis of that one value, whatever it was before.

    Of keys that go together those combinations stay that have the value.

    Raises:
        BadParameter: no combination has it.
    """
    study: dict[str, Any] = dict(settings["study"])
    for key in given if is_study(study) else ():
        if key.partition(".")[0] in (*GROUPS, "outliers", "seed"):
            value, zipped = _value(settings, choices, key), list(study.get("zipped") or ())
            if any(key in group for group in zipped):
                study["zipped"] = [_having(group, key, value) if key in group else group for group in zipped]
            else:
                study["axes"] = dict(study.get("axes") or {}) | {key: [value]}
    return study


def _having(group: Mapping[str, Sequence[Any]], key: str, value: Any) -> dict[str, list[Any]]:
    """Of keys that go together the combinations with this value."""
    kept = [place for place, other in enumerate(group[key]) if other == value]
    if not kept:
        others = ", ".join(sorted({*group} - {key}))
        known = ", ".join(dict.fromkeys(str(other) for other in group[key]))
        raise BadParameter(f"{key}={value}: goes together with {others} in this study; there are: {known}")
    return {name: [values[place] for place in kept] for name, values in group.items()}


def _value(settings: Mapping[str, Any], choices: Mapping[str, str], key: str) -> Any:
    """What a key was set to: the name of a choice (all of it where it is the user's own), or the value."""
    group = key.replace(".", "/")
    if (name := choices.get(group)) is not None and name in names(group):
        return name
    value: Any = settings
    for part in key.split("."):
        value = value[part]
    return value


def require_settings(content: Mapping[str, Any]) -> None:
    """Refuse keys that nobody knows, keys that were deleted, and groups that are no groups."""
    for key in content:
        if key not in (*GROUPS, *SCALARS, *STUDIES, "precision"):
            raise Unknown.name("setting", key, [*GROUPS, *SCALARS, *STUDIES, "precision"])
    if not isinstance(content.get("precision"), dict):
        raise BadParameter(f"precision={content.get('precision')!r}: must be a number")
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


def run(settings: Mapping[str, Any]) -> None:
    """A study where one is named, the replay of a row, else a run of one cell."""
    if not runs.run(settings):
        _failures.append(settings["study"]["name"])


def run_study(
    name: str, overrides: Sequence[str] = (), *, config_dir: str | Path | None = None, progress: bool = True
) -> Results:
    """Compute what a study still lacks and return its results; the same study as `python -m robustfit study=NAME`.

    Args:
        name: of a YAML file in `configs/study/` or in the folder `study` of `config_dir`.
        overrides: as on the command line, such as "replicates=500", "precision=0.01", "loss=mae", "engine=dask",
            "out=results".
        config_dir: a folder of configurations of your own, as `--config-dir`.
        progress: whether to show what happens (on the standard error; as a bar in a notebook or on a terminal).

    Raises:
        RobustfitError: something that was asked for does not exist or cannot be had, in one line.

    >>> run_study("breakdwon")
    Traceback (most recent call last):
    robustfit.errors.Unknown: no study 'breakdwon' (did you mean 'breakdown'?); there are: ...
    """
    own = [f"hydra.searchpath=[file://{Path(config_dir).resolve()}]"] if config_dir is not None else []
    try:
        config, choices, given = composed([*own, f"study={name}", *overrides])
        settings = plain(config, choices, [key for key in given if key not in ("study", "hydra.searchpath")])
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise _translated(error) from None
    if not is_study(settings["study"]):
        raise Unknown.name("study", name, [study for study in names("study") if study != "none"])
    if settings["plan"] or settings["replay"] is not None:
        raise BadParameter(f"{'plan' if settings['plan'] else 'replay'}: is for the command line; run_study computes")
    return runs.study(settings, runs.Voice(silent=not progress))


def _translated(error: Exception) -> RobustfitError:
    """An error of Hydra's as one of ours."""
    kind = Unknown if isinstance(error, MissingConfigException) else RobustfitError
    return kind(explained(error))


def require_sweepable(config: DictConfig, choices: Mapping[str, str]) -> None:
    """Refuse what a sweep would pass over: a sweep runs single cells.

    Raises:
        BadParameter: a study, a plan, a precision, a replay or another engine is asked for.
    """
    asked = {"study": choices.get("study") != "none", "engine": choices.get("engine") != "serial"}
    asked |= {"plan": config.get("plan"), "replay": config.get("replay"), "precision": _target(config)}
    for name in asked:
        if asked[name]:
            raise BadParameter(f"{name} and --multirun: a study runs all of its cells by itself, without --multirun")


def _target(config: DictConfig) -> Any:
    return OmegaConf.select(config, "precision.target", throw_on_resolution_failure=False)


def sweep_job(config: DictConfig, path: Path) -> None:
    """One job of a sweep: its rows go into its own folder; a failure becomes a row and the sweep goes on."""
    of = HydraConfig.get()
    label = " ".join(of.overrides.task) or "defaults"
    try:
        settings = plain(config, of.runtime.choices) | {"figure": False}
        blocks, reference = runs.fits(settings)
        runs.write(path, settings, runs.rows(blocks, "sweep"), blocks[0], reference.coef[0])
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

"""The columns of a study's rows and their types: the same in every file, so that a folder of files is one table.

What a choice does not have (the delta of a loss without one) is null. The parameters of every shipped choice for the
task have their column from the start: a grid that grows by a loss or a noise leaves the files that are there as they
are. The task is that of the scenario; a study of several tasks has the columns of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from robustfit.catalogue import GROUPS, config_dir, locate, make, names, spec
from robustfit.data import Data
from robustfit.metrics import measure
from robustfit.stability import COLUMNS as STABILITY_COLUMNS
from robustfit.task import REGRESSION, TASKS, tasks_of

if TYPE_CHECKING:
    import pandas
    import pyarrow

IDENTITY = {"study": "string", "cell": "string", "block": "int64", "replicate": "int64", "seed": "int64"}

_KINDS = {bool: "bool", int: "int64", float: "double", str: "string"}


def types(parts: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Every column in its order and its type, for rows of cells made of these parts: pairs of group and object.

    Without a scenario among them, the columns of regression.

    >>> columns = types([])
    >>> columns["loss"], columns["loss.delta"], columns["n_iter"], columns["certified"], columns["coef"]
    ('string', 'double', 'int64', 'bool', 'list')
    """
    parts = list(parts)
    found = {part.task for group, part in parts if group == "scenario"} or {REGRESSION.name}
    tasks = tuple(task for task in TASKS if task in found)
    settings = dict(_settings(tasks))
    for group, part in parts:
        settings |= _merged(settings, dict(_of(group, part)))
    ordered = [(name, kind) for group in GROUPS for name, kind in settings.items() if name.partition(".")[0] == group]
    extra = dict.fromkeys(STABILITY_COLUMNS, "double")
    measured = {name: kind for task in tasks for name, kind in _measured(task).items()}
    return IDENTITY | {"outliers": "double"} | dict(ordered) | measured | extra | {"error": "string"}


def numbers() -> list[str]:
    """The columns of numbers that rows of any task have, settings of choices left out.

    >>> [name in numbers() for name in ("surface_error", "clean_error", "loss", "loss.delta", "coef")]
    [True, True, False, False, False]
    """
    kinds = IDENTITY | {"outliers": "double"}
    for task in TASKS:
        kinds |= _measured(task)
    named = [name for name, kind in kinds.items() if kind in ("double", "int64", "bool")]
    return [*named, *STABILITY_COLUMNS]


def table(rows: pandas.DataFrame, columns: Mapping[str, str]) -> pyarrow.Table:
    """The rows with exactly these columns; empty ones, and numbers that do not apply, are null."""
    import pyarrow

    schema = pyarrow.schema([(name, _arrow(kind)) for name, kind in columns.items()])
    return pyarrow.table([_array(rows, field) for field in schema], schema=schema)


def _array(rows: pandas.DataFrame, field: Any) -> Any:
    import pyarrow

    if field.name not in rows:
        return pyarrow.nulls(len(rows), field.type)
    column = rows[field.name]
    if column.isna().all():
        return pyarrow.nulls(len(rows), field.type)
    if field.type == pyarrow.string():
        column = column.map(str, na_action="ignore")
    return pyarrow.array(column, type=field.type, from_pandas=True)


def _arrow(kind: str) -> Any:
    import pyarrow

    return pyarrow.list_(pyarrow.float64()) if kind == "list" else pyarrow.type_for_alias(kind)


@cache
def _settings(tasks: tuple[str, ...]) -> dict[str, str]:
    """The columns of all shipped choices for some tasks and of their parameters."""
    found: dict[str, str] = {}
    for group in GROUPS:
        folders = [group, *(f"{group}/{path.name}" for path in (config_dir() / group).iterdir() if path.is_dir())]
        for place in sorted(folders):
            found |= _merged(found, {place.replace("/", "."): "string"})
            if group != "initial":
                kinds = [locate(spec(place, name)["_target_"], place) for name in names(place)]
                for kind in (kind for kind in kinds if not set(tasks).isdisjoint(tasks_of(kind))):
                    found |= _merged(found, dict(_parameters(place.replace("/", "."), kind)))
    return found


def _merged(found: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """The types of some columns, where others have the same column perhaps of another type: the wider one."""
    return {name: _wider(found.get(name, kind), kind) for name, kind in more.items()}


def _wider(one: str, other: str) -> str:
    if one == other:
        return one
    return "double" if {one, other} == {"int64", "double"} else "string"


def _of(prefix: str, part: Any) -> Iterator[tuple[str, str]]:
    """The columns of an object, and those of the objects in it, which may be a user's own."""
    for name, kind in _parameters(prefix, type(part)):
        yield name, kind
        value = getattr(part, name.rpartition(".")[2])
        if is_dataclass(value):
            yield from _of(name, value)


def _parameters(prefix: str, kind: Any) -> Iterable[tuple[str, str]]:
    hints = get_type_hints(kind)
    return ((f"{prefix}.{entry.name}", _kind(hints[entry.name])) for entry in fields(kind))


def _kind(hint: Any) -> str:
    """The type of a column of values that are annotated so; lists and mappings are recorded as JSON."""
    options = [option for option in get_args(hint) or (hint,) if option is not NoneType]
    known = [_KINDS.get(option, "string") for option in options]
    return known[0] if len(set(known)) == 1 else "string"


@cache
def _measured(task: str) -> dict[str, str]:
    """The columns that are measured of a task, with the types that they have for a sample."""
    X = np.stack([np.ones(4), np.arange(4.0)], -1)[None]
    y = np.array([[-1.0, 1.0, 1.0, 1.0]])
    fit = make("initial", "ols").fit(X, y)
    if task == "boxes":
        y, fit = np.zeros((1, 4, 4)), replace(fit, coef=np.zeros((1, 2, 4)))
    data = Data.clean(X, y, classes=(0, 1) if task == "classification" else ())
    return {name: _dtype(np.asarray(value)) for name, value in measure(data, fit).items()}


def _dtype(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "list"
    return {"b": "bool", "i": "int64", "u": "int64", "f": "double"}.get(values.dtype.kind, "string")

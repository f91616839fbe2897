"""The columns of a study's rows and their types: the same in every file, so that a folder of files is one table.

What a choice does not have (the delta of a loss without one) is null. The parameters of every shipped choice have their
column from the start: a grid that grows by a loss or a noise leaves the files that are there as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from robustfit.catalogue import GROUPS, config_dir, locate, make, names, spec
from robustfit.data import Data
from robustfit.metrics import measure
from robustfit.stability import COLUMNS as STABILITY_COLUMNS

if TYPE_CHECKING:
    import pandas
    import pyarrow

IDENTITY = {"study": "string", "cell": "string", "block": "int64", "replicate": "int64", "seed": "int64"}

_KINDS = {bool: "bool", int: "int64", float: "double", str: "string"}


def types(parts: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Every column in its order and its type, for rows of cells made of these parts: pairs of group and object.

    >>> columns = types([])
    >>> columns["loss"], columns["loss.delta"], columns["n_iter"], columns["certified"], columns["coef"]
    ('string', 'double', 'int64', 'bool', 'list')
    """
    settings = dict(_settings())
    for group, part in parts:
        settings |= _merged(settings, dict(_of(group, part)))
    ordered = [(name, kind) for group in GROUPS for name, kind in settings.items() if name.partition(".")[0] == group]
    extra = dict.fromkeys(STABILITY_COLUMNS, "double")
    return IDENTITY | {"outliers": "double"} | dict(ordered) | _measured() | extra | {"error": "string"}


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
def _settings() -> dict[str, str]:
    """The columns of all shipped choices and their parameters."""
    found: dict[str, str] = {}
    for group in GROUPS:
        folders = [group, *(f"{group}/{path.name}" for path in (config_dir() / group).iterdir() if path.is_dir())]
        for place in sorted(folders):
            found |= _merged(found, {place.replace("/", "."): "string"})
            if group != "initial":
                for name in names(place):
                    kind = locate(spec(place, name)["_target_"], place)
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
def _measured() -> dict[str, str]:
    """The columns that are measured, with the types that they have for a sample."""
    X = np.stack([np.ones(4), np.arange(4.0)], -1)[None]
    data = Data.clean(X, np.array([[0.0, 1.0, 1.0, 2.0]]))
    measured = measure(data, make("initial", "ols").fit(X, data.y))
    return {name: _dtype(np.asarray(value)) for name, value in measured.items()}


def _dtype(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "list"
    return {"b": "bool", "i": "int64", "u": "int64", "f": "double"}.get(values.dtype.kind, "string")

"""Names to specs to objects, read from `configs/<group>/*.yaml` without Hydra.

A YAML file is the registration: its stem is the name, `_target_` the class, the other keys its parameters. Inside a
checkout `configs/` stands beside the package, in a wheel inside it.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import yaml

from robustfit.errors import BadParameter, RobustfitError, Unknown

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, where PyYAML was built with it: ten times faster."""

GROUPS = ("scenario", "contamination", "loss", "solver", "scale", "initial", "penalty", "stability")
"""The configuration groups of a cell, in the order in which a reader thinks of them."""


def config_dir() -> Path:
    """The folder of the shipped configurations.

    >>> (config_dir() / "main.yaml").exists()
    True
    """
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def names(group: str) -> tuple[str, ...]:
    """The choices of a group, in alphabetical order.

    >>> "huber" in names("loss")
    True
    """
    return tuple(sorted(path.stem for path in (config_dir() / group).glob("*.yaml")))


@cache
def _text(group: str, name: str) -> str:
    path = config_dir() / group / f"{name}.yaml"
    if not path.is_file():
        raise Unknown.name(group, name, names(group))
    return path.read_text(encoding="utf-8")


def spec(group: str, name: str) -> dict[str, Any]:
    """The content of one YAML file, its `defaults` (other files) filled in as Hydra does.

    >>> spec("loss", "huber")
    {'_target_': 'robustfit.losses.huber.Huber', 'delta': 1.345}
    """
    content: dict[str, Any] = yaml.load(_text(group, name), _LOADER) or {}
    defaults: list[Any] = content.pop("defaults", [])
    order = defaults if "_self_" in defaults else [*defaults, "_self_"]
    parts = [content if entry == "_self_" else _default(group, entry) for entry in order]
    return reduce(_merged, parts, {})


def _default(group: str, entry: str | dict[str, str]) -> dict[str, Any]:
    """What a default brings: `m` a neighbour's content; `noise: normal` and `/loss@initial.loss: mae` a part of it."""
    if isinstance(entry, str):
        return spec(group, entry)
    ((key, choice),) = entry.items()
    path, _, place = key.partition("@")
    content = spec(path[1:] if path.startswith("/") else f"{group}/{path}", choice)
    for part in reversed((place or path.strip("/").replace("/", ".")).split(".")):
        content = {part: content}
    return content


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both contents; where they disagree, the one above, key by key."""
    parts = [key for key in below if isinstance(below[key], dict) and isinstance(above.get(key), dict)]
    return below | above | {key: _merged(below[key], above[key]) for key in parts}


def make(group: str, name: str, **parameters: Any) -> Any:
    """The object of that name, with some parameters replaced.

    >>> make("loss", "huber", delta=2)
    Huber(delta=2.0)
    """
    return build(spec(group, name) | parameters, group)


def build(content: Any, where: str) -> Any:
    """The object that a spec describes; specs inside it are built first.

    Raises:
        RobustfitError: names the place, the parameter and what the class takes.
    """
    if not isinstance(content, dict) or "_target_" not in content:
        return content
    target = locate(content["_target_"], where)
    given = {key: build(value, f"{where}.{key}") for key, value in content.items() if key != "_target_"}
    taken = parameters(target)
    for key in given:
        if key not in taken:
            raise Unknown(f"{where}: {Unknown.name(f'parameter of {target.__name__}', key, taken)}")
    for key, default in taken.items():
        value = given.get(key, default)
        if value is ... or isinstance(value, str) and value == "???":  # YAML's and Hydra's "must be given"
            raise BadParameter(f"{where}.{key}: must be given")
    try:
        return target(**given)
    except BadParameter as error:
        raise BadParameter(f"{where}.{error}") from None
    except TypeError as error:
        raise BadParameter(f"{where}: {error}") from None


def parameters(target: Any) -> dict[str, Any]:
    """The parameters of a class and their defaults (`...` where there is none).

    >>> from robustfit.losses.huber import Huber
    >>> parameters(Huber)
    {'delta': 1.345}
    """
    if is_dataclass(target):
        return {entry.name: _initial(entry) for entry in fields(target) if entry.init}
    signature = inspect.signature(target).parameters.values()
    return {entry.name: ... if entry.default is entry.empty else entry.default for entry in signature}


def _initial(entry: Field[Any]) -> Any:
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    return ... if entry.default is MISSING else entry.default


def locate(path: str, where: str) -> Any:
    """The class behind a dotted path.

    Raises:
        RobustfitError: the module or the class does not exist.
    """
    module, _, name = str(path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RobustfitError(f"{where}: cannot import '{path}' ({error})") from error
    if not callable(found):
        raise RobustfitError(f"{where}: '{path}' is not a class")
    return found


def name_of(group: str, thing: object) -> str:
    """The name whose YAML comes nearest to an object; its class's name where the catalogue has none of that class.

    >>> from robustfit.losses.huber import Huber
    >>> name_of("loss", Huber(2.0))
    'huber'
    """
    key = (group, repr(thing))
    if key not in _NAMES:
        _NAMES[key] = _nearest(group, thing)
    return _NAMES[key]


_NAMES: dict[tuple[str, str], str] = {}


def _nearest(group: str, thing: object) -> str:
    path = f"{type(thing).__module__}.{type(thing).__qualname__}"
    specs = {name: spec(group, name) for name in names(group)}
    same = {name: content for name, content in specs.items() if content.get("_target_") == path}
    keys = parameters(type(thing)) if len(same) > 1 else ()
    agreement = {
        name: sum(build(content[key], key) == getattr(thing, key) for key in keys if key in content)
        for name, content in same.items()
    }
    return max(agreement, key=lambda name: agreement[name], default=type(thing).__name__)

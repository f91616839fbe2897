"""A study's grid: from axes to the plain configuration of every cell, without Hydra."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustfit.catalogue import GROUPS, spec
from robustfit.errors import BadParameter, Unknown

SCALARS = ("outliers", "seed")


@dataclass(frozen=True)
class Grid:
    """What a study varies.

    Args:
        settings: what all cells share, on top of the run's configuration: any configuration key.
        axes: values per key, crossed with each other.
        zipped: groups of keys whose values go together, one mapping of equally long lists per group.
        skip: settings that make no sense together; a cell that matches all of one entry is left out and counted.
    """

    settings: Mapping[str, Any]
    axes: Mapping[str, Sequence[Any]]
    zipped: Sequence[Mapping[str, Sequence[Any]]] = ()
    skip: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Grid:
        """The grid of a study's configuration.

        Raises:
            BadParameter: a part of it has another form, an axis is no list or empty or there twice, zipped lists differ
                in length, there is no axis.
            Unknown: it has another key, or skips by a key that is no axis.
        """
        grid = cls(*_parts(content))
        for key, values in grid._axes():
            if not isinstance(values, (list, tuple)) or not values:
                raise BadParameter(f"study: axis {key}={values!r}: must be a list with at least one value")
        for group in grid.zipped:
            if len({len(values) for values in group.values()}) > 1:
                lengths = ", ".join(f"{key} has {len(values)}" for key, values in group.items())
                raise BadParameter(f"study: zipped axes must be equally long; {lengths}")
        grid._require_keys()
        return grid

    def _axes(self) -> Iterator[tuple[str, Sequence[Any]]]:
        """Every axis, crossed or zipped, with its values."""
        return itertools.chain(self.axes.items(), *(group.items() for group in self.zipped))

    def _require_keys(self) -> None:
        """Refuse a grid without axes, with an axis twice, and entries of `skip` that no combination can match."""
        keys = [key for key, _ in self._axes()]
        if not keys:
            raise BadParameter("study: the grid is empty: name a key and its values under axes or zipped")
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise BadParameter(f"study: axis {twice[0]}: is there more than once, in axes and zipped")
        for key in itertools.chain(*self.skip):
            if key not in keys:
                raise Unknown.name("axis to skip by", key, keys)

    @property
    def size(self) -> int:
        """How many combinations there are, the skipped ones included.

        >>> Grid({}, {"loss": ["mae", "mse"]}, [{"outliers": [0, 0.1], "seed": [1, 2]}]).size
        4
        """
        count = 1
        for axis in self._crossed():
            count *= len(axis)
        return count

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination that is not skipped, as settings.

        >>> list(Grid({}, {"loss": ["mae", "mse"], "outliers": [0.1]}, skip=[{"loss": "mse"}]).points())
        [{'loss': 'mae', 'outliers': 0.1}]
        """
        return (point for point in self._all() if not self.skips(point))

    def skipped(self) -> list[dict[str, Any]]:
        """The combinations that are left out."""
        return [point for point in self._all() if self.skips(point)]

    def skips(self, point: Mapping[str, Any]) -> bool:
        """Whether a combination matches an entry of `skip`; a list there means any of its values."""
        return any(all(_matches(point.get(key), value) for key, value in entry.items()) for entry in self.skip)

    def configs(self, base: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The configuration of every cell, over the run's own."""
        shared = applied(base, self.settings)
        return [applied(shared, point) for point in self.points()]

    def _all(self) -> Iterator[dict[str, Any]]:
        for combination in itertools.product(*self._crossed()):
            yield {key: value for part in combination for key, value in part.items()}

    def _crossed(self) -> list[list[dict[str, Any]]]:
        axes = [[{key: value} for value in values] for key, values in self.axes.items()]
        for group in self.zipped:
            axes.append([dict(zip(group, values, strict=True)) for values in zip(*group.values(), strict=True)])
        return axes


_PARTS: dict[str, Any] = {"settings": {}, "axes": {}, "zipped": (), "skip": ()}
_OTHERS = ("name", "question", "replicates")


def _parts(content: Mapping[str, Any]) -> Iterator[Any]:
    """The parts of a study's configuration that make its grid, each of its form: a mapping, or a list of mappings."""
    for key in content:
        if key not in _PARTS and key not in _OTHERS:
            raise Unknown.name("part of a study", key, [*_PARTS, *_OTHERS])
    for name, default in _PARTS.items():
        part = content.get(name) or default
        single = isinstance(default, dict)
        entries = [part] if single or not isinstance(part, (list, tuple)) else part
        if isinstance(part, dict) != single or not all(isinstance(entry, dict) for entry in entries):
            raise BadParameter(f"study: {name}={part!r}: must be a {'mapping' if single else 'list of mappings'}")
        yield part


def _matches(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, (list, tuple)) else bool(value == wanted)


def applied(config: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with some keys set: choices of groups first, then parameters.

    >>> applied({"loss": {"name": "mae"}, "outliers": 0.0}, {"loss.delta": 2.0, "loss": "huber"})["loss"]
    {'name': 'huber', '_target_': 'robustfit.losses.huber.Huber', 'delta': 2.0}
    """
    result = copy.deepcopy(dict(config))
    for key, value in sorted(settings.items(), key=lambda item: item[0].count(".")):
        _put(result, key, value)
    return result


def _put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set one key: `loss` and `scenario.noise` choose, `loss.delta` and `outliers` set a value, None leaves it.

    Raises:
        Unknown: there is no such key.
    """
    group, _, rest = key.partition(".")
    if value is None:
        return
    if group in SCALARS and not rest:
        config[group] = value
        return
    if group not in GROUPS:
        raise Unknown.name("setting", key, [*GROUPS, *SCALARS])
    *path, last = key.split(".")
    place = config
    for name in path:
        place = place[name]
    if rest and last not in place:
        known = [name for name in place if name not in ("name", "_target_")]
        raise Unknown.name("setting", key, [f"{'.'.join(path)}.{name}" for name in known])
    chooses = not isinstance(value, dict) and (not rest or (isinstance(place[last], dict) and isinstance(value, str)))
    if not chooses:
        place[last] = copy.deepcopy(value)  # of its own: parameters are set in it
        return
    content = spec(key.replace(".", "/"), value)
    place[last] = content if rest else {"name": value, **content}  # a part of a part is known by its class

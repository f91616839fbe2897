"""What varies between the lines of a summary: which axis to draw along, which lines, which panels, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robustfit.summary import setting_names

if TYPE_CHECKING:
    import pandas

ESTIMATOR = ("loss", "solver", "scale", "initial", "penalty")
DATA = ("outliers", "scenario", "contamination")

FEWEST = 3
"""Values that an axis needs to be drawn along."""

WORDS = {"n_samples": "n", "n_features": "features"}
SUFFIXES = {"noise": " noise", "scale": " scale", "initial": " start"}


@dataclass(frozen=True)
class Layout:
    """Settings that vary: the one to draw along (None where none has enough values), those of lines and of panels."""

    x: str | None
    line: tuple[str, ...]
    panel: tuple[str, ...]

    @classmethod
    def of(cls, table: pandas.DataFrame) -> Layout:
        """The layout of a summary: along the outliers where they vary, else along the number with the most values."""
        names = varying(table)
        line = _without_means(table, [name for name in names if name.partition(".")[0] in ESTIMATOR])
        data = [name for name in names if name.partition(".")[0] in DATA]
        long = [name for name in data if table[name].dtype.kind in "if" and table[name].nunique() >= FEWEST]
        x = "outliers" if "outliers" in long else max(long, key=lambda name: table[name].nunique(), default=None)
        return cls(x, line, tuple(name for name in data if name != x))

    def panels(self, table: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
        """Title and lines of each panel; along the outliers clean samples belong to every kind of contamination."""
        if not self.panel:
            yield "", table
        elif self.x != "outliers":
            yield from parts(table, self.panel)
        else:
            yield from self._with_clean(table)

    def _with_clean(self, table: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
        import pandas

        clean, spoilt = table[table["outliers"] == 0], table[table["outliers"] > 0]
        shared = [name for name in self.panel if not name.startswith("contamination")]
        for title, part in parts(spoilt, self.panel):
            same = clean
            for name in shared:
                value = part[name].iloc[0]
                same = same[same[name].isna() if pandas.isna(value) else same[name] == value]
            yield title, pandas.concat([same.drop_duplicates(list(self.line)) if self.line else same[:1], part])

    def lines(self, table: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
        """Label and lines of each estimator, along the axis."""
        ordered = table.sort_values(self.x, kind="stable") if self.x else table
        yield from parts(ordered, self.line) if self.line else [(str(table["loss"].iloc[0]), ordered)]


def parts(table: pandas.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, pandas.DataFrame]]:
    """The table by the values of some settings, in the order of their first lines, each with its title."""
    for values, part in table.groupby(list(names), sort=False, dropna=False):
        yield named(dict(zip(names, values, strict=True))), part


def varying(table: pandas.DataFrame) -> list[str]:
    """The settings that take several values; a parameter only if it does within one choice of what it belongs to.

    >>> import pandas
    >>> varying(pandas.DataFrame({"loss": ["mae", "huber"], "loss.delta": [None, 1.0], "outliers": [0.1, 0.1]}))
    ['loss']
    """
    names = [name for name in setting_names(table) if name.partition(".")[0] in (*ESTIMATOR, *DATA)]
    return [name for name in names if _varies(table, name)]


def _without_means(table: pandas.DataFrame, names: list[str]) -> tuple[str, ...]:
    """The settings of estimators without the solver's, where those follow from the others: means, no comparison."""
    others = [name for name in names if name.partition(".")[0] != "solver"]
    if not others or len(table[names].drop_duplicates()) > len(table[others].drop_duplicates()):
        return tuple(names)
    return tuple(others)


def _varies(table: pandas.DataFrame, name: str) -> bool:
    owner = name.rpartition(".")[0]
    counts = table.groupby(owner)[name].nunique() if owner in table else table[[name]].nunique()
    return bool((counts > 1).any())


def named(values: dict[str, Any]) -> str:
    """Settings in words; those that the choice does not have are left out.

    >>> named({"loss": "huber", "loss.delta": 1.345, "loss.c": float("nan"), "outliers": 0.1})
    'huber, delta = 1.345, 10 % outliers'
    """
    told = {name: value for name, value in values.items() if value is not None and value == value and value != "[]"}
    return ", ".join(_phrase(name, value) for name, value in told.items())


def _phrase(name: str, value: Any) -> str:
    last = name.rpartition(".")[2]
    if name == "outliers":
        return f"{100 * value:g} % outliers" if value else "no outliers"
    if isinstance(value, str) and value.startswith("["):
        return f"{last} = {value}"
    if isinstance(value, str):
        return value.replace("_", " ") + SUFFIXES.get(last, "")
    if isinstance(value, bool):
        return f"{last} {'on' if value else 'off'}"
    return f"{WORDS.get(last, last)} = {value:g}"

"""Kinds of outliers and the studies of them that several claims share, and how their rows are taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory
from robustfit.linalg import Array

KINDS: dict[str, dict[str, Any]] = {
    "vertical": {"contamination": "vertical"},
    "vertical, either sign": {"contamination": "vertical", "contamination.symmetric": True},
    "bad leverage": {"contamination": "bad_leverage"},
    "cluster": {"contamination": "cluster"},
}
"""Outliers at random rows: in y upwards, in y up or down, far out in x1 and off the surface, the same as one point."""

WORST = "vertical, worst rows"
"""Outliers in y at the rows that tilt the fit most."""

GOOD = "good leverage"
"""Rows far out in x1 and on the surface."""

FRACTIONS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5)
SIZES = (2.0, 5.0, 10.0, 100.0, 1e6)
"""How far off the outliers are, in standard deviations of the noise."""

DISTANCES = (3.0, 10.0, 100.0)
"""How far out good leverage points are, in widths of the feature."""

TAILS: dict[str, dict[str, Any]] = {
    "t errors, 1 degree of freedom": {"scenario.noise": "t", "scenario.noise.df": 1.0},
    "t errors, 2 degrees of freedom": {"scenario.noise": "t", "scenario.noise.df": 2.0},
    "t errors, 3 degrees of freedom": {"scenario.noise": "t", "scenario.noise.df": 3.0},
    "errors 10 % of which are 3 times as wide": {"scenario.noise": "contaminated_normal"},
}

SAMPLE = {"scenario.n_samples": 50, "scenario.n_features": 2}
LOSSES = ("mse", "mae", "smooth_l1")
LOSS: dict[str, list[Any]] = {"loss": list(LOSSES), "loss.beta": [None, None, 1.0]}
"""Smooth L1 with beta = 1, the default of its usual implementations."""

REPLICATES, QUICK = 256, 64

PLACED: dict[str, Any] = {"name": "worst_placement", "_target_": "experiments.worst_placement.WorstPlacement"}
PLACED |= {"n_samples": 50, "n_features": 2, "noise": {"_target_": "robustfit.noises.normal.Normal", "sigma": 1.0}}
PLACED |= {"share": 0.1, "shift": 10.0}


def listed(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Settings that go together, as a grid wants them: a list per key, None where an entry lacks it.

    >>> listed([{"a": 1}, {"b": 2}])
    {'a': [1, None], 'b': [None, 2]}
    """
    keys = dict.fromkeys(key for entry in entries for key in entry)
    return {key: [entry.get(key) for entry in entries] for key in keys}


def crossed(fractions: Sequence[float], sizes: Sequence[float], kinds: Mapping[str, Mapping[str, Any]]) -> Any:
    """The axes and zipped axes of fractions, sizes and kinds of outliers."""
    return {"outliers": list(fractions), "contamination.shift": list(sizes)}, listed(list(kinds.values()))


_AXES, _KINDS = crossed(FRACTIONS, SIZES, KINDS)

RANDOM_ROWS = Experiment("random_rows", Grid(SAMPLE, _AXES, [LOSS, _KINDS]), REPLICATES, QUICK)
CLEAN = Experiment("clean", Grid(SAMPLE, {"outliers": [0.0]}, [LOSS]), REPLICATES, QUICK)
WORST_ROWS = Experiment(
    "worst_rows",
    Grid({"scenario": PLACED}, {"scenario.share": list(FRACTIONS), "scenario.shift": list(SIZES)}, [LOSS]),
    REPLICATES,
    QUICK,
)
GOOD_LEVERAGE = Experiment(
    "good_leverage",
    Grid(
        SAMPLE | {"contamination": "good_leverage"},
        {"outliers": [0.02, 0.1, 0.3], "contamination.distance": list(DISTANCES)},
        [LOSS],
    ),
    REPLICATES,
    QUICK,
)
HEAVY_TAILS = Experiment("heavy_tails", Grid(SAMPLE, {}, [LOSS, listed(list(TAILS.values()))]), REPLICATES, QUICK)


def cells(rows: pd.DataFrame, settings: Sequence[str], column: str) -> dict[tuple[Any, ...], Array]:
    """A column of every cell in the order of its replicates, by these settings of the cell."""
    ordered = rows.sort_values("replicate", kind="stable")
    groups = ordered.groupby(list(settings), dropna=False, sort=False)[column]
    return {key: group.to_numpy(dtype=float) for key, group in groups}


def kind_of(contamination: str, symmetric: Any) -> str:
    """The name of a contamination among `KINDS`.

    >>> kind_of("vertical", True)
    'vertical, either sign'
    """
    wanted = {"contamination": contamination} | ({"contamination.symmetric": True} if symmetric is True else {})
    return next(name for name, settings in KINDS.items() if settings == wanted)


Place = tuple[str, float, float]
"""Kind, fraction and size of outliers."""


MEASURES = ("surface_error", "marked_rmse", "outlier_ap", "outlier_recall", "outlier_precision")
"""The columns that claims read of the studies of outliers."""

BY_KIND = ("contamination", "contamination.symmetric", "outliers", "contamination.shift", "loss")
BY_SHARE = ("scenario.share", "scenario.shift", "loss")


def outlying(lab: Laboratory, column: str) -> dict[Place, dict[str, Array]]:
    """A column by kind, fraction and size of outliers, then by loss, `(K,)` each: random rows and the worst."""
    random, worst = _measured(lab)
    found: dict[Place, dict[str, Array]] = {}
    for (name, symmetric, fraction, size, loss), values in cells(random, BY_KIND, column).items():
        found.setdefault((kind_of(name, symmetric), fraction, size), {})[loss] = values
    for (share, size, loss), values in cells(worst, BY_SHARE, column).items():
        found.setdefault((WORST, share, size), {})[loss] = values
    order = [*KINDS, WORST]
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][2], item[0][1])))


@lru_cache(maxsize=1)
def _measured(lab: Laboratory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of both studies, without the columns that no claim reads: three claims read them several times over."""
    parts = ((RANDOM_ROWS, BY_KIND), (WORST_ROWS, BY_SHARE))
    random, worst = (lab.rows(study)[["replicate", *names, *MEASURES]] for study, names in parts)
    return random, worst


def size_in_words(size: float) -> str:
    """A size in standard deviations.

    >>> size_in_words(1e6), size_in_words(2.0)
    ('1e6 sd', '2 sd')
    """
    return f"{size:g} sd".replace("e+06", "e6")


def place_in_words(place: Place) -> str:
    """A kind, fraction and size in words.

    >>> place_in_words(("cluster", 0.1, 5.0))
    'cluster, 10 % at 5 sd'
    """
    kind, fraction, size = place
    return f"{kind}, {100 * fraction:g} % at {size_in_words(size)}"

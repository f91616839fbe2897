"""Do a few outliers bend the line? How many rows, how far off, and where on the line?

The document's picture: a sample with five outliers, the line of MSE visibly off, the line of MAE still with the normal
data. Tried with five outliers of 20 to 1000 rows, then with a single one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.kinds import cells, listed
from robustfit.catalogue import make
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Key,
    Outcome,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Verdict,
    above,
    at_least,
    at_most,
    each_confidence,
)
from robustfit.contaminations.base import Contamination
from robustfit.data import Data, Streams
from robustfit.estimators.m import M
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, difference, ratio
from robustfit.panels import BLACK, RED, style
from robustfit.report import with_error
from robustfit.scenarios.line import Line
from robustfit.solvers.newton import Newton

PLACES: dict[str, dict[str, Any]] = {
    "anywhere, upwards": {"contamination": "vertical"},
    "anywhere, up or down": {"contamination": "vertical", "contamination.symmetric": True},
    "at the end of the line": {
        "contamination": "bad_leverage",
        "contamination.distance": 1.3,
        "contamination.spread": 0.05,
    },
    "far beyond the end": {"contamination": "bad_leverage", "contamination.distance": 10.0},
}
"""Where outliers are: x uniform on 0..10 has median 5 and width 3.7, so that 1.3 widths from there is just below 10."""

ROWS = (20, 50, 100, 1000)
SIZES = (5.0, 20.0, 100.0)
LOSS: dict[str, list[Any]] = {"loss": ["mse", "mae"]}
_AXES: dict[str, Any] = {**LOSS, "contamination.shift": list(SIZES)}
_ROWS: dict[str, list[Any]] = {"scenario.n_samples": list(ROWS)}

FIVE = Experiment(
    "five_outliers",
    Grid({"scenario": "line"}, _AXES, [_ROWS | {"outliers": [5 / n for n in ROWS]}, listed(list(PLACES.values()))]),
    replicates=256,
    quick=64,
)
NONE = Experiment("line", Grid({"scenario": "line", "outliers": 0.0}, LOSS | _ROWS), replicates=256, quick=64)

VISIBLE = 0.5
"""Of the noise's standard deviation."""


@dataclass(frozen=True)
class FiveOutliers(Claim):
    """Five outliers among twenty rows are not five among a thousand."""

    id = "five-outliers"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.1",
            "Using the MSE loss function, the influence of the group is large, although only 5 out of the sample, "
            "butFitted straight lineStill comparisonBe biased",
        ),
        Quote(
            "D0",
            "1.2",
            "using the MAE loss function, the impact of the group points is small, and the fitted straight line can "
            "better characterize the distribution of normal data.",
        ),
    )
    statement = (
        "five outliers in the sample move the line of MSE visibly, and not that of MAE: of 20 to 1000 rows, 5 to 100 "
        "standard deviations off, anywhere or at one end of the line or far beyond it."
    )
    quantifier = Quantifier.generic
    scope = "lines with one feature, normal errors"
    margin = (
        "visible is an error of the line larger by half a standard deviation of the noise (root mean square along the "
        "line) than without the outliers, since a line that is off by less lies well inside the scatter of the normal "
        "points"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = excess(lab)
        both = {where: _both(where, at) for where, at in sorted(found.items(), key=_usual_first)}
        conditions = tuple(condition for pair in both.values() for condition in pair)
        confidence = each_confidence(conditions)
        kept = [(where[0], pair[1].outcome(confidence)) for where, pair in both.items()]
        usual = found["anywhere, upwards", 50, 20.0]
        key = Key("excess error of MSE, 5 of 50 targets 20 sd too high", Sampled(usual["mse"]), "sd")
        tables = {"Excess error in sd of the noise, outliers of 20 sd: MSE and MAE": _table(found)}
        pictures = {"lines": lines_picture()}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, found, kept), tables, pictures)


Where = tuple[str, int, float]
"""Place and number of rows of a sample with outliers, and their size."""


def excess(lab: Laboratory) -> dict[Where, dict[str, Estimate]]:
    """By how much the error of each loss's line grows through five outliers, on the same samples."""
    clean = cells(lab.rows(NONE), ("scenario.n_samples", "loss"), "surface_error")
    found: dict[Where, dict[str, Estimate]] = {}
    for (place, n, size, loss), values in placed(lab.rows(FIVE)).items():
        found.setdefault((place, n, size), {})[loss] = difference(values, clean[n, loss])
    return found


def placed(rows: pd.DataFrame) -> dict[tuple[str, int, float, str], Array]:
    """The errors by place, number of rows, size and loss."""
    names = ("contamination", "contamination.symmetric", "contamination.distance")
    found = cells(rows, (*names, "scenario.n_samples", "contamination.shift", "loss"), "surface_error")
    return {(_place(*key[:3]), int(key[3]), key[4], key[5]): values for key, values in found.items()}


def _place(contamination: str, symmetric: Any, distance: float) -> str:
    """The name of a place by its settings, NaN where a contamination lacks one."""
    given = (contamination, symmetric is True, distance if distance == distance else None)
    names = ("contamination", "contamination.symmetric", "contamination.distance")
    return next(
        place
        for place, settings in PLACES.items()
        if (settings[names[0]], settings.get(names[1], False), settings.get(names[2])) == given
    )


def _usual_first(item: tuple[Where, Any]) -> tuple[float, float]:
    """The document's picture first, as far as it can be told: 50 rows, 20 standard deviations."""
    (_, n, size), _ = item
    return abs(np.log(n / 50)), abs(np.log(size / 20))


def _both(where: Where, at: Mapping[str, Estimate]) -> tuple[Condition, Condition]:
    place, n, size = where
    name = f"5 of {n} rows, {size:g} sd, {place}"
    return (
        Condition(f"MSE is visibly off: {name}", Sampled(at["mse"]), above(VISIBLE), "sd"),
        Condition(f"MAE is not: {name}", Sampled(at["mae"]), at_most(VISIBLE), "sd"),
    )


def _table(found: Mapping[Where, Mapping[str, Estimate]]) -> pd.DataFrame:
    lines = []
    for place in PLACES:
        at = {n: found[place, n, 20.0] for n in ROWS}
        lines.append(
            {"outliers": place} | {f"n = {n}": f"{_text(one['mse'])}, {_text(one['mae'])}" for n, one in at.items()}
        )
    return pd.DataFrame(lines)


def _text(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _meaning(
    verdict: Verdict, found: Mapping[Where, Mapping[str, Estimate]], kept: Sequence[tuple[str, Outcome]]
) -> str:
    usual, beyond = found["anywhere, upwards", 50, 20.0], found["far beyond the end", 50, 20.0]
    lost = [place for place in PLACES if (place, Outcome.fails) in kept]
    safe = [place for place in PLACES if {outcome for one, outcome in kept if one == place} == {Outcome.holds}]
    advice = {
        Verdict.supported: "MAE kept to the normal data wherever the outliers were",
        Verdict.depends: (
            f"MAE keeps to the normal data in all of these samples with outliers {_words(safe)}, and "
            f"leaves them in some with outliers {_words(lost)}"
        ),
        Verdict.refuted: "MAE kept to the normal data no better than MSE",
        Verdict.undecided: "More samples would be needed to say where MAE keeps to the normal data",
    }
    return (
        f"Five targets of 50 that are 20 standard deviations too high move the line of MSE by {_text(usual['mse'])} "
        f"and that of MAE by {_text(usual['mae'])} standard deviations; five rows far beyond the end, as far off, move "
        f"MSE by {_text(beyond['mse'])} and MAE by {_text(beyond['mae'])}. {advice[verdict]}."
    )


def _words(names: list[str]) -> str:
    """Names in a row.

    >>> _words(["a", "b", "c"])
    'a, b or c'
    """
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "nowhere"


def sampled(place: str, size: float, n: int = 50) -> Data:
    """The first sample with five outliers of this size at this place."""
    settings = {key.partition(".")[2]: value for key, value in PLACES[place].items() if "." in key}
    contamination: Contamination = make("contamination", PLACES[place]["contamination"], shift=size, **settings)
    streams = Streams.spawn(seed=0, block=0)
    clean = Line(n_samples=n).draw(streams, replicates=256)
    return contamination.corrupt(clean, 5 / n, streams.marks, streams.values).member(0)


def fitted(data: Data, loss: str) -> Array:
    """Intercept and slope."""
    coef: Array = M(make("loss", loss), Newton()).fit(data.X, data.y).coef
    return coef


def lines_picture() -> Picture:
    """Five outliers of 50 rows at three places, and the lines of MSE and MAE."""

    def draw(figure: Any) -> None:
        places = ("anywhere, upwards", "at the end of the line", "far beyond the end")
        for axes, place in zip(figure.subplots(1, 3), places, strict=True):
            _draw_lines(axes, sampled(place, 20.0))
            axes.set(title=f"outliers {place}", xlabel="x", ylabel="y" if place == places[0] else "")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5)

    caption = (
        "One sample of 50 rows, five of them 20 standard deviations too high: the lines of MSE and MAE beside the "
        "true one."
    )
    return Picture(caption, draw, 10.0, 3.8)


def _draw_lines(axes: Any, data: Data) -> None:
    assert data.truth is not None
    x, bad = data.X[:, 1], data.outliers
    axes.plot(x[~bad], data.y[~bad], "o", ms=3.5, color="#888888", label="normal")
    axes.plot(x[bad], data.y[bad], "X", ms=7, color=RED, label="outlier")
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, data.truth.coef[0] + data.truth.coef[1] * ends, color=BLACK, lw=1, label="truth")
    for loss in ("mse", "mae"):
        coef, look = fitted(data, loss), style(loss)
        axes.plot(ends, coef[0] + coef[1] * ends, color=look.color, ls=look.dashes, lw=2.2, label=loss.upper())


ONE_ROWS = (10, 50, 200)
ONE_SIZES = (2.0, 10.0, 100.0, 1e6)
_ONE_ROWS: dict[str, list[Any]] = {"scenario.n_samples": list(ONE_ROWS)}
_ONE = _ONE_ROWS | {"outliers": [1 / n for n in ONE_ROWS]}

ONE = Experiment(
    "one_outlier",
    Grid(
        {"scenario": "line"},
        {**LOSS, "contamination.shift": list(ONE_SIZES)},
        [_ONE, listed(list(PLACES.values()))],
        skip=[{"contamination.symmetric": True}],
    ),
    replicates=512,
    quick=64,
)
ONE_GOOD = Experiment(
    "one_good_leverage",
    Grid({"scenario": "line", "contamination": "good_leverage"}, LOSS, [_ONE]),
    replicates=512,
    quick=64,
)
ONE_NONE = Experiment("line_small", Grid({"scenario": "line", "outliers": 0.0}, LOSS | _ONE_ROWS), 512, 64)

WORSE = 1.05


@dataclass(frozen=True)
class MseSacrificesNormalPoints(Claim):
    """A single outlier, and what it costs the others."""

    id = "mse-sacrifices-normal-points"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.1",
            "If there is an off group point in the sample, MSE will give a higher weight of the group point, which "
            "sacrifices the prediction effect of other normal point data, and ultimately reducing the overall model "
            "performance.",
        ),
        Quote(
            "D0",
            "2.2",
            "If this sample is an exception value, the model needs to be adjusted to accommodate a single exception "
            "value, which sacrifices many other normal samples",
        ),
    )
    statement = (
        "one outlier among 10, 50 or 200 rows makes the line of MSE farther from the true one, on which the normal "
        "points lie, than it is without the outlier: 2 to 1e6 standard deviations off, anywhere, at the end of the "
        "line or far beyond it, and far beyond it but right."
    )
    quantifier = Quantifier.generic
    scope = "lines with one feature, normal errors"
    margin = (
        "an error larger by more than 5 %, which is what losing a tenth of the sample costs; against the true line, "
        "not the targets fitted, where MSE is the best on all points by construction"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = growth(lab)
        conditions = tuple(
            Condition(_one_name(where), Sampled(at["mse"]), at_least(WORSE))
            for where, at in sorted(found.items(), key=_usual_one)
        )
        usual, small = found["anywhere, upwards", 50, 10.0], found["anywhere, upwards", 200, 2.0]
        key = Key("error of MSE with one target of 50 10 sd too high, over that without", Sampled(usual["mse"]))
        tables = {"Error with one outlier over that without": _one_table(found)}
        pictures = {"growth": _growth_picture(found)}
        return Evidence(conditions, key, lambda verdict: _one_meaning(verdict, usual, small), tables, pictures)


RIGHT = "far beyond the end, but right"


def growth(lab: Laboratory) -> dict[Where, dict[str, Estimate]]:
    """The error of each loss's line with one outlier over that without, on the same samples."""
    clean = cells(lab.rows(ONE_NONE), ("scenario.n_samples", "loss"), "surface_error")
    good = cells(lab.rows(ONE_GOOD), ("scenario.n_samples", "loss"), "surface_error")
    values = placed(lab.rows(ONE)) | {(RIGHT, int(n), 0.0, loss): one for (n, loss), one in good.items()}
    found: dict[Where, dict[str, Estimate]] = {}
    for (place, n, size, loss), one in values.items():
        found.setdefault((place, n, size), {})[loss] = ratio(one, clean[n, loss])
    return found


def _usual_one(item: tuple[Where, Any]) -> tuple[float, float]:
    (_, n, size), _ = item
    return abs(np.log(max(size, 1.0) / 10)), abs(np.log(n / 50))


def _one_name(where: Where) -> str:
    place, n, size = where
    return f"1 of {n} rows, {place}" + (f", {size:g} sd".replace("e+06", "e6") if size else "")


def _one_table(found: Mapping[Where, Mapping[str, Estimate]]) -> pd.DataFrame:
    lines = [
        {"outlier": _one_name(where)} | {loss: _text(at[loss]) for loss in ("mse", "mae")}
        for where, at in sorted(found.items(), key=_usual_one)
        if where[2] in (0.0, 2.0, 10.0)
    ]
    return pd.DataFrame(lines)


def _one_meaning(verdict: Verdict, usual: Mapping[str, Estimate], small: Mapping[str, Estimate]) -> str:
    advice = {
        Verdict.supported: "Every outlier tried costs the normal points something under MSE",
        Verdict.depends: (
            "Under MSE a gross outlier is paid for by all normal points, a small one among many rows is not, and a "
            "row that is far out but right is a gain"
        ),
        Verdict.refuted: "A single outlier costs the normal points next to nothing under MSE",
        Verdict.undecided: "What a single outlier costs was not settled for every circumstance",
    }
    return (
        "One target of 50 that is 10 standard deviations too high multiplies the error of MSE by "
        f"{_text(usual['mse'])} (of MAE by {_text(usual['mae'])}), one of 200 that is 2 too high by "
        f"{_text(small['mse'])} (MAE: {_text(small['mae'])}). {advice[verdict]}."
    )


def _growth_picture(found: Mapping[Where, Mapping[str, Estimate]]) -> Picture:
    def draw(figure: Any) -> None:
        places = [place for place in PLACES if (place, 50, 10.0) in found]
        for axes, place in zip(figure.subplots(1, 3, sharey=True), places, strict=True):
            for (loss, n), look in _looks().items():
                values = [found[place, n, size][loss].value for size in ONE_SIZES]
                axes.plot(ONE_SIZES, values, label=f"{loss.upper()}, n = {n}", ms=5, **look)
            axes.axhline(1.0, color="#999999", ls=":", lw=1)
            axes.set(title=place, xscale="log", yscale="log", xlabel="size (noise sd)")
        figure.axes[0].set_ylabel("error with one outlier over that without")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)

    caption = "What one outlier does to the error of the line, against its size. At 1 (dotted) it does nothing."
    return Picture(caption, draw, 10.0, 3.9)


def _looks() -> dict[tuple[str, int], dict[str, Any]]:
    """MSE and MAE in their colours, 10 rows and 200 with open and full markers."""
    return {
        (loss, n): {"color": style(loss).color, "ls": style(loss).dashes, "marker": style(loss).marker, "mfc": fill}
        for loss in ("mse", "mae")
        for n, fill in ((10, "white"), (200, style(loss).color))
    }

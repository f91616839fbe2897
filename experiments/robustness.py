"""Is a loss more robust than the squared one? Against which outliers, how many, how far off?

The error of the fit is its distance from the true surface over clean features (`surface_error`), paired between losses
on the same samples. A kind of outliers is tolerated up to the largest fraction at which the mean error, the worst over
all sizes, is within one standard deviation of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.curves import Axis, panels
from experiments.kinds import (
    CLEAN,
    FRACTIONS,
    GOOD,
    GOOD_LEVERAGE,
    HEAVY_TAILS,
    KINDS,
    PLACED,
    SAMPLE,
    SIZES,
    TAILS,
    WORST,
    Place,
    cells,
    crossed,
    kind_of,
    outlying,
    place_in_words,
)
from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, below
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory, sample
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, median_ratio, ratio
from robustfit.report import number, with_error
from robustfit.tolerated import Circumstances as Spoilt
from robustfit.tolerated import tolerated_fractions

LESS = 0.95
MARGIN = (
    "an error smaller by more than 5 %, since a tenth more data buys as much (errors shrink with the root of the "
    "sample size); of the mean over samples, for heavy tails of the median, since there means need not exist"
)

USUAL = (0.1, 10.0)
"""The fraction and the size that are named first: one row in ten, ten standard deviations off."""


def usual_first(place: Place) -> tuple[float, float]:
    """How far a fraction and a size are from the usual ones."""
    return abs(place[1] - USUAL[0]), abs(math.log10(place[2] / USUAL[1]))


def less(name: str, found: Estimate) -> Condition:
    """The condition that the first of two errors is clearly the smaller one."""
    return Condition(name, Sampled(found), below(LESS))


@dataclass(frozen=True)
class MaeMoreRobust(Claim):
    """Robust against wild targets, and what of wild features?"""

    id = "mae-more-robust"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.2",
            "There is an advantage of MAE compared to MSE, which is not so sensitive to the group points.",
        ),
        Quote("D0", "2.2", "the robustness of the minimum absolute deviation method is better than the minimum square"),
    )
    statement = (
        "with outliers in the sample the fit of MAE errs less than that of MSE: outliers in y (one-sided, of either "
        "sign, at the rows where they hurt most), bad and good leverage points, point masses, heavy tails; 2 to 50 % "
        "of the rows, 2 to 1e6 standard deviations off."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 2 features, 50 rows, normal errors unless said otherwise"
    margin = MARGIN

    def evidence(self, lab: Laboratory) -> Evidence:
        found = errors(lab)
        conditions = (
            *(less(place_in_words(place), found[place]) for place in sorted(found, key=usual_first)),
            *(less(name, one) for name, one in {**good_leverage(lab), **heavy_tails(lab)}.items()),
        )
        clean = ratio(*(sample(lab.rows(CLEAN), "surface_error", {"loss": loss}) for loss in ("mae", "mse")))
        tolerated = tolerance(lab)
        key = Key(
            "error of MAE over that of MSE, 10 % of the targets 10 sd too high", Sampled(found["vertical", *USUAL])
        )
        tables = {
            "Tolerated fraction: the largest at which the mean error is within one sd, whatever the size": tolerated,
            "Error of MAE over that of MSE at 10 sd, by fraction of outliers": by_fraction(found, 10.0),
        }
        pictures = {"fractions": fractions_picture(lab, 10.0), "sizes": sizes_picture(lab, 0.1)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, clean, tolerated), tables, pictures)


def errors(lab: Laboratory, loss: str = "mae") -> dict[Place, Estimate]:
    """The mean error of a loss over that of MSE, by place."""
    return {place: ratio(one[loss], one["mse"]) for place, one in outlying(lab, "surface_error").items()}


def good_leverage(lab: Laboratory, loss: str = "mae") -> dict[str, Estimate]:
    """The mean error over that of MSE where rows are far out and right."""
    found = cells(lab.rows(GOOD_LEVERAGE), ("outliers", "contamination.distance", "loss"), "surface_error")
    places = dict.fromkeys(key[:2] for key in found)
    return {
        f"{GOOD}, {100 * fraction:g} % at {distance:g} widths": ratio(
            found[fraction, distance, loss], found[fraction, distance, "mse"]
        )
        for fraction, distance in places
    }


def heavy_tails(lab: Laboratory, loss: str = "mae") -> dict[str, Estimate]:
    """The median error of the slopes over that of MSE under heavy tails; MSE may have no intercept to aim at."""
    rows = lab.rows(HEAVY_TAILS)
    return {
        name: median_ratio(
            sample(rows, "slope_error", {**tail, "loss": loss}), sample(rows, "slope_error", {**tail, "loss": "mse"})
        )
        for name, tail in TAILS.items()
    }


def tolerance(lab: Laboratory) -> pd.DataFrame:
    """The tolerated fraction of every loss, by kind of outliers."""
    samples = {
        spoilt(loss, (), 0.0): one for (loss,), one in cells(lab.rows(CLEAN), ("loss",), "surface_error").items()
    }
    for (kind, fraction, size), found in outlying(lab, "surface_error").items():
        settings = (("contamination", kind), ("contamination.size", size))
        samples |= {spoilt(loss, settings, fraction): one for loss, one in found.items()}
    table = tolerated_fractions(samples)
    table["interval"] = [
        f"{low:g} to {high:g}" for low, high in zip(table.tolerated_low, table.tolerated_high, strict=True)
    ]
    renamed = table.rename(
        columns={"tolerated_fraction": "tolerated", "worst": "error there", "beyond": "not tolerated"}
    )
    return renamed[["loss", "against", "tolerated", "interval", "error there", "not tolerated"]]


def spoilt(loss: str, contamination: Any, fraction: float) -> Spoilt:
    """A cell as the table of tolerated fractions knows it."""
    return Spoilt((), (("loss", loss),), contamination, fraction)


def by_fraction(found: Mapping[Place, Estimate], size: float) -> pd.DataFrame:
    """The ratios at one size: a line per kind, a column per fraction."""
    lines = [
        {"outliers": kind} | {f"{100 * at:g} %": with_error(*_pair(found[kind, at, size])) for at in FRACTIONS}
        for kind in (*KINDS, WORST)
    ]
    return pd.DataFrame(lines)


def _pair(one: Estimate) -> tuple[float, float]:
    return one.value, one.mcse


def of_kind(tolerated: pd.DataFrame, loss: str, kind: str) -> str:
    """The tolerated fraction in per cent."""
    chosen = tolerated[(tolerated["loss"] == loss) & (tolerated["against"] == kind)]
    return f"{100 * float(chosen['tolerated'].iloc[0]):g} %"


def _meaning(verdict: Verdict, clean: Estimate, tolerated: pd.DataFrame) -> str:
    kinds = {
        "vertical": "of outliers in y",
        WORST: "of outliers in y at the worst rows",
        "bad leverage": "of bad leverage points",
    }
    told = {loss: [of_kind(tolerated, loss, kind) for kind in kinds] for loss in ("mae", "mse")}
    listed_kinds = ", ".join(f"{share} {words}" for share, words in zip(told["mae"], kinds.values(), strict=True))
    advice = {
        Verdict.supported: "MAE is the safer choice of the two wherever outliers are feared",
        Verdict.depends: (
            "Choose MAE where the targets may be wild; where the features may be, neither of the two protects"
        ),
        Verdict.refuted: "MAE protects no better than MSE",
        Verdict.undecided: "Which of the two protects better was not settled",
    }
    return (
        f"Whatever their size, of the fractions tried MAE bears {listed_kinds} with a mean error within one standard "
        f"deviation of the noise (MSE: {', '.join(told['mse'])}), and on clean data it errs "
        f"{with_error(clean.value, clean.mcse)} times as much as MSE. {advice[verdict]}."
    )


ERROR = Axis("mean surface_error", logarithmic=True)
SIZE = Axis("size in standard deviations of the noise", logarithmic=True)


def fractions_picture(lab: Laboratory, size: float) -> Picture:
    """Error against the fraction of outliers, one panel per kind."""
    found = outlying(lab, "surface_error")
    clean = {loss: values for (loss,), values in cells(lab.rows(CLEAN), ("loss",), "surface_error").items()}

    def curve(kind: str, loss: str) -> tuple[Sequence[float], list[Array]]:
        return (0.0, *FRACTIONS), [clean[loss], *(found[kind, at, size][loss] for at in FRACTIONS)]

    caption = (
        f"Mean error of the fit (with two Monte Carlo standard errors) against the fraction of outliers {size:g} "
        "standard deviations off. The dotted line is one standard deviation of the noise."
    )
    return Picture(caption, lambda figure: panels(figure, curve, Axis("fraction of outliers"), ERROR), 9.6, 5.6)


def sizes_picture(lab: Laboratory, fraction: float) -> Picture:
    """Error against the size of outliers, one panel per kind."""
    found = outlying(lab, "surface_error")

    def curve(kind: str, loss: str) -> tuple[Sequence[float], list[Array]]:
        return SIZES, [found[kind, fraction, size][loss] for size in SIZES]

    caption = f"Mean error of the fit against the size of outliers, {100 * fraction:g} % of the rows."
    return Picture(caption, lambda figure: panels(figure, curve, SIZE, ERROR), 9.6, 5.6)


SIGMAS = (0.01, 1.0, 100.0)
FEW_FRACTIONS = (0.1, 0.3)
FEW_SIZES = (2.0, 10.0, 1e3, 1e6)
THREE_KINDS = {name: KINDS[name] for name in ("vertical", "bad leverage", "cluster")}
PAIR: dict[str, list[Any]] = {"loss": ["mse", "smooth_l1"], "loss.beta": [None, 1.0]}
_AXES, _KINDS = crossed(FEW_FRACTIONS, FEW_SIZES, THREE_KINDS)
_WIDTHS = {"scenario.noise.sigma": list(SIGMAS)}

UNITS = Experiment("units", Grid(SAMPLE, _WIDTHS | _AXES, [PAIR, _KINDS]), replicates=256, quick=64)
UNITS_WORST = Experiment(
    "units_worst",
    Grid(
        {"scenario": PLACED},
        _WIDTHS | {"scenario.share": list(FEW_FRACTIONS), "scenario.shift": list(FEW_SIZES)},
        [PAIR],
    ),
    replicates=256,
    quick=64,
)
UNITS_TAILS = Experiment(
    "units_tails",
    Grid(SAMPLE | {"scenario.noise": "t"}, _WIDTHS | {"scenario.noise.df": [1.0, 2.0]}, [PAIR]),
    replicates=256,
    quick=64,
)


@dataclass(frozen=True)
class SmoothL1MoreRobust(Claim):
    """A raw beta knows no unit."""

    id = "smooth-l1-more-robust"
    section = "B"
    quotes = (
        Quote("D0", "4", "Compared to the L2 loss function, the abnormal value is not sensitive to the off group"),
        Quote(
            "D2",
            "3",
            "结合了L1 Loss对离群点、异常值不敏感的优点。",
            translation="It combines L1 loss's advantage of being insensitive to outliers and abnormal values.",
        ),
    )
    statement = (
        "with outliers in the sample the fit of Smooth L1 with beta = 1 errs less than that of MSE: outliers in y at "
        "random and at the worst rows, bad leverage points, point masses, heavy tails; errors of standard deviation "
        "0.01, 1 and 100."
    )
    quantifier = Quantifier.generic
    scope = (
        "linear models with 2 features, 50 rows; beta = 1, the default of the implementations that the documents show"
    )
    margin = MARGIN

    def evidence(self, lab: Laboratory) -> Evidence:
        found = units(lab)
        order = sorted(found, key=lambda place: (*usual_first((place[1], place[2], place[3])), place[0]))
        conditions = (
            *(less(f"noise sd {place[0]:g}: {place_in_words(place[1:])}", found[place]) for place in order),
            *(less(name, one) for name, one in _unit_tails(lab).items()),
        )
        usual = {sigma: found[sigma, "vertical", *USUAL] for sigma in SIGMAS}
        key = Key(
            "error of Smooth L1 over that of MSE, noise sd 1, 10 % of the targets 10 sd too high", Sampled(usual[1.0])
        )
        tables = {
            "Error of Smooth L1 (beta = 1) over that of MSE, 10 % outliers at 10 sd, by noise sd": _by_sigma(found)
        }
        leverage = found[1.0, "bad leverage", *USUAL]
        pictures = {"units": _units_picture(found)}
        return Evidence(conditions, key, lambda verdict: _unit_meaning(verdict, usual, leverage), tables, pictures)


Unit = tuple[float, str, float, float]
"""Noise sd, kind, fraction and size of outliers."""


def units(lab: Laboratory) -> dict[Unit, Estimate]:
    """The mean error of Smooth L1 over that of MSE."""
    names = ("scenario.noise.sigma", "contamination", "outliers", "contamination.shift", "loss")
    found = cells(lab.rows(UNITS), names, "surface_error")
    by_place = {
        (sigma, kind_of(name, None), at, size, loss): one for (sigma, name, at, size, loss), one in found.items()
    }
    places = ("scenario.noise.sigma", "scenario.share", "scenario.shift", "loss")
    worst = cells(lab.rows(UNITS_WORST), places, "surface_error")
    by_place |= {(sigma, WORST, at, size, loss): one for (sigma, at, size, loss), one in worst.items()}
    where = dict.fromkeys(key[:4] for key in by_place)
    return {place: ratio(by_place[*place, "smooth_l1"], by_place[*place, "mse"]) for place in where}


def _unit_tails(lab: Laboratory) -> dict[str, Estimate]:
    names = ("scenario.noise.sigma", "scenario.noise.df", "loss")
    found = cells(lab.rows(UNITS_TAILS), names, "slope_error")
    return {
        f"t errors with {df:g} df times {sigma:g}": median_ratio(found[sigma, df, "smooth_l1"], found[sigma, df, "mse"])
        for sigma, df in dict.fromkeys(key[:2] for key in found)
    }


def _by_sigma(found: Mapping[Unit, Estimate]) -> pd.DataFrame:
    lines = [
        {"outliers": kind} | {f"sd {sigma:g}": with_error(*_pair(found[sigma, kind, *USUAL])) for sigma in SIGMAS}
        for kind in (*THREE_KINDS, WORST)
    ]
    return pd.DataFrame(lines)


def _unit_meaning(verdict: Verdict, usual: Mapping[float, Estimate], leverage: Estimate) -> str:
    shown = ", ".join(f"{with_error(one.value, one.mcse)} at noise sd {sigma:g}" for sigma, one in usual.items())
    advice = {
        Verdict.supported: "Smooth L1 protects better than MSE in every unit tried",
        Verdict.depends: (
            "Smooth L1 protects better than MSE only against targets that are off by more than beta itself, so "
            "choose beta in units of the noise"
        ),
        Verdict.refuted: "Smooth L1 protects no better than MSE",
        Verdict.undecided: "Whether Smooth L1 protects better was not settled",
    }
    return (
        "With 10 % of the targets 10 standard deviations too high Smooth L1 with beta = 1 errs, relative to MSE, "
        f"{shown}; with bad leverage points of that size {with_error(leverage.value, leverage.mcse)} at noise sd 1. "
        f"{advice[verdict]}."
    )


SIGMA_LOOKS = {0.01: ("#E69F00", "--", "o"), 1.0: ("#0072B2", "-", "^"), 100.0: ("#009E73", "-.", "s")}


def _units_picture(found: Mapping[Unit, Estimate]) -> Picture:
    def draw(figure: Any) -> None:
        places = figure.subplots(1, 4, sharex=True, sharey=True)
        for axes, kind in zip(places, (*THREE_KINDS, WORST), strict=True):
            for sigma, (color, dashes, marker) in SIGMA_LOOKS.items():
                values = [found[sigma, kind, 0.1, size].value for size in FEW_SIZES]
                axes.plot(
                    FEW_SIZES, values, color=color, ls=dashes, marker=marker, ms=5, label=f"noise sd {number(sigma)}"
                )
            axes.axhline(1.0, color="#999999", ls=":", lw=1)
            axes.set(title=kind, xscale="log", yscale="log", xlabel="size (noise sd)", xticks=(1e1, 1e3, 1e5))
        places[0].set_ylabel("error, Smooth L1 over MSE")
        figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

    caption = (
        "Error of Smooth L1 (beta = 1) over that of MSE, 10 % outliers, against their size. Below the dotted line "
        "Smooth L1 is better. At noise sd 0.01 outliers of 10 sd are smaller than beta, and the two losses are the "
        "same."
    )
    return Picture(caption, draw, 10.0, 3.6)

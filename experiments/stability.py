"""What does the fitted line do when one datum moves a little sideways?

The line of least absolute deviations (LAD) and that of least squares are followed along exact paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.motions import (
    REACH,
    SMALL,
    Sample,
    changes,
    constructed,
    jumps,
    leverage_rates,
    path_rate,
    planes,
    random_jumps,
    real,
    samples,
    slope_paths,
    ties,
    worst_rate,
)
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Share,
    Verdict,
    above,
    at_most,
    within,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import mean
from robustfit.panels import BLACK, BLUE, GREEN, GREY, ORANGE
from robustfit.report import number, with_error

SIZES, FRACTIONS = (20, 100), (0.0, 0.1)
"""Rows of random samples, and fractions of outliers in them."""

LOOKS = {
    "least squares": (ORANGE, "--"),
    "LAD": (GREEN, "-."),
    "Huber, fixed scale": (GREY, ":"),
    "Huber, scale from LAD": (BLUE, "-"),
}


def _phones() -> Sample:
    """The Belgian telephone calls; the datum of 1964 moves."""
    return real("phones")[1]


def _star() -> Sample:
    """The constructed star with the tall rays."""
    return next(one for one in constructed() if one.name == "star10")


@dataclass(frozen=True)
class LadJumps(Claim):
    """A small horizontal move of one datum, and the line jumps."""

    id = "lad-jumps"
    section = "C"
    quotes = (
        Quote(
            "D0",
            "2.2",
            "The instability of the minimum absolute deviation method means that the return line may jump very much "
            "for a small horizontal direction of the data set.",
        ),
    )
    statement = (
        "The LAD line can jump by much when one datum moves a little sideways: the fit is not a continuous function of "
        "the data."
    )
    quantifier = Quantifier.exists
    scope = "straight lines"
    margin = (
        "a jump of a fitted value by more than sigma, the normalised median size of the residuals off the line (the "
        "larger of those before and after; in random samples the standard deviation of the errors), while the datum "
        "moves by no more than a millionth of the feature's standard deviation (in random samples by a tenth of its "
        "spread, and in more than 5 % of them): whoever trusts a line to within its errors would draw another "
        "conclusion"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        table = lab.table("motions_jumps", jumps)
        exact = tuple(
            Condition(f"{line.data}: jump of a fitted value", Exact(line.size / line.sigma), above(1.0), "sigma")
            for line in table.itertuples()
        )
        count = lab.choose(256, 32)
        rows = lab.table("motions_random", random_jumps, sizes=list(SIZES), fractions=list(FRACTIONS), count=count)
        random = tuple(_random(rows, *cell) for cell in _cells())
        key = Key(f"slope of the LAD line on {_phones().title}, after the move over before", Exact(_turn(table)))
        shown = {"Jumps within a move of a millionth of a standard deviation either way": _shown(table)}
        shown |= {"Random samples, five data moved by up to a tenth of the spread": _often(rows)}
        return Evidence((*exact, *random), key, lambda verdict: _of_jumps(verdict, table, rows), shown, _pictures())


def _cells() -> list[tuple[int, float]]:
    return [(n, fraction) for n in SIZES for fraction in FRACTIONS]


def _sizes(rows: pd.DataFrame, n: int, fraction: float) -> Array:
    sizes: Array = rows.loc[(rows["n"] == n) & (rows["outliers"] == fraction), "size"].to_numpy(float)
    return sizes


def _random(rows: pd.DataFrame, n: int, fraction: float) -> Condition:
    sizes = _sizes(rows, n, fraction)
    name = f"random samples, n = {n}, {100 * fraction:g} % outliers: share in which the line jumps by more than sigma"
    return Condition(name, Share(int((sizes > 1).sum()), int(np.isfinite(sizes).sum())), above(0.05))


def _often(rows: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for n, fraction in _cells():
        sizes = _sizes(rows, n, fraction)
        share = mean(sizes[np.isfinite(sizes)] > 0)
        average = mean(sizes)
        lines.append(
            {"n": n, "outliers": fraction, "share with a jump (MCSE)": with_error(share.value, share.mcse)}
            | {"mean of the largest jump (MCSE), sigma": with_error(average.value, average.mcse)}
            | {"largest of all, sigma": float(np.nanmax(sizes))}
        )
    return pd.DataFrame(lines)


def _line(table: pd.DataFrame) -> Any:
    """The phones' line of a table of jumps."""
    return next(line for line in table.itertuples() if line.data == _phones().title)


def _turn(table: pd.DataFrame) -> float:
    return float(_line(table).slope_after / _line(table).slope_before)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    names = {"data": "data, datum that moves", "slope_before": "LAD slope before", "slope_after": "after"}
    names |= {"size": "jump of a fitted value", "sigma": "sigma", "least_squares": "least squares moves by"}
    return table[list(names)].rename(columns=names)


def _of_jumps(verdict: Verdict, table: pd.DataFrame, rows: pd.DataFrame) -> str:
    one = _line(table)
    found = (
        "The fit of LAD is no continuous function of the features"
        if verdict is Verdict.supported
        else "No such jump was proved"
    )
    shares = [float((_sizes(rows, *cell) > 1).mean()) for cell in _cells()]
    return (
        f"{found}: on the telephone calls the slope goes from {number(one.slope_before)} to {number(one.slope_after)} "
        "as one year moves by a millionth of a standard deviation either way, where least squares changes no fitted "
        f"value by more than {number(one.least_squares, 2)}. In random samples a tenth of a spread made the line jump "
        f"by more than sigma in {number(100 * min(shares))} to {number(100 * max(shares))} % of them: look at the "
        "width of the set of optimal fits before you trust a LAD slope from few data or from features on a grid."
    )


def _pictures() -> dict[str, Picture]:
    one = _phones()
    before, after = (one.path().coef(sign * SMALL * one.unit) for sign in (-1, 1))
    caption = (
        f"Belgian telephone calls: the LAD line before and after the ringed year moves by {2 * SMALL:g} standard "
        f"deviations (slopes {number(before[1])} and {number(after[1])}), beside least squares, of which both lines "
        "look the same. Right: the lower part."
    )
    jump = Picture(caption, lambda figure: _draw_jump(figure, one, before, after), 8.6, 4.0)
    caption = (
        "The slope as one datum moves sideways: the ringed year of the telephone calls, and the last point of the "
        "star (0, -1), (0, 0), (0, 1), (1, 10), (1, -10). LAD jumps on both. Huber's fit jumps on the telephone "
        "calls only if its scale is taken from LAD; on the star, where for Huber too many lines are optimal at 0, "
        "with either scale."
    )
    return {"phones": jump, "paths": Picture(caption, _draw_paths, 8.6, 4.0)}


def _draw_jump(figure: Any, one: Sample, before: Array, after: Array) -> None:
    ends = np.array([one.x.min() - 0.5, one.x.max() + 0.5])
    lines = {"LAD before": (before, GREEN, "-."), "LAD after": (after, BLUE, "-")}
    lines |= {"least squares, before and after": (_least_squares(one), ORANGE, "--")}
    panels = figure.subplots(1, 2)
    for axes in panels:
        axes.plot(one.x, one.y, "o", color=BLACK, ms=4, zorder=3)
        axes.plot(one.x[one.row], one.y[one.row], "o", mfc="none", color=BLACK, ms=11)
        for label, (coef, color, dashes) in lines.items():
            axes.plot(ends, coef[0] + coef[1] * ends, color=color, ls=dashes, label=label, lw=1.8)
        axes.set_xlabel("year (19..)")
    panels[0].set_ylabel("calls (millions)")
    panels[1].set_ylim(-4, 46)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)


def _least_squares(one: Sample) -> Array:
    found: Array = np.linalg.lstsq(one.problem.X, one.y, rcond=None)[0]
    return found


def _draw_paths(figure: Any) -> None:
    panels = figure.subplots(1, 2)
    for axes, one in zip(panels, (_phones(), _star()), strict=True):
        places = np.linspace(-0.3, 0.3, 400)  # an even number: none at the jump itself
        found = slope_paths(one, places, list(LOOKS))
        for name, (color, dashes) in LOOKS.items():
            axes.plot(places, _broken(found[name]), color=color, ls=dashes, lw=1.8, label=name)
        axes.set(xlabel="move (standard deviations of the feature)", title=one.title)
    panels[0].set_ylabel("slope")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)


def _broken(slope: Array) -> Array:
    """A path with a gap where it jumps."""
    steps = np.abs(np.diff(slope))
    return np.where(np.append(steps > 0.05 * np.ptp(slope), False) & (np.ptp(slope) > 0.1), np.nan, slope)


@dataclass(frozen=True)
class LadManySolutions(Claim):
    """A continuum of best lines, and a small move jumps past it."""

    id = "lad-many-solutions"
    section = "C"
    quotes = (
        Quote(
            "D0",
            "2.2",
            "On some data structures, this method has many consecutive solutions; however, a minimal movement of the "
            "data set will skip a number of continuous solutions of a data structure in a certain area.",
        ),
    )
    statement = (
        "There are data on which a continuum of lines has the least sum of absolute deviations, and where a small "
        "move of one datum jumps past it."
    )
    quantifier = Quantifier.exists
    scope = "straight lines; beside them, how often it happens in samples of several kinds"
    margin = (
        "a jump past more than half the width of the optimal set, which is one line on either side; in samples of a "
        "kind, more than 5 % of them: what is rarer will seldom be met"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        table = lab.table("motions_jumps", jumps)
        counts = lab.table("motions_ties", ties, sizes=[20, 21, 60], count=lab.choose(128, 16), seed=0)
        exact = tuple(
            Condition(
                f"{line.data}: share of the optimal set's width that is jumped past", Exact(_past(line)), above(0.5)
            )
            for line in table.itertuples()
        )
        kinds = counts.groupby(["features", "targets"], sort=False)[["tied", "samples"]].sum()
        random = tuple(
            Condition(
                f"features {kind[0]}, targets {kind[1]}: share of samples with more than one best fit",
                Share(int(line.tied), int(line.samples)),
                above(0.05),
            )
            for kind, line in kinds.iterrows()
        )
        spaced = kinds.loc[("equally spaced", "as drawn")]
        key = Key(
            "share of samples with equally spaced features that have more than one LAD line", Share(*map(int, spaced))
        )
        shown = {"The optimal set where the datum is, and after a move of a millionth either way": _widths(table)}
        shown |= {"Samples with more than one best fit, of so many": _counted(counts)}
        return Evidence((*exact, *random), key, lambda verdict: _of_ties(verdict, table, kinds), shown)


def _past(line: Any) -> float:
    """The jump over the width of the optimal set; 0 where the fit is not unique on both sides."""
    unique = line.width_before == 0 and line.width_after == 0
    return line.size / line.width if unique and line.width > 0 else 0.0


def _widths(table: pd.DataFrame) -> pd.DataFrame:
    names = {"data": "data, datum that moves", "width": "width of the optimal fitted values", "width_before": "before"}
    names |= {"width_after": "after", "size": "jump"}
    return table[list(names)].rename(columns=names)


def _counted(counts: pd.DataFrame) -> pd.DataFrame:
    wide = counts.assign(n=[f"n = {n}" for n in counts["n"]]).pivot_table(
        "tied", ["features", "targets"], "n", sort=False
    )
    return wide.astype(int).assign(of=int(counts["samples"].iloc[0])).reset_index().rename_axis(columns=None)


def _of_ties(verdict: Verdict, table: pd.DataFrame, kinds: pd.DataFrame) -> str:
    share = kinds["tied"] / kinds["samples"]
    one = _line(table)
    found = "It happens with printed data" if verdict is Verdict.supported else "It was not proved here"
    shown = (
        ("random", "as drawn"),
        ("random", "rounded to 0.5"),
        ("equally spaced", "as drawn"),
        ("two groups", "as drawn"),
    )
    random, rounded, spaced, groups = (number(100 * share.loc[kind]) for kind in shown)
    return (
        f"{found}: on the telephone calls the optimal lines differ by up to {number(one.width)} in a fitted value, "
        f"and a move of a millionth leaves one of them. It is a matter of features on a grid: {random} % of samples "
        f"with random features had more than one LAD line ({rounded} % with rounded targets), {spaced} % with equally "
        f"spaced features and {groups} % with two groups, so with years, doses or categories as features report the "
        "whole optimal set."
    )


GAPS = (1.0, 0.1, 0.01, 0.001)
"""By how many standard deviations two features differ."""

DISTANCES = (3.0, 10.0, 100.0, 1000.0)
"""Of a leverage point, in standard deviations."""


@dataclass(frozen=True)
class LsStable(Claim):
    """The line of least squares moves in proportion to its datum."""

    id = "ls-stable"
    section = "C"
    quotes = (
        Quote(
            "D0",
            "2.2",
            "Conversely, the solve the descending method is stable because the return line always moves only "
            "slightly for any minute fluctuation of a data point",
        ),
    )
    statement = "The line of least squares always moves only slightly when one datum moves a little sideways."
    quantifier = Quantifier.always
    scope = "straight lines; of planes only that they do not jump, as long as their features are linearly independent"
    margin = (
        "no fitted value moves by more standard deviations of the target than the datum moves standard deviations of "
        "the feature (1e-9 allowed for rounding): a proportional change can be made as small as one likes; for "
        "planes, a move a tenth as large changes the fit a tenth as much, to a tenth of that"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        search = lab.table("motions_worst_rates", worst_rate, count=lab.choose(4000, 400), seed=0)
        lever = lab.table(
            "motions_leverage_rates", leverage_rates, distances=list(DISTANCES), count=lab.choose(4000, 400), seed=0
        )
        wide = planes(GAPS, 0)
        paths = {one.name: path_rate(one) for one in samples()}
        rates = {f"{name}: all data moved by up to {REACH:g} sd": rate for name, rate in paths.items()}
        rates |= {
            f"leverage point at {line.distance:g} sd, the worst of many samples": line.largest
            for line in lever.itertuples()
        }
        rates |= {f"the worst sample that a search finds, n = {line.n:g}": line.largest for line in search.itertuples()}
        lines = tuple(
            Condition(name, Exact(rate), at_most(1 + 1e-9), "sd of y per sd of x") for name, rate in rates.items()
        )
        flat = tuple(
            Condition(
                f"features {line.gap:g} sd apart: change by a tenth of a move over that by the move",
                Exact(line.shrinks),
                within(0.1, 0.01),
            )
            for line in wide.itertuples()
        )
        beside = {one.title: changes(one, (SMALL, 1e-3, 1e-1)) for one in (_phones(), _star())}
        shown = {
            f"Largest change of a fitted value as one datum moves in all by: {name}": it for name, it in beside.items()
        }
        titles = {"gap": "features differ by (sd)", "rate": "rate (sd of y per sd of x)"}
        titles |= {"shrinks": "change by a tenth of a move over that by the move"}
        shown |= {"Planes with two nearly equal features": wide.rename(columns=titles)}
        key = Key(
            "fastest change of a fitted value, of all lines tried", Exact(max(rates.values())), "sd of y per sd of x"
        )
        return Evidence((*lines, *flat), key, lambda verdict: _of_squares(verdict, beside, wide), shown)


def _of_squares(verdict: Verdict, beside: Mapping[str, pd.DataFrame], wide: pd.DataFrame) -> str:
    bound = (
        "A line of least squares moves at most in proportion: a fitted value by no more standard deviations of y "
        "than the datum by standard deviations of x, leverage points included"
        if verdict is Verdict.supported
        else "The bound of one standard deviation per standard deviation was not kept everywhere"
    )
    fixed, scaled = (_small(beside, f"Huber, {scale}") for scale in ("fixed scale", "scale from LAD"))
    return (
        f"{bound}; with two features that differ by {number(float(wide.gap.iloc[-1]))} sd the rate is "
        f"{number(float(wide.rate.iloc[-1]))}, still without a jump. Huber's fit is that steady only where it is "
        f"unique and its scale does not jump: a move of {2 * SMALL:g} sd changes it by {fixed} with a fixed scale, by "
        f"{scaled} with a scale from LAD."
    )


def _small(beside: Mapping[str, pd.DataFrame], estimator: str) -> str:
    """What the smallest move does to an estimator, on each of some data."""
    found = {name: table.set_index("estimator").iloc[:, 0][estimator] for name, table in beside.items()}
    return " and ".join(f"{number(value, 2)} on {name.partition(',')[0]}" for name, value in found.items())

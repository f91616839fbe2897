"""Which loss helps to find outliers, and which one to heed them?

Rows are ranked by the size of their residuals: average precision is 1 where all outliers come first, and about their
fraction where the ranking knows nothing. Residuals of a fit that follows the outliers hide them (masking) and make good
rows look bad (swamping).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from experiments.curves import Axis, panels
from experiments.kinds import (
    FRACTIONS,
    GOOD,
    GOOD_LEVERAGE,
    KINDS,
    WORST,
    Place,
    cells,
    outlying,
    place_in_words,
)
from experiments.robustness import USUAL, usual_first
from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, above
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, difference, mean
from robustfit.report import with_error

BETTER = 0.01
FRACTION = Axis("fraction of outliers")


@dataclass(frozen=True)
class UseMseToDetect(Claim):
    """A fit that is pulled by outliers hides them."""

    id = "use-mse-to-detect"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.3",
            "If the off group (anomaly value) needs to be detected, you can select MSE as a loss function; if the "
            "outbound point is only treated as a damaged data, MAE can be selected as the loss function.",
        ),
        Quote(
            "D2",
            "2",
            "L2 Loss:收敛速度快,对异常值敏感,如果是需要进行异常检测,就不能忽略掉离群值。",
            translation=(
                "L2 loss converges fast and is sensitive to abnormal values; if anomalies are to be detected, outliers "
                "must not be ignored."
            ),
        ),
    )
    statement = (
        "outliers are found better by the residuals of MSE's fit than by those of MAE's: average precision of ranking "
        "the rows by the size of their residuals; outliers in y at random and at the worst rows, bad leverage points, "
        "point masses; 2 to 50 % of the rows, 2 to 1e6 standard deviations off."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 2 features, 50 rows"
    margin = (
        "an average precision greater by more than 0.01, which is about one good row in a hundred that need not be "
        "looked at"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        precision = outlying(lab, "outlier_ap")
        gains = {place: difference(found["mse"], found["mae"]) for place, found in precision.items()}
        conditions = tuple(
            Condition(place_in_words(place), Sampled(gains[place]), above(BETTER))
            for place in sorted(gains, key=usual_first)
        )
        key = Key(
            "average precision of MSE minus that of MAE, 30 % of the targets 10 sd too high",
            Sampled(gains["vertical", 0.3, 10.0]),
        )
        tables = {
            "Average precision at 10 sd: MSE, then MAE": _table(precision),
            "Flags (residuals above 2.5 MAD) at 10 sd: share of the outliers flagged; of the flags, right": _flags(lab),
        }
        pictures = {"precision": _picture(precision, 10.0)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, precision, gains), tables, pictures)


def _text(values: Array) -> str:
    one = mean(values)
    return with_error(one.value, one.mcse)


def _table(found: Mapping[Place, Mapping[str, Array]]) -> pd.DataFrame:
    lines = []
    for kind in (*KINDS, WORST):
        at = {f"{100 * fraction:g} %": found[kind, fraction, 10.0] for fraction in FRACTIONS}
        lines.append(
            {"outliers": kind} | {name: f"{_text(one['mse'])}, {_text(one['mae'])}" for name, one in at.items()}
        )
    return pd.DataFrame(lines)


def _flags(lab: Laboratory) -> pd.DataFrame:
    """Masking and swamping: recall and precision of flags, means over the samples in which any row is flagged."""
    recall, right = outlying(lab, "outlier_recall"), outlying(lab, "outlier_precision")
    lines = []
    for kind in (*KINDS, WORST):
        for fraction in (0.1, 0.3):
            place = kind, fraction, 10.0
            shown = {
                loss: f"{_text(recall[place][loss])}; {_text(right[place][loss])}"
                for loss in ("mse", "mae", "smooth_l1")
            }
            lines.append({"outliers": f"{kind}, {100 * fraction:g} %"} | shown)
    return pd.DataFrame(lines)


def _meaning(verdict: Verdict, found: Mapping[Place, Mapping[str, Array]], gains: Mapping[Place, Estimate]) -> str:
    many, mass = found["vertical", 0.3, 10.0], found["cluster", *USUAL]
    best, worst = (pick(gains, key=lambda place: gains[place].value) for pick in (max, min))
    advice = {
        Verdict.supported: "So look for outliers in the residuals of MSE",
        Verdict.depends: (
            f"MSE gains most with outliers of the kind {place_in_words(best)} ({_gain(gains[best])}) and loses most "
            f"with {place_in_words(worst)} ({_gain(gains[worst])})"
        ),
        Verdict.refuted: "So do not look for outliers in the residuals of MSE",
        Verdict.undecided: "Which fit shows outliers better was not settled",
    }
    return (
        "With 30 % of the targets 10 standard deviations too high the ranking by MSE has an average precision of "
        f"{_text(many['mse'])} and that by MAE {_text(many['mae'])}; with 10 % in one point as far off and far out "
        f"{_text(mass['mse'])} and {_text(mass['mae'])}, where a ranking that knows nothing has about 0.1. "
        f"{advice[verdict]}."
    )


def _gain(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _picture(found: Mapping[Place, Mapping[str, Array]], size: float) -> Picture:
    def curve(kind: str, loss: str) -> tuple[Sequence[float], list[Array]]:
        return FRACTIONS, [found[kind, at, size][loss] for at in FRACTIONS]

    caption = (
        f"Average precision of ranking rows by the size of their residuals, outliers {size:g} standard deviations off, "
        "against their fraction. At 1 (dotted) all outliers come first."
    )
    return Picture(caption, lambda figure: panels(figure, curve, FRACTION, Axis("average precision")), 9.6, 5.6)


NEARER = 0.05


@dataclass(frozen=True)
class LsWhenOutliersCount(Claim):
    """If the exceptional rows are to be predicted too."""

    id = "ls-when-outliers-count"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "2.2",
            "If you need to consider any or all of the exception values, the minimum square error is better.",
        ),
    )
    statement = (
        "least squares predicts the exceptional rows, as they were observed, better than LAD: outliers in y at random "
        "and at the worst rows, bad and good leverage points, point masses; 2 to 50 % of the rows, 2 to 1e6 standard "
        "deviations off."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 2 features, 50 rows"
    margin = (
        "a root mean squared error on the exceptional rows that is less by more than 5 % of how far off they are (of "
        "the noise's standard deviation where they are right); so much nearer least squares comes by its intercept "
        "alone where one row in twenty is exceptional"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        errors = outlying(lab, "marked_rmse")
        gains = {place: nearer(found, place[2]) for place, found in errors.items()}
        conditions = (
            *(
                Condition(place_in_words(place), Sampled(gains[place]), above(NEARER))
                for place in sorted(gains, key=usual_first)
            ),
            *(Condition(name, Sampled(one), above(NEARER)) for name, one in _good(lab).items()),
        )
        key = Key(
            "how much nearer least squares comes, 10 % of the targets 10 sd too high",
            Sampled(gains["vertical", *USUAL]),
            "of their size",
        )
        tables = {"How much nearer least squares comes to outliers of 10 sd, in units of that": _nearer_table(gains)}
        pictures = {"nearer": _nearer_picture(errors)}
        return Evidence(conditions, key, lambda verdict: _nearer_meaning(verdict, gains), tables, pictures)


def nearer(found: Mapping[str, Array], size: float) -> Estimate:
    """By how much the error on the marked rows is less under MSE than under MAE, in units of a size."""
    return difference(found["mae"] / size, found["mse"] / size)


def _good(lab: Laboratory) -> dict[str, Estimate]:
    found = cells(lab.rows(GOOD_LEVERAGE), ("outliers", "contamination.distance", "loss"), "marked_rmse")
    return {
        f"{GOOD}, {100 * fraction:g} % at {distance:g} widths": nearer(
            {loss: found[fraction, distance, loss] for loss in ("mae", "mse")}, 1.0
        )
        for fraction, distance in dict.fromkeys(key[:2] for key in found)
    }


def _nearer_table(gains: Mapping[Place, Estimate]) -> pd.DataFrame:
    lines = [
        {"outliers": kind} | {f"{100 * at:g} %": _gain(gains[kind, at, 10.0]) for at in FRACTIONS}
        for kind in (*KINDS, WORST)
    ]
    return pd.DataFrame(lines)


def _nearer_meaning(verdict: Verdict, gains: Mapping[Place, Estimate]) -> str:
    advice = {
        Verdict.supported: "Whoever must predict the exceptional rows too is better served by least squares",
        Verdict.depends: (
            "Least squares takes part of the way to outliers that are wrong in y alone, at the cost of all other "
            "rows; where outliers sit together far out, LAD is no farther from them"
        ),
        Verdict.refuted: "Exceptional rows are predicted no better by least squares",
        Verdict.undecided: "Which of the two predicts exceptional rows better was not settled",
    }
    return (
        "Of the distance to targets that are 10 standard deviations too high, 10 % of them, least squares takes "
        f"{_gain(gains['vertical', *USUAL])} more than LAD, with bad leverage points "
        f"{_gain(gains['bad leverage', *USUAL])} and with a point mass {_gain(gains['cluster', *USUAL])}. "
        f"{advice[verdict]}."
    )


def _nearer_picture(found: Mapping[Place, Mapping[str, Array]]) -> Picture:
    def curve(kind: str, loss: str) -> tuple[Sequence[float], list[Array]]:
        return FRACTIONS, [found[kind, at, 10.0][loss] / 10.0 for at in FRACTIONS]

    caption = (
        "Root mean squared error on the outliers as observed, in units of how far off they are (10 standard "
        "deviations), against their fraction. At 1 (dotted) a fit ignores them."
    )
    return Picture(caption, lambda figure: panels(figure, curve, FRACTION, Axis("error on the outliers")), 9.6, 5.6)

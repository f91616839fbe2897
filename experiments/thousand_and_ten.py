"""Most targets are 1000, few are 10: which value does each loss lean to, and does Smooth L1 join the merits of both?

Leaning to 10 can be read in two ways: nearer to 10 than to 1000, or nearer to 10 than the other loss's prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from experiments.domination import constant
from experiments.group_fits import predictions
from experiments.kinds import SAMPLE, cells
from experiments.ninety_at_150 import of, text
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Verdict,
    above,
    at_most,
    below,
    within,
)
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory
from robustfit.losses.base import ResidualLoss
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.montecarlo import Estimate, difference, mean, ratio
from robustfit.panels import BLACK, BLUE, ORANGE, style
from robustfit.report import number, with_error

MANY, FEW = Fraction(1000), Fraction(10)
MIDDLE = (MANY + FEW) / 2
SHARES = tuple(Fraction(part, 20) for part in (1, 2, 4, 6, 8, 10, 12))
"""Of the targets at 10; from a half on they are no longer the few."""

SAMPLED = (0.1, 0.3)
SEPARATIONS = {"a feature that tells nothing": 0.0, "groups 5 sd apart": 5.0}
FULL, QUICK = 64, 16

SENTENCE = (
    "假如数据集多数为1000,少数为10,那么L1会偏向1000(因为更偏向于平均),L2则会偏向于10,因为对离群值更敏感,所以实际中这两种都不太可取,"
    "所以Smooth L1 Loss可以同时利用两者的优点。"
)
IN_ENGLISH = (
    "If most of a data set is 1000 and a little of it is 10, L1 will lean to 1000 (because it leans more to the "
    "average) and L2 to 10, because it is more sensitive to outliers; so in practice neither is advisable, and Smooth "
    "L1 loss can use the advantages of both."
)


def targets(share: Fraction) -> list[Fraction]:
    """Twenty targets, this share of them at 10."""
    few = int(20 * share)
    return [FEW] * few + [MANY] * (20 - few)


def average(share: Fraction) -> Fraction:
    """The constant of MSE, in rational arithmetic.

    >>> average(Fraction(1, 10))
    Fraction(901, 1)
    """
    return sum(targets(share), Fraction(0)) / 20


def middle(share: Fraction) -> Fraction:
    """A constant of MAE: the median (at a share of a half any number from 10 to 1000 is one)."""
    return Fraction(median(targets(share)))


@dataclass(frozen=True)
class ThousandAndTen(Claim):
    """Leaning is a matter of what one leans away from."""

    id = "thousand-and-ten"
    section = "B"
    quotes = (Quote("D2", "2", SENTENCE, translation=IN_ENGLISH),)
    statement = (
        "most targets are 1000 and few are 10: L1's prediction is nearer to 1000 than to 10, L2's is nearer to 10 "
        "than to 1000 (one reading), and nearer to 10 than L1's (the other); 5 to 60 % of the targets at 10."
    )
    quantifier = Quantifier.generic
    scope = "a constant, exactly; linear models of 100 rows with one feature, by the mean of their predictions"
    margin = (
        "none: the groups' midpoint is 505, and a prediction is on one side of it or the other, by rational arithmetic"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = linear(lab)
        conditions = (*_exact(), *_sampled(found))
        key = Key("what L2 predicts with 10 % of the targets at 10", Exact(average(Fraction(1, 10))))
        shown = {
            "A constant model: predictions": _constants(),
            "A linear model: mean prediction of all rows": _lines(found),
        }
        pictures = {"shares": _shares_picture(found)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, found), shown, pictures)


def _exact() -> list[Condition]:
    conditions = []
    for share in SHARES:
        name = f"constant, {int(100 * share)} % at 10"
        first, second = average(share), middle(share)
        conditions.append(Condition(f"L2 is nearer to 10 than to 1000: {name}", Exact(first), below(MIDDLE)))
        if share != Fraction(1, 2):
            conditions.append(Condition(f"L1 is nearer to 1000 than to 10: {name}", Exact(second), above(MIDDLE)))
            conditions.append(
                Condition(f"L2 is nearer to 10 than L1 is: {name}, L1 minus L2", Exact(second - first), above(0))
            )
    return conditions


Cell = tuple[str, float]
"""What the feature tells, and the share of the targets at 10."""


def linear(lab: Laboratory) -> dict[Cell, pd.DataFrame]:
    """The predictions of every loss, by circumstance."""
    return {
        (name, share): lab.table(
            "thousand_and_ten",
            predictions,
            scenario="thousand_and_ten",
            features=1,
            separation=separation,
            share=share,
            replicates=lab.choose(FULL, QUICK),
            transforms=False,
        )
        for name, separation in SEPARATIONS.items()
        for share in (*SAMPLED, 0.05, 0.2, 0.4)
    }


def _sampled(found: Mapping[Cell, pd.DataFrame]) -> list[Condition]:
    conditions = []
    for name in SEPARATIONS:
        for share in SAMPLED:
            table, where = found[name, share], f"{name}, {100 * share:g} % at 10"
            first, second = of(table, "mse", "mean"), of(table, "mae", "mean")
            conditions += [
                Condition(f"L2 is nearer to 10 than to 1000: {where}", Sampled(mean(first)), below(MIDDLE)),
                Condition(f"L1 is nearer to 1000 than to 10: {where}", Sampled(mean(second)), above(MIDDLE)),
                Condition(
                    f"L2 is nearer to 10 than L1 is: {where}, L1 minus L2", Sampled(difference(second, first)), above(0)
                ),
            ]
    return conditions


BETAS = (1.0, 10.0, 100.0, 300.0, 1000.0)


def _constants() -> pd.DataFrame:
    lines = []
    for share in SHARES:
        values = [float(value) for value in targets(share)]
        median_of = "10 to 1000" if share == Fraction(1, 2) else str(middle(share))
        line = {"share at 10": f"{int(100 * share)} %", "L2": str(average(share)), "L1": median_of}
        lines.append(line | {f"Smooth L1, beta = {beta:g}": constant(SmoothL1(beta), values) for beta in BETAS})
    return pd.DataFrame(lines)


def _lines(found: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    lines = []
    for (name, share), table in sorted(found.items()):
        line = {"feature": name, "share at 10": f"{100 * share:g} %", "L2": text(of(table, "mse", "mean"))}
        line |= {"L1": text(of(table, "mae", "mean"))}
        line |= {f"Smooth L1, beta = {beta:g}": text(of(table, "smooth_l1", "mean", beta)) for beta in (1.0, 100.0)}
        lines.append(
            line | {"L2 for the few": text(of(table, "mse", "low")), "L1 for the few": text(of(table, "mae", "low"))}
        )
    return pd.DataFrame(lines)


def _meaning(verdict: Verdict, found: Mapping[Cell, pd.DataFrame]) -> str:
    table, tenth = found["groups 5 sd apart", 0.1], Fraction(1, 10)
    advice = {
        Verdict.supported: "L1 leans to the many and L2 to the few, read either way",
        Verdict.depends: (
            "A constant of L2 gives the few their share of the weight and no more, one of L1 none while they are "
            "fewer than half: look for a feature that says where the 10s are"
        ),
        Verdict.refuted: "Neither leans as the sentence says",
        Verdict.undecided: "Where the two lean was not settled everywhere",
    }
    return (
        f"With 10 % of the targets at 10 the constant of L2 is {average(tenth)} and that of L1 {middle(tenth)}; with a "
        f"feature that keeps the groups 5 standard deviations apart L2 predicts {text(of(table, 'mse', 'low'))} for "
        f"the few and L1 {text(of(table, 'mae', 'low'))}. {advice[verdict]}."
    )


BETA_LOOKS = {10.0: ("#CC79A7", (0, (5, 1)), "D"), 100.0: (BLUE, "-", "^"), 300.0: (BLACK, ":", "v")}


def _shares_picture(found: Mapping[Cell, pd.DataFrame]) -> Picture:
    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_constants(left)
        shares = sorted({share for _, share in found})
        for method, label in (("mse", "L2"), ("mae", "L1")):
            _plot(right, shares, [_low(found, share, method) for share in shares], label, method)
        for beta in BETA_LOOKS:
            _plot(
                right,
                shares,
                [_low(found, share, "smooth_l1", beta) for share in shares],
                f"Smooth L1, beta = {beta:g}",
                beta,
            )
        for axes in (left, right):
            axes.axhline(float(MIDDLE), color="#999999", ls=":", lw=1)
            axes.set_xlabel("share of the targets at 10")
        left.set(title="constant", ylabel="prediction")
        right.set(title="for the few, groups 5 sd apart")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)

    caption = (
        "Most targets are 1000, the others 10. Left: the constant that each loss fits; right: the mean prediction for "
        "the targets at 10 where a feature keeps the groups apart. Dotted: half way."
    )
    return Picture(caption, draw, 9.4, 4.0)


def _draw_constants(axes: Any) -> None:
    shares = [share for share in SHARES if share != Fraction(1, 2)]
    values = [[float(value) for value in targets(share)] for share in shares]
    for method, loss in {"mse": MSE(), "mae": MAE()}.items():
        _plot(axes, shares, [constant(loss, some) for some in values], {"mse": "L2", "mae": "L1"}[method], method)
    for beta in BETA_LOOKS:
        _plot(axes, shares, [constant(SmoothL1(beta), some) for some in values], f"Smooth L1, beta = {beta:g}", beta)


def _plot(
    axes: Any, shares: Sequence[Fraction | float], values: Sequence[float], label: str, look: str | float
) -> None:
    if isinstance(look, str):
        how = style(look)
        color, dashes, marker = how.color, how.dashes, how.marker
    else:
        color, dashes, marker = BETA_LOOKS[look]
    axes.plot([float(share) for share in shares], values, color=color, ls=dashes, marker=marker, ms=5, label=label)


def _low(found: Mapping[Cell, pd.DataFrame], share: float, method: str, parameter: float | None = None) -> float:
    return float(of(found["groups 5 sd apart", share], method, "low", parameter).mean())


MERIT_BETAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
LOSS: dict[str, list[Any]] = {
    "loss": ["mse", "mae", *["smooth_l1"] * len(MERIT_BETAS)],
    "loss.beta": [None, None, *MERIT_BETAS],
}
MERITS = Experiment("both_merits", Grid(SAMPLE, {"outliers": [0.0, 0.1]}, [LOSS]), replicates=512, quick=64)

TENTH = 1.1
BETWEEN = within(Fraction(1, 2), Fraction(9, 20))


@dataclass(frozen=True)
class SmoothL1BothMerits(Claim):
    """Both merits at once, for one beta."""

    id = "smooth-l1-both-merits"
    section = "B"
    quotes = (Quote("D2", "2", SENTENCE, translation=IN_ENGLISH),)
    statement = (
        "Smooth L1 has the merits of both losses, whatever its beta (0.1 to 1000): with 10 % of the targets at 10 its "
        "prediction lies between those of L1 and L2; with normal errors of standard deviation 1 it errs little more "
        "than L2 on clean data and little more than L1 with 10 % of the targets 10 sd too high."
    )
    quantifier = Quantifier.generic
    scope = (
        "a constant, exactly; linear models with 2 features, 50 rows; of the merits those of the fit, not of its "
        "computation"
    )
    margin = (
        "between: at least 5 % of the way from either; little more: at most 10 % more, the price of a fifth more data "
        "(errors shrink with the root of the sample size)"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = merits(lab)
        conditions = tuple(condition for beta in MERIT_BETAS for condition in _merit_conditions(beta, found[beta]))
        key = Key("error with outliers over that of L1, beta = 1", Sampled(found[1.0]["spoilt"]))
        tables = {"Where Smooth L1 stands between L1 and L2": _merit_table(found)}
        pictures = {"merits": _merit_picture(found)}
        return Evidence(conditions, key, lambda verdict: _merit_meaning(verdict, found), tables, pictures)


def position(loss: ResidualLoss) -> float:
    """Where the constant lies with 10 % of the targets at 10: 0 at L1's 1000, 1 at L2's 901."""
    values = [float(value) for value in targets(Fraction(1, 10))]
    return (float(MANY) - constant(loss, values)) / float(MANY - average(Fraction(1, 10)))


def merits(lab: Laboratory) -> dict[float, dict[str, Estimate]]:
    """By beta: the clean error over that of L2, the error with outliers over that of L1."""
    rows = lab.rows(MERITS)
    # To nine digits: what rounding leaves of equal fits is no Monte Carlo error.
    found = {key: one.round(9) for key, one in cells(rows, ("loss", "loss.beta", "outliers"), "surface_error").items()}
    rivals = {(loss, outliers): values for (loss, _, outliers), values in found.items() if loss != "smooth_l1"}
    return {
        beta: {
            "clean": ratio(found["smooth_l1", beta, 0.0], rivals["mse", 0.0]),
            "spoilt": ratio(found["smooth_l1", beta, 0.1], rivals["mae", 0.1]),
        }
        for beta in MERIT_BETAS
    }


def _merit_conditions(beta: float, found: Mapping[str, Estimate]) -> tuple[Condition, ...]:
    return (
        Condition(
            f"beta = {beta:g}: way from L1's prediction to L2's, 10 % at 10", Exact(position(SmoothL1(beta))), BETWEEN
        ),
        Condition(f"beta = {beta:g}: clean error over that of L2", Sampled(found["clean"]), at_most(TENTH)),
        Condition(f"beta = {beta:g}: error with outliers over that of L1", Sampled(found["spoilt"]), at_most(TENTH)),
    )


def _merit_table(found: Mapping[float, Mapping[str, Estimate]]) -> pd.DataFrame:
    lines = [
        {
            "beta": beta,
            "prediction, 10 % at 10": 1000 - 99 * position(SmoothL1(beta)),
            "way from L1's to L2's": position(SmoothL1(beta)),
            "clean error over that of L2": _text(one["clean"]),
            "error with outliers over that of L1": _text(one["spoilt"]),
        }
        for beta, one in found.items()
    ]
    return pd.DataFrame(lines)


def _text(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _merit_meaning(verdict: Verdict, found: Mapping[float, Mapping[str, Estimate]]) -> str:
    good = [beta for beta, one in found.items() if max(one["clean"].value, one["spoilt"].value) <= TENTH]
    between = [beta for beta in found if 0.05 <= position(SmoothL1(beta)) <= 0.95]
    listed = {
        name: ", ".join(number(beta) for beta in some) or "none"
        for name, some in (("good", good), ("between", between))
    }
    advice = {
        Verdict.supported: "Any beta will do",
        Verdict.depends: (
            "The merits are those of a beta that fits the unit of the errors, so none can be recommended without it"
        ),
        Verdict.refuted: "Smooth L1 joins no merits",
        Verdict.undecided: "Which betas join the merits was not settled",
    }
    one = found[1.0]
    return (
        f"With beta = 1 Smooth L1 errs {_text(one['clean'])} times as much as L2 on clean data and "
        f"{_text(one['spoilt'])} times as much as L1 with outliers (of the betas tried both stay within a tenth for: "
        f"{listed['good']}), while between L1 and L2 on the 1000s and 10s it stands for: {listed['between']}. "
        f"{advice[verdict]}."
    )


def _merit_picture(found: Mapping[float, Mapping[str, Estimate]]) -> Picture:
    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        betas = np.geomspace(0.1, 3000, 61)
        left.plot(betas, [position(SmoothL1(float(beta))) for beta in betas], color=BLUE)
        left.plot(MERIT_BETAS, [position(SmoothL1(beta)) for beta in MERIT_BETAS], "^", color=BLUE)
        left.axhspan(0.05, 0.95, color="#eeeeee", lw=0)
        left.set(title="way from L1's 1000 to L2's 901", xlabel="beta", xscale="log")
        for name, label, color, dashes in (
            ("clean", "clean, over L2", ORANGE, "--"),
            ("spoilt", "outliers, over L1", BLUE, "-"),
        ):
            ones = [one[name] for one in found.values()]
            bars = [2 * one.mcse for one in ones]
            right.errorbar(
                MERIT_BETAS, [one.value for one in ones], bars, color=color, ls=dashes, marker="o", label=label
            )
        right.axhspan(0.8, TENTH, color="#eeeeee", lw=0)
        right.set(title="error of the fit, noise sd 1", xlabel="beta", xscale="log", yscale="log")
        right.set_yticks([1, 2, 3], ["1", "2", "3"])
        right.minorticks_off()
        right.legend()

    caption = (
        "Smooth L1 over beta. Left: its constant with 10 % of the targets at 10, the rest 1000. Right: its error on "
        "clean data relative to L2, and with 10 % of the targets 10 sd too high relative to L1. Shaded: what counts "
        "as both merits."
    )
    return Picture(caption, draw, 8.8, 3.6)

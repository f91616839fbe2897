"""Is the absolute error more stable than the squared one? That depends on what is to stand still.

The documents say both: MAE is "more stable" (its value, when targets are wild) and "unstable" (its line, when a datum
moves sideways). The two are told apart here, on the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, below
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory, sample
from robustfit.montecarlo import Estimate, mean, ratio
from robustfit.panels import style
from robustfit.report import with_error

FRACTIONS = (0.0, 0.1)

STUDY = Experiment(
    "stable_meanings",
    Grid({"stability": "moves", "initial": "ols"}, {"loss": ["mse", "mae"], "outliers": list(FRACTIONS)}),
    replicates=128,
    quick=128,
)

MEASURES = {
    "objective": "value of the loss",
    "surface_error": "distance of the fit from the target",
    "instability": "change of the fit per move",
}
SHOWN = (
    "Three things that may be stable, at no and at 10 % outliers (bars: two standard errors). Left and middle: MAE's "
    "grows less with outliers. Right: as a datum moves a little sideways, the fit of MAE changes more, with and "
    "without outliers."
)


@dataclass(frozen=True)
class MaeMoreStable(Claim):
    """Two meanings of stable: against outliers, and against small moves of the data."""

    id = "mae-more-stable"
    section = "A"
    quotes = (
        Quote("D0", "1.3", "MAE is more stable as the loss function and is not sensitive to the outgamous value"),
        Quote(
            "D0",
            "2.2",
            "The instability of the minimum absolute deviation method means that the return line may jump very much "
            "for a small horizontal direction of the data set.",
        ),
    )
    statement = (
        "MAE changes less than MSE: the value of the loss and the fit when 10 % of the targets become outliers, and "
        "the fit when one datum moves a little sideways."
    )
    quantifier = Quantifier.generic
    margin = (
        "a ratio of MAE's change to MSE's below 1; the ratio is free of units, so any difference that is no chance "
        "counts"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        rows = lab.rows(STUDY)
        value, fit = (_growth(rows, measure) for measure in ("objective", "surface_error"))
        moves = {fraction: _moves(rows, fraction) for fraction in FRACTIONS}
        conditions = (
            Condition("growth of the loss's value with 10 % outliers, MAE over MSE", Sampled(value), below(1.0)),
            Condition("error of the fit with 10 % outliers, MAE over MSE", Sampled(fit), below(1.0)),
            *(
                Condition(
                    f"change of the fit as a datum moves, {100 * fraction:g} % outliers, MAE over MSE",
                    Sampled(one),
                    below(1.0),
                )
                for fraction, one in moves.items()
            ),
        )
        key = Key("change of the fit as a datum moves, clean data, MAE over MSE", Sampled(moves[0.0]))
        return Evidence(
            conditions, key, lambda verdict: _meaning(verdict, fit, moves[0.0]), {}, {"meanings": _picture(rows)}
        )


def _cell(rows: Any, column: str, loss: str, fraction: float) -> Any:
    return sample(rows, column, {"loss": loss, "outliers": fraction})


def _growth(rows: Any, column: str) -> Estimate:
    """By how much less a measure suffers from outliers under MAE: with outliers, in units of what it is without."""
    grown = {loss: _cell(rows, column, loss, 0.1) / _cell(rows, column, loss, 0.0).mean() for loss in ("mae", "mse")}
    return ratio(grown["mae"], grown["mse"])


def _moves(rows: Any, fraction: float) -> Estimate:
    return ratio(_cell(rows, "instability", "mae", fraction), _cell(rows, "instability", "mse", fraction))


def _meaning(verdict: Verdict, fit: Estimate, moves: Estimate) -> str:
    both = "Ask which stability is meant" if verdict is Verdict.depends else "Both meanings agree here"
    return (
        f"{both}: with 10 % outliers the fit of MAE errs {with_error(fit.value, fit.mcse)} times as much as that of "
        "MSE (relative to clean data), and when a datum moves a little sideways it changes "
        f"{with_error(moves.value, moves.mcse)} times as much. Whoever fears wild targets gains with MAE, whoever "
        "fears small errors in the features does not."
    )


def _picture(rows: Any) -> Picture:
    def draw(figure: Any) -> None:
        for axes, (column, title) in zip(figure.subplots(1, 3), MEASURES.items(), strict=True):
            for shift, loss in ((-0.15, "mse"), (0.15, "mae")):
                found = [mean(_cell(rows, column, loss, fraction)) for fraction in FRACTIONS]
                places, look = [shift, 1 + shift], style(loss)
                bars = [2 * one.mcse for one in found]
                axes.errorbar(places, [one.value for one in found], bars, fmt=look.marker, color=look.color, label=loss)
            axes.set_xticks((0, 1), [f"{100 * fraction:g} %" for fraction in FRACTIONS])
            axes.set_xlim(-0.6, 1.6)
            axes.set_ylim(bottom=0)
            axes.set_xlabel("outliers")
            axes.set_title(title)
        figure.axes[0].legend(loc="upper left")

    return Picture(SHOWN, draw, 8.4, 2.9)

"""Is the model with the smaller loss the more robust one?

Values of different losses cannot be ranked, and neither can those of different samples; so within one sample and one
loss: do the candidates with the smaller training loss lie nearer to the truth?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.candidates import TRAINING, agreement
from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, above
from robustfit.laboratory import Laboratory
from robustfit.montecarlo import Estimate, mean
from robustfit.panels import style
from robustfit.report import with_error

CIRCUMSTANCES: dict[str, tuple[str, float, float]] = {
    "clean data": ("vertical", 0.0, 10.0),
    "10 % of the targets 10 sd too high": ("vertical", 0.1, 10.0),
    "30 % of the targets 10 sd too high": ("vertical", 0.3, 10.0),
    "10 % bad leverage points, 10 sd off": ("bad_leverage", 0.1, 10.0),
    "30 % in one point far out, 10 sd off": ("cluster", 0.3, 10.0),
}
"""Contamination, fraction and size."""

SETS = {"fits": "the sample's own fits by 7 losses", "fixed lines": "30 fixed lines"}
FULL, QUICK = 256, 48
MOSTLY = 0.5

Where = tuple[str, str, str]
"""Circumstances, set of candidates, training loss."""


@dataclass(frozen=True)
class LossValueIsRobustness(Claim):
    """What a loss calls good depends on whom it listens to."""

    id = "loss-value-is-robustness"
    section = "B"
    quotes = (Quote("D3", "1", "The smaller the loss function , The better the robustness of the model ."),)
    statement = (
        "within one sample and one training loss (MSE, MAE, Smooth L1, bisquare), of two candidate models the one "
        "with the smaller loss is nearer to the truth; candidates are the fits of the sample by seven losses, or 30 "
        "fixed lines at 0.1 to 5 standard deviations from the truth; clean data and outliers."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 2 features, 50 rows, errors of standard deviation 1"
    margin = (
        "a mean of Kendall's tau above 0.5: of two candidates the one with the smaller loss is the better one in more "
        "than three cases of four"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = taus(lab)
        conditions = tuple(
            Condition(f"{NAMES[loss]} ranks {SETS[group]}, {circumstances}", Sampled(one), above(MOSTLY), "tau")
            for (circumstances, group, loss), one in found.items()
        )
        usual = "10 % of the targets 10 sd too high"
        key = Key(
            "tau of MSE's value and the error of the fits, 10 % of the targets 10 sd too high",
            Sampled(found[usual, "fits", "mse"]),
        )
        tables = {f"Mean tau, {words}": _table(found, group) for group, words in SETS.items()}
        pictures = {"tau": _picture(found)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, found, usual), tables, pictures)


NAMES = {"mse": "MSE", "mae": "MAE", "smooth_l1": "Smooth L1", "bisquare": "bisquare"}


def taus(lab: Laboratory) -> dict[Where, Estimate]:
    """The mean tau of every circumstance, set and training loss."""
    found = {}
    for circumstances, (contamination, fraction, size) in CIRCUMSTANCES.items():
        settings = {"contamination": contamination, "fraction": fraction, "size": size}
        table = lab.table("candidates", agreement, **settings, replicates=lab.choose(FULL, QUICK))
        for (group, loss), part in table.groupby(["set", "loss"], sort=False):
            found[circumstances, str(group), str(loss)] = mean(part["tau"].to_numpy())
    return found


def _text(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _table(found: Mapping[Where, Estimate], group: str) -> pd.DataFrame:
    lines = [
        {"sample": circumstances} | {NAMES[loss]: _text(found[circumstances, group, loss]) for loss in TRAINING}
        for circumstances in CIRCUMSTANCES
    ]
    return pd.DataFrame(lines)


def _meaning(verdict: Verdict, found: Mapping[Where, Estimate], usual: str) -> str:
    advice = {
        Verdict.supported: "A smaller training loss did mean a more robust model, whichever loss was used",
        Verdict.depends: (
            "So do not choose among fits by a training loss that outliers govern: its smallest value belongs to the "
            "fit that follows them most"
        ),
        Verdict.refuted: "A smaller training loss says nothing of robustness",
        Verdict.undecided: "What a smaller training loss says of robustness was not settled",
    }
    return (
        f"Among the fits of one sample with {usual} Kendall's tau between loss and error is "
        f"{_text(found[usual, 'fits', 'mse'])} for MSE, {_text(found[usual, 'fits', 'mae'])} for MAE and "
        f"{_text(found[usual, 'fits', 'bisquare'])} for the bisquare loss (1: a smaller loss is always the better fit, "
        f"-1: never). {advice[verdict]}."
    )


def _picture(found: Mapping[Where, Estimate]) -> Picture:
    def draw(figure: Any) -> None:
        places = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, (group, words) in zip(places, SETS.items(), strict=True):
            for shift, loss in enumerate(TRAINING):
                ones = [found[circumstances, group, loss] for circumstances in CIRCUMSTANCES]
                heights = [-place - 0.15 * (shift - 1.5) for place in range(len(ones))]
                look = style(loss)
                bars = [2 * one.mcse for one in ones]
                axes.errorbar(
                    [one.value for one in ones],
                    heights,
                    xerr=bars,
                    ls="",
                    marker=look.marker,
                    color=look.color,
                    label=NAMES[loss],
                )
            axes.axvline(MOSTLY, color="#999999", ls=":", lw=1)
            axes.axvline(0.0, color="#999999", lw=0.6)
            axes.set(title=words, xlim=(-1.05, 1.05), xlabel="mean of Kendall's tau")
        places[0].set_yticks([-place for place in range(len(CIRCUMSTANCES))], list(CIRCUMSTANCES))
        figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)

    caption = (
        "Kendall's tau between training loss and error, mean over samples with two Monte Carlo standard errors. To "
        "the right of the dotted line a smaller loss mostly means a better model; left of 0 it mostly means a worse "
        "one."
    )
    return Picture(caption, draw, 9.6, 4.2)

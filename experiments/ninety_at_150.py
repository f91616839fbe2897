"""Nine targets of ten are 150, the tenth lies in 0..30: what do the losses predict, for whom, and what would do better?

Nothing can tell the groups apart but a feature: so the constant model, and a linear one with a feature whose group
means are 0, 1, 5, 10 or 30 standard deviations apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from experiments.group_fits import TRANSFORMS, predictions
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Key,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Share,
    Verdict,
    above,
    at_least,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, difference, mean
from robustfit.panels import style
from robustfit.report import number, with_error

CIRCUMSTANCES: dict[str, tuple[int, float]] = {
    "constant model": (0, 0.0),
    "feature that tells nothing": (1, 0.0),
    "groups 1 sd apart": (1, 1.0),
    "groups 5 sd apart": (1, 5.0),
    "groups 10 sd apart": (1, 10.0),
    "groups 30 sd apart": (1, 30.0),
}
"""Features, and the distance of the groups along the first."""

FULL, QUICK = 128, 24
MANY = 0.05

Tables = Mapping[str, pd.DataFrame]


def tables(lab: Laboratory) -> dict[str, pd.DataFrame]:
    """The predictions of every method, by circumstance."""
    return {
        name: lab.table(
            "ninety_at_150",
            predictions,
            scenario="ninety_at_150",
            features=features,
            separation=separation,
            share=0.1,
            replicates=lab.choose(FULL, QUICK),
        )
        for name, (features, separation) in CIRCUMSTANCES.items()
    }


def of(table: pd.DataFrame, method: str, column: str, parameter: float | None = None) -> Array:
    """A column of one method by replicate."""
    chosen = table["method"] == method
    if parameter is not None:
        chosen &= table["parameter"] == parameter
    values: Array = table[chosen].sort_values("replicate")[column].to_numpy(dtype=float)
    return values


@dataclass(frozen=True)
class NinetyAt150(Claim):
    """The mean of the targets is nowhere near the few."""

    id = "ninety-at-150"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.3",
            "if the target value of 90% of the sample in the data is 150, 10% is left between 0 and 30. Then the "
            "model using MAE as a loss function may ignore 10% of the abnormal point, and the predicted value of all "
            "samples is 150. This is because the model is predicted in meditile. The model using MSE will give a lot "
            "of predicted values between 0 and 30 because the model is offset to an abnormal point.",
        ),
    )
    statement = (
        "90 % of the targets are 150, 10 % uniform in 0..30: MAE can predict 150 for every row (somewhere among these "
        "circumstances), and MSE gives many predictions in 0..30 (in each of them)."
    )
    quantifier = Quantifier.generic
    scope = (
        "samples of 100 rows, predictions for fresh ones; a constant, and linear models with one feature whose group "
        "means are 0 to 30 sd apart"
    )
    margin = (
        "many: at least 5 % of the rows, half of those that belong there, in more than half of the samples; all at "
        "150: in 95 %"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = tables(lab)
        ignored = {name: _share(of(table, "mae", "all_high") == 1) for name, table in found.items()}
        many = {name: _share(of(table, "mse", "low_share") >= MANY) for name, table in found.items()}
        place = max(ignored, key=lambda name: ignored[name].value)
        conditions = (
            Condition(
                f"MAE predicts 150 for every row where it does so most often, {place}",
                ignored[place],
                at_least(0.95),
                "of samples",
            ),
            *(
                Condition(f"MSE predicts many in 0..30, {name}", one, above(0.5), "of samples")
                for name, one in many.items()
            ),
        )
        constant = mean(of(found["constant model"], "mse", "mean"))
        key = Key("what MSE predicts, constant model", Sampled(constant))
        shown = {
            "MSE and MAE": _both(found, ignored, many),
            "Share of the predictions in 0..30, in per cent": everyone(found, "low_share", 100.0),
            "Mean prediction for the rows in 0..30": everyone(found, "low"),
        }
        pictures = {"parameters": _parameters_picture(found)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, found, ignored), shown, pictures)


def _share(hits: Any) -> Share:
    return Share(int(hits.sum()), len(hits))


def text(values: Array) -> str:
    """A mean with its Monte Carlo standard error."""
    one = mean(values)
    return with_error(one.value, one.mcse)


def _both(found: Tables, ignored: Mapping[str, Share], many: Mapping[str, Share]) -> pd.DataFrame:
    lines = [
        {
            "circumstance": name,
            "MAE: all rows at 150, share of samples": ignored[name].value,
            "MSE: at least 5 % in 0..30, share of samples": many[name].value,
            "MSE: prediction for the 150s": text(of(table, "mse", "high")),
            "MSE: for the others": text(of(table, "mse", "low")),
            "MAE: for the 150s": text(of(table, "mae", "high")),
            "MAE: for the others": text(of(table, "mae", "low")),
        }
        for name, table in found.items()
    ]
    return pd.DataFrame(lines)


def everyone(found: Tables, column: str, factor: float = 1.0) -> pd.DataFrame:
    """The mean of a column over the samples: a line per method and parameter, a column per circumstance."""
    means = {
        name: factor * table.groupby(["method", "parameter"], dropna=False, sort=False)[column].mean()
        for name, table in found.items()
    }
    joined = pd.DataFrame(means).reset_index()
    joined["parameter"] = ["" if value != value else number(value) for value in joined["parameter"]]
    return joined


def _meaning(verdict: Verdict, found: Tables, ignored: Mapping[str, Share]) -> str:
    constant, far = found["constant model"], found["groups 10 sd apart"]
    always = [name for name, one in ignored.items() if one.value == 1]
    advice = {
        Verdict.supported: "Both halves of the sentence hold",
        Verdict.depends: (
            "MSE goes to the few only if a feature tells them apart, and then MAE may go there too: look for such a "
            "feature before the loss"
        ),
        Verdict.refuted: "Neither half of the sentence holds",
        Verdict.undecided: "What the two predict was not settled everywhere",
    }
    return (
        f"MSE predicts {text(of(constant, 'mse', 'mean'))} where nothing tells the groups apart, and "
        f"{text(of(far, 'mse', 'low'))} for the few where a feature keeps them 10 standard deviations apart (MAE: "
        f"{text(of(far, 'mae', 'low'))}); MAE predicts 150 for every row of every sample in {len(always)} of "
        f"{len(ignored)} circumstances. {advice[verdict]}."
    )


WIDE = ("huber", "log_cosh", "cauchy", "bisquare")
SHOWN = ("feature that tells nothing", "groups 5 sd apart", "groups 10 sd apart")


def _parameters_picture(found: Tables) -> Picture:
    caption = (
        "Mean prediction for the few rows whose targets lie in 0..30 (shaded), against the parameter of the loss: "
        "tuning constants above, the level of the quantile below. Horizontal lines: MSE (dashed) and MAE "
        "(dash-dotted)."
    )
    return Picture(caption, lambda figure: _draw_parameters(figure, found), 9.6, 5.8)


def _draw_parameters(figure: Any, found: Tables) -> None:
    places = figure.subplots(2, 3, sharey=True, sharex="row")
    for column, name in enumerate(SHOWN):
        for axes, losses in zip(places[:, column], (WIDE, ("quantile",)), strict=True):
            axes.axhspan(0, 30, color="#dddddd", lw=0)
            for loss in losses:
                _draw_loss(axes, found[name], loss)
            for loss in ("mse", "mae"):
                axes.axhline(
                    of(found[name], loss, "low").mean(), color=style(loss).color, ls=style(loss).dashes, lw=1.2
                )
        places[0, column].set(title=name, xscale="log", xlabel="tuning constant")
        places[1, column].set(xlabel="level tau of the quantile")
    for axes in places[:, 0]:
        axes.set_ylabel("prediction")
    handles = [*places[0, 0].get_lines()[:4], places[1, 0].get_lines()[0], *places[1, 0].get_lines()[1:3]]
    names = [*(loss.replace("_", "-") for loss in WIDE), "quantile", "MSE", "MAE"]
    figure.legend(handles, names, loc="outside lower center", ncols=7)


def _draw_loss(axes: Any, table: pd.DataFrame, loss: str) -> None:
    means = table[table["method"] == loss].groupby("parameter")["low"].mean()
    look = style(loss)
    axes.plot(means.index, means.to_numpy(), color=look.color, ls=look.dashes, marker=look.marker, ms=4)


CONSTANT = 67.5
"""What any constant in 30..150 scores: ((150 - c) + (c - 15)) / 2, 15 being the mean of the few."""

BETTER = 0.05 * CONSTANT

ALTERNATIVES = {"huber": "Huber", "log_cosh": "log-cosh", "quantile": "the quantile loss"}
ALTERNATIVES |= {
    name: f"MSE on the {words}" for name, words in zip(TRANSFORMS, ("log", "rank", "normal rank"), strict=True)
}


@dataclass(frozen=True)
class AlternativesAt150(Claim):
    """No loss makes up for a feature that is not there."""

    id = "alternatives-at-150"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "1.3",
            "In this situationBoth MSE and MAE are unsuitable, simple ways to transform target variables, or use "
            "other loss functions, such as huber, log-cosh, and positioner loss.",
        ),
    )
    statement = (
        "there MSE and MAE are unsuitable, and Huber, log-cosh, the quantile loss and MSE on transformed targets "
        "(log, rank, normal rank), each at its best parameter, do better than the better of the two: by the mean of "
        "the two groups' mean absolute errors, so that the few count as much as the many."
    )
    quantifier = Quantifier.generic
    scope = (
        "samples of 100 rows, predictions for fresh ones; a constant, and linear models with one feature whose group "
        "means are 0 to 30 sd apart"
    )
    margin = (
        "any constant from 30 to 150 scores 67.5 (on average over samples): unsuitable is more than half of that, "
        "better is less than the better of MSE and MAE by more than 5 % of it, 3.375; parameters are chosen on one "
        "half of the samples and judged on the other"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = {name: balanced(table) for name, table in tables(lab).items()}
        gains = {(name, method): gain(table, method) for name, table in found.items() for method in ALTERNATIVES}
        conditions = (
            *_unsuitable(found),
            *(
                Condition(f"{ALTERNATIVES[method]} is better, {name}", Sampled(one.by), above(BETTER))
                for (name, method), one in gains.items()
            ),
        )
        key = Key("gain of the quantile loss, groups 1 sd apart", Sampled(gains["groups 1 sd apart", "quantile"].by))
        shown = {
            "Mean of both groups' errors, second half of the samples; parameters from the first": _scores(found, gains),
            "The same for every loss and parameter, all samples": everyone(found, "balanced"),
        }
        pictures = {"balanced": _balanced_picture(found)}
        return Evidence(conditions, key, lambda verdict: _alternative_meaning(verdict, found, gains), shown, pictures)


def balanced(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the mean of the two groups' errors."""
    return table.assign(balanced=(table["low_error"] + table["high_error"]) / 2)


@dataclass(frozen=True)
class Gain:
    """By how much a method is better than the better of MSE and MAE, with which parameter, and its own error."""

    by: Estimate
    parameter: float
    error: Array


def halfway(table: pd.DataFrame) -> int:
    """The first replicate of the second half."""
    return int(table["replicate"].max() + 1) // 2


def gain(table: pd.DataFrame, method: str) -> Gain:
    """Chosen on the samples of the first half, measured on the second."""
    half = halfway(table)
    first, second = table[table["replicate"] < half], table[table["replicate"] >= half]
    rival = min(("mse", "mae"), key=lambda loss: float(of(first, loss, "balanced").mean()))
    means = first[first["method"] == method].groupby("parameter", dropna=False)["balanced"].mean()
    best = float(means.index[int(means.argmin())]) if means.index.notna().all() else None
    error = of(second, method, "balanced", best)
    return Gain(difference(of(second, rival, "balanced"), error), float("nan") if best is None else best, error)


def _unsuitable(found: Tables) -> list[Condition]:
    return [
        Condition(
            f"{loss.upper()} is unsuitable, {name}", Sampled(mean(of(table, loss, "balanced"))), above(CONSTANT / 2)
        )
        for name, table in found.items()
        for loss in ("mse", "mae")
    ]


def _scores(found: Tables, gains: Mapping[tuple[str, str], Gain]) -> pd.DataFrame:
    lines = []
    for name, table in found.items():
        judged = table[table["replicate"] >= halfway(table)]
        line = {"circumstance": name} | {loss.upper(): text(of(judged, loss, "balanced")) for loss in ("mse", "mae")}
        lines.append(line | {words: _chosen(gains[name, method]) for method, words in ALTERNATIVES.items()})
    return pd.DataFrame(lines)


def _chosen(one: Gain) -> str:
    return text(one.error) + ("" if one.parameter != one.parameter else f" at {number(one.parameter)}")


def _alternative_meaning(verdict: Verdict, found: Tables, gains: Mapping[tuple[str, str], Gain]) -> str:
    best = {name: max(ALTERNATIVES, key=lambda method: gains[name, method].by.value) for name in found}
    weak, strong = "groups 1 sd apart", "groups 30 sd apart"
    told = {
        name: f"{ALTERNATIVES[best[name]]} gains most, {_gained(gains[name, best[name]].by)}" for name in (weak, strong)
    }
    advice = {
        Verdict.supported: "The alternatives are worth their while throughout",
        Verdict.depends: (
            "Where no feature tells the groups apart no loss or transform helps; where one does, say by the level of "
            "the quantile or by weights how much the few are to count"
        ),
        Verdict.refuted: "None of the alternatives is worth its while",
        Verdict.undecided: "Which alternatives are worth their while was not settled",
    }
    nothing = gains["feature that tells nothing", best["feature that tells nothing"]].by
    return (
        f"With a feature that tells nothing the best alternative gains {_gained(nothing)} of the {CONSTANT:g} that a "
        f"constant scores; with groups 1 standard deviation apart {told[weak]}, with 30 apart {told[strong]}. "
        f"{advice[verdict]}."
    )


def _gained(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _balanced_picture(found: Tables) -> Picture:
    looks = {"huber": "huber", "log_cosh": "log_cosh", "quantile": "bisquare", "log": "cauchy", "normal rank": "welsch"}

    def draw(figure: Any) -> None:
        axes, names = figure.subplots(), list(found)
        methods = {"mse": "MSE", "mae": "MAE"} | {method: ALTERNATIVES[method] for method in looks}
        for shift, (method, words) in enumerate(methods.items()):
            look = style(looks.get(method, method))
            means = [_least(found[name], method) for name in names]
            places = [place + 0.11 * (shift - 3) for place in range(len(names))]
            axes.plot(places, means, ls="", marker=look.marker, color=look.color, ms=7, label=words)
        axes.axhline(CONSTANT, color="#999999", ls=":", lw=1)
        axes.set_xticks(
            range(len(names)), [name.replace(" that", "\nthat").replace(" apart", "\napart") for name in names]
        )
        axes.set(ylabel="mean of the two groups' errors", ylim=(0, None))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)

    caption = (
        "Error in which both groups count the same, each loss at the parameter with the least mean over all samples. "
        "Dotted: what any constant from 30 to 150 scores."
    )
    return Picture(caption, draw, 9.0, 4.4)


def _least(table: pd.DataFrame, method: str) -> float:
    means = table[table["method"] == method].groupby("parameter", dropna=False)["balanced"].mean()
    return float(means.min())

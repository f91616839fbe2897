"""Do smoother losses take less work to fit?

All start from one place far away, and each goes to its own least, proved by certificate: the question is after how many
evaluations a fit is there, not what an optimizer says about itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.effort import CAP, FAR, METHODS, SCHEDULES, curves, descents, optimisations
from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, above
from robustfit.claims_report import in_words
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, mean
from robustfit.panels import style
from robustfit.report import number

DESIGNS = {"independent features": 0.0, "correlated features": 0.9}
"""The correlation of neighbouring features."""

ACCURACIES = (2, 4)

TIMES = {"mse": 2.0, "smooth_l1": 1.25}
"""So many times its own work must MAE's be."""

NAMES = {"mse": "MSE", "smooth_l1": "Smooth L1", "mae": "MAE"}

LARGEST = 700.0
"""A logarithm beyond which a ratio is as good as infinite, and would overflow."""

OWN = "descent, each at its own best fixed rate"

SHARED = "descent, all at the best fixed rate of {}"


@dataclass(frozen=True)
class L2ConvergesFaster(Claim):
    """Squares before absolute values, and Smooth L1 between them."""

    id = "l2-converges-faster"
    section = "C"
    quotes = (
        Quote(
            "D0",
            "4",
            "For most CNN networks, we generally use L2-Loss instead of L1-Loss because L2-LOSS convergence speed is "
            "much faster than L1-LOSS.",
        ),
        Quote("D0", "4", "Compared to the L1 loss function, it can converge faster;"),
        Quote(
            "D0",
            "1.3",
            "FromSolution of gradientas well asconvergenceon,MSE is better than MAE. MSE can be guided everywhere, "
            "and the gradient value is also dynamically changed, and it is possible to quickly converge",
        ),
        Quote(
            "D2",
            "2",
            "L1 Loss:0处导数不连续,收敛速度慢。",
            "L1 loss: the derivative is discontinuous at 0, convergence is slow.",
        ),
        Quote("D2", "2", "L2 Loss:收敛速度快", "L2 loss: convergence is fast"),
        Quote(
            "D2",
            "3",
            "结合了L2 Loss在0处可导数,收敛速度快、训练不容易跑飞的优点。",
            "It combines the merits of L2 loss: differentiable at 0, fast convergence, training that does not easily "
            "run away.",
        ),
    )
    statement = (
        "From the same far start MSE comes near its minimiser with much less work than MAE, and Smooth L1 (beta = 1) "
        "with less than MAE: by gradient descent and with SciPy's optimizers."
    )
    quantifier = Quantifier.generic
    scope = (
        f"linear models with 3 features, 50 rows, errors of standard deviation 1, a start {FAR:g} standard deviations "
        "away; the documents speak of networks"
    )
    margin = (
        f"MAE's work, in the geometric mean over samples, more than {TIMES['mse']:g} times that of MSE, since that is "
        f"said to be much faster, and {TIMES['smooth_l1']:g} times that of Smooth L1: less is made up for by the "
        f"choice of a rate, of which those tried are a factor of 2 apart; a run that does not come there counts {CAP} "
        "evaluations"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        count = lab.choose(20, 3)
        works: dict[tuple[str, str, int], dict[str, Array]] = {}
        for design, correlation in DESIGNS.items():
            settings = {"correlation": correlation, "accuracies": list(ACCURACIES), "count": count}
            by_descent = lab.table("effort_descents", descents, **settings)
            by_scipy = lab.table("effort_optimisations", optimisations, **settings)
            for accuracy in ACCURACIES:
                for how, work in _ways(by_descent, by_scipy, accuracy):
                    works[how, design, accuracy] = work
        ratios = {(loss, *way): _times(work, loss) for loss in TIMES for way, work in works.items()}
        conditions = tuple(_condition(*key, found) for key, found in ratios.items())
        drawn = lab.table("effort_curves", curves, correlation=0.0, accuracy=max(ACCURACIES))
        key = Key(f"work of MAE over MSE, {OWN}, to 10^-4", ratios["mse", OWN, "independent features", 4])
        shown = {f"Mean evaluations over {count} samples; {CAP} where a run does not come there": _table(works)}
        pictures = {"curves": _picture(drawn)}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, ratios), shown, pictures)


@dataclass(frozen=True)
class Times:
    """How many times as large: the geometric mean of ratios, from the mean of their logarithms.

    >>> Times(mean(np.log([2.0, 8.0]))).value
    4.0
    """

    logs: Estimate

    @property
    def value(self) -> float:
        """The geometric mean."""
        return math.exp(self.logs.value)

    @property
    def mcse(self) -> float:
        """By the delta method."""
        return self.value * self.logs.mcse

    def interval(self, confidence: float) -> tuple[float, float]:
        """The interval of the mean logarithm, back on the scale of ratios."""
        low, high = Sampled(self.logs).interval(confidence)
        return math.exp(low), math.exp(min(high, LARGEST))


Ratios = dict[tuple[str, str, str, int], Times]
"""By loss, way, design and accuracy."""


def _ways(by_descent: pd.DataFrame, by_scipy: pd.DataFrame, accuracy: int) -> Iterator[tuple[str, dict[str, Array]]]:
    """Ways to compare, with the work of each loss, one entry per sample."""
    runs = by_descent[by_descent["accuracy"] == accuracy]
    fixed = {loss: _by_rate(runs[runs["loss"] == loss], SCHEDULES[:1]) for loss in NAMES}
    free = {loss: _by_rate(runs[runs["loss"] == loss], SCHEDULES) for loss in NAMES}
    yield OWN, {loss: work.min(1) for loss, work in fixed.items()}
    yield "descent, each at its own best rate and schedule", {loss: work.min(1) for loss, work in free.items()}
    for own in ("mse", "mae"):
        best = fixed[own].argmin(1)[:, None]
        shared = {loss: np.take_along_axis(work, best, 1)[:, 0] for loss, work in fixed.items()}
        yield SHARED.format(NAMES[own]), shared
    runs = by_scipy[by_scipy["accuracy"] == accuracy]
    for method in METHODS:
        mine = runs[runs["method"] == method].sort_values("sample")
        yield f"SciPy's {method}", {loss: mine.loc[mine["loss"] == loss, "work"].to_numpy(float) for loss in NAMES}


def _by_rate(runs: pd.DataFrame, schedules: tuple[str, ...]) -> Array:
    """Work by sample and rate, of the schedules side by side."""
    kept = runs[runs["schedule"].isin(schedules)]
    return kept.pivot_table("work", "sample", ["schedule", "rate"]).to_numpy(float)


def _times(work: dict[str, Array], loss: str) -> Times:
    """MAE's work over that of another loss; samples in which neither came there say nothing and are left out."""
    known = (work["mae"] < CAP) | (work[loss] < CAP)
    return Times(mean(np.where(known, np.log(work["mae"] / work[loss]), np.nan)))


def _condition(loss: str, how: str, design: str, accuracy: int, found: Times) -> Condition:
    name = f"MAE over {NAMES[loss]}: {how}, {design}, to 10^-{accuracy}"
    return Condition(name, found, above(TIMES[loss]), "times the work")


def _table(works: dict[tuple[str, str, int], dict[str, Array]]) -> pd.DataFrame:
    lines = []
    for (how, design, accuracy), work in works.items():
        means = {NAMES[loss]: float(work[loss].mean()) for loss in NAMES}
        lines.append({"how": how, "features": design.split()[0], "to": f"10^-{accuracy}"} | means)
    return pd.DataFrame(lines)


def _meaning(verdict: Verdict, ratios: Ratios) -> str:
    plain = {
        (loss, accuracy): ratios[loss, OWN, "independent features", accuracy]
        for loss in TIMES
        for accuracy in ACCURACIES
    }
    rough, fine = (in_words(plain["mse", accuracy]) for accuracy in ACCURACIES)
    smooth = " and ".join(number(plain["smooth_l1", accuracy].value, 2) for accuracy in ACCURACIES)
    scipy = {accuracy: [number(found.value, 2) for found in _of_scipy(ratios, accuracy)] for accuracy in ACCURACIES}
    shared = ratios["mse", SHARED.format(NAMES["mae"]), "independent features", ACCURACIES[0]].value
    word = {
        Verdict.supported: "MAE takes more work to fit than MSE, whatever the method",
        Verdict.depends: "MAE takes more work to fit than MSE as a rule, but how much is up to method and accuracy",
    }.get(verdict, "The comparison does not come out one way")
    return (
        f"{word}: by descent at the best fixed rates {rough} times as much to leave 1 % of the way and {fine} times "
        f"to leave 0.01 % (over Smooth L1 {smooth} times), with SciPy's optimizers {scipy[2][0]} to {scipy[2][1]} and "
        f"{scipy[4][0]} to {scipy[4][1]} times, and at the fixed rate that suits MAE best {number(shared, 2)} times to "
        f"leave 1 %. "
        "So for a rough fit speed is no reason against a robust loss; for an exact one take a smooth robust loss, or "
        "for MAE a solver made for it."
    )


def _of_scipy(ratios: Ratios, accuracy: int) -> tuple[Times, Times]:
    """The least and the largest of MAE's work over MSE's with SciPy's optimizers."""
    found = [
        times for (loss, how, _, to), times in ratios.items() if loss == "mse" and "SciPy" in how and to == accuracy
    ]
    return min(found, key=lambda times: times.value), max(found, key=lambda times: times.value)


def _picture(drawn: pd.DataFrame) -> Picture:
    caption = (
        "What is left of the way from the common start to each loss's own minimiser, against evaluations: gradient "
        "descent at the fixed rate that is best for 10^-4, L-BFGS-B and Nelder-Mead; one sample, independent "
        "features."
    )
    return Picture(caption, lambda figure: _draw(figure, drawn), 9.0, 3.8)


def _draw(figure: Any, drawn: pd.DataFrame) -> None:
    panels = figure.subplots(1, 3, sharey=True)
    titles = {"descent": "gradient descent", "L-BFGS-B": "L-BFGS-B", "Nelder-Mead": "Nelder-Mead"}
    for axes, (how, title) in zip(panels, titles.items(), strict=True):
        for loss, name in NAMES.items():
            line, look = drawn[(drawn["how"] == how) & (drawn["loss"] == loss)], style(loss)
            shown = line[line["left"].cummin() > 1e-7]
            axes.plot(shown["evaluations"] + 1, shown["left"], color=look.color, ls=look.dashes, lw=1.6, label=name)
        axes.axhline(1e-4, color="0.7", lw=0.8, zorder=0)
        axes.set(xscale="log", yscale="log", xlabel="evaluations", title=title, ylim=(1e-7, 3))
    panels[0].set_ylabel("left of the way")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)

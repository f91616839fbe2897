"""Which loss of labels gets there first, from scores of 0 and from scores that are badly wrong?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.convergence import Times
from experiments.label_effort import CAP, CLOSE, DESIGNS, LOSSES, RATES, STARTS, descents, path
from robustfit.claims import Claim, Condition, Evidence, Exact, Key, Picture, Quantifier, Quote, Verdict, above, below
from robustfit.claims_report import in_words
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.classification.base import LabelLoss
from robustfit.montecarlo import mean
from robustfit.panels import BLUE, GREEN, ORANGE, Style
from robustfit.report import number

CROSS, SQUARED, FOCAL = LOSSES
LOOKS = {CROSS: Style(BLUE, "-", "o"), SQUARED: Style(ORANGE, "--", "s"), FOCAL: Style(GREEN, "-.", "^")}

SAFE = 4.0
"""The inverse of cross-entropy's largest curvature, in units of 1 / L."""

OWN, BEST, COMMON = (
    "each at its own best rate",
    "both at cross-entropy's best rate",
    "both at the inverse of cross-entropy's curvature",
)

SCOPE = (
    "linear models with 3 features, correlated by 0.9; gradient descent at fixed rates; the document speaks of networks"
)
MEASURED = (
    f"work: steps until the rule mislabels at most {100 * CLOSE:g} % more new rows than the best one; {CAP} where a "
    "run does not come there"
)

Way = tuple[str, str, str]
"""Design, start, and how the rate is chosen."""


def works(lab: Laboratory, own: str, other: str) -> dict[Way, tuple[Array, Array]]:
    """The work of two losses on the same samples."""
    count = lab.choose(50, 10)
    found: dict[Way, tuple[Array, Array]] = {}
    for design in DESIGNS:
        runs = {loss: lab.table("effort_labels", descents, loss=loss, design=design, count=count) for loss in LOSSES}
        for start in STARTS:
            by_rate = {loss: _by_rate(one[one["start"] == start]) for loss, one in runs.items()}
            for how, both in _chosen(by_rate, own, other):
                found[design, start, how] = both
    return found


def _by_rate(runs: pd.DataFrame) -> Array:
    table: Array = runs.pivot_table("work", "sample", "rate").to_numpy(float)
    return table


def _chosen(by_rate: Mapping[str, Array], own: str, other: str) -> Iterator[tuple[str, tuple[Array, Array]]]:
    """How the rates are chosen, and the work of both losses then."""
    yield OWN, (by_rate[own].min(1), by_rate[other].min(1))
    best = by_rate[CROSS].argmin(1)[:, None]
    yield BEST, tuple(np.take_along_axis(by_rate[loss], best, 1)[:, 0] for loss in (own, other))  # type: ignore[misc]
    place = int(np.flatnonzero(RATES == SAFE)[0])
    yield COMMON, (by_rate[own][:, place], by_rate[other][:, place])


def times(own: Array, other: Array) -> Times:
    """The one's work over the other's; a sample in which neither came there says nothing."""
    known = (own < CAP) | (other < CAP)
    return Times(mean(np.where(known, np.log(np.maximum(own, 1) / np.maximum(other, 1)), np.nan)))


def in_a_table(found: Mapping[Way, tuple[Array, Array]], own: str, other: str) -> pd.DataFrame:
    """Mean steps of both, a line per way."""
    lines = []
    for (design, start, how), both in found.items():
        means = {name: float(work.mean()) for name, work in zip((own, other), both, strict=True)}
        lines.append({"labels": design, "start": start, "rate": how} | means)
    return pd.DataFrame(lines)


@dataclass(frozen=True)
class SigmoidMseSlow(Claim):
    """A saturated sigmoid passes no gradient on, unless the loss makes up for it."""

    id = "sigmoid-mse-slow"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.1.1",
            "Because it can perfectly solve the problem that the weight of the square loss function is updated too "
            "slowly , have ” When the error is large , Weight update fast ; When the error is small , Weight update is "
            "slow ” Good properties of .",
            "with a sigmoid, cross-entropy perfectly solves the squared loss's problem that weights are updated too "
            "slowly: when the error is large, updates are fast; when it is small, slow",
        ),
    )
    statement = (
        "Through a sigmoid, cross-entropy's gradient grows with the error, from small errors to large ones, and "
        "squared error's nearly vanishes where the error is large; so squared error takes much more work to reach a "
        "good rule."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = (
        "gradients: ten times as large at e = 0.99 as at 0.01, and a tenth of its largest at 0.99; "
        f"work: more than twice, in the geometric mean over samples; {MEASURED}"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        pulls = {name: pull(LOSSES[name], ERRORS) for name in (CROSS, SQUARED)}
        found = works(lab, SQUARED, CROSS)
        ratios = {way: times(*both) for way, both in found.items()}
        conditions = (
            Condition(
                "cross-entropy: gradient at e = 0.99 over that at 0.01",
                Exact(float(pulls[CROSS][-1] / pulls[CROSS][0])),
                above(10.0),
            ),
            Condition(
                "cross-entropy: least rise of the gradient as e rises by 0.01",
                Exact(float(np.diff(pulls[CROSS]).min())),
                above(0.0),
            ),
            Condition(
                "squared error: gradient at e = 0.99 over its largest",
                Exact(float(pulls[SQUARED][-1] / pulls[SQUARED].max())),
                below(0.1),
            ),
            *(
                Condition(f"work of squared error over cross-entropy, {', '.join(way)}", one, above(2.0))
                for way, one in ratios.items()
            ),
        )
        wrong = ratios["balanced", "from a start wrong by 10", OWN]
        key = Key(f"work of squared error over cross-entropy, balanced, start wrong by 10, {OWN}", wrong)
        tables = {f"Mean steps; {CAP} where a run does not come there": in_a_table(found, SQUARED, CROSS)}
        pictures = {"gradients": Picture(SLOW, lambda figure: _draw(figure, (CROSS, SQUARED), 10.0), 9.0, 3.4)}
        return Evidence(conditions, key, lambda verdict: _slow(verdict, pulls, ratios), tables, pictures)


ERRORS = np.arange(1, 100) / 100
"""Errors e = 1 - p of the label's probability."""

SLOW = (
    "Left: the gradient in the logit against the error 1 - p. Middle and right: error beyond the best rule's during "
    "descent at the inverse of cross-entropy's curvature, one balanced sample, from 0 and from a start that is wrong "
    "by 10."
)


def pull(loss: LabelLoss, errors: Array) -> Array:
    """The size of the slope in the logit at errors e = 1 - p.

    >>> pull(LOSSES["cross-entropy"], np.array([0.25])).round(12)
    array([0.25])
    """
    return -loss.slope(np.ones(1), np.log((1 - errors) / errors))


def _slow(verdict: Verdict, pulls: Mapping[str, Array], ratios: Mapping[Way, Times]) -> str:
    head = {
        Verdict.supported: "Through a sigmoid squared error is slow to learn from large errors, whatever the start",
        Verdict.depends: "Squared error is slow where scores are badly wrong, and hardly elsewhere",
    }.get(verdict, "Squared error is not slower as a rule")
    zero, wrong = (ratios["balanced", start, OWN] for start in STARTS)
    peak = float(ERRORS[pulls[SQUARED].argmax()])
    return (
        f"{head}: each loss at its own best rate it takes {in_words(zero)} times cross-entropy's steps from scores of "
        f"0, and {in_words(wrong)} times from a start wrong by 10. Its gradient is largest at an error of "
        f"{number(peak, 2)} and falls beyond. The same fall is what makes it bear flipped labels: a bounded loss needs "
        "a good start, such as the fit of cross-entropy, to have both."
    )


def _draw(figure: Any, losses: tuple[str, ...], wrong: float) -> None:
    left, middle, right = figure.subplots(1, 3)
    for name in losses:
        look = LOOKS[name]
        left.plot(ERRORS, pull(LOSSES[name], ERRORS), color=look.color, ls=look.dashes, label=name)
        for axes, start in ((middle, 0.0), (right, wrong)):
            excess = path(name, "balanced", start, SAFE, 200)
            axes.plot(excess.clip(min=1e-4), color=look.color, ls=look.dashes)
    for axes, title in ((middle, "from 0"), (right, f"from a start wrong by {wrong:g}")):
        axes.axhline(CLOSE, color="0.7", lw=0.8, zorder=0)
        axes.set(yscale="log", xlabel="step", title=title)
    left.set(xlabel="error 1 - p", ylabel="gradient in the logit")
    middle.set_ylabel("error beyond the best rule's")
    left.legend()


@dataclass(frozen=True)
class FocalFaster(Claim):
    """Faster to what, and at whose learning rate?"""

    id = "focal-faster"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "It can be seen that ,focal loss It can make the model converge faster",
        ),
    )
    statement = "Focal loss (gamma = 2) reaches a good rule with clearly less work than cross-entropy."
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = (
        "cross-entropy's work, in the geometric mean over samples, more than 1.25 times focal loss's: less is made up "
        f"for by the choice of a rate, of which those tried are a factor of 2 apart; {MEASURED}"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        found = works(lab, CROSS, FOCAL)
        ratios = {way: times(*both) for way, both in found.items()}
        conditions = tuple(
            Condition(f"work of cross-entropy over focal loss, {', '.join(way)}", one, above(1.25))
            for way, one in ratios.items()
        )
        key = Key(f"work of cross-entropy over focal loss, balanced, from 0, {OWN}", ratios["balanced", "from 0", OWN])
        tables = {f"Mean steps; {CAP} where a run does not come there": in_a_table(found, CROSS, FOCAL)}
        pictures = {"descent": Picture(FASTER, lambda figure: _draw(figure, (CROSS, FOCAL), 10.0), 9.0, 3.4)}
        return Evidence(conditions, key, lambda verdict: _faster(verdict, ratios), tables, pictures)


FASTER = (
    "Left: the gradient in the logit against the error 1 - p. Middle and right: error beyond the best rule's during "
    "descent at one and the same rate, one balanced sample, from 0 and from a start that is wrong by 10."
)


def _faster(verdict: Verdict, ratios: Mapping[Way, Times]) -> str:
    head = {
        Verdict.supported: "Focal loss gets to a good rule faster",
        Verdict.depends: "Whether focal loss is faster is up to the learning rate",
        Verdict.refuted: "Focal loss does not get to a good rule faster",
    }.get(verdict, "Whether focal loss is faster was not settled")
    own, common = (
        "; ".join(
            f"{design}, {start}: {in_words(ratios[design, start, how])}" for design in DESIGNS for start in STARTS
        )
        for how in (OWN, COMMON)
    )
    return (
        f"{head}. At each loss's own best rate cross-entropy takes so many times its steps: {own}; at one rate for "
        f"both: {common}. A loss with smaller gradients bears a larger rate and one with larger gradients a smaller "
        "one, so compare at tuned rates, and do not choose focal loss for speed."
    )

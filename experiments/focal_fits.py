"""Does focal loss find the rare class better, and with which gamma and alpha?

The measure is the average precision of finding the rows of the rarer class by their scores, which no threshold enters;
beside it, where a weight alpha is praised, the accuracy balanced over the classes, which the threshold decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.rare_classes import MEASURES, ORIGINS, judged
from robustfit.claims import Claim, Condition, Evidence, Key, Picture, Quantifier, Quote, Sampled, Verdict, above
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, difference, mean
from robustfit.panels import BLUE, GREEN, RED
from robustfit.report import with_error

SHARES = (0.5, 0.2, 0.1, 0.05, 0.02)
TUNED_SHARES = (0.1, 0.05)
"""Shares of the positive class, and those at which gamma and alpha are tuned."""

GAMMA, ALPHA = 2.0, 0.25
PRAISED = (GAMMA, ALPHA)
PLAIN, FOCAL = (0.0, 0.5), (GAMMA, 0.5)
"""Cross-entropy, and focal loss, both without class weights."""

GRID = [(gamma, alpha) for gamma in (0.0, 1.0, GAMMA, 5.0) for alpha in (ALPHA, 0.5, 0.75)]

SCOPE = "linear models with 2 features, fitted to 500 rows and judged on 2500 new ones; the document speaks of networks"

Origin = tuple[str, float]
"""Where the rows come from, and the share of the rarer class."""

Setting = tuple[float, float]
"""Gamma and alpha."""


def measured(lab: Laboratory, column: str, shares: Sequence[float]) -> dict[Origin, dict[Setting, Array]]:
    """A measure by origin, then by gamma and alpha, `(K,)` each."""
    count = lab.choose(128, 24)
    found: dict[Origin, dict[Setting, Array]] = {}
    for origin in ORIGINS:
        for share in shares:
            settings = GRID if share in TUNED_SHARES else [PLAIN, FOCAL]
            table = lab.table("rare_classes", judged, origin=origin, share=share, settings=settings, count=count)
            groups = table.groupby(["gamma", "alpha"])[column]
            found[origin, share] = {(gamma, alpha): one.to_numpy(float) for (gamma, alpha), one in groups}
    return found


def origin_in_words(origin: Origin) -> str:
    """An origin in words.

    >>> origin_in_words(("normal classes", 0.1))
    'normal classes, share 0.1'
    """
    return f"{origin[0]}, share {origin[1]:g}"


@dataclass(frozen=True)
class FocalImbalance(Claim):
    """Unbalanced is not the same as hard to separate."""

    id = "focal-imbalance"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "Focal loss Mainly to solve one-stage In target detection, the proportion of positive and negative samples "
            "is seriously unbalanced .",
        ),
        Quote("D3", "2.2.2", "This reduces the misclassification"),
    )
    statement = (
        "Where one class is rare, at most one row in ten, the fit of focal loss (gamma = 2) finds its rows with a "
        "higher average precision than that of cross-entropy."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = "an average precision higher by 0.01, averaged over samples: less is not seen in a usual table of results"

    def evidence(self, lab: Laboratory) -> Evidence:
        found = measured(lab, "precision", SHARES)
        gain = {origin: difference(one[FOCAL], one[PLAIN]) for origin, one in found.items()}
        conditions = tuple(
            Condition(origin_in_words(origin), Sampled(one), above(0.01))
            for origin, one in gain.items()
            if origin[1] <= 0.1
        )
        rarest = gain["normal classes", SHARES[-1]]
        key = Key("gain in average precision, normal classes, share 0.02", Sampled(rarest))
        pictures = {"gain": Picture(GAINS, lambda figure: _draw_gains(figure, gain), 6.0, 3.6)}
        tables = {"Average precision of the rarer class": _precisions(found)}
        return Evidence(conditions, key, lambda verdict: _rare(verdict, gain), tables, pictures)


GAINS = (
    "How much higher the average precision of focal loss (gamma = 2) is than that of cross-entropy, against the share "
    "of the rarer class, with two Monte Carlo standard errors; the dashed line is what counts as a gain."
)


def _precisions(found: Mapping[Origin, Mapping[Setting, Array]]) -> pd.DataFrame:
    names = {PLAIN: "cross-entropy", FOCAL: "focal, gamma = 2"}
    return pd.DataFrame(
        [
            {"classes": origin_in_words(origin)} | {name: _told(one[setting]) for setting, name in names.items()}
            for origin, one in found.items()
        ]
    )


def _told(values: Array) -> str:
    found = mean(values)
    return with_error(found.value, found.mcse)


def _rare(verdict: Verdict, gain: Mapping[Origin, Estimate]) -> str:
    head = {
        Verdict.supported: "Focal loss finds a rare class better",
        Verdict.depends: "Focal loss finds a rare class better in some data only",
        Verdict.refuted: "Focal loss does not find a rare class better",
    }.get(verdict, "Whether focal loss finds a rare class better was not settled")
    rare = ", ".join(f"{with_error(gain[name, 0.02].value, gain[name, 0.02].mcse)} ({name})" for name in ORIGINS)
    reason = (
        " A linear model of normal classes is right about all its rows, easy and hard, so that there is nothing to be "
        "had by turning from the easy ones; what imbalance moves is the threshold, and that can be set after the fit."
    )
    return f"{head}: at a share of 0.02 it gains {rare}." + ("" if verdict is Verdict.supported else reason)


def _draw_gains(figure: Any, gain: Mapping[Origin, Estimate]) -> None:
    axes = figure.subplots()
    looks = zip(ORIGINS, ((BLUE, "-", "o"), (RED, "--", "s"), (GREEN, "-.", "^")), strict=True)
    for name, (color, dashes, marker) in looks:
        found = [gain[name, share] for share in SHARES]
        bars = [2 * one.mcse for one in found]
        axes.errorbar(SHARES, [one.value for one in found], bars, color=color, ls=dashes, marker=marker, label=name)
    axes.axhline(0.0, color="#999999", lw=0.8)
    axes.axhline(0.01, color="#999999", lw=0.8, ls="--")
    axes.set(xscale="log", xlabel="share of the rarer class", ylabel="gain in average precision")
    axes.set_xticks(SHARES, [f"{share:g}" for share in SHARES])
    axes.minorticks_off()
    axes.legend()


@dataclass(frozen=True)
class FocalBest(Claim):
    """Best of which, for what?"""

    id = "focal-best"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "( In the experiments γ = 2 γ =2 γ=2, α = 0.25 \\alpha =0.25 α=0.25 It works best )",
            "in the experiments gamma = 2, alpha = 0.25 works best",
        ),
        Quote("D3", "2.2.2", "It was found that γ γ γ take 2 best .", "it was found that gamma = 2 is best"),
    )
    statement = (
        "On data with a rare class focal loss with gamma = 2 and alpha = 0.25 does better than with any other of gamma "
        "= 0, 1, 2, 5 and alpha = 0.25, 0.5, 0.75: in average precision, and in balanced accuracy."
    )
    quantifier = Quantifier.generic
    scope = SCOPE
    margin = "none: any advantage that clears its interval counts"

    def evidence(self, lab: Laboratory) -> Evidence:
        found = {column: measured(lab, column, TUNED_SHARES) for column in MEASURES}
        conditions = tuple(
            Condition(
                f"{MEASURES[column]}, {origin_in_words(origin)}: over {_setting_in_words(rival)}",
                Sampled(difference(one[PRAISED], one[rival])),
                above(0.0),
            )
            for column, by_origin in found.items()
            for origin, one in by_origin.items()
            for rival in GRID
            if rival != PRAISED
        )
        best = {(column, origin): _best(one) for column, by in found.items() for origin, one in by.items()}
        normal = found["precision"]["normal classes", TUNED_SHARES[0]]
        over = difference(normal[PRAISED], normal[PLAIN])
        key = Key("gain in average precision over cross-entropy, normal classes, share 0.1", Sampled(over))
        tables = {"The best of the grid, and how far (2, 0.25) is behind": _behind(found, best)}
        pictures = {"grid": Picture(HEAT, lambda figure: _draw_grid(figure, found), 9.6, 5.2)}
        return Evidence(conditions, key, lambda verdict: _best_words(verdict, best, over), tables, pictures)


HEAT = (
    "Average precision (above) and balanced accuracy (below), less those of the best of the grid, for three kinds of "
    "data with a share of 0.1; the frame is gamma = 2, alpha = 0.25."
)


def _setting_in_words(setting: Setting) -> str:
    return f"gamma = {setting[0]:g}, alpha = {setting[1]:g}"


def _best(one: Mapping[Setting, Array]) -> Setting:
    return max(one, key=lambda setting: float(one[setting].mean()))


def _behind(
    found: Mapping[str, Mapping[Origin, Mapping[Setting, Array]]], best: Mapping[tuple[str, Origin], Setting]
) -> pd.DataFrame:
    lines = []
    for (column, origin), setting in best.items():
        one = found[column][origin]
        behind = difference(one[setting], one[PRAISED])
        line = {"measure": MEASURES[column], "classes": origin_in_words(origin), "best": _setting_in_words(setting)}
        lines.append(line | {"behind by": with_error(behind.value, behind.mcse)})
    return pd.DataFrame(lines)


def _best_words(verdict: Verdict, best: Mapping[tuple[str, Origin], Setting], over: Estimate) -> str:
    head = {
        Verdict.supported: "Gamma = 2 and alpha = 0.25 are best throughout",
        Verdict.depends: "Gamma = 2 and alpha = 0.25 beat some settings and lose to others",
        Verdict.refuted: "Gamma = 2 and alpha = 0.25 beat no other setting",
    }.get(verdict, "Which setting is best was not settled")
    wins = sum(setting == PRAISED for setting in best.values())
    return (
        f"{head}: of {len(best)} comparisons they have the best mean in {wins}, and over cross-entropy they gain "
        f"{with_error(over.value, over.mcse)} of average precision on normal classes. They were tuned together, for "
        "networks that meet a thousand easy negatives for each positive; tune them on your data, with the measure that "
        "you need."
    )


def _draw_grid(figure: Any, found: Mapping[str, Mapping[Origin, Mapping[Setting, Array]]]) -> None:
    gammas, alphas = (list(dict.fromkeys(setting[k] for setting in GRID)) for k in (0, 1))
    for row, (column, by_origin) in zip(figure.subplots(2, 3), found.items(), strict=True):
        for axes, name in zip(row, ORIGINS, strict=True):
            one = by_origin[name, TUNED_SHARES[0]]
            means = np.array([[float(one[gamma, alpha].mean()) for gamma in gammas] for alpha in alphas])
            axes.imshow(means - means.max(), cmap="viridis", vmin=-0.1, vmax=0, aspect="auto", origin="lower")
            for (i, j), value in np.ndenumerate(means - means.max()):
                axes.text(j, i, f"{value:.3f}", ha="center", va="center", color="white" if value < -0.04 else "black")
            place = (gammas.index(GAMMA) - 0.5, alphas.index(ALPHA) - 0.5)
            axes.add_patch(_frame(place))
            axes.set_xticks(range(len(gammas)), [f"{gamma:g}" for gamma in gammas])
            axes.set_yticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
            axes.set(title=f"{MEASURES[column]}\n{name}", xlabel="gamma", ylabel="alpha")


def _frame(place: tuple[float, float]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(place, 1, 1, fill=False, ec=RED, lw=2)

"""What does one outlier decide: the value of the loss, its gradient, the fit? And what makes a fit ignore it?

Nothing random: ten predictions, nine of them near the true value 1 and one of 1000, as in the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Verdict,
    above,
    at_most,
    below,
    within,
)
from robustfit.estimators.m import M
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss, reduce
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.panels import style
from robustfit.report import number
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton

NEAR = (0.01, 0.1, 0.5)
"""How far the nine predictions near 1 are off."""

OUTLIER = 1000.0
BETAS = (1.0, 1 / 9)
"""Of Smooth L1: the default, and the document's own."""

HALF = 0.5


def errors(near: float, outlier: float = OUTLIER) -> Array:
    """Of ten predictions of 1: nine are off by `near`, up and down in turn, the last is `outlier`."""
    return np.array([near * (-1.0) ** i for i in range(9)] + [outlier - 1.0])


def loss_share(loss: ResidualLoss, u: Array) -> float:
    """The share of the loss that the last error holds."""
    values = loss.rho(u)
    return float(values[-1] / values.sum())


def gradient_share(loss: ResidualLoss, u: Array) -> float:
    """The share of the sum of abs(psi) that the last error holds: of the pull on a constant, directions apart."""
    pulls = np.abs(loss.psi(u))
    return float(pulls[-1] / pulls.sum())


def grows(loss: ResidualLoss, near: float) -> float:
    """How many times the last error's loss is larger when it is twice as far off."""
    u = errors(near)[-1:]
    return float(loss.rho(2 * u)[0] / loss.rho(u)[0])


def constant(loss: ResidualLoss, values: Sequence[float] | Array) -> float:
    """The number with the least mean loss from these."""
    y = np.asarray(values, dtype=float)
    return float(M(loss, Newton(), Fixed(1.0)).fit(np.ones((len(y), 1)), y).coef[0])


@dataclass(frozen=True)
class OneOutlierDominates(Claim):
    """The value of the loss is one thing, the pull on the fit another."""

    id = "one-outlier-dominates"
    section = "B"
    quotes = (
        Quote(
            "D0",
            "4",
            "the true value is 1, predicted 10 times, there is a forecast value of 1000, the remaining predicted "
            "value is about 1, obviously the Loss value is mainly determined by 1000. Therefore, FASTRCNN uses a "
            "slightly slower absolute loss function (SMOoth L1 loss), which is growing as the error is raised, not "
            "the square growth.",
        ),
    )
    statement = (
        "of ten predictions of 1, nine off by 0.01, 0.1 or 0.5 and one of 1000, the one holds more than half of the "
        "squared loss and of its gradient; under Smooth L1 (beta = 1 and 1/9), which grows linearly, it holds less "
        "than half of both."
    )
    quantifier = Quantifier.generic
    scope = "the document's example; shares are computed, nothing is random"
    margin = "one half, since more than that is 'mainly'; growth with a doubled error is linear from 1.9 to 2.1 times"

    def evidence(self, lab: Laboratory) -> Evidence:
        conditions = (*_squared(), *_smooth())
        shares = {loss: gradient_share(one, errors(0.1)) for loss, one in LOSSES.items()}
        key = Key(
            "share of Smooth L1's value (beta = 1) held by the one, the others off by 0.5",
            Exact(loss_share(SmoothL1(1.0), errors(0.5))),
        )
        tables = {"Held by the one of ten, and the constant fitted to the ten": _shares()}
        return Evidence(conditions, key, lambda verdict: _meaning(verdict, shares), tables, {"shares": _picture()})


LOSSES: dict[str, ResidualLoss] = {
    "MSE": MSE(),
    "Smooth L1, beta = 1": SmoothL1(1.0),
    "Smooth L1, beta = 1/9": SmoothL1(1 / 9),
    "MAE": MAE(),
}


def _squared() -> list[Condition]:
    both = {"loss": loss_share, "gradient": gradient_share}
    return [
        Condition(f"MSE, others off by {near:g}: share of the {name}", Exact(share(MSE(), errors(near))), above(HALF))
        for name, share in both.items()
        for near in NEAR
    ]


def _smooth() -> list[Condition]:
    conditions = [
        Condition(
            "Smooth L1, beta = 1: growth when the error doubles", Exact(grows(SmoothL1(1.0), 0.1)), within(2.0, 0.1)
        )
    ]
    for name, share in {"loss": loss_share, "gradient": gradient_share}.items():
        for beta, words in zip(BETAS, ("1", "1/9"), strict=True):
            conditions += [
                Condition(
                    f"Smooth L1, beta = {words}, others off by {near:g}: share of the {name}",
                    Exact(share(SmoothL1(beta), errors(near))),
                    below(HALF),
                )
                for near in NEAR
            ]
    return conditions


def _shares() -> pd.DataFrame:
    lines = []
    for near in NEAR:
        u = errors(near)
        for name, loss in LOSSES.items():
            lines.append(
                {
                    "others off by": near,
                    "loss": name,
                    "of the loss": loss_share(loss, u),
                    "of the gradient": gradient_share(loss, u),
                    "constant fitted": constant(loss, 1.0 + u),
                }
            )
    return pd.DataFrame(lines)


def _meaning(verdict: Verdict, shares: Mapping[str, float]) -> str:
    smooth, fitted = SmoothL1(1.0), {name: constant(loss, 1.0 + errors(0.1)) for name, loss in LOSSES.items()}
    advice = {
        Verdict.supported: "Smooth L1 frees both its value and the fit from the one",
        Verdict.depends: (
            "Do not judge by the value of the loss, which the one decides under either; what moves the fit is the "
            "gradient, and Smooth L1 bounds it"
        ),
        Verdict.refuted: "The one decides under either loss or under neither",
        Verdict.undecided: "What the one decides was not settled",
    }
    return (
        f"With the nine off by 0.1 the one holds all but {number(1 - loss_share(MSE(), errors(0.1)), 2)} of the "
        f"squared loss and all but {number(1 - loss_share(smooth, errors(0.1)), 2)} of Smooth L1, of the gradient "
        f"{number(100 * shares['MSE'])} % and {number(100 * shares['Smooth L1, beta = 1'])} %, and the constants that "
        f"fit the ten best are {number(fitted['MSE'])} and {number(fitted['Smooth L1, beta = 1'])}. {advice[verdict]}."
    )


def _picture() -> Picture:
    sizes = np.geomspace(1.0, 1e4, 81)
    looks = {"MSE": "mse", "Smooth L1, beta = 1": "smooth_l1", "MAE": "mae"}

    def draw(figure: Any) -> None:
        titles = {"share of the loss": loss_share, "share of the gradient": gradient_share}
        for axes, (title, share) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
            for name, loss in looks.items():
                values = [share(LOSSES[name], errors(0.1, 1.0 + size)) for size in sizes]
                look = style(loss)
                axes.plot(sizes, values, color=look.color, ls=look.dashes, marker=look.marker, markevery=20, label=name)
            axes.axhline(HALF, color="#999999", ls=":", lw=1)
            axes.set(title=title, xscale="log", xlabel="error of the one", ylim=(0, 1.03))
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

    caption = (
        "What one error among ten holds of the loss and of its gradient, against its size; the other nine are 0.1. "
        "Above the dotted line it decides."
    )
    return Picture(caption, draw, 8.4, 3.6)


TEN = (1.0, 1.1, 0.9, 1.2, 0.8, 1.3, 0.7, 1.4, 0.6)
"""Nine values around 1; the tenth moves."""

LINE = np.stack([np.ones(10), np.arange(10.0)], axis=-1)
"""A line through 0..9; the datum at 4 moves."""

MOVED = (10.0, 1e6)


def fit_of(loss: ResidualLoss, X: Array, y: Array, reduction: str) -> Array:
    """The coefficients with the least loss, its mean or its sum, `(p,)`.

    MSE has normal equations. For MAE some fit through p of the data is the best one, so all of them are tried: a search
    that knows of no reduction but the one asked for.
    """
    if isinstance(loss, MSE):
        fitted: Array = np.asarray(np.linalg.lstsq(X, y, rcond=None)[0], dtype=float)
        return fitted
    rows = [list(rows) for rows in combinations(range(len(y)), X.shape[1])]
    through: list[Array] = [np.asarray(np.linalg.solve(X[some], y[some]), dtype=float) for some in rows]
    return min(through, key=lambda coef: float(reduce(loss.rho(y - X @ coef), reduction)))


def change(loss: ResidualLoss, where: str, reduction: str) -> float:
    """How far the fit moves when one datum goes from 10 to 1e6, in units of that datum's way."""
    first, last = (fit_of(loss, *_moved(where, value), reduction) for value in MOVED)
    return float(np.abs(last - first).max() / (MOVED[1] - MOVED[0]))


def _moved(where: str, value: float) -> tuple[Array, Array]:
    if where == "constant":
        return np.ones((10, 1)), np.array([*TEN, value])
    y = np.array([*TEN[:4], value, *TEN[4:]])
    return LINE, y


def value_change(loss: ResidualLoss) -> float:
    """How much the mean loss of the ten about 1 grows as the outlier goes from 10 to 1e6, over what it was."""
    near, far = (float(reduce(loss.rho(np.array([*TEN, value]) - 1.0), "mean")) for value in MOVED)
    return far / near


@dataclass(frozen=True)
class L1BecauseOfAverage(Claim):
    """What ignores the outlier is the median; the average does not."""

    id = "l1-because-of-average"
    section = "B"
    quotes = (
        Quote(
            "D2",
            "2",
            "对异常值不敏感,因为是求平均,会忽略掉异常值的作用",
            translation=(
                "It is insensitive to abnormal values because it averages, so the effect of abnormal values is ignored."
            ),
        ),
    )
    statement = (
        "L1 ignores an outlier, and averaging is the reason: what is averaged ignores it, the squares too, and the "
        "sum, which is not averaged, does not."
    )
    quantifier = Quantifier.always
    scope = "a constant and a line fitted to ten values, one of which goes from 10 to 1e6"
    margin = (
        "a fit ignores the datum if it moves by at most a thousandth of the datum's way, a value if it grows by at "
        "most a tenth; a reason must be there whenever its effect is, and its effect whenever it is"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        conditions = tuple(condition for where in ("constant", "line") for condition in _reasons(where)) + (
            Condition(
                "the mean of the absolute errors itself ignores the outlier: its growth",
                Exact(value_change(MAE())),
                at_most(1.1),
                "times",
            ),
            Condition(
                "the mean of the squares itself ignores the outlier: its growth",
                Exact(value_change(MSE())),
                at_most(1.1),
                "times",
            ),
        )
        key = Key(
            "move of the fit of the sum of absolute errors, which averages nothing",
            Exact(change(MAE(), "constant", "sum")),
            "of the datum's way",
        )
        tables = {"The estimating equation at the fit of ten values: what each pulls with": _pulls()}
        return Evidence(conditions, key, _average_meaning, tables, {"pulls": _pull_picture()})


IGNORED = 1e-3


def _reasons(where: str) -> tuple[Condition, ...]:
    unit = "of the datum's way"
    return (
        Condition(
            f"{where}: the mean of absolute errors ignores the outlier",
            Exact(change(MAE(), where, "mean")),
            at_most(IGNORED),
            unit,
        ),
        Condition(
            f"{where}: their sum, not averaged, does not", Exact(change(MAE(), where, "sum")), above(IGNORED), unit
        ),
        Condition(
            f"{where}: the mean of squares, averaged, does", Exact(change(MSE(), where, "mean")), at_most(IGNORED), unit
        ),
    )


def _pulls() -> pd.DataFrame:
    """psi of every residual at the median and at the mean: they add up to 0, and MAE's are signs."""
    values = np.array([*TEN, MOVED[1]])
    order = np.argsort(values)
    table = {"value": values[order]}
    table["MAE: sign"] = MAE().psi(values - np.median(values))[order]
    table["MSE: 2 residual"] = MSE().psi(values - values.mean())[order]
    return pd.DataFrame(table)


def _average_meaning(verdict: Verdict) -> str:
    moved = {name: change(loss, "constant", "mean") for name, loss in {"MAE": MAE(), "MSE": MSE()}.items()}
    advice = {
        Verdict.supported: "Averaging is the reason",
        Verdict.depends: "Averaging is only part of the reason",
        Verdict.refuted: (
            "Averaging is not the reason: choose by what a datum pulls with, its sign under MAE and its residual "
            "under MSE, not by the reduction"
        ),
        Verdict.undecided: "Whether averaging is the reason was not settled",
    }
    return (
        f"As one of ten values goes from 10 to 1e6 the constant of MAE moves by {number(moved['MAE'])} of that way, "
        f"averaged or summed, the one of MSE by {number(moved['MSE'])}, and the mean absolute error itself grows "
        f"{number(value_change(MAE()))} times. {advice[verdict]}."
    )


def _pull_picture() -> Picture:
    outliers = np.geomspace(2.0, 1e4, 41)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for name, loss in {"mae": MAE(), "mse": MSE()}.items():
            look = {"color": style(name).color, "ls": style(name).dashes, "marker": style(name).marker, "markevery": 10}
            fits = [constant(loss, [*TEN, outlier]) for outlier in outliers]
            means = [float(loss.rho(np.array([*TEN, outlier]) - 1.0).mean()) for outlier in outliers]
            left.plot(outliers, fits, label=name.upper(), **look)
            right.plot(outliers, means, label=name.upper(), **look)
        left.set(title="the constant fitted to the ten", xscale="log", yscale="log", xlabel="the tenth value")
        right.set(title="the mean loss of the ten about 1", xscale="log", yscale="log", xlabel="the tenth value")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    caption = (
        "Ten values, nine of them around 1. Left: the constants that MAE and MSE fit; right: the mean losses, both "
        "averages."
    )
    return Picture(caption, draw, 8.4, 3.6)

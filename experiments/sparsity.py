"""Is L1 sparse, and what of it: coefficients under a penalty, residuals under a loss?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.penalised import LOSSES, TRUTHS, coefficient_paths, penalised
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
    below,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, difference, mean, ratio
from robustfit.panels import BLUE, GREY
from robustfit.report import with_error

PRICES = (0.01, 0.03, 0.1, 0.3, 0.6)
"""Of a penalty, in units of the price from which on the lasso makes all slopes 0."""

SHOWN = (0.1, 0.3)
"""Prices at which zeros are counted."""

COEFFICIENTS, ROWS = 9, 50
"""The intercept and 8 slopes; the rows of a sample."""


@dataclass(frozen=True)
class L1Sparse(Claim):
    """Zeros among coefficients, zeros among residuals."""

    id = "l1-sparse"
    section = "C"
    quotes = (
        Quote(
            "D1",
            "2.1",
            "because L1 loss Have sparsity , To punish larger values , Therefore, it is often added as a regular "
            "item to other loss As a constraint",
        ),
        Quote("D1", "2.2", "L2 loss It is also often used as a regular term"),
    )
    statement = (
        "L1 is sparse: as a penalty it makes coefficients exactly 0 (L2 does not), and as a loss it makes "
        "coefficients and residuals exactly 0; therefore it serves as a penalty, and so does L2."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 8 features, 50 rows, errors of standard deviation 3; few large or equal true slopes"
    margin = (
        "zeros: a tenth of the coefficients more than under L2, or in more than a tenth of the samples, since with "
        "continuous data not one is expected by chance; to serve as a penalty: an error lower by more than 5 % at "
        "the price that is best on the other half of the samples, since a penalty costs the search for its price"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        count = lab.choose(160, 24)
        fits = pd.concat(
            lab.table("penalised", penalised, truth=truth, fractions=list(PRICES), count=count).assign(truth=truth)
            for truth in TRUTHS
        )
        zeros = {
            (loss, truth, price): difference(*(_values(fits, loss, truth, one, price, "zeros") for one in ("L1", "L2")))
            for loss in LOSSES
            for truth in TRUTHS
            for price in SHOWN
        }
        gains = {
            (loss, truth, one): _gain(fits, loss, truth, one)
            for loss in LOSSES
            for truth in TRUTHS
            for one in ("L1", "L2")
        }
        plain = fits[(fits["loss"] == "mae") & (fits["penalty"] == "none") & (fits["truth"] == "few and large")]
        conditions = (
            *(_zeros_condition(*key, found) for key, found in zeros.items()),
            *_of_the_loss(plain),
            *(_gain_condition(*key, found) for key, found in gains.items()),
        )
        price = SHOWN[-1]
        share = mean(_values(fits, "mse", "few and large", "L1", price, "zeros"))
        key = Key(f"share of slopes that are 0, MSE with an L1 penalty at {price:g} of its top price", Sampled(share))
        curves = lab.table("penalised_paths", coefficient_paths, truth="few and large", fractions=_fine())
        shown = {"Slopes that are exactly 0, in %, few large true slopes": _table(fits, "zeros", 100.0)}
        shown |= {"Mean error of the fit, few large true slopes": _table(fits, "error", 1.0)}
        return Evidence(
            conditions, key, lambda verdict: _meaning(verdict, fits, gains), shown, {"paths": _picture(fits, curves)}
        )


def _fine() -> list[float]:
    return [float(round(share, 6)) for share in np.logspace(-2.5, 0.3, 60)]


def _values(fits: pd.DataFrame, loss: str, truth: str, penalty: str, price: float, column: str) -> Array:
    """By sample."""
    mine = (fits["loss"] == loss) & (fits["truth"] == truth) & (fits["penalty"] == penalty) & (fits["price"] == price)
    values: Array = fits[mine].sort_values("sample")[column].to_numpy(float)
    return values


def _gain(fits: pd.DataFrame, loss: str, truth: str, penalty: str) -> Estimate:
    """Error with the penalty over that without, on one half of the samples at the price that is best on the other."""
    free = _values(fits, loss, truth, "none", 0.0, "error")
    paid = np.array([_values(fits, loss, truth, penalty, price, "error") for price in PRICES])
    half = len(free) // 2
    best = int(paid[:, :half].mean(1).argmin())
    return ratio(paid[best, half:], free[half:])


def _zeros_condition(loss: str, truth: str, price: float, found: Estimate) -> Condition:
    name = f"{loss}, slopes {truth}, price {price:g}: share of slopes that are 0, L1 penalty minus L2"
    return Condition(name, Sampled(found), above(0.1))


def _gain_condition(loss: str, truth: str, penalty: str, found: Estimate) -> Condition:
    name = f"{loss}, slopes {truth}: error with an {penalty} penalty over that without"
    return Condition(name, Sampled(found), below(0.95))


def _of_the_loss(plain: pd.DataFrame) -> tuple[Condition, ...]:
    """What the L1 loss makes 0 by itself."""
    n = len(plain)
    rows = Share(int((plain["through"] == COEFFICIENTS).sum()), n)
    slopes = Share(int((plain["zeros"] > 0).sum()), n)
    name = f"L1 loss without penalty: share of samples with as many residuals 0 as coefficients ({COEFFICIENTS})"
    return (
        Condition(name, rows, above(0.9)),
        Condition("L1 loss without penalty: share of samples with a slope that is 0", slopes, above(0.1)),
    )


def _table(fits: pd.DataFrame, column: str, unit: float) -> pd.DataFrame:
    mine = fits[(fits["truth"] == "few and large") & (fits["penalty"] != "none")].assign(loss_and_penalty="")
    mine["loss_and_penalty"] = mine["loss"] + ", " + mine["penalty"]
    means = unit * mine.pivot_table(column, "loss_and_penalty", "price", sort=False)
    means.columns = [f"price {price:g}" for price in means.columns]
    if column == "error":
        free = fits[(fits["truth"] == "few and large") & (fits["penalty"] == "none")].groupby("loss")["error"].mean()
        means.insert(0, "none", [free[name.partition(",")[0]] for name in means.index])
    return means.rename_axis("loss, penalty").reset_index()


def _meaning(verdict: Verdict, fits: pd.DataFrame, gains: dict[tuple[str, str, str], Estimate]) -> str:
    zeros = [mean(_values(fits, "mse", "few and large", one, SHOWN[-1], "zeros")) for one in ("L1", "L2")]
    few, alike = ([_shown(gains["mse", truth, one]) for one in ("L1", "L2")] for truth in TRUTHS)
    word = {
        Verdict.supported: "L1 is sparse, as a penalty and as a loss",
        Verdict.depends: "L1 is sparse in what it is applied to, coefficients as a penalty and residuals as a loss",
    }.get(verdict, "It is not settled what L1 makes sparse")
    return (
        f"{word}: as a penalty beside MSE it makes {_shown(zeros[0])} of the slopes 0 where L2 makes "
        f"{_shown(zeros[1])}. To serve as a penalty needs no zeros: with few large slopes L1 brings the error to "
        f"{few[0]} times that without and L2 to {few[1]} times, with slopes all alike to {alike[0]} and {alike[1]}; "
        "so choose the penalty by what the slopes are like, and the loss, apart from that, by the errors."
    )


def _shown(estimate: Estimate) -> str:
    return with_error(estimate.value, estimate.mcse)


def _picture(fits: pd.DataFrame, curves: pd.DataFrame) -> Picture:
    shares = _shares(fits)
    caption = (
        "Left and middle: the eight slopes of one sample's MSE fit as the price of the penalty rises; under L1 they "
        "become exactly 0 one after the other, under L2 none does. Right: what is exactly 0 in the mean over samples "
        f"(penalties at a price of {SHOWN[-1]:g}, beside MSE; the loss without penalty)."
    )
    return Picture(caption, lambda figure: _draw(figure, shares, curves), 10.0, 3.6)


def _shares(fits: pd.DataFrame) -> dict[str, float]:
    """In %: what penalties and the loss make 0, with few large true slopes."""
    few, price = "few and large", SHOWN[-1]
    shares = {
        f"slopes,\n{one} penalty": float(_values(fits, "mse", few, one, price, "zeros").mean()) for one in ("L1", "L2")
    }
    shares |= {"slopes,\nL1 loss": float(_values(fits, "mae", few, "none", 0.0, "zeros").mean())}
    shares |= {"residuals,\nL1 loss": float(_values(fits, "mae", few, "none", 0.0, "through").mean()) / ROWS}
    return {name: 100 * share for name, share in shares.items()}


def _draw(figure: Any, shares: dict[str, float], curves: pd.DataFrame) -> None:
    left, middle, right = figure.subplots(1, 3)
    left.sharey(middle)
    for axes, penalty in ((left, "L1"), (middle, "L2")):
        _slopes(axes, curves[curves["penalty"] == penalty])
        axes.set(xscale="log", xlabel="price (1: the lasso has none left)", title=f"{penalty} penalty")
    left.set_ylabel("slope")
    left.legend()
    right.barh(list(shares), list(shares.values()), color=[BLUE, GREY, GREY, BLUE], height=0.6)
    for place, share in enumerate(shares.values()):
        right.annotate(f"{share:.3g} %", (share, place), (4, 0), textcoords="offset points", va="center")
    right.set(xlim=(0, 1.3 * max(shares.values())), xlabel="exactly 0 (%)", title="What is 0")
    right.invert_yaxis()


def _slopes(axes: Any, curves: pd.DataFrame) -> None:
    axes.axhline(0.0, color="0.8", lw=0.8, zorder=0)
    for j, slope in enumerate(TRUTHS["few and large"]):
        line = curves[curves["feature"] == j + 1]
        color, dashes = (BLUE, "-") if slope else (GREY, "--")
        label = {0: "true slope not 0", 2: "true slope 0"}.get(j)
        axes.plot(line["price"], line["slope"], color=color, ls=dashes, lw=1.5, label=label)

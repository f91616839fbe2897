"""What shape do the losses have: how they grow, where they bend, what becomes of them as their constants change?

Pointwise claims, held against each other over sixteen decades of errors of both signs, and over decades of constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from experiments.samples import above_least, drawn, fitted, problem
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Outcome,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Verdict,
    above,
    at_most,
    below,
    identity,
    within,
)
from robustfit.data import Data
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory, sample
from robustfit.linalg import Array
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.montecarlo import ratio
from robustfit.panels import BLACK, BLUE, GREEN, ORANGE, RED, style
from robustfit.report import number, with_error
from robustfit.solvers.gradient_descent import GradientDescent
from robustfit.task import fitting

SIZES = np.logspace(-8, 8, 161)
ERRORS = np.concatenate([-SIZES[::-1], [0.0], SIZES])
"""Sixteen decades of errors, both signs, and none."""

BETAS = (1e-4, 1e-2, 0.1, 1 / 9, 0.5, 1.0, 1.345, 10.0, 1e2, 1e4)
"""Constants over decades; 1/9 is the document's own."""

SAME = "a relative difference of 8 rounding errors (1.8e-15): two formulas for one number differ by no more"

DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class MseSquaresErrors(Claim):
    """The square of an error is larger than the error beyond 1 and smaller below: beyond 1 of what?"""

    id = "mse-squares-errors"
    section = "A"
    quotes = (
        Quote(
            "D0",
            "1.1",
            "When the difference between the real value Y and the predicted value f (x) is greater than 1, the "
            "error is enlarged; and when the difference is less than 1, the error is reduced, which is determined "
            "by the square.",
        ),
    )
    statement = "MSE's rho(u) is more than abs(u) for every error above 1, and less for every error between 0 and 1."
    quantifier = Quantifier.always
    margin = "none: in rational arithmetic, over 10^-8 to 10^8 and at the neighbours of 1"

    def evidence(self, lab: Laboratory) -> Evidence:
        near = [1 + sign * Fraction(1, 10**k) for k in range(1, 17) for sign in (-1, 1)]
        sizes = [Fraction(10) ** k for k in range(-8, 9) if k] + near
        factors = {u: _factor(u) for size in sizes for u in (size, -size)}
        least = min(factor for u, factor in factors.items() if abs(u) > 1)
        most = max(factor for u, factor in factors.items() if abs(u) < 1)
        conditions = (
            Condition("errors above 1: least rho(u) / abs(u)", Exact(least), above(Fraction(1))),
            Condition("errors below 1: largest rho(u) / abs(u)", Exact(most), below(Fraction(1))),
            Condition("an error of 1: rho(u) / abs(u)", Exact(_factor(Fraction(1))), within(Fraction(1), Fraction(0))),
        )
        shares, moved = _enlarged_by_unit()
        tables = {"The same residuals in other units: which of them MSE enlarges": shares}
        key = Key("rho(u) / abs(u) at errors of 10 and of 1/10", Exact(float(_factor(Fraction(10)))), "and its inverse")
        pictures = {"curves": Picture(CURVES, lambda figure: _two(figure, ("mse", "mae"), 2.2), 7.2, 3.2)}
        return Evidence(conditions, key, lambda _: _unit_matters(shares, moved), tables, pictures)


CURVES = "MSE and MAE, and their derivatives: they cross at an error of 1, whatever its unit is."


def _factor(u: Fraction) -> Fraction:
    """rho(u) / abs(u) of MSE, exact."""
    value: Fraction = MSE().rho(np.array([u], dtype=object))[0]
    return value / abs(u)


UNITS = {"km": 1e-3, "m": 1.0, "mm": 1e3}


def _enlarged_by_unit() -> tuple[pd.DataFrame, float]:
    """The share of a sample's residuals above 1, by the unit of y, and how far the fits differ once converted back."""
    data = drawn({}, 1)
    fits = {unit: fitted({"loss": "mse"}, _times(data, size)).coef[0] / size for unit, size in UNITS.items()}
    left = {unit: np.abs(data.y[0] - data.X[0] @ coef) * UNITS[unit] for unit, coef in fits.items()}
    table = pd.DataFrame(
        {"unit of y": list(UNITS), "share of residuals above 1": [(left[u] > 1).mean() for u in UNITS]}
    )
    return table, max(float(np.abs(coef - fits["m"]).max()) for coef in fits.values())


def _times(data: Data, size: float) -> Data:
    return replace(data, y=data.y * size)


def _unit_matters(shares: pd.DataFrame, moved: float) -> str:
    low, high = shares.iloc[:, 1].min(), shares.iloc[:, 1].max()
    return (
        f"The 1 is one unit of y: in other units MSE enlarges {100 * low:.3g} % or {100 * high:.3g} % of the same "
        f"residuals, and the fits are the same (they differ by {number(moved, 2)}). What matters is that a residual "
        "twice as large costs four times as much, at every size."
    )


@dataclass(frozen=True)
class SmoothL1BoundsGradient(Claim):
    """The gradient is bounded; whether every defect of L1 and L2 is gone is another question."""

    id = "smooth-l1-bounds-gradient"
    section = "A"
    quotes = (
        Quote("D0", "3", "Smooth L1 can limit gradient from two aspects"),
        Quote(
            "D3",
            "2.2.1",
            "in the x x x When a large , Yes x x x The absolute value of the gradient reaches the upper limit 1, "
            "It's not too big to break the network parameters . S m o o t h L 1 Smooth_{L_1} SmoothL1 Perfectly "
            "avoided L 1 L_1 L1 and L 2 L_2 L2 Lost defects .",
        ),
    )
    statement = (
        "Smooth L1's psi is at most 1 and falls in proportion to small errors; with it L2's defect (outliers) and "
        "L1's (no convergence at a fixed rate) are gone, for targets of any unit and for outliers of any place."
    )
    quantifier = Quantifier.generic
    margin = (
        "outliers: an error below half of MSE's, which no choice between the two would leave unnoticed; convergence: "
        "1e-9 of the way to the minimum left after 2000 steps of gradient descent at 1 / L"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        rows = lab.rows(DEFECTS)
        shields = {name: _shield(rows, settings) for name, settings in SHIELDED.items()}
        left = {sd: _left(sd) for sd in NOISES}
        conditions = (
            Condition("largest abs(psi), all betas", Exact(_largest_psi()), at_most(1.0)),
            identity("psi(u) = u / beta for small errors, all betas", *_small_psi()),
            *(Condition(f"error with 10 % {name}, over MSE's", one, below(0.5)) for name, one in shields.items()),
            *(
                Condition(f"descent, noise sd {sd:g}: left to go", Exact(one), at_most(1e-9))
                for sd, one in left.items()
            ),
        )
        vertical, leverage = (shields[name] for name in (VERTICAL.format(1), LEVERAGE))
        key = Key(f"error with 10 % {LEVERAGE}, over MSE's", leverage)
        pictures = {
            "losses": Picture("psi and weight of each loss at its default constant.", _psi_and_weight, 8.4, 3.6),
            "defects": Picture(DEFECTS_SHOWN, lambda figure: _draw_defects(figure, shields, left), 8.4, 3.4),
        }
        return Evidence(conditions, key, lambda verdict: _defects(verdict, vertical, leverage, left), {}, pictures)


NOISES = (1e-3, 1.0, 1e3)
VERTICAL, LEVERAGE = "vertical outliers, noise sd {:g}", "bad leverage points, noise sd 1"
SHIELDED = {VERTICAL.format(sd): {"contamination": "vertical", "scenario.noise.sigma": sd} for sd in NOISES}
SHIELDED |= {LEVERAGE: {"contamination": "bad_leverage", "scenario.noise.sigma": 1.0}}

DEFECTS = Experiment(
    "smooth_l1_defects",
    Grid(
        {"outliers": 0.1},
        {"scenario.noise.sigma": list(NOISES), "contamination": ["vertical", "bad_leverage"]},
        [{"loss": ["mse", "smooth_l1"], "loss.beta": [None, 1.0]}],
        [{"contamination": "bad_leverage", "scenario.noise.sigma": [NOISES[0], NOISES[-1]]}],
    ),
    replicates=512,
    quick=64,
)
DEFECTS_SHOWN = (
    "Smooth L1 with beta = 1. Left: its error with 10 % outliers over MSE's; half is the line. Right: how far gradient "
    "descent at 1 / L still has to go after 2000 steps. Noise sd in units of beta."
)


def _shield(rows: pd.DataFrame, settings: Any) -> Sampled:
    """The error of Smooth L1 over that of MSE on the same samples."""
    own, other = (sample(rows, "surface_error", {**settings, "loss": loss}) for loss in ("smooth_l1", "mse"))
    return Sampled(ratio(own, other))


def _left(sd: float) -> float:
    """The largest share of the way down that descent on Smooth L1 has left, over samples of clean data."""
    data = drawn({"scenario.noise.sigma": sd}, 16)
    one = problem(SmoothL1(1.0), data)
    start = fitted({"loss": "mse"}, data).coef + sd
    least = fitted({"loss": "smooth_l1", "loss.beta": 1.0}, data).coef
    end = GradientDescent(max_iter=2000, tol=1e-14).solve(one, start).coef
    return float((above_least(one, end, least) / above_least(one, start, least)).max())


def _largest_psi() -> float:
    return max(float(np.abs(SmoothL1(beta).psi(ERRORS)).max()) for beta in BETAS)


def _small_psi() -> tuple[Array, Array]:
    inside = [(beta, beta * np.concatenate([-SIZES[SIZES < 1], SIZES[SIZES < 1]])) for beta in BETAS]
    psi, line = [SmoothL1(beta).psi(u) for beta, u in inside], [u / beta for beta, u in inside]
    return np.concatenate(psi), np.concatenate(line)


def _defects(verdict: Verdict, vertical: Sampled, leverage: Sampled, left: dict[float, float]) -> str:
    said = [with_error(one.value, one.mcse) for one in (vertical, leverage)]
    head = "The gradient is bounded in the prediction only" if verdict is Verdict.depends else "The gradient is bounded"
    return (
        f"{head}: with 10 % outliers in y the error is {said[0]} of MSE's, with 10 % bad leverage points {said[1]}, "
        "since the gradient in the coefficients is psi(u) x. And beta is in units of y: with noise far below it the "
        f"fit is least squares, with noise far above it is MAE and descends as slowly ({number(left[NOISES[-1]], 2)} "
        f"of the way left against {number(left[1.0], 2)}), so a robust estimate of the scale should set the unit."
    )


def _draw_defects(figure: Any, shields: dict[str, Sampled], left: dict[float, float]) -> None:
    one, two = figure.subplots(1, 2, width_ratios=(3, 2))
    names = [
        name.replace("vertical outliers", "vertical").replace("bad leverage points", "bad leverage") for name in shields
    ]
    places = np.arange(len(shields))[::-1]
    errors = [2 * shield.mcse for shield in shields.values()]
    one.errorbar([shield.value for shield in shields.values()], places, xerr=errors, fmt="o", color=BLUE)
    one.set_yticks(places, names)
    one.axvline(0.5, color=BLACK, lw=0.8, ls="--")
    one.set_xlim(left=0)
    one.set_xlabel("error over MSE's")
    two.loglog(list(left), np.maximum(list(left.values()), 1e-17), "s", color=RED)
    two.axhline(1e-9, color=BLACK, lw=0.8, ls="--")
    two.set_xlabel("noise sd")
    two.set_ylabel("way left")


@dataclass(frozen=True)
class SmoothL1Gentler(Claim):
    """The gradient changes fastest inside the band: by 1 / beta per unit, against MSE's 2."""

    id = "smooth-l1-gentler"
    section = "A"
    quotes = (
        Quote(
            "D0",
            "4",
            "Compared to the L2 loss function, the abnormal value is not sensitive to the off group, the gradient "
            "change is relatively smaller, and the training is not easy to run.",
        ),
    )
    statement = (
        "The fastest change of Smooth L1's gradient, its largest curvature 1 / beta, is less than that of MSE, 2."
    )
    quantifier = Quantifier.generic
    margin = "none: the threshold, beta = 1/2, is exact; 1/9 is the document's own beta"

    def evidence(self, lab: Laboratory) -> Evidence:
        limit = Fraction(2)
        conditions = tuple(
            Condition(f"beta = {name}", Exact(1 / beta), below(limit), "largest curvature")
            for name, beta in RATIONAL_BETAS.items()
        )
        far = [_step(SmoothL1(1.0)), _step(MSE())]
        table = pd.DataFrame({"loss": ["Smooth L1, beta = 1", "MSE"], "psi(1000) - psi(10)": far})
        key = Key("largest curvature at beta = 1/9, against 2", Exact(1 / Fraction(1, 9)))
        pictures = {"curvature": Picture(CURVATURES, _draw_curvatures, 5.6, 3.2)}
        return Evidence(conditions, key, lambda verdict: _gentle(verdict, table), {"Far out": table}, pictures)


RATIONAL_BETAS = {name: Fraction(name) for name in ("0.001", "1/9", "1/4", "1/2", "0.51", "1", "1.345", "10", "1000")}
CURVATURES = "The largest curvature against beta: Smooth L1 is the gentler one to the right of beta = 1/2 only."


def _step(loss: Any) -> float:
    return float(np.diff(loss.psi(np.array([10.0, 1000.0])))[0])


def _gentle(verdict: Verdict, far: pd.DataFrame) -> str:
    when = "only with beta above half a unit of y" if verdict is Verdict.depends else "with each beta that was tried"
    return (
        f"Near the optimum Smooth L1 is gentler than MSE {when}: the rate that gradient descent can bear is 2 / L, "
        "and L goes with the curvature. Far out it always is: between errors of 10 and 1000 its gradient changes by "
        f"{number(far.iloc[0, 1])}, MSE's by {number(far.iloc[1, 1])}."
    )


def _draw_curvatures(figure: Any) -> None:
    axes = figure.subplots()
    betas = [float(beta) for beta in RATIONAL_BETAS.values()]
    axes.loglog(
        betas, [SmoothL1(beta).curvature(ERRORS).max() for beta in betas], "o-", color=BLUE, label="Smooth L1: 1 / beta"
    )
    axes.axhline(2.0, color=ORANGE, ls="--", label="MSE: 2")
    axes.plot(1 / 9, 9.0, "D", ms=9, mfc="none", mec=BLACK)
    axes.annotate("the document's beta, 1/9", (1 / 9, 9.0), (8, 6), textcoords="offset points")
    axes.set_xlabel("beta")
    axes.set_ylabel("largest curvature")
    axes.legend()


@dataclass(frozen=True)
class SmoothL1Pieces(Claim):
    """A parabola in the middle, straight lines outside, joined without a step or a bend."""

    id = "smooth-l1-pieces"
    section = "A"
    quotes = (
        Quote(
            "D1",
            "2.3",
            "This function is actually a piecewise function , stay [-1,1] Between is actually L2 Loss , That's it "
            "L1 The problem of unsmooth , stay [-1,1] Outside the range , It's actually L1 Loss , This solves the "
            "problem of gradient explosion of outliers .",
        ),
        Quote(
            "D0",
            "3",
            "actually between [-1, 1], which is l2 loss, which solves the loss of L1, outside the [-1, 1] interval",
        ),
    )
    statement = (
        "Smooth L1 with beta = 1 is half of u^2 on [-1, 1], and abs(u) less a constant outside; it and its "
        "derivative are continuous at the joints."
    )
    quantifier = Quantifier.always
    margin = SAME + "; at a joint, the size of the step from one neighbouring double to the other"

    def evidence(self, lab: Laboratory) -> Evidence:
        loss, inside = SmoothL1(1.0), ERRORS[np.abs(ERRORS) <= 1]
        outside = ERRORS[np.abs(ERRORS) >= 1]
        joint = np.array([-1.0, 1.0])
        before, after = np.nextafter(joint, 0.0), np.nextafter(joint, 2 * joint)
        conditions = (
            identity("inside: rho is half of MSE's", loss.rho(inside), 0.5 * MSE().rho(inside)),
            identity("inside: psi is half of MSE's", loss.psi(inside), 0.5 * MSE().psi(inside)),
            identity("outside: rho is MAE's less 1/2", loss.rho(outside), MAE().rho(outside) - 0.5),
            identity("outside: psi is MAE's", loss.psi(outside), MAE().psi(outside)),
            identity("at the joints: rho is continuous", loss.rho(before), loss.rho(after)),
            identity("at the joints: psi is continuous", loss.psi(before), loss.psi(after)),
        )
        far = float(MSE().rho(np.array(100.0)) / loss.rho(np.array(100.0)))
        key = Key("MSE over Smooth L1 at an error of 100", Exact(far))
        pictures = {"pieces": Picture(PIECES, lambda figure: _two(figure, ("mse", "mae", "smooth_l1"), 2.6), 7.2, 3.4)}
        return Evidence(conditions, key, lambda _: _pieces(far), {}, pictures)


PIECES = "Smooth L1 (beta = 1) beside L1 and L2, and their derivatives; the joints are at -1 and 1."


def _pieces(far: float) -> str:
    return (
        "Errors within beta are averaged as by least squares, errors beyond pull with one and the same force; the "
        "joint is at beta, 1 only by default, and in units of y. Half of MSE in the middle and MAE outside: an error "
        f"of 100 costs MSE {number(far)} times as much."
    )


@dataclass(frozen=True)
class SmoothL1IsHuber(Claim):
    """One name for two losses: the same function for beta = 1 alone, the same fit for each."""

    id = "smooth-l1-is-huber"
    section = "A"
    quotes = (Quote("D0", "3", "SMOoth L1 loss function (also known as Huber loss function)"),)
    statement = "Smooth L1 with beta and Huber's loss with delta = beta are the same function."
    quantifier = Quantifier.generic
    margin = SAME

    def evidence(self, lab: Laboratory) -> Evidence:
        conditions = tuple(
            identity(f"beta = {beta:.4g}", SmoothL1(beta).rho(ERRORS), Huber(beta).rho(ERRORS)) for beta in BETAS
        )
        same = [beta for beta, one in zip(BETAS, conditions, strict=True) if one.outcome(1.0) is Outcome.holds]
        table = pd.DataFrame({"beta": BETAS, "Huber over Smooth L1 at u = 3": [_over(beta) for beta in BETAS]})
        table["largest difference of the fits"] = [_apart(beta) for beta in BETAS]
        key = Key(f"of {len(BETAS)} betas the same at", Exact(float(len(same))))
        pictures = {"sameness": Picture(SAMENESS, lambda figure: _draw_sameness(figure, table), 6.4, 3.2)}
        return Evidence(
            conditions, key, lambda verdict: _named(verdict, same, table), {"Factors and fits": table}, pictures
        )


SAMENESS = "Huber's loss over Smooth L1 with the same constant: the same function where the factor is 1."


def _over(beta: float) -> float:
    return float(Huber(beta).rho(np.array(3.0)) / SmoothL1(beta).rho(np.array(3.0)))


def _apart(beta: float) -> float:
    """The largest difference between the coefficients of the two fits, over samples with 10 % outliers."""
    data = drawn({"outliers": 0.1}, 16)
    one = fitted({"loss": "huber", "loss.delta": beta}, data).coef
    return float(np.abs(one - fitted({"loss": "smooth_l1", "loss.beta": beta}, data).coef).max())


def _named(verdict: Verdict, same: Sequence[float], table: pd.DataFrame) -> str:
    where = " and ".join(f"beta = {beta:g}" for beta in same) or "no beta"
    return (
        "They are one function for "
        f"{where}{'' if verdict is not Verdict.depends else ' and not for any other that was tried'}; otherwise they "
        "differ by the factor beta. At a fixed scale without a penalty the fits are the same (largest difference "
        f"{number(table.iloc[:, 2].max(), 2)}); a learning rate or a penalty must be changed by that factor when one "
        "is put in place of the other."
    )


def _draw_sameness(figure: Any, table: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.loglog(table.iloc[:, 0], table.iloc[:, 1], "o-", color=BLUE, label="Huber / Smooth L1, at u = 3")
    axes.axhline(1.0, color=BLACK, ls="--", lw=0.9, label="the same")
    axes.set_xlabel("beta = delta")
    axes.set_ylabel("factor")
    axes.legend()


@dataclass(frozen=True)
class HuberIsBetaSmoothL1(Claim):
    """The relation between the two losses."""

    id = "huber-is-beta-smooth-l1"
    section = "A"
    quotes = (
        Quote(
            "D2", "4", "H u b e r L 1 L o s s = b e t a ∗ S m o o t h L 1 L o s s", "HuberL1Loss = beta * SmoothL1Loss"
        ),
    )
    statement = (
        "Huber's loss with delta = beta is beta times Smooth L1, for every beta; so they have the same minimiser."
    )
    quantifier = Quantifier.always
    margin = SAME + "; minimisers within 1e-6 of the noise's sd, to which certified fits determine them"

    def evidence(self, lab: Laboratory) -> Evidence:
        identities = [
            identity(f"rho, beta = {beta:.4g}", Huber(beta).rho(ERRORS), beta * SmoothL1(beta).rho(ERRORS))
            for beta in BETAS
        ]
        slopes = [
            identity(f"psi, beta = {beta:.4g}", Huber(beta).psi(ERRORS), beta * SmoothL1(beta).psi(ERRORS))
            for beta in BETAS
        ]
        apart = {beta: _apart(beta) for beta in BETAS}
        fits = [
            Condition(f"fits apart, beta = {beta:.4g}", Exact(far), at_most(1e-6), "sd") for beta, far in apart.items()
        ]
        key = Key("largest distance of the two fits", Exact(max(apart.values())), "sd")
        return Evidence((*identities, *slopes, *fits), key, lambda _: _related(_penalised()))


def _penalised() -> float:
    """How far the two fits are apart under one and the same ridge penalty, at beta = 10."""
    data = drawn({"outliers": 0.1}, 16)
    ridge = {"penalty": "l2", "penalty.alpha": 0.1}
    one = fitted({"loss": "huber", "loss.delta": 10.0, **ridge}, data).coef
    return float(np.abs(one - fitted({"loss": "smooth_l1", "loss.beta": 10.0, **ridge}, data).coef).max())


def _related(penalised: float) -> str:
    return (
        "Take either: the constant decides, not the name, as long as nothing else is in the objective. With a "
        f"penalty of the same strength beside it the two fits do differ (by {number(penalised, 2)} at beta = 10 with "
        "alpha = 0.1), since the factor beta weighs the loss against the penalty."
    )


@dataclass(frozen=True)
class SmoothL1Limits(Claim):
    """What becomes of the two losses as their constant goes to 0 and to infinity, and how fast."""

    id = "smooth-l1-limits"
    section = "A"
    quotes = (
        Quote(
            "D2",
            "4",
            "当beta趋于0时,SmoothL1Loss收敛于L1Loss, HuberLoss收敛于常数0",
            "as beta tends to 0, SmoothL1Loss tends to L1Loss, HuberLoss to the constant 0",
        ),
        Quote(
            "D2",
            "4",
            "当beta趋于无穷时,SmoothL1Loss收敛于常数0,HuberLoss收敛于MSELoss",
            "as beta tends to infinity, SmoothL1Loss tends to the constant 0, HuberLoss to MSELoss",
        ),
        Quote(
            "D2",
            "4",
            "随着beta的变化,SmoothL1Loss中平均绝对误差段的斜率恒定为1;而HuberLos中平均绝对误差段的斜率是beta",
            "as beta varies, the slope of SmoothL1Loss's absolute-error part is always 1, that of HuberLoss's is beta",
        ),
    )
    statement = (
        "As beta tends to 0, Smooth L1 tends to L1 and Huber to 0; as beta tends to infinity, Smooth L1 tends to 0 "
        "and Huber to MSE; the linear part's slope is 1 for Smooth L1 and beta for Huber. Both readings of MSE are "
        "tried: u^2, as in the same document's section 2, and u^2 / 2."
    )
    quantifier = Quantifier.generic
    margin = "a distance below 1e-6 at the last of twelve decades of beta, at errors from 0.01 to 100; " + SAME

    def evidence(self, lab: Laboratory) -> Evidence:
        end = {name: (tends(SMALL[-1] if towards == 0 else LARGE[-1])) for name, (towards, tends) in LIMITS.items()}
        rates = {name: _rate(tends, SMALL if towards == 0 else LARGE) for name, (towards, tends) in LIMITS.items()}
        conditions = (
            *(Condition(name, Exact(far), at_most(1e-6), "largest distance") for name, far in end.items()),
            identity("slope of Smooth L1's linear part is 1", *_slopes(SmoothL1, lambda beta: 1.0)),
            identity("slope of Huber's linear part is beta", *_slopes(Huber, lambda beta: beta)),
        )
        table = pd.DataFrame({"limit": list(rates), "rate: distance goes with beta to the power": list(rates.values())})
        half = float(_relative(Huber(LARGE[-1]).rho(MIDDLE), MSE().rho(MIDDLE)))
        key = Key("Huber at a large beta differs from u^2 by", Exact(half), "of it")
        pictures = {"betas": Picture(OVER_BETA, _draw_betas, 8.4, 3.4)}
        return Evidence(conditions, key, lambda verdict: _limits(verdict, half), {"How fast": table}, pictures)


MIDDLE = np.concatenate([-np.logspace(-2, 2, 41)[::-1], np.logspace(-2, 2, 41)])
SMALL, LARGE = np.logspace(0, -12, 13), np.logspace(3, 15, 13)


def _relative(values: Array, limit: Array) -> float:
    return float((np.abs(values - limit) / limit).max())


LIMITS: dict[str, tuple[float, Callable[[float], float]]] = {
    "beta to 0: Smooth L1 to L1": (0, lambda beta: float(np.abs(SmoothL1(beta).rho(MIDDLE) - MAE().rho(MIDDLE)).max())),
    "beta to 0: Huber to 0": (0, lambda beta: float(Huber(beta).rho(MIDDLE).max())),
    "beta to infinity: Smooth L1 to 0": (np.inf, lambda beta: float(SmoothL1(beta).rho(MIDDLE).max())),
    "beta to infinity: Huber to u^2": (np.inf, lambda beta: _relative(Huber(beta).rho(MIDDLE), MSE().rho(MIDDLE))),
    "beta to infinity: Huber to u^2 / 2": (
        np.inf,
        lambda beta: _relative(Huber(beta).rho(MIDDLE), 0.5 * MSE().rho(MIDDLE)),
    ),
}
"""Distances from the limit, largest over the errors; relative where the limit is not 0 and not bounded."""


def _rate(distance: Callable[[float], float], betas: Array) -> str:
    """The power of beta that the distance goes with; `reached` where it is 0, `none` where it stays."""
    far = [distance(float(beta)) for beta in betas[3:6]]
    if far[-1] == 0:
        return "reached"
    power = float(np.polyfit(np.log(betas[3:6]), np.log(far), 1)[0])
    return number(power) if abs(power) > 1e-6 else "none: it stays"


def _slopes(kind: Callable[[float], Any], slope: Callable[[float], float]) -> tuple[Array, Array]:
    """psi beyond the band for every beta, and what it should be."""
    found = np.array([np.abs(kind(beta).psi(np.array([-2 * beta, 2 * beta, 1e6 * beta]))) for beta in BETAS])
    return found, np.array([slope(beta) for beta in BETAS])[:, None]


def _limits(verdict: Verdict, half: float) -> str:
    last = f"Huber's limit is half of what the documents call MSE (it differs by {number(half)} of it)"
    part = f"all but one part is right: {last}" if verdict is Verdict.depends else last
    return (
        f"The constant leads from MAE to least squares, and {part}, with the same minimiser but twice the rate that "
        "descent can bear. A very small beta makes Huber's loss, and so its gradients, vanish, a very large one "
        "Smooth L1's: at a fixed learning rate choose the loss whose gradient does not go to 0 on the side you are "
        "on."
    )


def _draw_betas(figure: Any) -> None:
    u = np.linspace(-4, 4, 401)
    kinds = {"Smooth L1": (SmoothL1, "L1", MAE().rho(u)), "Huber": (Huber, "L2 / 2", 0.5 * MSE().rho(u))}
    for axes, (title, (kind, name, limit)) in zip(figure.subplots(1, 2), kinds.items(), strict=True):
        axes.plot(u, limit, color=BLACK, lw=3.0, alpha=0.25, label=name)
        for beta, color, dashes in zip((0.1, 0.5, 1.0, 3.0), (GREEN, ORANGE, BLUE, RED), DASHES, strict=True):
            axes.plot(u, kind(beta).rho(u), color=color, ls=dashes, label=f"{beta:g}")
        axes.set_ylim(0, 4.5)
        axes.set_title(title)
        axes.set_xlabel("error u")
        axes.legend(title="beta, and the limit", loc="upper center")
    figure.axes[0].set_ylabel("rho(u)")


OVER_BETA = (
    "Smooth L1 and Huber's loss over beta: the first tends to L1 as beta falls, the second to half of L2 as it rises."
)

KINDS = {"mse": MSE(), "mae": MAE(), "smooth_l1": SmoothL1(1.0)}
TITLES = {"mse": "L2 (MSE)", "mae": "L1 (MAE)", "smooth_l1": "Smooth L1"}


def _two(figure: Any, names: Sequence[str], end: float) -> None:
    """Some losses and their derivatives."""
    left, right = figure.subplots(1, 2)
    u = np.linspace(-end, end, 401)
    for name in names:
        look, loss = style(name), KINDS[name]
        left.plot(u, loss.rho(u), color=look.color, ls=look.dashes, lw=1.8, label=TITLES[name])
        psi = np.where(np.abs(u) < end / 500, np.nan, loss.psi(u)) if name == "mae" else loss.psi(u)
        right.plot(u, psi, color=look.color, ls=look.dashes, lw=1.8)
    left.set_title("rho(u)")
    right.set_title("psi(u), the derivative")
    for axes in (left, right):
        axes.set_xlabel("error u")
        for joint in (-1, 1):
            axes.axvline(joint, color="#bbbbbb", lw=0.7, zorder=0)
    left.legend(loc="upper center")


def _psi_and_weight(figure: Any) -> None:
    """psi and weight of each loss of the catalogue."""
    from robustfit.catalogue import make

    left, right = figure.subplots(1, 2)
    u = np.linspace(-8, 8, 800)  # 0 is not among them
    for place, name in enumerate(fitting("loss", "regression")):
        loss, look = make("loss", name), style(name, 0)
        mark = {"marker": look.marker, "markevery": (15 + 8 * place, 120), "ms": 4}
        label = name + (" (tau = 0.5)" if name == "quantile" else "")
        left.plot(u, loss.psi(u), color=look.color, ls=look.dashes, lw=1.4, label=label, **mark)
        right.plot(u, loss.weight(u), color=look.color, ls=look.dashes, lw=1.4, **mark)
    left.set_ylim(-4, 4)
    right.set_ylim(0, 2.2)
    left.set_title("psi(u): the pull of an error on the fit")
    right.set_title("weight psi(u) / u")
    for axes in (left, right):
        axes.set_xlabel("error u, in units of the scale")
    figure.legend(loc="outside right center")

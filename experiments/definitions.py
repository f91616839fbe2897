"""Are the formulas, names and printed values of the documents what they say?

Sums and means, distances and squares, values that a program printed, and formulas that were pasted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from experiments.samples import drawn, fitted
from robustfit.catalogue import make
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
    at_most,
    identity,
    within,
)
from robustfit.data import Data
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.panels import BLACK, BLUE, RED, style
from robustfit.problem import Problem
from robustfit.report import number
from robustfit.solvers.gradient_descent import GradientDescent
from robustfit.task import fitting

SAME = "a relative difference of 8 rounding errors (1.8e-15): two formulas for one number differ by no more"

SUMS = "a relative difference of 1e-12: sums of up to a thousand numbers, taken in another order, differ by no more"
SUMMED = 1e-12 / float(np.finfo(float).eps)


def vectors(count: int, length: int) -> Array:
    """Some vectors of errors of very different sizes, `(count, length)`, from a fixed seed."""
    rng = np.random.default_rng(length)
    return rng.standard_normal((count, length)) * 10 ** rng.uniform(-3, 3, (count, 1))


@dataclass(frozen=True)
class NormsAreMeansTimesN(Claim):
    """The sum is n times the mean: the same fit, but not the same learning rate or penalty."""

    id = "norms-are-means-times-n"
    section = "A"
    quotes = (
        Quote(
            "D0",
            "2.1",
            "In fact, we found that the so-called L1_LOSS and L2_LOSS and the previous MAE, the MSE loss function "
            "is only a difference between 1 / n, so their advantages and disadvantages are interoperability.",
        ),
    )
    statement = (
        "The L1 and L2 norm losses are n times MAE and MSE, and so share their merits: the minimiser, the learning "
        "rate that descent can bear, the fit with a given penalty."
    )
    quantifier = Quantifier.generic
    margin = SUMS + "; minimisers within 1e-6 of the noise's sd; rates and penalised fits equal within 1 %"

    def evidence(self, lab: Laboratory) -> Evidence:
        data = drawn({"outliers": 0.1}, 8)
        errors = vectors(64, 1000)
        rates = {name: _bearable(data, name) for name in ("mean", "sum")}
        n = data.y.shape[-1]
        conditions = (
            *(identity(f"sum = n mean, {loss}", *_sums(make("loss", loss), errors), SUMMED) for loss in ("mae", "mse")),
            *(
                Condition(f"minimisers apart, {loss}", Exact(_apart(loss, data)), at_most(1e-6), "sd")
                for loss in ("mae", "mse")
            ),
            Condition(
                "largest rate of descent on MSE, mean over sum", Exact(rates["mean"] / rates["sum"]), within(1.0, 0.01)
            ),
            Condition("ridge fits apart, alpha = 0.1", Exact(_ridge(data)), at_most(0.01), "of the coefficients"),
        )
        key = Key(f"largest rate on the mean over that on the sum, n = {n}", Exact(rates["mean"] / rates["sum"]))
        table = pd.DataFrame({"objective": list(rates), "largest rate that descent on MSE bears": list(rates.values())})
        pictures = {"rates": Picture(RATES, lambda figure: _draw_rates(figure, data), 6.4, 3.2)}
        return Evidence(conditions, key, lambda verdict: _interchange(verdict, rates), {"Rates": table}, pictures)


RATES = (
    "MSE after 50 steps of descent against the learning rate, over that at the start: the sum bears 1 / n of the "
    "mean's."
)


def _sums(loss: ResidualLoss, errors: Array) -> tuple[Array, Array]:
    zero = np.zeros_like(errors)
    return loss(errors, zero, reduction="sum"), errors.shape[-1] * loss(errors, zero, reduction="mean")


def _apart(loss: str, data: Data) -> float:
    """How far the minimiser of the sum, by NumPy or by SciPy's linear programming, is from that of the mean."""
    sums = {"mse": lambda X, y: np.linalg.lstsq(X, y)[0], "mae": least_absolute}
    found = np.array([sums[loss](X, y) for X, y in zip(data.X, data.y, strict=True)])
    return float(np.abs(found - fitted({"loss": loss}, data).coef).max())


def least_absolute(X: Array, y: Array) -> Array:
    """The coefficients of the least sum of absolute errors: least sum of t, t >= y - X b, t >= X b - y."""
    from scipy.optimize import linprog

    n, p = X.shape
    cost, rows = np.repeat([0.0, 1.0], [p, n]), np.block([[-X, -np.eye(n)], [X, -np.eye(n)]])
    solution: Array = linprog(cost, rows, np.concatenate([-y, y]), bounds=(None, None)).x
    return solution[:p]


FACTORS = np.logspace(-4, 1, 101)


def _ends(data: Data, rates: Array, times: float) -> Array:
    """MSE after 50 steps at each rate on `times` the mean, over that at the start; of the first sample."""
    one = Problem(data.X[0], data.y[0], MSE())
    start = np.zeros(data.X.shape[-1])
    with np.errstate(over="ignore", invalid="ignore"):
        ends = [GradientDescent(rate=float(times * rate), max_iter=50).solve(one, start).coef for rate in rates]
        return np.array([one.objective(end) / one.objective(start) for end in ends])


def _bearable(data: Data, name: str) -> float:
    """The largest of the rates after which the loss is lower than at the start: a grid of 20 to the decade."""
    n = float(data.y.shape[-1])
    good = _ends(data, FACTORS, 1.0 if name == "mean" else n) < 1
    return float(FACTORS[good].max())


def _ridge(data: Data) -> float:
    """How far ridge fits of mean and sum are apart, at one alpha: n times the loss is alpha / n for the mean."""
    alpha, n = 0.1, data.y.shape[-1]
    both = [
        fitted({"loss": "mse", "penalty": "l2", "penalty.alpha": value}, data).coef[:, 1:]
        for value in (alpha, alpha / n)
    ]
    return float(np.linalg.norm(both[0] - both[1], axis=-1).max() / np.linalg.norm(both[1], axis=-1).max())


def _interchange(verdict: Verdict, rates: dict[str, float]) -> str:
    merits = "The minimiser is the same, so that the choice does not matter for robustness"
    differ = "but what is set beside the loss must change" if verdict is Verdict.depends else "and nothing else changes"
    return (
        f"{merits}, {differ}: on the sum descent bears a rate of {number(rates['sum'])}, on the mean "
        f"{number(rates['mean'])}. The sum's rate and its balance against a penalty change with every batch size; the "
        "mean's do not."
    )


def _draw_rates(figure: Any, data: Data) -> None:
    axes, n = figure.subplots(), float(data.y.shape[-1])
    for name, times, color, dashes in (("mean", 1.0, BLUE, "-"), ("sum", n, RED, "--")):
        ends = np.clip(_ends(data, FACTORS, times), None, 1e3)
        axes.loglog(FACTORS, np.where(np.isfinite(ends), ends, 1e3), color=color, ls=dashes, label=f"{name} of squares")
    axes.axhline(1.0, color=BLACK, lw=0.8)
    axes.set_ylim(None, 1e3)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("MSE, end over start")
    axes.legend()


@dataclass(frozen=True)
class MseIsEuclidean(Claim):
    """Mean squared error and distance order the fits alike, and are two things."""

    id = "mse-is-euclidean"
    section = "A"
    quotes = (
        Quote(
            "D1",
            "2.2",
            "Mean Squared Loss/ Quadratic Loss(MSE loss) Also known as L2 loss, Or Euclidean distance , It takes "
            "the sum of the squares of the errors as the distance",
        ),
        Quote("D4", "", "MSE is the straight line between two points in Euclidian space"),
    )
    statement = (
        "MSE of y and its prediction is their Euclidean distance, or its square, and has a distance's properties."
    )
    quantifier = Quantifier.generic
    margin = SUMS + "; the triangle inequality in rational arithmetic"

    def evidence(self, lab: Laboratory) -> Evidence:
        lengths = (2, 10, 1000)
        samples = {n: vectors(64, n) for n in lengths}
        conditions = (
            *(
                identity(f"MSE is the distance, n = {n}", _mse(r), np.linalg.norm(r, axis=-1), SUMMED)
                for n, r in samples.items()
            ),
            *(identity(f"MSE is its square, n = {n}", _mse(r), _squares(r), SUMMED) for n, r in samples.items()),
            Condition("MSE from 0 to 2, over that by way of 1", Exact(_detour()), at_most(Fraction(1))),
            Condition(
                "MSE of twice the errors, over that of the errors", Exact(_doubled()), within(Fraction(2), Fraction(0))
            ),
        )
        mean = {n: float(np.abs(_mse(r) / (_squares(r) / n) - 1).max()) for n, r in samples.items()}
        table = pd.DataFrame(
            {"n": lengths, "MSE from squared distance / n, largest relative difference": list(mean.values())}
        )
        key = Key("MSE from 0 to 2, over that by way of 1", Exact(_detour()))
        return Evidence(conditions, key, lambda _: _distance(max(mean.values())), {"What MSE is": table})


def _mse(errors: Array) -> Array:
    return MSE()(errors, np.zeros_like(errors))


def _squares(errors: Array) -> Array:
    return np.linalg.norm(errors, axis=-1) ** 2


def _rational(errors: list[int]) -> Fraction:
    """MSE of whole errors, exact."""
    squares = MSE().rho(np.array([Fraction(error) for error in errors], dtype=object))
    return Fraction(sum(squares)) / len(errors)


def _detour() -> Fraction:
    return _rational([2]) / (_rational([1]) + _rational([1]))


def _doubled() -> Fraction:
    return _rational([6, 8]) / _rational([3, 4])


def _distance(off: float) -> str:
    return (
        f"MSE is the squared distance over n (to {number(off, 2)}): it has the unit of y squared, doubles by four, "
        f"and the way over a point between costs less than the straight line ({_detour()} times). For the choice it "
        "matters little, since distance, square and mean have one minimiser; read its root, in the unit of y."
    )


@dataclass(frozen=True)
class KerasRegressionValues(Claim):
    """Three values that a program printed."""

    id = "keras-regression-values"
    section = "A"
    quotes = (
        Quote("D1", "2.1", "mae(y_true, y_pred).numpy()\nThe result is :\n1.0"),
        Quote("D1", "2.2", "mse(y_true, y_pred).numpy()\nThe result is :\n0.5"),
        Quote("D1", "2.3", "h(y_true, y_pred).numpy()\nresult :\n0.18"),
    )
    statement = (
        "MAE of (0, 0) against (1, 1) is 1.0, MSE of (0, 1) against (1, 1) is 0.5, Huber of (0, 1) against (0.6, "
        "0.4) 0.18."
    )
    quantifier = Quantifier.always
    margin = SAME

    def evidence(self, lab: Laboratory) -> Evidence:
        found = {name: float(loss(np.array(y), np.array(eta))) for name, (loss, y, eta, _) in PRINTED.items()}
        conditions = tuple(
            identity(f"{name} = {float(printed)}", np.array(found[name]), np.array(float(printed)))
            for name, (_, _, _, printed) in PRINTED.items()
        )
        table = pd.DataFrame(
            {"loss": list(found), "here": list(found.values()), "printed": [str(float(p[3])) for p in PRINTED.values()]}
        )
        smooth = float(make("loss", "smooth_l1", beta=1.0)(np.array([0.0, 1.0]), np.array([0.6, 0.4])))
        key = Key(
            "values that agree", Exact(sum(one.outcome(1.0).value == "holds" for one in conditions) * 1.0), "of 3"
        )
        return Evidence(conditions, key, lambda _: _values(smooth), {"Values": table})


PRINTED: dict[str, tuple[ResidualLoss, list[float], list[float], Fraction]] = {
    "MAE": (MAE(), [0.0, 0.0], [1.0, 1.0], Fraction(1)),
    "MSE": (MSE(), [0.0, 1.0], [1.0, 1.0], Fraction(1, 2)),
    "Huber(1)": (Huber(1.0), [0.0, 1.0], [0.6, 0.4], Fraction(18, 100)),
}


def _values(smooth: float) -> str:
    return (
        "The losses here are those of the libraries, to the last digit, so that what is found here holds there. The "
        f"document calls the third Smooth L1: with beta = delta = 1 it is ({number(smooth)}), with any other constant "
        "it is not."
    )


@dataclass(frozen=True)
class Reductions(Claim):
    """None, sum and mean, for each loss that there is."""

    id = "reductions"
    section = "A"
    quotes = (
        Quote(
            "D2",
            "1",
            "这三个参数决定损失函数是1.只求是loss; 2. 对loss求和;3. 对loss求平均。",
            "these three parameters decide whether the loss function 1. only computes the loss; 2. sums it; 3. "
            "averages it",
        ),
        Quote(
            "D2",
            "2.1",
            "这里的default值是‘mean’即求平均的,因为反向传播、梯度计算损失值要求是标量值",
            "the default value here is 'mean', the average, since backpropagation and gradients need a scalar",
        ),
    )
    statement = "For every loss, sum is the total of none, mean is sum / n, and mean is what is had without asking."
    quantifier = Quantifier.always
    margin = SUMS

    def evidence(self, lab: Laboratory) -> Evidence:
        losses = {name: make("loss", name) for name in fitting("loss", "regression")}
        conditions = tuple(one for name, loss in losses.items() for one in _reduced(name, loss))
        key = Key("losses for which all three relations were tried", Exact(float(len(losses))))
        pictures = {"losses": Picture(GALLERY, lambda figure: _gallery(figure, losses), 9.2, 6.2)}
        uneven = _uneven()
        return Evidence(conditions, key, lambda _: _batches(uneven), {}, pictures)


GALLERY = "Each loss (line) and its derivative (dashes) at its default constant, over the error in units of the scale."


def _reduced(name: str, loss: ResidualLoss) -> list[Condition]:
    errors, zero = vectors(64, 1000), np.zeros((64, 1000))
    none, total, mean = (loss(errors, zero, reduction=kind) for kind in ("none", "sum", "mean"))
    slow = np.array([sum(row) for row in none.tolist()])
    return [
        identity(f"{name}: sum is the total of none", total, slow, SUMMED),
        identity(f"{name}: mean is sum / n", mean, total / 1000, SUMMED),
        identity(f"{name}: the default is mean", loss(errors, zero), mean),
    ]


def _uneven() -> float:
    """The mean of the means of two batches of 10 and 90, over the mean of all, for errors of 3 and 1."""
    means = [float(MSE()(np.full(n, error), np.zeros(n))) for n, error in ((10, 3.0), (90, 1.0))]
    return float(np.mean(means) / MSE()(np.repeat([3.0, 1.0], [10, 90]), np.zeros(100)))


def _batches(uneven: float) -> str:
    return (
        "Which reduction is chosen does not change the fit to a whole sample. Over batches of unequal size it does: "
        f"the mean of the means of batches of 10 and 90 with errors of 3 and 1 is {number(uneven)} times the mean of "
        "all."
    )


def _gallery(figure: Any, losses: dict[str, ResidualLoss]) -> None:
    u = np.linspace(-6, 6, 600)
    for axes, (name, loss) in zip(figure.subplots(3, 3, sharex=True).flat, losses.items(), strict=False):
        color = style(name).color
        axes.axhline(0.0, color="#bbbbbb", lw=0.7)
        axes.plot(u, loss.rho(u), color=color, lw=1.8)
        axes.plot(u, loss.psi(u), color=BLACK, ls="--", lw=1.1)
        axes.set_ylim(-4, 8)
        axes.set_title(name)


Boxes = Array
"""Corners x1, y1, x2, y2 along the last axis."""

BOX_LOSSES: dict[str, Callable[[Boxes, Boxes], Array]] = {
    "GIoU": GIoU().value,
    "DIoU": DIoU().value,
    "CIoU": CIoU().value,
}


def pairs(count: int) -> tuple[Boxes, Boxes]:
    """Pairs of boxes, most of which overlap, from a fixed seed."""
    rng = np.random.default_rng(4)
    corners, sizes = rng.uniform(0, 10, (2, count, 2)), rng.uniform(1, 10, (2, count, 2))
    both = np.concatenate([corners, corners + sizes], -1)
    return both[0], both[1]


@dataclass(frozen=True)
class BoxFormulas(Claim):
    """The formulas printed for three losses of boxes are the mean absolute error's."""

    id = "box-formulas"
    section = "A"
    quotes = tuple(
        Quote(
            "D2",
            place,
            "平均绝对误差(Mean Absolute Error, MAE),公式为:",
            f"{name} Loss: mean absolute error (MAE), with the formula l(x, y) = 1/N sum abs(x_i - y_i)",
        )
        for place, name in (("5", "GIOU"), ("6", "DIOU"), ("7", "CIOU"))
    )
    statement = (
        "The formula that is printed for GIoU, DIoU and CIoU, the mean absolute difference of the coordinates, is "
        "theirs."
    )
    quantifier = Quantifier.always
    scope = "boxes of four coordinates; no model"
    margin = "a largest difference of 1e-9 over 1000 pairs of boxes"

    def evidence(self, lab: Laboratory) -> Evidence:
        one, other = pairs(1000)
        printed = np.abs(one - other).mean(-1)
        losses = {name: loss(one, other) for name, loss in BOX_LOSSES.items()}
        apart = {name: float(np.abs(values - printed).max()) for name, values in losses.items()}
        conditions = tuple(
            Condition(name, Exact(far), at_most(1e-9), "largest difference") for name, far in apart.items()
        )
        larger = {"printed formula": _times(lambda a, b: np.abs(a - b).mean(-1), one, other)}
        larger |= {name: _times(loss, one, other) for name, loss in BOX_LOSSES.items()}
        table = pd.DataFrame(
            {"loss": list(larger), "with both boxes ten times as large, over before": list(larger.values())}
        )
        key = Key("GIoU's formula and the printed one apart by up to", Exact(apart["GIoU"]))
        pictures = {"pairs": Picture(PAIRS, lambda figure: _draw_pairs(figure, printed, losses["GIoU"]), 5.2, 3.4)}
        return Evidence(conditions, key, lambda _: _pasted(larger), {"What no loss of overlaps does": table}, pictures)


PAIRS = "1000 pairs of boxes: the printed formula does not determine GIoU."


def _times(loss: Callable[[Boxes, Boxes], Array], one: Boxes, other: Boxes) -> float:
    return float(np.median(loss(10 * one, 10 * other) / loss(one, other)))


def _pasted(larger: dict[str, float]) -> str:
    return (
        "The printed formulas are that of MAE, pasted three times: take the three losses from their papers. MAE of "
        f"coordinates grows {number(larger['printed formula'])} times when both boxes are ten times as large, the "
        f"losses of overlaps {number(larger['GIoU'])} times: they have no unit."
    )


def _draw_pairs(figure: Any, printed: Array, values: Array) -> None:
    axes = figure.subplots()
    axes.plot(printed, values, ".", color=BLUE, ms=3)
    axes.set_xlabel("printed formula: mean absolute difference")
    axes.set_ylabel("GIoU loss")

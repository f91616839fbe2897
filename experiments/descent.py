"""What does gradient descent make of the losses: what a fixed rate reaches, what diverges, what hops about?

All is run: by the solver `gradient_descent` where a rate is one number, in plain loops where rows are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.samples import above_least, drawn, fitted, problem
from robustfit import linalg
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Share,
    Verdict,
    above,
    at_least,
    at_most,
    below,
    identity,
    within,
)
from robustfit.data import Data
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.montecarlo import Estimate, mean, ratio
from robustfit.panels import BLACK, BLUE, GREEN, GREY, ORANGE, RED, style
from robustfit.problem import Problem
from robustfit.report import number, with_error
from robustfit.solvers.gradient_descent import GradientDescent

SIZES = np.logspace(-8, 8, 161)
SAME = "a relative difference of 8 rounding errors (1.8e-15)"
SAMPLES = {"clean": {"outliers": 0.0}, "10 % outliers": {"outliers": 0.1}}
SETTINGS: dict[str, Mapping[str, Any]] = {
    "mse": {"loss": "mse"},
    "mae": {"loss": "mae"},
    "smooth_l1": {"loss": "smooth_l1", "loss.beta": 1.0},
    "huber": {"loss": "huber", "loss.delta": 1.0},
}
LOSSES: dict[str, ResidualLoss] = {"mse": MSE(), "mae": MAE(), "smooth_l1": SmoothL1(1.0), "huber": Huber(1.0)}
CURVATURE = {"mse": 2.0, "mae": 1.0, "smooth_l1": 1.0, "huber": 1.0}
"""The largest; of MAE, which has none, as if it were 1."""


def steepest(data: Data) -> Array:
    """The largest eigenvalue of X'X / n, `(K,)`: times a loss's largest curvature, the L of gradient descent."""
    gram = linalg.gram(data.X, np.ones_like(data.y)) / data.y.shape[-1]
    largest: Array = np.linalg.eigvalsh(gram)[..., -1]
    return largest


def ends(one: Problem, start: Array, rates: Array, **settings: Any) -> Array:
    """Where gradient descent ends on each sample, at its own rate; NaN or huge where it diverges."""
    pairs = zip(start, rates, strict=True)
    with np.errstate(over="ignore", invalid="ignore"):
        found = [
            GradientDescent(rate=float(rate), tol=1e-15, **settings).solve(one.member(i), begin).coef
            for i, (begin, rate) in enumerate(pairs)
        ]
    return np.array(found)


# The squared error


@dataclass(frozen=True)
class MseGradientVanishes(Claim):
    """A fixed rate converges on MSE if it is below 2 / L, and diverges if it is above, whatever the data."""

    id = "mse-gradient-vanishes"
    section = "A"
    quotes = (
        Quote(
            "D0",
            "1.1",
            "Moreover, as the error decreases, the gradient is also reduced, which facilitates convergence, even if "
            "the fixed learning rate is used, can also converge to the minimum.",
        ),
        Quote("D0", "1.3", "MSE can be guided everywhere, and the gradient value is also dynamically changed"),
    )
    statement = (
        "MSE's gradient falls in proportion to the error, so full-batch gradient descent at a fixed rate converges "
        "to the minimum: at rates from a tenth of 2 / L to twice of it, on clean samples and with 10 % outliers."
    )
    quantifier = Quantifier.generic
    margin = "1e-9 of the way from the start to the minimum left after 400 steps, in the worst of 8 samples"

    def evidence(self, lab: Laboratory) -> Evidence:
        left = {(name, rate): _left(settings, rate) for name, settings in SAMPLES.items() for rate in RATES}
        psi, halved = MSE().psi(SIZES), MSE().psi(SIZES / 2)
        conditions = (
            identity("half the error, half the gradient", halved, psi / 2),
            *(
                Condition(f"{name}, rate {rate:g} of 2 / L: left to go", Exact(one), at_most(1e-9))
                for (name, rate), one in left.items()
            ),
        )
        good = [rate for rate in RATES if all(left[name, rate] <= 1e-9 for name in SAMPLES)]
        key = Key("largest rate that converges, in 2 / L", Exact(max(good, default=0.0)))
        pictures = {"paths": Picture(PATHS, _draw_paths, 9.2, 3.6)}
        return Evidence(conditions, key, lambda verdict: _fixed_rate(verdict, good, left), {}, pictures)


RATES = (0.1, 0.5, 0.9, 1.1, 2.0)
PATHS = (
    "Gradient descent on one sample (a line, 10 % outliers). Left: paths on MSE at fixed rates, in 2 / L, over its "
    "contours. Middle: paths on MAE at a fixed and at a decreasing rate. Right: how far the loss is above its least."
)


def _left(settings: Mapping[str, Any], rate: float) -> float:
    """The largest share of the way down that descent on MSE has left after 400 steps."""
    data = drawn(settings, 8)
    one, least = problem(MSE(), data), fitted(SETTINGS["mse"], data).coef
    start = least + 10.0
    end = ends(one, start, rate / steepest(data), max_iter=400)  # 2 / L = 2 / (2 steepest)
    with np.errstate(over="ignore", invalid="ignore"):
        share = above_least(one, end, least) / above_least(one, start, least)
    return float(np.where(np.isfinite(share), share, np.inf).max())


def _fixed_rate(verdict: Verdict, good: Sequence[float], left: Mapping[Any, float]) -> str:
    worst = max(left[name, max(good)] for name in SAMPLES) if good else float("nan")
    edge = f"up to {max(good, default=0):g} of 2 / L all but {number(worst, 2)} of the way is gone after 400 steps"
    rest = (
        "and above it the fit runs away, with clean and with contaminated data alike"
        if verdict is Verdict.depends
        else ""
    )
    return (
        f"MSE lets a fixed rate do: {edge}{', ' + rest if rest else ''}. L is that of the features alone: outliers in "
        "y do not make descent diverge, they move the minimum that it converges to."
    )


def path(loss: ResidualLoss, data: Data, start: Array, rate: float, steps: int, schedule: str = "fixed") -> Array:
    """The coefficients on the way on the first sample, `(steps + 1, p)`, by the solver's trace."""
    solver = GradientDescent(rate=rate, schedule=schedule, max_iter=steps, tol=1e-15)
    first = data.take(slice(0, 1))
    trace = solver.solve(problem(loss, first), start[None]).trace
    return np.array([step.coef for step in trace])


def _draw_paths(figure: Any) -> None:
    data = drawn({"scenario.n_features": 1, "scenario.n_samples": 50, "outliers": 0.1}, 1)
    data = replace(data, X=data.X * np.array([1.0, 2.0]))  # a wider feature makes contours that are no circles
    left, middle, right = figure.subplots(1, 3)
    _draw_way(left, right, data, "mse", {0.1: "fixed", 0.9: "fixed", 1.02: "fixed"})
    _draw_way(middle, right, data, "mae", {3.0: "fixed", 3.001: "inverse_sqrt"})
    right.set_yscale("log")
    right.set_xlabel("step")
    right.set_title("loss above its least")
    right.set_ylim(1e-9, None)
    right.legend(fontsize=7.5)


WAYS = {
    ("mse", 0.1): (BLUE, "-", "MSE, 0.1"),
    ("mse", 0.9): (GREEN, "--", "MSE, 0.9"),
    ("mse", 1.02): (RED, ":", "MSE, 1.02"),
    ("mae", 3.0): (ORANGE, "-", "MAE, fixed"),
    ("mae", 3.001): (BLACK, "--", "MAE, decreasing"),
}


def _draw_way(axes: Any, right: Any, data: Data, name: str, rates: Mapping[float, str]) -> None:
    """Paths over the contours of a loss, and their distance from its least."""
    loss, least = LOSSES[name], fitted(SETTINGS[name], data).coef[0]
    one, reach = problem(loss, data.take(slice(0, 1))), np.array([3.0, 1.8])
    start = least + np.array([2.4, -1.4])
    grid = np.meshgrid(*(np.linspace(c - r, c + r, 61) for c, r in zip(least, reach, strict=True)))
    values = np.array([float(one.objective(np.array([point]))[0]) for point in np.stack(grid, -1).reshape(-1, 2)])
    axes.contour(*grid, values.reshape(61, 61), levels=12, colors="#cccccc", linewidths=0.7)
    for rate, schedule in rates.items():
        color, dashes, label = WAYS[name, rate]
        way = path(loss, data, start, rate / float(steepest(data)[0]), 80, schedule)
        axes.plot(*way[:, :2].T, color=color, ls=dashes, marker=".", ms=3, lw=1.0)
        above_it = np.array([float(above_least(one, coef[None], least[None])[0]) for coef in way])
        right.plot(above_it, color=color, ls=dashes, lw=1.3, label=label)
    axes.plot(*least, marker="*", ms=11, color=BLACK, mec="white", zorder=5)
    axes.set_xlim(least[0] - reach[0], least[0] + reach[0])
    axes.set_ylim(least[1] - reach[1], least[1] + reach[1])
    axes.set_title({"mse": "MSE", "mae": "MAE"}[name])
    axes.set_xlabel("intercept")
    axes.set_ylabel("slope")


@dataclass(frozen=True)
class MseGradientExplodes(Claim):
    """Three meanings of explode: the size of the gradient, divergence, and the noise of batches."""

    id = "mse-gradient-explodes"
    section = "A"
    quotes = (
        Quote(
            "D1",
            "2.2",
            "When the predicted value is very different from the target value , Gradients explode easily .",
        ),
        Quote(
            "D3",
            "2.2.1",
            "This leads to early training , Forecast value and groud truth When the difference is too big , The "
            "gradient of the loss function to the predicted value is very large , Unstable training .",
        ),
    )
    statement = (
        "Far from the target MSE's gradient is larger without bound; a far start makes full-batch descent diverge at "
        "a rate at which a near one converges; minibatch descent leaves a far start for farther places, and hops "
        "about more where there are outliers."
    )
    quantifier = Quantifier.generic
    margin = (
        "the gradient 100 times as large at 10^4 times the distance; the error larger after 200 steps than before; "
        "more than 5 % of the runs ever 5 % farther off than at the start; twice the hopping"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        runs = lab.choose(128, 32)
        sizes, shrunk = {loss: _grown(loss) for loss in CORE}, {far: _shrunk(far) for far in (1.0, 1e6)}
        farther = Share(int(_farther(runs).sum()), runs)
        hops = {(loss, shift): _hops(loss, shift, runs) for loss in CORE for shift in (10.0, 100.0)}
        conditions = (
            Condition("gradient at distance 10^4 over that at 1", Exact(sizes["mse"]), above(100.0)),
            Condition(
                "full batch, rate 0.95 of 2 / L, start at distance 10^6: error left", Exact(shrunk[1e6]), above(1.0)
            ),
            Condition("minibatch, start at distance 10^6: runs that go farther", farther, above(0.05)),
            *(
                Condition(
                    f"minibatch, outliers at {shift:g} sd: hopping over that on clean data",
                    Sampled(hops["mse", shift]),
                    above(2.0),
                )
                for shift in (10.0, 100.0)
            ),
        )
        table = pd.DataFrame(
            {
                "loss": [TITLES[loss] for loss in CORE],
                "gradient at distance 10^4 over that at 1": [sizes[loss] for loss in CORE],
                **{
                    f"hopping with outliers at {shift:g} sd, over clean": [_words(hops[loss, shift]) for loss in CORE]
                    for shift in (10.0, 100.0)
                },
            }
        )
        key = Key("hopping with outliers at 100 sd, over that on clean data", Sampled(hops["mse", 100.0]))
        pictures = {"meanings": Picture(MEANINGS, lambda figure: _draw_meanings(figure, shrunk, hops), 9.2, 3.2)}
        return Evidence(
            conditions, key, lambda verdict: _explosion(verdict, hops, shrunk), {"Beside the others": table}, pictures
        )


CORE = ("mse", "smooth_l1", "mae")
TITLES = {"mse": "MSE", "mae": "MAE", "smooth_l1": "Smooth L1", "huber": "Huber"}
MEANINGS = (
    "Left: size of the gradient against the distance of the coefficients from the minimum. Middle: error left by "
    "full-batch descent on MSE after 200 steps, against the rate, from a near and from a far start. Right: hopping "
    "of minibatch descent with 10 % outliers over that on clean data, against their size (bars: two standard errors)."
)


def _words(one: Estimate) -> str:
    return with_error(one.value, one.mcse)


def _sizes(loss: str, distances: Array) -> Array:
    """The norm of the full-batch gradient at distances from the minimum along (1, .., 1), of the first clean sample."""
    data = drawn({}, 1)
    least, one = fitted(SETTINGS[loss], data).coef, problem(LOSSES[loss], data)
    return np.array([float(np.linalg.norm(one.gradient(least + far / 2.0))) for far in distances])  # p = 4: norm 2


def _grown(loss: str) -> float:
    near, far = _sizes(loss, np.array([1.0, 1e4]))
    return float(far / near)


def _shrunk(far: float, rate: float = 0.95) -> float:
    """Distance from the minimum after 200 full-batch steps on MSE over that at the start, largest of 8 samples."""
    data = drawn({}, 8)
    one, least = problem(MSE(), data), fitted(SETTINGS["mse"], data).coef
    end = ends(one, least + far / 2.0, rate / steepest(data), max_iter=200)
    return float((np.linalg.norm(end - least, axis=-1) / far).max())


BATCH, STEPS, TAIL = 8, 800, 400


def minibatches(loss: ResidualLoss, data: Data, start: Array, rates: Array) -> Iterator[Array]:
    """The coefficients on the way of descent on 8 rows at a time, `(K, p)`; the rows are the same for every loss."""
    rng, coef, rows = np.random.default_rng(0), start.copy(), np.arange(len(data.y))[:, None]
    for _ in range(STEPS):
        chosen = rng.integers(data.y.shape[-1], size=(len(data.y), BATCH))
        X, y = data.X[rows, chosen], data.y[rows, chosen]
        coef = coef + rates[:, None] * linalg.adjoint(X, loss.psi(y - linalg.apply(X, coef))) / BATCH
        yield coef


def _farther(runs: int) -> Array:
    """In which runs minibatch descent on MSE from 10^6 away is ever 5 % farther away, on clean data."""
    data = drawn({}, runs)
    least = fitted(SETTINGS["mse"], data).coef
    way = minibatches(MSE(), data, least + 1e6 / 2.0, 0.1 / steepest(data))
    farthest = np.max([np.linalg.norm(coef - least, axis=-1) for coef in way], axis=0)
    result: Array = farthest > 1.05e6
    return result


def _hopping(loss: str, settings: Mapping[str, Any], runs: int) -> Array:
    """Root mean square distance of the last coefficients from their own mean, `(K,)`, from the loss's minimum on."""
    data = drawn(settings, runs)
    rates = 0.2 / (CURVATURE[loss] * steepest(data))
    way = list(minibatches(LOSSES[loss], data, fitted(SETTINGS[loss], data).coef, rates))
    tail = np.array(way[-TAIL:])
    result: Array = np.sqrt(np.square(tail - tail.mean(0)).sum(-1).mean(0))
    return result


def _hops(loss: str, shift: float, runs: int) -> Estimate:
    """Hopping with 10 % outliers of a size over that on clean data, a ratio of means over the same clean samples."""
    outliers = {"outliers": 0.1, "contamination.shift": shift}
    return ratio(_hopping(loss, outliers, runs), _hopping(loss, {}, runs))


def _explosion(verdict: Verdict, hops: Mapping[Any, Estimate], shrunk: Mapping[float, float]) -> str:
    meanings = "It depends on what explodes" if verdict is Verdict.depends else "The meanings agree"
    return (
        f"{meanings}: MSE's gradient grows with the error, but distance alone never makes full-batch descent diverge "
        f"(from 10^6 away {number(shrunk[1e6], 2)} of the error is left at a rate below 2 / L, as from near). What "
        f"outliers do is make minibatch descent hop {_words(hops['mse', 100.0])} times as far at 100 sd, against "
        f"{_words(hops['smooth_l1', 100.0])} with Smooth L1 and {_words(hops['mae', 100.0])} with MAE."
    )


def _draw_meanings(figure: Any, shrunk: Any, hops: Mapping[Any, Estimate]) -> None:
    left, middle, right = figure.subplots(1, 3)
    distances, rates = np.logspace(-2, 6, 33), np.linspace(0.5, 1.1, 13)
    for loss in CORE:
        look = style(loss)
        left.loglog(distances, _sizes(loss, distances), color=look.color, ls=look.dashes, label=TITLES[loss])
        found = [hops[loss, shift] for shift in (10.0, 100.0)]
        bars = [2 * one.mcse for one in found]
        right.errorbar(
            (10, 100), [one.value for one in found], bars, color=look.color, ls=look.dashes, marker=look.marker
        )
    for far, color, dashes, mark in ((1.0, BLUE, "-", "o"), (1e6, RED, "--", "x")):
        values = [_shrunk(far, float(rate)) for rate in rates]
        middle.semilogy(
            rates, np.maximum(values, 1e-18), color=color, ls=dashes, marker=mark, ms=4, label=f"start at {far:g}"
        )
    middle.axvline(1.0, color=GREY, lw=0.8)
    middle.axhline(1.0, color=GREY, lw=0.8)
    right.set_xscale("log")
    right.set_yscale("log")
    for axes, title, label in (
        (left, "size of the gradient", "distance"),
        (middle, "error left, full batch", "rate, in 2 / L"),
        (right, "hopping, over clean", "size of the outliers, sd"),
    ):
        axes.set_title(title)
        axes.set_xlabel(label)
    left.legend()
    middle.legend()


# The absolute error


@dataclass(frozen=True)
class MaeGradientConstant(Claim):
    """The size of the gradient does not tell how near the minimum is; it does tell how large the inputs are."""

    id = "mae-gradient-constant"
    section = "A"
    quotes = (
        Quote(
            "D0",
            "1.2",
            "Regardless of what kind of input values, there is a stable gradient, which does not cause gradient "
            "explosion problems, which have a relatively robust solution.",
        ),
        Quote(
            "D0", "1.2", "MAE is equally equal, which means that even for small loss values, its gradient is also large"
        ),
        Quote(
            "D3",
            "2.2.1",
            "The absolute value of the derivative of the loss to the predicted value is still 1, and learning rate "
            "If it doesn't change , The loss function will fluctuate near the stable value , It is difficult to "
            "continue convergence to achieve higher accuracy .",
        ),
    )
    statement = (
        "MAE's gradient has one size for errors and inputs of every size; so at a fixed rate descent stays above the "
        "minimum by an amount that goes with the rate, without further progress, and a decreasing rate brings it "
        "nearer."
    )
    quantifier = Quantifier.generic
    margin = (
        "psi to rounding; the gradients of a sample's rows within 10 % of each other; more than 1e-6 above the least "
        "loss (in sd) and at least half of what it was 2000 steps before; a tenth of the rate at most a third; "
        "decreasing at most a tenth"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        floors = {name: _floors(settings, lab.choose(128, 32)) for name, settings in SAMPLES.items()}
        spread = _spread()
        conditions = [
            identity(
                "size of psi, errors from 10^-8 to 10^8",
                np.abs(MAE().psi(np.concatenate([-SIZES, SIZES]))),
                np.ones(322),
            ),
            Condition("largest over smallest gradient of a sample's rows", Exact(spread), within(1.0, 0.1)),
        ]
        conditions += [one for name, floor in floors.items() for one in _floor_conditions(name, floor)]
        fixed = mean(floors["clean"]["fixed 1", 4000])
        lower = ratio(floors["clean"]["decreasing", 4000], floors["clean"]["fixed 1", 4000])
        key = Key("loss above its least at a fixed rate of 1, clean", Sampled(fixed), "sd")
        pictures = {"floors": Picture(FLOORS, _draw_floors, 6.4, 3.4)}
        return Evidence(tuple(conditions), key, lambda verdict: _no_signal(verdict, spread, lower), {}, pictures)


FLOORS = (
    "MAE above its least along gradient descent, one clean sample: fixed rates end on a floor, a decreasing rate "
    "goes on."
)
SCHEDULES = {"fixed 1": (1.0, "fixed"), "fixed 0.1": (0.1, "fixed"), "decreasing": (1.0, "inverse_sqrt")}


def _spread() -> float:
    """Largest over smallest norm of -sign(r) x over the rows of the first clean sample."""
    sizes = np.linalg.norm(drawn({}, 1).X[0], axis=-1)
    return float(sizes.max() / sizes.min())


def _floors(settings: Mapping[str, Any], count: int) -> dict[tuple[str, int], Array]:
    """How far MAE is above its least after 2000 and 4000 steps from least squares, `(K,)`, by schedule."""
    data = drawn(settings, count)
    one, least = problem(MAE(), data), fitted(SETTINGS["mae"], data).coef
    start, found = fitted(SETTINGS["mse"], data).coef, {}
    for name, (rate, schedule) in SCHEDULES.items():
        coef, runs = start, (2000, 4000) if schedule == "fixed" else (4000,)
        for steps in runs:  # at a fixed rate the second half goes on from the first
            solver = GradientDescent(rate=rate, schedule=schedule, max_iter=4000 // len(runs), tol=1e-15)
            coef = solver.solve(one, coef).coef
            found[name, steps] = above_least(one, coef, least)
    return found


def _floor_conditions(name: str, floor: Mapping[tuple[str, int], Array]) -> list[Condition]:
    fixed = {rate: floor[f"fixed {rate}", 4000] for rate in ("1", "0.1")}
    stays = [
        Condition(f"{name}, rate {rate}: above the least", Sampled(mean(one)), above(1e-6), "sd")
        for rate, one in fixed.items()
    ]
    halts = [
        Condition(
            f"{name}, rate {rate}: over that 2000 steps before",
            Sampled(ratio(one, floor[f"fixed {rate}", 2000])),
            at_least(0.5),
        )
        for rate, one in fixed.items()
    ]
    scaled = Condition(f"{name}: a rate of 0.1 over one of 1", Sampled(ratio(fixed["0.1"], fixed["1"])), below(1 / 3))
    lower = Sampled(ratio(floor["decreasing", 4000], fixed["1"]))
    return [*stays, *halts, scaled, Condition(f"{name}: decreasing over fixed", lower, below(0.1))]


def _no_signal(verdict: Verdict, spread: float, lower: Estimate) -> str:
    inputs = "all but the word about inputs holds" if verdict is Verdict.depends else "this holds as it is said"
    return (
        f"With MAE the rate must fall, since the gradient does not: {inputs}, and a rate that falls with the root of "
        f"the steps ends {_words(lower)} times as far above the least. In the coefficients the gradient is -sign(r) "
        f"x, {number(spread)} times as large for one row of a sample as for another: a far x pulls harder, however "
        "bounded psi is; or solve MAE exactly, which needs no rate."
    )


def _draw_floors(figure: Any) -> None:
    axes, data = figure.subplots(), drawn({}, 1)
    one, least = problem(MAE(), data), fitted(SETTINGS["mae"], data).coef
    start = fitted(SETTINGS["mse"], data).coef[0]
    shown = np.unique(np.geomspace(1, 2000, 160).astype(int))
    for (name, (rate, schedule)), color, dashes in zip(
        SCHEDULES.items(), (ORANGE, BLUE, BLACK), ("-", "--", "-."), strict=True
    ):
        way = path(MAE(), data, start, rate, 2000, schedule)
        left = [above_least(one, way[step][None], least)[0] for step in shown]
        axes.loglog(shown, left, color=color, ls=dashes, lw=1.1, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("loss above its least, sd")
    axes.legend(loc="lower left")


@dataclass(frozen=True)
class MaeKink(Claim):
    """A kink at 0, and steps that cannot be shortened by the gradient: the minimum is passed, unless it is flat."""

    id = "mae-kink"
    section = "A"
    quotes = (
        Quote("D0", "1.2", "The MAE curve is continuous, but is not guided at (Y-F (x) = 0)."),
        Quote(
            "D1",
            "2.1",
            "L1 loss The biggest problem is that the gradient is not smooth at zero , Causes the minimum to be "
            "skipped .",
        ),
        Quote(
            "D2",
            "2",
            "L1 Loss:0处导数不连续,收敛速度慢。",
            "L1 loss: the derivative is discontinuous at 0, convergence is slow",
        ),
    )
    statement = (
        "MAE is continuous at 0 and has no derivative there; so descent at a fixed rate passes the minimum again and "
        "again: of a constant, with an odd and an even number of rows, and of linear models."
    )
    quantifier = Quantifier.generic
    margin = "more than 5 % of the last 500 of 1500 steps raise the loss"

    def evidence(self, lab: Laboratory) -> Evidence:
        tiny, low_high = 1e-300, [float(end) for end in MAE().subdifferential(np.zeros(()))]
        rises = {(name, rate): _rises(settings, rate) for name, settings in MODELS.items() for rate in (1.0, 0.1, 0.01)}
        conditions = (
            Condition(
                "largest abs(u) within 10^-300 of 0",
                Exact(float(MAE().rho(np.array([-tiny, 0.0, tiny])).max())),
                at_most(tiny),
            ),
            Condition("slope right of 0 less slope left of 0", Exact(low_high[1] - low_high[0]), above(0.0)),
            *(
                Condition(f"{name}, rate {rate:g}: steps that raise the loss", Exact(share), above(0.05))
                for (name, rate), share in rises.items()
            ),
        )
        key = Key("slope right of 0 less slope left of 0", Exact(low_high[1] - low_high[0]))
        pictures = {"statistics": Picture(SAME_PICTURE, _draw_statistics, 7.2, 3.8)}
        return Evidence(conditions, key, lambda verdict: _skips(verdict, rises), {}, pictures)


MODELS: dict[str, Mapping[str, Any]] = {
    "constant, 101 rows": {"scenario.n_features": 0, "scenario.n_samples": 101},
    "constant, 100 rows": {"scenario.n_features": 0, "scenario.n_samples": 100},
    "line, 100 rows": {"scenario.n_features": 1},
    "3 features, 100 rows": {"scenario.n_features": 3},
}
SAME_PICTURE = (
    "Mean, median and quantile as the same picture: the mean loss of predicting one constant for 9 targets (ticks); "
    "each loss has its own minimum, and that of the kinked ones is at a datum."
)


def _rises(settings: Mapping[str, Any], rate: float) -> float:
    """The share of the last 500 of 1500 steps of descent on MAE, from least squares, after which the loss is higher."""
    features = int(settings["scenario.n_features"])
    data = drawn({**settings, "scenario.n_features": max(features, 1)}, 1)
    data = data if features else replace(data, X=data.X[..., :1])
    one, start = problem(MAE(), data), np.linalg.lstsq(data.X[0], data.y[0])[0]
    solver = GradientDescent(rate=rate, max_iter=1500, tol=1e-15)
    values = [step.objective for step in solver.solve(one, start[None]).trace]
    values += [values[-1]] * (1501 - len(values))  # where it arrived it stays
    return float((np.diff(values[-501:]) > 0).mean())


def _skips(verdict: Verdict, rises: Mapping[Any, float]) -> str:
    never = sorted({name for (name, _), share in rises.items() if share == 0})
    often = max(rises.values())
    but = f", except where the minimum is a flat stretch wider than a step ({', '.join(never)})" if never else ""
    end = (
        "So do not descend on MAE at a fixed rate"
        if verdict in (Verdict.depends, Verdict.supported)
        else "Descent on MAE is sound"
    )
    return (
        f"At a fixed rate up to {100 * often:.3g} % of the late steps on MAE go up again{but}. {end}; the same kink "
        "is what makes the exact fit pass through data and lets a linear program find it to the last digit."
    )


def _draw_statistics(figure: Any) -> None:
    y = np.array([0.0, 0.6, 1.1, 1.5, 2.1, 2.9, 3.6, 5.4, 8.0])
    axes, constants = figure.subplots(), np.linspace(-1, 9, 1001)
    losses = (("mse / 6: mean", MSE(), 6.0, "mse"), ("mae: median", MAE(), 1.0, "mae"))
    quantiles = tuple((f"quantile {tau:g}", Quantile(tau), 1.0, "") for tau in (0.25, 0.9))
    looks = iter([(BLUE, ":"), (RED, "-")])
    for label, loss, unit, name in (*losses, *quantiles):
        color, dashes = (style(name).color, style(name).dashes) if name else next(looks)
        values = loss.rho(y - constants[:, None]).mean(-1) / unit
        axes.plot(constants, values, color=color, ls=dashes, lw=1.8, label=label)
        axes.plot(constants[values.argmin()], values.min(), "o", color=color)
    axes.plot(y, np.full(9, 0.0), "|", color=BLACK, ms=12)
    axes.set_ylim(-0.1, 4.2)
    axes.set_xlabel("predicted constant")
    axes.set_ylabel("mean loss")
    axes.legend(loc="upper center")


# Scaling the targets


@dataclass(frozen=True)
class TargetScaling(Claim):
    """What scaling the targets buys is a rate: MSE gains nothing, a raw constant becomes another loss."""

    id = "target-scaling"
    section = "A"
    quotes = (
        Quote(
            "D2",
            "1",
            "一般的回归会将预测的值设计到一个较小的范围比如0~1范围内,这样可以加速模型收敛,要不然模型前期预测的数值“乱跳”,出现波动的情况。",
            "regression usually puts the predicted values into a small range such as 0 to 1, which speeds up the "
            "model's convergence; else the predictions of the early phase jump about and fluctuate",
        ),
    )
    statement = (
        "Gradient descent from 0 brings the fitted values to within 1 % of the way to the loss's own minimiser in "
        "fewer steps if targets that range over about 1000 are first divided by 1000; at one rate for both (1 / L), "
        "and each at its best rate."
    )
    quantifier = Quantifier.generic
    margin = (
        "10 % fewer steps; 2000 steps stand for a side that has not arrived by then; rates over nine decades around "
        "1 / L"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        steps = {(loss, size): _steps(loss, size) for loss in LOSSES for size in (1.0, 1e-3)}
        gains = {}
        for loss in LOSSES:
            gains["one rate", loss] = _gain(steps[loss, 1.0][1.0], steps[loss, 1e-3][1.0])
            gains["best rates", loss] = _gain(*(min(steps[loss, size].values()) for size in (1.0, 1e-3)))
        conditions = tuple(
            Condition(f"{TITLES[loss]}, {kind}: steps unscaled over scaled", gain, above(1 / 0.9))
            for (kind, loss), gain in gains.items()
        )
        lines = [[TITLES[loss], kind, *map(_count, _taken(steps, loss, kind))] for kind, loss in gains]
        table = pd.DataFrame(lines, columns=["loss", "rates", "steps, targets as they are", "steps, targets / 1000"])
        key = Key("MSE, one rate: steps unscaled over scaled", gains["one rate", "mse"])
        pictures = {"steps": Picture(SCALED, lambda figure: _draw_steps(figure, steps), 9.2, 3.0)}
        return Evidence(conditions, key, lambda verdict: _scaled(verdict, gains), {"Steps": table}, pictures)


MOST = 2000
TENS = tuple(10.0**k for k in range(-4, 5))
SCALED = (
    "Steps to within 1 % of the minimiser against the rate (in 1 / L): targets as they are, and divided by 1000; "
    "gaps: not reached."
)


def _steps(loss: str, size: float) -> dict[float, float]:
    """Steps until the fitted values of a sample of targets have come 99 % of the way, by rate; infinite if not."""
    data = drawn(
        {"scenario.coef": [200.0, -100.0, 200.0], "scenario.intercept_value": 500.0, "scenario.noise.sigma": 30.0}, 1
    )
    data = replace(data, y=data.y * size)
    least = data.X[0] @ fitted(SETTINGS[loss], data).coef[0]
    unit = 1 / (CURVATURE[loss] * float(steepest(data)[0]))
    return {ten: _arrival(LOSSES[loss], data, least, ten * unit) for ten in TENS}


def _arrival(loss: ResidualLoss, data: Data, least: Array, rate: float) -> float:
    """The first step at which the fitted values are within 1 % of those of the minimiser, from 0."""
    one, coef = problem(loss, data).member(0), np.zeros(data.X.shape[-1])
    near, far = 0.01 * np.linalg.norm(least), 100 * np.linalg.norm(least)
    for step in range(1, MOST + 1):
        coef = coef - rate * one.gradient(coef)
        left = float(np.linalg.norm(data.X[0] @ coef - least))
        if left <= near or not left < far:
            return step if left <= near else np.inf
    return np.inf


def _gain(plain: float, scaled: float) -> Exact:
    """Steps unscaled over scaled; a bound of it where one side does not arrive, NaN where neither does."""
    if not np.isfinite(plain) and not np.isfinite(scaled):
        return Exact(np.nan)
    return Exact(min(plain, MOST) / min(scaled, MOST))


def _taken(steps: Mapping[Any, Mapping[float, float]], loss: str, kind: str) -> list[float]:
    return [steps[loss, size][1.0] if kind == "one rate" else min(steps[loss, size].values()) for size in (1.0, 1e-3)]


def _count(steps: float) -> str:
    return f"{steps:.0f}" if np.isfinite(steps) else f"not in {MOST}"


def _scaled(verdict: Verdict, gains: Mapping[Any, Exact]) -> str:
    value = {key: number(float(one.value), 3) for key, one in gains.items()}
    mse = value["one rate", "mse"]
    why = "it depends on the loss" if verdict is Verdict.depends else "it does not depend on the loss"
    return (
        f"Whether scaling the targets speeds descent up, {why}: MSE takes {mse} times the steps without it (its "
        "gradient scales with the targets), Huber and Smooth L1 with a constant of 1 take "
        f"{value['one rate', 'huber']} times, since their steps are bounded in units of y, and scaled to 0..1 they "
        f"are another loss: half of MSE. With the best rate for each, MAE takes {value['best rates', 'mae']} times: "
        "what was gained was a rate."
    )


def _draw_steps(figure: Any, steps: Mapping[Any, Mapping[float, float]]) -> None:
    for axes, loss in zip(figure.subplots(1, 4, sharey=True), LOSSES, strict=True):
        for size, color, mark, label in ((1.0, RED, "s-", "as they are"), (1e-3, BLUE, "o--", "/ 1000")):
            found = [count if np.isfinite(count) else np.nan for count in steps[loss, size].values()]
            axes.loglog(TENS, found, mark, color=color, ms=5, mfc="none", label=label)
        axes.set_xlim(TENS[0] / 2, TENS[-1] * 2)
        axes.set_ylim(0.7, MOST * 1.5)
        axes.set_title(TITLES[loss])
        axes.set_xlabel("rate, in 1 / L")
    figure.axes[0].set_ylabel("steps")
    figure.axes[0].legend(title="targets")

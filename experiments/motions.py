"""What fits do as one datum moves sideways: the data, and exact paths, Lipschitz constants and solution sets on them.

Places are in standard deviations of the feature, changes of fitted values in what each function says.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.samples import drawn
from robustfit.certificates import CERTIFIED, solution_width
from robustfit.estimators.m import M
from robustfit.germ import Motion
from robustfit.linalg import Array
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.path import Path as FitPath
from robustfit.path import Rational, follow, moved
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import CONSISTENCY, MAD
from robustfit.solvers.newton import Newton
from robustfit.solvers.scipy_minimize import ScipyMinimize
from robustfit.stability import Moves

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"
"""Where the data are, with their sources."""

SMALL = 1e-6
"""A small move: of a millionth of the feature's standard deviation."""

REACH = 0.1
"""How far paths go either way."""

REAL = {"phones": ("year", "calls", (0, 14, 23)), "shock": ("n.shocks", "time", (0,))}
"""Feature, target and the rows that are moved, of data sets with ties."""


@dataclass(frozen=True)
class Sample:
    """Points of a plane, and which of them moves."""

    name: str
    x: Array
    y: Array
    row: int

    @property
    def problem(self) -> Problem:
        """The line of least absolute deviations."""
        return Problem(np.column_stack([np.ones_like(self.x), self.x]), self.y, MAE())

    @property
    def motion(self) -> Motion:
        """Sideways."""
        return Motion.along(self.row, 1, 2)

    @property
    def unit(self) -> float:
        """The standard deviation of the feature."""
        return float(self.x.std())

    @property
    def title(self) -> str:
        """Its name and the point that moves."""
        return f"{self.name}, ({self.x[self.row]:g}, {self.y[self.row]:g})"

    def path(self, reach: float = REACH) -> FitPath:
        """The exact path of the line of least absolute deviations."""
        return follow(self.problem, self.motion, -reach * self.unit, reach * self.unit)

    def at(self, place: Array | float) -> Problem:
        """The problem with the point at places of any shape, in standard deviations."""
        return moved(self.problem, self.motion, place * self.unit)


def samples() -> list[Sample]:
    """All data sets with ties: constructed ones, and real ones as they were printed."""
    return [*constructed(), *(one for name in REAL for one in real(name))]


def constructed() -> list[Sample]:
    """The data sets whose exact answers are known in rational numbers."""
    lines = _lines("instability.csv")
    moves = {line["name"]: line["move"] for line in lines if "[" in line["move"]}
    moving = {name: int(move.partition("[")[2].partition("]")[0]) for name, move in moves.items()}
    return [
        Sample(line["name"], _numbers(line["x"]), _numbers(line["y"]), moving[line["name"]])
        for line in lines
        if line["move"] == "none" and line["name"] in moving
    ]


def real(name: str) -> list[Sample]:
    """A printed data set, once for each of its points that moves."""
    feature, target, rows = REAL[name]
    lines = _lines(f"data/{name}.csv")
    x, y = (np.array([float(line[column]) for line in lines]) for column in (feature, target))
    return [Sample(name, x, y, row) for row in rows]


def _lines(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(text: str) -> Array:
    return np.array([float(part) for part in text.split(";")])


# --- jumps


def jumps() -> pd.DataFrame:
    """One line per data set: the jump within a small move of where the point is, and the optimal set there."""
    return pd.DataFrame([_jump(one) for one in samples()])


def _jump(one: Sample) -> dict[str, float | str]:
    """NaN throughout where the path is not certified."""
    path = one.path()
    known = path.gap <= CERTIFIED
    near = [jump for jump in path.jumps if abs(jump.place) <= SMALL * one.unit] if known else []
    jump = max(near, key=lambda jump: jump.size, default=None)
    before, after = (path.coef(sign * SMALL * one.unit) for sign in (-1, 1))
    sigma = max(residual_scale(one.problem, coef) for coef in (before, after))
    least = Rational.of(one.problem, one.motion).coef(np.array([-SMALL, SMALL]) * one.unit)
    size = jump.size if jump else 0.0 if known else np.nan
    return {
        "data": one.title,
        "size": size,
        "sigma": sigma,
        "slope_before": float(before[1]),
        "slope_after": float(after[1]),
        "least_squares": float(np.abs(one.problem.X @ (least[1] - least[0])).max()),
        "width": solution_width(one.problem),
        "width_before": solution_width(one.at(-SMALL)),
        "width_after": solution_width(one.at(SMALL)),
    }


def residual_scale(problem: Problem, coef: Array) -> float:
    """The normalised median size of the residuals that are not 0: those on the line say nothing of the errors.

    >>> one = constructed()[0]
    >>> round(residual_scale(one.problem, np.array([0.0, 1.0])), 4)  # residuals -1, 0, 1, 0, -2
    1.4826
    """
    sizes = np.abs(problem.residuals(coef))
    return float(CONSISTENCY * np.median(sizes[sizes > 1e-9 * np.abs(problem.y).max()]))


def random_jumps(sizes: Sequence[int], fractions: Sequence[float], count: int) -> pd.DataFrame:
    """The largest jump, in standard deviations of the errors, as one of five data of a random sample moves by `REACH`.

    One line per sample: of so many rows, so large a fraction of which are outliers. NaN where a path is not certified.
    """
    moves = Moves(rows=5, path=True, reach=REACH)
    tables = []
    for n in sizes:
        for fraction in fractions:
            data = drawn({"scenario.n_samples": n, "scenario.n_features": 1, "outliers": fraction}, count)
            rows = moves.sample(data, np.random.default_rng(0))
            found = [moves.jump(Problem(data.X[i], data.y[i], MAE()), rows[i])[0] for i in range(count)]
            tables.append(pd.DataFrame({"n": n, "outliers": fraction, "size": found}))
    return pd.concat(tables, ignore_index=True)


# --- how often there are several solutions

Design = Callable[[np.random.Generator, int], Array]

DESIGNS: dict[str, Design] = {
    "random": lambda rng, n: rng.standard_normal(n),
    "rounded to 0.1": lambda rng, n: rng.standard_normal(n).round(1),
    "rounded to 0.5": lambda rng, n: (2 * rng.standard_normal(n)).round() / 2,
    "equally spaced": lambda rng, n: np.arange(n) - (n - 1) / 2,
    "two groups": lambda rng, n: np.repeat([0.0, 1.0], [n // 2, n - n // 2]),
    "none (a median)": lambda rng, n: np.empty((n, 0)),
}
"""The features, in standard deviations where they are random."""

TARGETS = {"as drawn": lambda y: y, "rounded to 0.5": lambda y: (2 * y).round() / 2}
"""The targets, in standard deviations of the errors."""


def ties(sizes: Sequence[int], count: int, seed: int) -> pd.DataFrame:
    """How many of `count` samples of each size have more than one line of least absolute deviations."""
    lines = []
    for feature in DESIGNS:
        for target in TARGETS:
            for n in sizes:
                rng = np.random.default_rng([seed, n])  # the same errors for every design
                tied = sum(_tied(rng, n, feature, target) for _ in range(count))
                lines.append({"features": feature, "targets": target, "n": n, "tied": tied, "samples": count})
    return pd.DataFrame(lines)


def _tied(rng: np.random.Generator, n: int, feature: str, target: str) -> bool:
    errors = rng.standard_normal(n)
    X = np.column_stack([np.ones(n), DESIGNS[feature](rng, n)])
    y = TARGETS[target](errors + X[:, 1:].sum(-1))
    return solution_width(Problem(X, y, MAE())) > 1e-9


# --- least squares


def line_rate(x: Array, y: Array) -> Array:
    """How fast the line of least squares moves as one point moves sideways; the worst over points and fitted values.

    max over k, i of abs(d yhat_i / d x_k) sd(x) / sd(y), over the last axis of samples. It is never more than 1: with
    u and v, x and y brought to mean 0 and length 1, r = u'v and w = v - 2 r u, it is abs(w_k u_i - r / n); w is v
    reflected, so it too has mean 0 and length 1, no entry of such a vector exceeds sqrt(1 - 1 / n), and abs(r) <= 1.

    >>> line_rate(np.array([0.0, 0.0, 1.0, 1.0]), np.array([-1.0, 1.0, -1.0, 1.0])).round(6).item()
    0.25
    """
    n = x.shape[-1]
    u, v = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    spread = (u * u).sum(-1, keepdims=True)
    slope = (u * v).sum(-1, keepdims=True) / spread
    turn = (v - 2 * slope * u) / spread
    high, low = (end(u, axis=-1, keepdims=True) for end in (np.max, np.min))
    rate = np.maximum(np.abs(turn * high - slope / n), np.abs(turn * low - slope / n)).max(-1)
    result: Array = rate * x.std(-1) / y.std(-1)
    return result


def path_rate(one: Sample) -> float:
    """The same along the whole paths of every point: the Lipschitz constant, in standard deviations."""
    ends = REACH * one.unit
    paths = (Rational.of(one.problem, Motion.along(row, 1, 2)) for row in range(len(one.x)))
    return max(path.lipschitz(one.problem.X, -ends, ends) for path in paths) * one.unit / float(one.y.std())


def worst_rate(count: int, seed: int) -> pd.DataFrame:
    """The fastest lines among random samples of 3 to 10 points with tails of all weights, the best then improved."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    lines = []
    for n in range(3, 11):
        both = rng.standard_t(rng.choice([0.5, 1.0, 3.0, 30.0], (count, 1, 1)), (count, 2, n))
        start = both[np.argmax(line_rate(both[:, 0], both[:, 1]))]
        found = minimize(lambda z, n=n: -line_rate(z[:n], z[n:]), start.ravel() / np.abs(start).max(), method="Powell")
        lines.append({"n": n, "largest": max(-float(found.fun), float(line_rate(*start)))})
    return pd.DataFrame(lines)


def leverage_rates(distances: Sequence[float], count: int, seed: int) -> pd.DataFrame:
    """The fastest of `count` lines of 20 points, one of them so many standard deviations away and off the line."""
    rng = np.random.default_rng(seed)
    x, e = rng.standard_normal((2, count, 20))
    lines = []
    for distance in distances:
        x[:, 0], y = distance, x + e
        y[:, 0] = -distance
        lines.append({"distance": distance, "largest": float(line_rate(x, y).max())})
    return pd.DataFrame(lines)


def planes(gaps: Sequence[float], seed: int) -> pd.DataFrame:
    """Least squares on two features that differ by so many standard deviations: its rate, and what smaller moves do.

    `rate`: the fastest change of a fitted value, in standard deviations of y per standard deviation of the feature.
    `shrinks`: the change by a move over the change by one ten times as large: 0.1 without a jump, 1 with one.
    """
    rng = np.random.default_rng(seed)
    first, second, e = rng.standard_normal((3, 20))
    lines = []
    for gap in gaps:
        X = np.column_stack([np.ones(20), first, first + gap * second])
        problem = Problem(X, first + e, MSE())
        path = Rational.of(problem, Motion.along(0, 2, 3))
        reach, unit = 1e-3 * gap * X[:, 2].std(), float(X[:, 2].std() / problem.y.std())
        changes = [np.abs(X @ (path.coef(step * reach) - path.coef(0.0))).max() for step in (0.1, 1.0)]
        lines.append({"gap": gap, "rate": path.lipschitz(X, -reach, reach) * unit, "shrinks": changes[0] / changes[1]})
    return pd.DataFrame(lines)


# --- estimators beside each other

LAD = M(MAE(), Newton(), Fixed())

ESTIMATORS = {
    "least squares": M(MSE(), Newton(), Fixed()),
    "LAD": LAD,
    "Huber, fixed scale": M(Huber(), Newton(), Fixed(), LAD),
    "Huber, scale from least squares": M(Huber(), ScipyMinimize("L-BFGS-B"), MAD()),
    "Huber, scale from LAD": M(Huber(), Newton(), MAD(), LAD),
}
"""The scale is a given number (1), or the MAD of the residuals of the fit that it starts from."""


def changes(one: Sample, steps: Sequence[float]) -> pd.DataFrame:
    """The largest change of a fitted value, in units of y, as the point goes from -step to step, for each estimator."""
    table = {"estimator": list(ESTIMATORS)}
    for step in steps:
        ends = [one.at(sign * step) for sign in (-1, 1)]
        table[f"{2 * step:g} sd"] = [_change(one.problem.X, estimator, ends) for estimator in ESTIMATORS.values()]
    return pd.DataFrame(table)


def _change(X: Array, estimator: M, ends: Sequence[Problem]) -> float:
    before, after = (fitted(estimator, end.X, end.y) for end in ends)
    return float(np.abs(X @ (after - before)).max())


def fitted(estimator: M, X: Array, y: Array) -> Array:
    """The coefficients of a batch; NaN where no certificate proves them optimal."""
    fit = estimator.fit(X, y)
    return np.where(fit.certified[..., None], fit.coef, np.nan)


def slope_paths(one: Sample, places: Array, names: Sequence[str]) -> dict[str, Array]:
    """The slope of some estimators with the point at these places, in standard deviations."""
    there = one.at(places)
    return {name: fitted(ESTIMATORS[name], there.X, there.y)[:, 1] for name in names}

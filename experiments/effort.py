"""How much work it takes to come near the least of a loss: gradient descent at many rates, and SciPy's optimizers.

Work is counted in evaluations, of the objective, its gradient or both at one place. A run has come to accuracy k when
the fitted values have come all but 10^-k of the way from the start to those of the loss's own minimiser, which is
proved by certificate. That measure has no unit and does not depend on what a loss calls a small objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from experiments.samples import drawn
from robustfit.catalogue import make
from robustfit.errors import RobustfitError
from robustfit.estimators.m import M
from robustfit.linalg import Array
from robustfit.losses.mae import MAE
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton
from robustfit.solvers.scipy_minimize import ScipyMinimize

LOSSES = ("mse", "smooth_l1", "mae")

FAR = 100.0
"""How far off the start's fitted values are, as a root mean square, in standard deviations of the errors."""

RATES = 2.0 ** np.arange(-10, 9)
"""Learning rates, in units of 1 / L, L the largest eigenvalue of X'X / n."""

SCHEDULES = ("fixed", "inverse_sqrt", "inverse")
"""Whether the rate stays, or falls with the number t of steps as 1 / sqrt(1 + t) or 1 / (1 + t)."""

METHODS = ("BFGS", "L-BFGS-B", "CG", "Nelder-Mead")

CAP = 2000
"""The most evaluations of a run; one that has not come there counts as if this were its work."""


@dataclass(frozen=True)
class Task:
    """Samples with one start each, the same for every loss, and where this loss leads."""

    problem: Problem
    start: Array
    least: Array

    @classmethod
    def of(cls, loss: str, correlation: float, count: int) -> Task:
        """50 rows, an intercept and 3 features with errors of standard deviation 1.

        Raises:
            RobustfitError: a minimiser could not be proved.
        """
        data = drawn({"scenario.n_samples": 50, "scenario.n_features": 3, "scenario.correlation": correlation}, count)
        problem = Problem(data.X, data.y, make("loss", loss))
        fit = M(problem.loss, Newton(), Fixed(), M(MAE(), Newton(), Fixed())).fit(data.X, data.y)
        if data.truth is None or not fit.certified.all():
            raise RobustfitError(f"{loss}: a minimiser is not proved")
        return cls(problem, data.truth.coef + _away(data.X), fit.coef)

    @property
    def steepest(self) -> Array:
        """1 / L of each sample."""
        X = self.problem.X
        result: Array = X.shape[-2] / np.linalg.eigvalsh(np.swapaxes(X, -1, -2) @ X)[..., -1]
        return result

    def left(self, coef: Array) -> Array:
        """What is left of the way, 1 at the start and 0 at the end, for coefficients `(count, m, p)`."""
        with np.errstate(over="ignore", invalid="ignore"):
            far = _length(self.problem.X, coef - self.least[:, None])
            result: Array = far / _length(self.problem.X, (self.start - self.least)[:, None])
        return result

    def member(self, i: int) -> Task:
        """One of the samples."""
        part, one = slice(i, i + 1), self.problem
        return Task(replace(one, X=one.X[part], y=one.y[part]), self.start[part], self.least[part])


def _away(X: Array) -> Array:
    """Random directions in which the fitted values are `FAR` off."""
    direction = np.random.default_rng(0).standard_normal(X.shape[::2])[:, None]
    return (FAR * direction / _length(X, direction)[..., None])[:, 0]


def _length(X: Array, coef: Array) -> Array:
    """The root mean square of X b for b `(count, m, p)`."""
    result: Array = np.sqrt(np.square(coef @ np.swapaxes(X, -1, -2)).mean(-1))
    return result


# --- gradient descent


def descent(task: Task, rates: Array, schedule: str, steps: int) -> Array:
    """What is left after each step of b <- b - rate_t gradient(b), `(steps + 1, count, m)` for rates `(count, m)`."""
    one = task.problem
    wide = replace(one, X=one.X[:, None], y=np.broadcast_to(one.y[:, None], (*rates.shape, one.y.shape[-1])))
    coef = np.repeat(task.start[:, None], rates.shape[1], axis=1)
    left = [task.left(coef)]
    for step in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = wide.gradient(coef)
            coef = coef - (rates * _decay(schedule, step))[..., None] * gradient
        left.append(task.left(coef))
    return np.array(left)


def _decay(schedule: str, step: int) -> float:
    powers = {"fixed": 0.0, "inverse_sqrt": 0.5, "inverse": 1.0}
    return float((1 + step) ** -powers[schedule])


def work(left: Array, accuracy: int) -> Array:
    """The first step, along axis 0, after which no more than 10^-accuracy of the way is left; CAP where none is.

    >>> work(np.array([1.0, 0.5, 0.009, 0.001]), 2)
    array(2)
    """
    there = left <= 10.0**-accuracy
    return np.where(there.any(0), there.argmax(0), CAP)


def descents(correlation: float, accuracies: Sequence[int], count: int) -> pd.DataFrame:
    """The work of every loss, schedule, rate and sample."""
    tables = []
    for loss in LOSSES:
        task = Task.of(loss, correlation, count)
        rates = task.steepest[:, None] * RATES
        for schedule in SCHEDULES:
            left = descent(task, rates, schedule, CAP)
            tables += [_runs(loss, schedule, accuracy, work(left, accuracy)) for accuracy in accuracies]
    return pd.concat(tables, ignore_index=True)


def _runs(loss: str, schedule: str, accuracy: int, found: Array) -> pd.DataFrame:
    samples, rates = (index.ravel() for index in np.indices(found.shape))
    columns = {"loss": loss, "schedule": schedule, "accuracy": accuracy, "sample": samples, "rate": RATES[rates]}
    return pd.DataFrame(columns | {"work": found.ravel()})


def curves(correlation: float, accuracy: int) -> pd.DataFrame:
    """What is left after each evaluation, for the first sample: descent at the best fixed rate, and one of SciPy's."""
    tables = []
    for loss in LOSSES:
        task = Task.of(loss, correlation, 1)
        left = descent(task, task.steepest[:, None] * RATES, "fixed", CAP)[:, 0]
        best = left[:, int(work(left, accuracy).argmin())]
        tables.append(pd.DataFrame({"loss": loss, "how": "descent", "evaluations": np.arange(len(best)), "left": best}))
        for method in ("L-BFGS-B", "Nelder-Mead"):
            evaluations, left = optimised(task, method)
            tables.append(pd.DataFrame({"loss": loss, "how": method, "evaluations": evaluations, "left": left}))
    return pd.concat(tables, ignore_index=True)


# --- SciPy's optimizers


def optimised(task: Task, method: str) -> tuple[Array, Array]:
    """Evaluations, and what was left at the best point after so many, of one sample; tolerances out of the way."""
    from threadpoolctl import threadpool_limits

    solver = ScipyMinimize(method, tol=1e-12, max_iter=CAP, whiten=False)
    one = replace(task.problem, X=task.problem.X[0], y=task.problem.y[0])
    with threadpool_limits(1):  # on a few rows threads wait for each other
        trace = solver.solve(one, task.start[0]).trace
    left = task.left(np.array([[step.coef for step in trace]]))[0]
    return np.array([step.evaluations for step in trace]), left


def optimisations(correlation: float, accuracies: Sequence[int], count: int) -> pd.DataFrame:
    """The work of every loss, method and sample."""
    lines = []
    for loss in LOSSES:
        task = Task.of(loss, correlation, count)
        for method in METHODS:
            for i in range(count):
                evaluations, left = optimised(task.member(i), method)
                for accuracy in accuracies:
                    enough = evaluations[left <= 10.0**-accuracy]
                    spent = min(int(enough[0]), CAP) if len(enough) else CAP
                    line = {"loss": loss, "method": method, "accuracy": accuracy, "sample": i, "work": spent}
                    lines.append(line)
    return pd.DataFrame(lines)

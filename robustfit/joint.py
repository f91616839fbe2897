"""Coefficients and scale solved for together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit import linalg
from robustfit.linalg import Array, Mask
from robustfit.problem import Problem
from robustfit.scales.base import JointScale

NEAR = 0.05
PATIENCE = 5

LOG = []


@dataclass
class Point:
    """A place on the way"""

    coef: Array
    residuals: Array
    scale: Array
    step: Array
    size: Array

    @classmethod
    def of(cls, problem, rule, coef):
        residuals = problem.residuals(coef)
        scale = rule.update(residuals, problem.loss, problem.X.shape[-1], problem.weights)
        here = replace(problem, scale=scale)
        with np.errstate(all="ignore"):
            u = residuals / scale[:, None]
            weight = problem.loss.weight(u)
            gradient = here.embed(here.penalty.gradient(here.slopes(coef))) - here.pull(weight * u)
            step = linalg.solve_regular(here.hessian(coef, weight), -gradient)
            size = np.sqrt(-(gradient * step).sum(-1))
        return cls(coef, residuals, scale, step, size)

    def newton(self, problem, rule):
        here = replace(problem, scale=self.scale)
        with np.errstate(all="ignore"):
            u = self.residuals / self.scale[:, None]
            psi, curvature = here.loss.psi(u), here.loss.curvature(u)
            gradient = here.embed(here.penalty.gradient(here.slopes(self.coef))) - here.pull(psi)
            hessian = here.hessian(self.coef, curvature)
            column = here.pull(psi + curvature * u) / here.unit
            row = linalg.adjoint(here.X, rule.slope(self.residuals, self.scale, here.loss, here.weights))
            z = linalg.solve_regular(hessian, -gradient)
            y = linalg.solve_regular(hessian, column)
            return z + y * ((row * z).sum(-1) / (1 - (row * y).sum(-1)))[:, None]


def iterate(problem, rule, start, max_iter=20000, newton=True, floor=1e-15, log=None, near=NEAR):
    B = len(start)
    coef, scale = start.copy(), np.full(B, np.nan)
    n_iter = np.zeros(B, int)
    done = np.zeros(B, bool)
    point = Point.of(problem, rule, start)
    wait = np.full(B, 3)
    for it in range(max_iter):
        trial_step = point.step.copy()
        use = np.zeros(B, bool)
        if newton:
            use = (wait <= it) & (point.size < near)
            if use.any():
                second = point.newton(problem, rule)
                ok = use & np.isfinite(second).all(-1)
                a = linalg.apply(problem.X, second)
                b = linalg.apply(problem.X, point.step)
                ok &= (problem.shares * a * b).sum(-1) > 0
                use = ok
                trial_step[use] = second[use]
        trial = Point.of(problem, rule, point.coef + trial_step)
        bad = use & ~(trial.size <= 0.5 * point.size) & (point.size > floor)
        if bad.any():
            wait[bad] = it + PATIENCE
            trial_step[bad] = point.step[bad]
            trial = Point.of(problem, rule, point.coef + trial_step)
        if log is not None:
            log.append((it, point.size[0], trial.size[0], point.scale[0], use[0], bad[0]))
        stop = ~(trial.size > floor) | ((point.size < 1e-10) & ~(trial.size < 0.5 * point.size))
        point = trial
        n_iter += 1
        if stop.all():
            break
    return point, n_iter

"""The batch-native solver: all members of a batch side by side, each to its own optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit import linalg
from robustfit.fit import Solution, Status, status_where, statuses
from robustfit.linalg import Array, Mask
from robustfit.losses.base import PolyhedralLoss, ResidualLoss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver
from robustfit.vertex import Kinked, nearest_basis, optimise

IRLS_STEPS = 3
"""Reweighted steps before the first Newton step: they descend from any start, Newton is fast near the end."""


@dataclass(frozen=True)
class Newton(Solver):
    """IRLS steps, then safeguarded Newton, for smooth losses; an exact vertex by pivots for polyhedral ones.

    A reweighted step solves X' diag(weight) X d = X' psi and never ascends where psi(u)/u falls with abs(u); Newton
    puts psi' for the weight. A Newton step that is not defined or does not descend is replaced by the reweighted one.
    Redescending losses take Newton steps near the end only, so that they stay in the valley of their start.

    Args:
        tol: stop when the step predicted a decrease of the objective below this fraction of it.
        max_iter: the most steps (and pivots, times p) of one member.

    Reference: Holland & Welsch (1977); Madsen & Nielsen (1990), SIAM J. Numer. Anal. 27, 1078-1092.
    """

    tol: float = parameter(1e-14, above=0)
    max_iter: int = parameter(500, at_least=1)

    def refuses(self, loss: ResidualLoss, penalty: Penalty) -> str:
        if isinstance(loss, PolyhedralLoss) and not isinstance(penalty, NoPenalty):
            return f"newton has no exact method for {loss} with {penalty}; smooth losses take a penalty"
        return ""

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        if isinstance(problem.loss, PolyhedralLoss):
            return _exact(problem, start, self.max_iter)
        return _Descent(problem, start, self.tol).run(self.max_iter)


class _Descent:
    """The state of one batch of smooth fits: finished members leave."""

    def __init__(self, problem: Problem, start: Array, tol: float) -> None:
        self.tol = tol
        self.coef = start.copy()
        self.objective = problem.objective(start)
        self.n_iter = np.zeros(len(start), dtype=np.int64)
        self.status = statuses((len(start),), Status.max_iter)
        self.active = np.arange(len(start))
        self.work = problem

    def run(self, max_iter: int) -> Solution:
        near = np.zeros(len(self.active), dtype=bool)
        for iteration in range(max_iter):
            if not len(self.active):
                break
            near = self.advance(near | (self.work.loss.convex and iteration >= IRLS_STEPS))
        success = np.array([status is Status.converged for status in self.status], dtype=bool)
        return Solution(self.coef, self.n_iter, self.n_iter + 1, success, self.status)

    def advance(self, newton: Mask) -> Mask:
        """One step of every active member; the mask of those (still active) that are close to their end."""
        coef, before = self.coef[self.active], self.objective[self.active]
        step, predicted = _step(self.work, coef, newton)
        after = self.work.objective(coef + step)
        worse = ~(after <= before * (1.0 + 4.0 * np.finfo(float).eps)) & newton
        if worse.any():
            step[worse], predicted[worse] = _step(self.work.take(worse), coef[worse], np.zeros(worse.sum(), dtype=bool))
            after[worse] = self.work.take(worse).objective((coef + step)[worse])
        return self.record(coef + step, before, after, predicted)

    def record(self, coef: Array, before: Array, after: Array, predicted: Array) -> Mask:
        better = after <= before * (1.0 + 4.0 * np.finfo(float).eps)
        self.coef[self.active[better]] = coef[better]
        self.objective[self.active[better]] = after[better]
        self.n_iter[self.active] += 1
        lost = ~np.isfinite(after) | ~np.isfinite(coef).all(-1)
        done = (predicted <= self.tol * before) | (~better & ~lost)
        self.status[self.active[done]] = Status.converged
        self.status[self.active[lost]] = Status.failed
        left = ~(done | lost)
        if not left.all():
            self.active, self.work = self.active[left], self.work.take(left)
        return (predicted <= 1e-6 * before)[left]


def _step(problem: Problem, coef: Array, newton: Mask) -> tuple[Array, Array]:
    """The step of each member and the decrease of the objective that it predicts."""
    u = problem.standardised(coef)
    weight = problem.loss.weight(u)
    gradient = problem.embed(problem.penalty.gradient(problem.slopes(coef))) - problem.pull(weight * u)
    row_curvature = np.where(newton[:, None], problem.loss.curvature(u), weight) if newton.any() else weight
    step = linalg.solve_regular(problem.hessian(coef, row_curvature), -gradient)
    singular: Mask = np.asarray(~np.isfinite(step).all(-1))
    if singular.any():
        some = problem.take(singular)
        step[singular] = linalg.solve(some.hessian(coef[singular], weight[singular]), -gradient[singular])
    return step, -0.5 * (gradient * step).sum(-1)


def _exact(problem: Problem, start: Array, max_iter: int) -> Solution:
    """The vertex that is optimal, by pivots from one near a reweighted fit."""
    rows = Kinked.of(problem)
    coef = _reweighted(rows, start)
    vertex = optimise(rows, nearest_basis(rows, coef), max_iter * problem.X.shape[-1])
    unfinished = status_where(np.asarray(np.isfinite(vertex.coef).all(-1)), Status.max_iter, Status.failed)
    status = status_where(vertex.optimal, Status.converged, unfinished)
    return Solution(vertex.coef, vertex.pivots, vertex.pivots + 1, vertex.optimal, status)


def _reweighted(rows: Kinked, coef: Array, steps: int = 6) -> Array:
    """A few reweighted least squares steps on the smoothed loss: a start that needs few pivots."""
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    for _ in range(steps):
        r = rows.residuals(coef)
        size = np.abs(r)
        typical = size.mean(-1, keepdims=True)
        weight = half / np.maximum(size, np.where(typical > 0, 1e-3 * typical, 1.0))
        step = linalg.solve(linalg.gram(rows.X, weight), linalg.adjoint(rows.X, weight * r + middle))
        better = rows.objective(coef + step) <= rows.objective(coef)
        coef = np.where(better[:, None], coef + step, coef)
    return coef

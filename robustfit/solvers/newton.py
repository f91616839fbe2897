"""The batch-native solver: all members of a batch side by side, each to its own optimum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit import linalg
from robustfit.active_set import ridge_fit
from robustfit.fit import Solution, Status, Step, status_where, statuses
from robustfit.linalg import Array, Mask
from robustfit.losses.base import CurvedOutputLoss, ErrorLoss, Loss, Polyhedral
from robustfit.losses.classification.base import LabelLoss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty, PolyhedralPenalty
from robustfit.penalties.l2 import L2
from robustfit.problem import CHUNK_ENTRIES, Problem
from robustfit.solvers.base import Solver, aimed, joined, sloped
from robustfit.solvers.linear_program import LinearProgram
from robustfit.vertex import Kinked, settle, smallest

IRLS_STEPS = 3
"""Reweighted steps before the first Newton step: they descend from any start, Newton is fast near the end."""

MOST_HALVINGS = 40
"""How often a step is halved before it counts as stalled."""

MOST_DOUBLINGS = 40
"""How often a step is doubled where Newton's is not defined."""

SLOW = 1 / 16
"""A large problem keeps a Hessian as long as each step predicts less than this part of what the last one did."""

SCOUTS = 20_000
"""How many rows of a very large problem say about where the median surface is."""


@dataclass(frozen=True)
class Newton(Solver):
    """IRLS steps, then safeguarded Newton, for smooth losses; an exact vertex by pivots for polyhedral ones.

    A reweighted step solves X' diag(weight) X d = X' psi and never ascends where psi(u)/u falls with abs(u); Newton
    puts psi' for the weight. A Newton step that is not defined or does not descend is replaced by the reweighted one.
    Redescending losses of residuals take Newton steps near the end only: so they stay in the valley of their start.

    Args:
        tol: stop when the step predicted a decrease of the objective below this fraction of it.
        max_iter: the most steps (and pivots, times p) of one member.

    Reference: Holland & Welsch (1977); Madsen & Nielsen (1990), SIAM J. Numer. Anal. 27, 1078-1092.
    """

    tol: float = parameter(1e-14, above=0)
    max_iter: int = parameter(500, at_least=1)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        if not isinstance(loss, (ErrorLoss, CurvedOutputLoss)):
            return f"newton needs second derivatives; {loss} has none"
        if reason := sloped(loss, "newton") or aimed(loss, "newton"):
            return reason
        if isinstance(loss, Polyhedral) and not isinstance(penalty, (PolyhedralPenalty, L2)):
            return f"newton has no exact method for {loss} with {penalty}"
        return ""

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        members = CHUNK_ENTRIES // problem.X[0].size if len(start) and not problem.large else 0
        chunks = [slice(first, first + max(1, members)) for first in range(0, len(start), max(1, members))]
        parts = [(problem.chunk(part), start[part]) for part in chunks]
        return joined([self._solve_chunk(part.columnwise() if members else part, at) for part, at in parts], start)

    def _solve_chunk(self, problem: Problem, start: Array) -> Solution:
        if isinstance(problem.loss, Polyhedral) and isinstance(problem.penalty, L2):
            return _ridge(problem, start)
        if isinstance(problem.loss, Polyhedral):
            return _exact(problem, start, self.max_iter)
        if not (problem.large and problem.loss.convex):
            return _Descent(problem, start, self.tol).run(self.max_iter)
        sample = problem.thinned()
        scout = replace(self, tol=1e-6)._solve_chunk(sample, start).coef  # which has a scout of its own, if it is large
        scout = np.where(np.isfinite(scout), scout, start)
        matrix = sample.data_hessian(sample.curvature(sample.standardised(scout)))
        return _Descent(problem, scout, self.tol, matrix).run(self.max_iter, irls_steps=0)


class _Descent:
    """The state of one batch of smooth fits: finished members leave."""

    def __init__(self, problem: Problem, start: Array, tol: float, matrix: Array | None = None) -> None:
        """The matrix, if one is given, stands for the Hessian while the steps with it converge fast."""
        self.tol = tol
        self.matrix = matrix
        self.predicted = np.full(len(start), np.inf)
        self.coef = start.copy()
        self.n_iter = np.zeros(len(start), dtype=np.int64)
        self.status = statuses((len(start),), Status.max_iter)
        self.active = np.arange(len(start))
        self.work = problem
        self.u = problem.standardised(start)
        self.objective = problem.objective_at(self.u, start)
        self.trace: list[Step] = []

    def run(self, max_iter: int, irls_steps: int = IRLS_STEPS) -> Solution:
        near = np.zeros(len(self.active), dtype=bool)
        eager = self.work.loss.convex or isinstance(self.work.loss, LabelLoss)
        self.note()
        for iteration in range(max_iter):
            if not len(self.active):
                break
            near = self.advance(near | (eager and iteration >= irls_steps))
            self.note()
        success = np.array([status is Status.converged for status in self.status], dtype=bool)
        return Solution(self.coef, self.n_iter, self.n_iter + 1, success, self.status, trace=tuple(self.trace))

    def note(self) -> None:
        """One entry of the trace, of a problem that is alone."""
        if len(self.coef) == 1:
            count = int(self.n_iter[0])
            self.trace.append(Step(count, count + 1, float(self.objective[0]), self.coef[0].copy()))

    def advance(self, newton: Mask) -> Mask:
        """One step of every active member; the mask of those (still active) that are close to their end."""
        coef, before = self.coef[self.active], self.objective[self.active]
        step, predicted, matrix, singular = _step(self.work, coef, self.u, newton, self.matrix)
        if (blunt := singular & newton).any():
            step[blunt], reached = self.stretched(blunt, coef, step, matrix)
            predicted[blunt] = np.fmax(predicted[blunt], before[blunt] - reached)
        trial = _Trial.of(self.work, coef + step)
        worse = ~(trial.objective <= _allowed(before))
        fast = len(predicted) == 1 and predicted[0] <= SLOW * self.predicted[0] and not worse[0]
        self.matrix, self.predicted = matrix if fast and self.work.large else None, predicted
        if worse.any():
            step[worse], predicted[worse] = self.mended(worse, coef, step, newton)
            trial = trial.put(worse, _Trial.of(self.work.take(worse), (coef + step)[worse]))
        return self.record(trial, before, predicted)

    def stretched(self, blunt: Mask, coef: Array, step: Array, matrix: Array) -> tuple[Array, Array]:
        """Steps that stand in for Newton's, doubled while that descends: where no row bends the loss they are short.

        Of labels Newton's of least norm, if that is better: where few rows are wrong still, it ends at once.
        Returns the steps and the objective there.
        """
        some, origin, long = self.work.take(blunt), coef[blunt], step[blunt]
        best, growing = some.objective(origin + long), np.ones(len(long), dtype=bool)
        for _ in range(MOST_DOUBLINGS):
            reached = some.objective(origin + 2.0 * long)
            growing &= reached < best
            if not growing.any():
                break
            long[growing] *= 2.0
            best[growing] = reached[growing]
        if not isinstance(some.loss, LabelLoss):
            return long, best
        least = linalg.solve(matrix[blunt], some.pull(some.psi(self.u[blunt])))
        reached = some.objective(origin + least)
        better = np.asarray(reached < best)
        return np.where(better[:, None], least, long), np.where(better, reached, best)

    def mended(self, worse: Mask, coef: Array, step: Array, newton: Mask) -> tuple[Array, Array]:
        """Reweighted steps for members whose step did not descend, halved until they do."""
        some, origin = self.work.take(worse), coef[worse]
        step, predicted, *_ = _step(some, origin, self.u[worse], np.zeros(int(worse.sum()), dtype=bool))
        before = _allowed(self.objective[self.active][worse])
        for _ in range(MOST_HALVINGS):
            bad = ~(some.objective(origin + step) <= before)
            if not bad.any():
                break
            step[bad] *= 0.5
        return step, predicted

    def record(self, trial: _Trial, before: Array, predicted: Array) -> Mask:
        better = np.asarray(trial.objective <= _allowed(before))
        self.coef[self.active[better]] = trial.coef[better]
        self.objective[self.active[better]] = trial.objective[better]
        self.n_iter[self.active] += 1
        lost = np.asarray(~np.isfinite(before) | ~np.isfinite(predicted))
        vanished = self.objective[self.active] < self.work.loss.negligible
        done = ~lost & ((np.abs(predicted) <= self.tol * before) | vanished)
        stalled = ~lost & ~done & ~better
        left = ~(done | stalled | lost)
        near: Mask = predicted <= 1e-6 * before
        if left.all():
            self.u = trial.u
            return near
        for mask, status in ((done, Status.converged), (stalled, Status.stalled), (lost, Status.failed)):
            self.status[self.active[mask]] = status
        self.u, self.active, self.work = trial.u[left], self.active[left], self.work.take(left)
        return near[left]


@dataclass(frozen=True)
class _Trial:
    """Points that steps lead to, and what is there."""

    coef: Array
    u: Array
    objective: Array

    @classmethod
    def of(cls, problem: Problem, coef: Array) -> _Trial:
        u = problem.standardised(coef)
        return cls(coef, u, problem.objective_at(u, coef))

    def put(self, mask: Mask, other: _Trial) -> _Trial:
        """The same with other points for some members."""
        coef, u, objective = self.coef.copy(), self.u.copy(), self.objective.copy()
        coef[mask], u[mask], objective[mask] = other.coef, other.u, other.objective
        return _Trial(coef, u, objective)


def _allowed(objective: Array) -> Array:
    """What an objective may be after a step that does not ascend: rounding is no ascent."""
    return objective * (1.0 + 4.0 * np.finfo(float).eps)


def _step(
    problem: Problem, coef: Array, u: Array, newton: Mask, matrix: Array | None = None
) -> tuple[Array, Array, Array, Mask]:
    """The step of each member, the decrease of the objective that it predicts, the data's Hessian in use, and where
    that is singular: the step there is the reweighted one.
    """
    weight = problem.weight(u)
    pull = problem.pull(problem.psi_given(u, weight))
    if matrix is None:
        matrix = problem.data_hessian(_row_curvature(problem, u, weight, newton))
    step, predicted = problem.step(matrix, coef, pull)
    singular: Mask = np.asarray(~np.isfinite(step).all(-1))
    if singular.any():
        some, origin = problem.take(singular), coef[singular]
        step[singular] = linalg.solve(some.hessian(origin, weight[singular]), -some.gradient(origin))
        predicted[singular] = -0.5 * (some.gradient(origin) * step[singular]).sum(-1)
    return step, predicted, matrix, singular


def _row_curvature(problem: Problem, u: Array, weight: Array, newton: Mask) -> Array:
    """psi' for the members that take Newton steps, the weights for the others."""
    if not newton.any():
        return weight
    curvature = problem.curvature(u)
    return curvature if newton.all() else np.where(newton[(..., *[None] * (weight.ndim - 1))], curvature, weight)


def _exact(problem: Problem, start: Array, max_iter: int) -> Solution:
    """The vertex that is optimal, by pivots from one near a reweighted or smoothed fit."""
    rows = Kinked.of(problem)
    if rows.X.shape[-2] >= 2 * SCOUTS:
        coef = np.concatenate([_narrowed(rows.take(np.array([i])), start[i : i + 1]) for i in range(len(start))])
    else:
        coef = _reweighted(rows, start)
    vertex = settle(rows, coef, max_iter * problem.X.shape[-1])
    status = status_where(vertex.optimal, Status.converged, Status.max_iter)
    solution = Solution(vertex.coef, vertex.pivots, vertex.pivots + 1, vertex.optimal, status)
    return solution if vertex.optimal.all() else _finished(problem, start, solution)


def _finished(problem: Problem, start: Array, solution: Solution) -> Solution:
    """The members whose pivots did not finish, by linear programming, with status `fallback`."""
    failed = ~solution.success & ~np.isfinite(problem.objective(solution.coef))
    solution = replace(solution, status=status_where(failed, Status.failed, solution.status))
    left, highs = ~solution.success & np.isfinite(problem.objective(start)), LinearProgram()
    if not left.any() or highs.refuses(problem.loss, problem.penalty):
        return solution
    found = highs.solve_flat(problem.take(left), start[left])
    coef, status, success = solution.coef.copy(), solution.status.copy(), solution.success.copy()
    coef[left], success[left] = found.coef, found.success
    status[left] = status_where(found.success, Status.fallback, found.status)
    return replace(solution, coef=coef, status=status, success=success)


def _ridge(problem: Problem, start: Array) -> Solution:
    """Piecewise linear losses with a ridge penalty."""
    ridge = problem.embed(problem.penalty.curvature(problem.slopes(start)))
    found = ridge_fit(Kinked.of(problem), start, ridge)
    status = status_where(found.optimal, Status.converged, Status.max_iter)
    status = status_where(~np.isfinite(problem.objective(found.coef)), Status.failed, status)
    return Solution(found.coef, found.steps, found.steps + 1, found.optimal, status)


def _narrowed(rows: Kinked, coef: Array) -> Array:
    """A fit of very many rows that is off by about the distance between neighbouring residuals; of one member.

    A sample of the rows says where the surface is; only rows near it, the others globbed, take part in the smoothed
    Newton steps that follow (Madsen & Nielsen 1993; Portnoy & Koenker 1997).
    """
    n, p = rows.X.shape[-2:]
    sample = slice(None, None, n // SCOUTS)
    parts = (rows.X[:, sample], rows.y[:, sample], rows.low[:, sample], rows.high[:, sample])
    coef = _smoothed(Kinked(*(np.ascontiguousarray(part) for part in parts)), _reweighted(Kinked(*parts), coef, 3))
    r = rows.residuals(coef)
    kept = smallest(r[0], int(n * min(0.5, 6.0 * np.sqrt(p / SCOUTS))))
    return _smoothed(rows.globbed(kept, r > 0), coef)


def _smoothed(rows: Kinked, coef: Array) -> Array:
    """Newton steps on the loss with its kink rounded off over a band that narrows until few rows are inside."""
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    few = 40 * rows.X.shape[-1]
    r = rows.residuals(coef)
    band, best = np.median(np.abs(r)), rows.objective_at(r, coef)
    for _ in range(40):
        inside = np.abs(r[0]) < band
        if inside.sum() <= few:
            break
        theta = np.clip(middle + half * r / band, rows.low, rows.high)
        matrix = linalg.gram(rows.X[:, inside], half[:, inside] / band)
        trial = coef + linalg.solve(matrix, linalg.adjoint(rows.X, theta) + rows.pull)
        after = rows.residuals(trial)
        reached = rows.objective_at(after, trial)
        if reached <= best:
            coef, best, r = trial, reached, after
        band *= 0.5
    return coef


def _reweighted(rows: Kinked, coef: Array, steps: int = 6) -> Array:
    """A few reweighted least squares steps on the smoothed loss: a start that needs few pivots."""
    half, middle = 0.5 * (rows.high - rows.low), 0.5 * (rows.high + rows.low)
    r = rows.residuals(coef)
    value = rows.objective_at(r, coef)
    for _ in range(steps):
        size = np.abs(r)
        typical = size.mean(-1, keepdims=True)
        weight = half / np.maximum(size, np.where(typical > 0, 1e-3 * typical, 1.0))
        pull = linalg.adjoint(rows.X, weight * r + middle) + rows.pull
        trial = coef + linalg.solve(linalg.gram(rows.X, weight), pull)
        after = rows.residuals(trial)
        reached = rows.objective_at(after, trial)
        better = reached <= value
        if better.all():
            coef, value, r = trial, reached, after
        else:
            coef, value = np.where(better[:, None], trial, coef), np.where(better, reached, value)
            r = np.where(better[:, None], after, r)
    return coef

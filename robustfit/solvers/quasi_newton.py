"""BFGS for losses with kinks: all members of a batch side by side, each to its own optimum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from robustfit import linalg
from robustfit.fit import Solution, Status, Step, status_in, statuses
from robustfit.linalg import Array, Mask
from robustfit.losses.base import CurvedOutputLoss, Loss, OutputLoss, SmoothLoss
from robustfit.losses.classification.base import MarginLoss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver, aimed, sloped

LOWER = 1e-4
"""A step is long enough to try no shorter one where the objective falls by this part of what its slope promised."""

FLATTER = 0.5
"""A step is long enough where the slope along it has risen to this part of what it was."""

MOST_TRIALS = 60
"""How often a line is tried: after 50 halvings no two steps are different."""


NUDGE = 0.05
"""How far beside a second start is, in typical errors."""

NUDGE_SEED = 20131
"""Of the directions of second starts."""


@dataclass(frozen=True)
class QuasiNewton(Solver):
    """BFGS with a line search that asks for less objective and less slope (weak Wolfe), and for no derivative at kinks.

    The step is -H g, g the gradient and H the inverse Hessian as the steps so far have shown it; across a kink the
    gradient jumps, H shrinks to 0, and so does g'Hg / 2, the decrease that a step predicts. H starts at a multiple of
    (X'X)^-1 for each output, so that neither the units nor the correlation of the columns matter.

    A start at a smooth optimum has no slope to measure H by and counts as stalled. One on a kink, as a least absolute
    fit is, can hold up the first line search: where the loss has kinks, members that end within fewer steps than they
    have coefficients go once more, from a little beside.

    Where the published slope of a loss is not the derivative of its value (`CIoU`) a step descends the value that the
    slope belongs to, with the rest held as it is at the step's origin: the fixed point need not be a minimum.

    Args:
        tol: stop when a step predicts a decrease of the objective below this fraction of it.
        max_iter: the most steps of one member.

    Reference: Lewis & Overton (2013), Math. Program. 141, 135-163.
    """

    tol: float = parameter(1e-9, above=0)
    max_iter: int = parameter(2000, at_least=1)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        return sloped(loss, "quasi_newton") or aimed(loss, "quasi_newton")

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is a longer step than any that is taken
            solution = _Descents(problem, start).run(self.tol, self.max_iter)
            ended = status_in(solution.status, (Status.converged, Status.stalled))
            kinked = not isinstance(problem.loss, (SmoothLoss, MarginLoss, CurvedOutputLoss))
            early = ended & np.asarray(solution.n_iter < start.shape[-1]) & kinked
            return self._again(problem, solution, early) if early.any() else solution

    def _again(self, problem: Problem, solution: Solution, early: Mask) -> Solution:
        """Once more, from off the kinks, for members that ended before H could know them; what is better stays."""
        some, before = problem.take(early), solution.coef[early]
        found = _Descents(some, _nudged(some, before)).run(self.tol, self.max_iter)
        better = early.copy()
        better[early] = some.objective(found.coef) < some.objective(before)
        taken = better[early]
        coef, status, success = solution.coef.copy(), solution.status.copy(), solution.success.copy()
        coef[better], status[better], success[better] = found.coef[taken], found.status[taken], found.success[taken]
        n_iter, n_eval = solution.n_iter.copy(), solution.n_eval.copy()
        n_iter[early] += found.n_iter
        n_eval[early] += found.n_eval
        trace = (*solution.trace, *found.trace)
        return Solution(coef, n_iter, n_eval, success, status, trace=trace)


class _Members:
    """A record of arrays with one row per member."""

    def take(self, mask: Mask) -> Self:
        """Some members."""
        return self if mask.all() else type(self)(*(array[mask] for array in vars(self).values()))

    def put(self, mask: Mask, other: Self) -> Self:
        """The same with the rows of another record for the members that the mask marks."""
        if mask.all():
            return other
        mixed = [array.copy() for array in vars(self).values()]
        for array, rows in zip(mixed, vars(other).values(), strict=True):
            array[mask] = rows
        return type(self)(*mixed)


@dataclass(frozen=True)
class _Points(_Members):
    """Coefficients `(B, q)`, the objective there `(B,)` and its gradient `(B, q)`."""

    coef: Array
    value: Array
    slope: Array

    @classmethod
    def of(cls, problem: Problem, coef: Array) -> _Points:
        return cls(coef, problem.objective(coef), problem.gradient(coef))

    @property
    def usable(self) -> Mask:
        """Where nothing is infinite or missing."""
        return np.asarray(np.isfinite(self.value) & np.isfinite(self.slope).all(-1))


@dataclass(frozen=True)
class _Lines(_Members):
    """Searches along `way` `(B, q)`, on which the objective falls by `fall` > 0 per step at first; by bisection.

    Steps up to `low` are too short, those from `high` on too long; the next to try is `step`.
    """

    way: Array
    fall: Array
    step: Array
    low: Array
    high: Array
    trials: Array

    @classmethod
    def along(cls, inverse: Array, slope: Array) -> _Lines:
        """Lines from points with these gradients, along -H g."""
        way = -linalg.apply(inverse, slope)
        fall = -np.vecdot(slope, way)
        ones, zeros = np.ones_like(fall), np.zeros_like(fall)
        return cls(way, fall, ones, zeros, np.full_like(fall, np.inf), zeros)

    def narrowed(self, low_enough: Mask) -> _Lines:
        """After a trial that was not to be kept: too short where the objective was low enough, else too long."""
        low, high = np.where(low_enough, self.step, self.low), np.where(low_enough, self.high, self.step)
        step = np.where(np.isinf(high), 2.0 * low, 0.5 * (low + high))
        return _Lines(self.way, self.fall, step, low, high, self.trials + 1)


class _Descents:
    """The state of one batch of descents, each with a line search of its own; finished members leave."""

    def __init__(self, problem: Problem, start: Array) -> None:
        self.coef, self.status = start.copy(), statuses((len(start),), Status.max_iter)
        self.n_iter, self.n_eval = np.zeros(len(start), dtype=np.int64), np.ones(len(start), dtype=np.int64)
        self.active, self.work = np.arange(len(start)), problem
        self.held = isinstance(problem.loss, OutputLoss) and problem.loss.holds
        self.at = self.best = _Points.of(problem, start)
        self.inverse = _first_inverse(problem, self.at)
        self.lines = _Lines.along(self.inverse, self.at.slope)
        self.trace: list[Step] = []

    def run(self, tol: float, max_iter: int) -> Solution:
        new, lost = np.ones(len(self.active), dtype=bool), np.zeros(len(self.active), dtype=bool)
        while len(self.active):
            self.note(new)
            self.close(new, lost, tol, max_iter)
            new, lost = self.advance() if len(self.active) else (new, lost)
        success = np.array([status is Status.converged for status in self.status], dtype=bool)
        return Solution(self.coef, self.n_iter, self.n_eval, success, self.status, trace=tuple(self.trace))

    def note(self, new: Mask) -> None:
        """One entry of the trace, of a problem that is alone."""
        if len(self.coef) == 1 and new[0]:
            counts = int(self.n_iter[0]), int(self.n_eval[0])
            self.trace.append(Step(*counts, float(self.at.value[0]), self.at.coef[0].copy()))

    def close(self, new: Mask, lost: Mask, tol: float, max_iter: int) -> None:
        """Members at new points that have reached an end leave, and those whose line search found no point."""
        failed = ~self.at.usable
        predicted = 0.5 * self.lines.fall
        done = ~failed & (predicted >= 0.0) & (predicted <= tol * self.at.value)
        lost = ~failed & (lost | ~(predicted >= 0.0))
        for mask, status in ((done, Status.converged), (lost, Status.stalled), (failed, Status.failed)):
            self.status[self.active[mask]] = status
        self.coef[self.active] = np.where(failed[:, None], np.nan, self.at.coef)
        self.keep(~(done | lost | failed | (self.n_iter[self.active] >= max_iter)))

    def keep(self, mask: Mask) -> None:
        """Only some members go on."""
        if mask.all():
            return
        self.active, self.work, self.inverse = self.active[mask], self.work.take(mask), self.inverse[mask]
        self.at, self.best, self.lines = self.at.take(mask), self.best.take(mask), self.lines.take(mask)

    def advance(self) -> tuple[Mask, Mask]:
        """One trial of every active member: which of them are at a new point, and whose line is spent without one."""
        trial, low_enough = self.tried()
        flat_enough = low_enough & (np.vecdot(trial.slope, self.lines.way) >= -FLATTER * self.lines.fall)
        self.best = self.best.put(low_enough, trial.take(low_enough))
        self.lines = self.lines.narrowed(low_enough)
        self.n_eval[self.active] += 1
        spent = (self.lines.trials >= MOST_TRIALS) | (trial.coef == self.at.coef).all(-1)
        new = np.asarray(flat_enough | (spent & (self.lines.low > 0.0) & (self.best.value < self.at.value)))
        if new.any():
            self.turn(new)
        return new, np.asarray(spent & ~new)

    def tried(self) -> tuple[_Points, Mask]:
        """The next points on the lines, and where they are low enough; elsewhere their gradients are not known."""
        coef = self.at.coef + self.lines.step[:, None] * self.lines.way
        value = self.work.held(coef, self.at.coef) if self.held else self.work.objective(coef)
        low_enough = np.asarray(value <= self.at.value - LOWER * self.lines.step * self.lines.fall)
        slope = np.full_like(coef, np.nan)
        if low_enough.any():
            slope[low_enough] = self.work.take(low_enough).gradient(coef[low_enough])
        return _Points(coef, value, slope), low_enough & np.isfinite(slope).all(-1)

    def turn(self, new: Mask) -> None:
        """Some members move to the best points on their lines, and new lines start there."""
        before, after = self.at.take(new), self.best.take(new)
        if self.held:
            after = replace(after, value=self.work.take(new).objective(after.coef))
        first = self.n_iter[self.active[new]] == 0
        inverse = _updated(self.inverse[new], after.coef - before.coef, after.slope - before.slope, first)
        self.n_iter[self.active[new]] += 1
        self.inverse[new] = inverse
        self.at, self.lines = self.at.put(new, after), self.lines.put(new, _Lines.along(inverse, after.slope))


def _nudged(problem: Problem, coef: Array) -> Array:
    """Coefficients a little off: fitted values move by about a twentieth of a typical error, the same way always."""
    u = problem.standardised(coef)
    errors = problem.loss.targets(problem.y) + u if isinstance(problem.loss, OutputLoss) else problem.residuals(coef)
    typical = np.median(np.abs(errors).reshape(len(coef), -1), -1)
    lengths = np.repeat(np.sqrt(np.square(problem.X).mean(-2)), problem.outputs, -1)
    signs = np.random.default_rng(NUDGE_SEED).standard_normal(coef.shape[-1])
    move = NUDGE * signs / np.sqrt(problem.X.shape[-1]) / np.where(lengths > 0, lengths, 1.0)
    nudged: Array = coef + typical[:, None] * move
    return nudged


def _first_inverse(problem: Problem, at: _Points) -> Array:
    """A multiple of what the inverse Hessian would be, `(B, q, q)`, if each row had curvature 1.

    The multiple is the one that makes a step of -H g reach 0, were the objective straight: it has no unit of its own.
    """
    hessian = problem.hessian(at.coef, problem.level(problem.standardised(at.coef)))
    columns = [linalg.solve(hessian, np.broadcast_to(unit, at.coef.shape)) for unit in np.eye(at.coef.shape[-1])]
    inverse = np.stack(columns, -1)
    height = np.vecdot(at.slope, linalg.apply(inverse, at.slope))
    factor = at.value / np.where(height > 0.0, height, 1.0)
    return factor[:, None, None] * inverse


def _updated(inverse: Array, step: Array, change: Array, first: Mask) -> Array:
    """The inverse Hessian that explains the gradient's change over a step and is nearest to the one before.

    At first that is scaled to explain its size. As it was where the gradient did not rise along the step.
    """
    curve = np.vecdot(step, change)
    turned = linalg.apply(inverse, change)
    bent = np.asarray(curve > 0.0)
    safe = np.where(bent, curve, 1.0)
    factor = np.where(first & bent, safe / np.where(bent, np.vecdot(change, turned), 1.0), 1.0)
    inverse, turned = factor[:, None, None] * inverse, factor[:, None] * turned
    along = ((safe + np.vecdot(change, turned)) / safe**2)[:, None, None] * _outer(step, step)
    across = (_outer(turned, step) + _outer(step, turned)) / safe[:, None, None]
    return np.where(bent[:, None, None], inverse + along - across, inverse)


def _outer(one: Array, other: Array) -> Array:
    return one[:, :, None] * other[:, None, :]

"""Coefficients and scale solved for together: the fit is optimal for its scale, the scale is that of its residuals.

Two equations for b and s, with r = y - X b and weights W that sum to 1:

    X' W psi(r / s) / s = penalty'(b),    s = S(r).

One step updates the scale and then reweights once, as `MASS::rlm` does: for losses that are not convex this way decides
which solution is found. Its end is slow, so that near it Newton's method takes over, with s = S(r) put into the first
equation. The derivative of its left side less its right is -(H - v g'), H the Hessian at a fixed scale, v = X' W (psi +
psi' u) / s^2, g = X' dS/dr: one more product than for a fit alone. A Newton step must halve the reweighted step that
is left to do; else it is taken back and the reweighted step is done.

No certificate comes with it: that both equations hold can be checked at the answer, but for MAD and for losses that are
not convex other pairs may solve them too. Where the pair minimises a convex function (`Concomitant`) there is no other.

Reference: Huber (1981), Robust Statistics, sections 7.7 and 7.8.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Loss, Polyhedral, ResidualLoss
from robustfit.penalties.base import PolyhedralPenalty
from robustfit.problem import CHUNK_ENTRIES, Problem
from robustfit.scales.base import JointScale

NEAR = 1e-3
"""Newton's method waits, where a loss is not convex, until a reweighted step moves the fitted values by less than this,
in units of the scale: the way there decides which solution is found."""

LATE = 0.05
"""What is near after many steps: the way is slow, or goes round in circles."""

LONG = 50
"""How many steps are many."""

MOST_STEPS = 1000
"""Steps after which no joint solution is said to be found; where the median changes rows there may be none."""

TYPICAL_ROWS = 10_000
"""About how many rows are enough to say what a typical one is."""


@dataclass(frozen=True)
class Joint:
    """Coefficients `(B, p)` and their scale; for each member the steps, of one scale update each, and if it settled."""

    coef: Array
    scale: Array
    """0 where it fell to rounding: the coefficients are then any."""
    n_iter: NDArray[np.int64]
    settled: Mask

    @classmethod
    def at(cls, coef: Array, scale: Array) -> Joint:
        """A scale that is taken once: there is nothing to do."""
        return cls(coef, scale, np.zeros(len(coef), dtype=np.int64), np.ones(len(coef), dtype=bool))

    def take(self, index: Mask) -> Joint:
        """Some members."""
        return Joint(*(getattr(self, entry.name)[index] for entry in fields(self)))


def refuses(scale: JointScale, loss: Loss) -> str:
    """Why this scale cannot be solved for together with a fit by this loss; empty where it can."""
    if not isinstance(loss, ResidualLoss):
        return f"{scale} is a scale of residuals; {loss} has none"
    if isinstance(loss, Polyhedral) and not loss.scale_free:
        return f"{scale} is solved for by reweighted steps, which {loss} does not allow: its psi jumps"
    return scale.refuses(loss)


def of_residuals(loss: Loss) -> ResidualLoss:
    """The loss, which is one of residuals.

    Raises:
        Incompatible: it is not.
    """
    if not isinstance(loss, ResidualLoss):
        raise Incompatible(f"a scale is one of residuals; {loss} has none")
    return loss


def rounding(problem: Problem, coef: Array) -> Array:
    """The size of a residual that is 0 but for rounding, of a typical row.

    >>> from robustfit.losses.mae import MAE
    >>> one = Problem(np.ones((3, 1)), np.array([0.0, 1.0, 2.0]), MAE())
    >>> float(rounding(one, np.array([1.0])) / np.finfo(float).eps)  # the median of 16 p (abs(y) + abs(x b))
    32.0
    """
    result: Array = np.median(_roundings(problem, coef), -1)
    return result


def _roundings(problem: Problem, coef: Array) -> Array:
    """16 p eps (abs(y) + abs(x b)), of at most about TYPICAL_ROWS rows."""
    some = slice(None, None, max(1, problem.X.shape[-2] // TYPICAL_ROWS))
    size = np.abs(problem.y[..., some]) + linalg.apply(np.abs(problem.X[..., some, :]), np.abs(coef))
    result: Array = 16 * problem.X.shape[-1] * np.finfo(float).eps * size
    return result


def significant(scale: Array, problem: Problem, coef: Array) -> Array:
    """The scale of the residuals at some coefficients; 0 where it is no larger than rounding."""
    roundings = _roundings(problem, coef)
    if (scale > roundings.max(-1)).all():
        return scale
    return np.where(scale <= np.median(roundings, -1), 0.0, scale)


def solve(problem: Problem, scale: JointScale, start: Array) -> Joint:
    """Fits and their scales, of a batch with one axis, each from its start.

    Args:
        problem: data, loss and penalty; its scale does not matter.
        scale: what the scale of residuals is. Where it falls to rounding it is 0, with whatever coefficients.
        start: coefficients `(B, p)`.

    >>> from robustfit.losses.huber import Huber
    >>> from robustfit.scales.iterated import Iterated
    >>> centre = Problem(np.ones((1, 3, 1)), np.array([[0.0, 1.0, 20.0]]), Huber(1.0))
    >>> found = solve(centre, Iterated(1.0), np.array([[7.0]]))  # (0 - b) + (1 - b) + s = 0, s = b
    >>> found.coef.round(12), found.scale.round(12)
    (array([[1.]]), array([1.]))
    """
    problem, members = problem.flat(), max(1, CHUNK_ENTRIES // problem.X[0].size)
    chunks = [slice(first, first + members) for first in range(0, len(start), members)]
    parts = [_Alternation(problem.chunk(part), scale, start[part]).run() for part in chunks]
    return Joint(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Joint)))


@dataclass(frozen=True)
class _Point:
    """Coefficients, their residuals, the scale of these, and the reweighted step from there."""

    coef: Array
    residuals: Array
    scale: Array
    pull: Array
    step: Array
    size: Array
    """How far the step moves the fitted values: the root of their weighted mean square, in units of the scale."""

    @classmethod
    def at(cls, problem: Problem, rule: JointScale, coef: Array) -> _Point:
        residuals = problem.residuals(coef)
        scale = rule.update(residuals, of_residuals(problem.loss), problem.X.shape[-1], problem.weights)
        here = replace(problem, scale=scale)
        u = residuals / here.unit
        weight = here.weight(u)
        pull, matrix = here.pull(weight * u), here.data_hessian(weight)
        step, _ = here.step(matrix, coef, pull)
        lost = np.asarray(~np.isfinite(step).all(-1))
        if lost.any():
            some = here.take(lost)
            step[lost] = linalg.solve(some.hessian(coef[lost], weight[lost]), -some.gradient(coef[lost]))
        return cls(coef, residuals, scale, pull, step, np.sqrt((linalg.apply(matrix, step) * step).sum(-1)))

    def take(self, index: Mask) -> _Point:
        return _Point(*(getattr(self, entry.name)[index] for entry in fields(self)))

    def put(self, index: Mask, other: _Point) -> None:
        for entry in fields(self):
            getattr(self, entry.name)[index] = getattr(other, entry.name)

    def newton(self, problem: Problem, rule: JointScale) -> Array:
        """Newton's step for both equations, by the formula of Sherman and Morrison."""
        here = replace(problem, scale=self.scale)
        u = self.residuals / here.unit
        curvature = here.curvature(u)
        hessian = here.hessian(self.coef, curvature)
        gradient = here.embed(here.penalty.gradient(here.slopes(self.coef))) - self.pull
        alone = linalg.solve(hessian, -gradient)
        shift = linalg.solve(hessian, here.pull(here.psi(u) + curvature * u) / here.unit)
        slope = linalg.adjoint(here.X, rule.slope(self.residuals, self.scale, of_residuals(here.loss), here.weights))
        along, across = (slope * alone).sum(-1), (slope * shift).sum(-1)
        result: Array = alone + shift * (along / (1.0 - across))[:, None]
        return result


class _Alternation:
    """The state of one batch: finished members leave."""

    def __init__(self, problem: Problem, rule: JointScale, start: Array) -> None:
        self.work, self.rule, self.floor = problem, rule, rounding(problem, start)
        self.found = Joint.at(start.copy(), np.full(len(start), np.nan))
        self.active = np.arange(len(start))
        self.steps = 0

    def run(self) -> Joint:
        with np.errstate(all="ignore"):
            self.point = _Point.at(self.work, self.rule, self.found.coef)
            self.leave(np.zeros(len(self.active), dtype=bool))
            while len(self.active) and self.steps < MOST_STEPS:
                self.advance()
        return self.found

    def advance(self) -> None:
        """One step of every active member."""
        self.steps += 1
        before, newton = self.point, self.near()
        step = self.step(newton)
        trial = _Point.at(self.work, self.rule, before.coef + step)
        rough = before.size > self.floor / before.scale
        worse = newton & rough & ~(trial.size <= 0.5 * before.size)
        if worse.any():
            trial.put(worse, _Point.at(self.work.take(worse), self.rule, (before.coef + before.step)[worse]))
        self.point = trial
        self.leave(~rough & ~(trial.size < 0.5 * before.size))

    def near(self) -> Mask:
        """Which members are so near their end that Newton's method is tried: none whose penalty has kinks."""
        kinks = isinstance(self.work.penalty, PolyhedralPenalty) and self.work.penalty.price > 0
        limit = 0.0 if kinks else np.inf if self.work.loss.convex else LATE if self.steps > LONG else NEAR
        result: Mask = self.point.size < limit
        return result

    def step(self, newton: Mask) -> Array:
        """Newton's step where it is wanted and does not turn round, the reweighted one elsewhere."""
        point = self.point
        if not newton.any():
            return point.step
        step = point.newton(self.work, self.rule)
        moves = linalg.apply(self.work.X, step), linalg.apply(self.work.X, point.step)
        newton &= np.isfinite(step).all(-1) & ((self.work.shares * moves[0] * moves[1]).sum(-1) > 0)
        return np.where(newton[:, None], step, point.step)

    def leave(self, settled: Mask) -> None:
        """Record where all members are; those leave that settled, are lost, or have no scale."""
        point, found = self.point, self.found
        none = point.scale <= self.floor
        found.coef[self.active], found.scale[self.active] = point.coef, np.where(none, 0.0, point.scale)
        found.n_iter[self.active], found.settled[self.active] = self.steps, settled | none
        left = ~(settled | none) & np.isfinite(point.size)
        if not left.all():
            self.active, self.floor = self.active[left], self.floor[left]
            self.work, self.point = self.work.take(left), point.take(left)

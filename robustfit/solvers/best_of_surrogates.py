"""A good 0-1 loss on data too large for the least one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit import linalg
from robustfit.fit import Solution, Status, status_where
from robustfit.linalg import Array
from robustfit.losses.base import Loss
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.savage import Savage
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver, counting
from robustfit.solvers.mixed_integer import isotropic
from robustfit.solvers.newton import Newton


@dataclass(frozen=True)
class BestOfSurrogates(Solver):
    """0-1 loss from the start, the fit of cross-entropy and that of a bounded loss, each improved along lines.

    Along a line the 0-1 loss is constant between the points where a row changes sides: sorted, these give its minimum
    exactly. The lines run along the coordinates in which the rows spread alike in all directions, then at random, the
    same for every problem. The surrogates are fitted to rows brought to one length there: to 0-1 loss it does not
    matter, and far rows have no leverage. A heuristic: its answers have status `heuristic` and claim no success.

    Args:
        max_iter: the lines that are searched from each of the three.

    Reference: Nguyen & Sanner (2013), ICML, PMLR 28(3), 1085-1093.
    """

    max_iter: int = parameter(100, at_least=1)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        return counting(loss, penalty, "best_of_surrogates")

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        turn = isotropic(problem.X)
        ways = self._ways(turn)
        candidates = [_improved(problem, coef, ways) for coef in _fits(problem, turn, start)]
        values = np.stack([problem.objective(coef) for coef in candidates])
        best = np.argmin(np.where(np.isfinite(values), values, np.inf), 0)
        failed = ~np.isfinite(problem.objective(start))
        coef = np.where(failed[:, None], np.nan, np.stack(candidates)[best, np.arange(len(start))])
        lines = np.full(len(start), len(candidates) * self.max_iter, dtype=np.int64)
        status = status_where(failed, Status.failed, Status.heuristic)
        return Solution(coef, lines, lines + len(candidates), np.zeros(len(start), dtype=bool), status)

    def _ways(self, turn: Array) -> Array:
        """The directions to search, `(max_iter, B, p)`."""
        p = turn.shape[-1]
        random = np.random.default_rng(0).standard_normal((self.max_iter, p))
        orthonormal = np.concatenate([np.eye(p), random])[: self.max_iter]
        return np.stack([linalg.apply(turn, np.broadcast_to(way, (len(turn), p))) for way in orthonormal])


def _fits(problem: Problem, turn: Array, start: Array) -> list[Array]:
    """The start and the fits of smooth losses to the directions of the rows; the start where one has none."""
    length = np.sqrt(np.square(np.matmul(problem.X, turn)).sum(-1, keepdims=True))
    directions = problem.X / np.where(length > 0.0, length, 1.0)
    found = [start]
    for loss in (CrossEntropy(), Savage()):
        coef = Newton(tol=1e-8, max_iter=50).solve(replace(problem, X=directions, loss=loss), found[-1]).coef
        found.append(np.where(np.isfinite(coef).all(-1, keepdims=True), coef, start))
    return found


def _improved(problem: Problem, coef: Array, ways: Array) -> Array:
    """The coefficients after a search along each of some directions; never worse."""
    value = problem.objective(coef)
    for way in ways:
        trial = coef + _best_step(problem, coef, way)[:, None] * way
        reached = problem.objective(trial)
        better = reached <= value  # sideways too: elsewhere on the plain other directions may descend
        coef, value = np.where(better[:, None], trial, coef), np.where(better, reached, value)
    return coef


def _best_step(problem: Problem, coef: Array, way: Array) -> Array:
    """The step along a direction with the least 0-1 loss: the middle of the widest interval that has it, `(B,)`."""
    m, rise = linalg.apply(problem.X, coef), linalg.apply(problem.X, way)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        crossing = np.where(rise != 0.0, -m / rise, 0.0)  # a row that no step moves changes nothing at its crossing
    order = np.argsort(crossing, -1, kind="stable")
    change = np.take_along_axis(-np.sign(rise) * problem.shares, order, -1)
    ends = _with_ends(np.take_along_axis(crossing, order, -1))
    width = np.diff(ends, axis=-1)
    # relative to the loss far to the left; rounded, since sums of the same rows in another order are the same
    cost = np.concatenate([np.zeros_like(change[:, :1]), np.cumsum(change, -1)], -1).round(12)
    cost = np.where(width > 0.0, cost, np.inf)
    least = cost == cost.min(-1, keepdims=True)
    chosen = np.argmax(np.where(least, width, -1.0), -1)[:, None]
    step: Array = np.take_along_axis(ends[:, :-1] + 0.5 * width, chosen, -1)[:, 0]
    return np.where(np.isfinite(step), step, 0.0)


def _with_ends(crossing: Array) -> Array:
    """Sorted points with one before and one behind them, as far away as they are from each other.

    >>> _with_ends(np.array([[1.0, 3.0]]))
    array([[-1.,  1.,  3.,  5.]])
    """
    first, last = crossing[:, :1], crossing[:, -1:]
    beyond = np.maximum(last - first, np.maximum(np.abs(first), 1.0) * (last == first))
    return np.concatenate([first - beyond, crossing, last + beyond], -1)

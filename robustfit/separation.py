"""Scores that grow without end: those that separate the classes, of an unpenalised loss that only tends to 0, and
those of a bounded loss that has come to count wrong labels.

Reference: Albert & Anderson (1984), Biometrika 71, 1-10.
"""

from __future__ import annotations

import numpy as np

from robustfit import linalg
from robustfit.linalg import Array, Mask
from robustfit.losses.base import ErrorLoss
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem

FAR = 8.0
"""A margin at which a sigmoid is within 0.0004 of its end."""

PLATEAU = 1e-6
"""What doubling the coefficients may cost, relative, where the loss is flat."""


def may_run_away(problem: Problem) -> bool:
    """Whether coefficients can grow without end: nothing is penalised, and 0 is no value of the loss."""
    return problem.loss.negligible > 0 and isinstance(problem.penalty, NoPenalty)


def separated(problem: Problem, coef: Array) -> Mask:
    """Whether there is no minimum, as far as the coefficients `(B, p)` show it.

    All rows are right. Or some are: then a change of the coefficients, the part of them that no row sees but those that
    cost almost nothing, makes these better and no row worse (quasi-complete separation; looked for with two classes).

    >>> from robustfit.losses.classification.cross_entropy import CrossEntropy
    >>> two = Problem(np.array([[[-1.0], [-2.0]]]), np.ones((1, 2)), CrossEntropy(), np.ones(1))  # rows y x, target 1
    >>> separated(two, np.array([[-3.0]])), separated(two, np.array([[3.0]]))
    (array([ True]), array([False]))
    """
    if not may_run_away(problem):
        return np.zeros(problem.batch, dtype=bool)
    u, idle = problem.standardised(coef), problem.shares == 0
    found = np.asarray(((_leads(problem, u) > 0) | idle).all(-1))
    if isinstance(problem.loss, ErrorLoss):
        free = (problem.loss.rho(u) <= np.sqrt(problem.loss.negligible)) | idle
        partly = np.asarray(~found & (free & ~idle).any(-1) & np.isfinite(u).all(-1))
        if partly.any():
            found[partly] = _runs_away(problem.take(partly).X, coef[partly], free[partly], idle[partly])
    return found


def unbounded(problem: Problem, coef: Array) -> Mask:
    """Whether the coefficients are far out on a plateau of a bounded loss: twice as large, they cost no more.

    Half of the margins or more are beyond `FAR`, where the loss is flat, so that it only counts the wrong labels.
    """
    if problem.loss.convex or not may_run_away(problem):
        return np.zeros(problem.batch, dtype=bool)
    far = np.median(np.abs(_leads(problem, problem.standardised(coef))), -1) > FAR
    return np.asarray(far & (problem.objective(2.0 * coef) <= (1.0 + PLATEAU) * problem.objective(coef)))


def _leads(problem: Problem, u: Array) -> Array:
    """By how much each row's own class is ahead, `(B, n)`; 0 where there are no classes."""
    if isinstance(problem.loss, ErrorLoss):
        return 1.0 - u
    if not isinstance(problem.loss, SoftmaxCrossEntropy):
        return np.zeros(problem.rows)
    own = problem.loss.targets(problem.y) > 0
    result: Array = np.where(own, -u, -np.inf).max(-1) - np.where(own, -np.inf, -u).max(-1)
    return result


def _runs_away(X: Array, coef: Array, free: Mask, idle: Mask) -> Mask:
    """Whether what the rows that are not free do not see of the coefficients makes all free rows right.

    By a margin of 1, which is no rounding.
    """
    unseen = coef - linalg.least_squares(X, linalg.apply(X, coef), linalg.double(~free))
    return np.asarray(((linalg.apply(X, unseen) >= 1.0) | ~free | idle).all(-1))

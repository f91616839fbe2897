"""Gradient descent at a fixed or a decreasing rate, as the documents mean it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robustfit.fit import Solution, Status, Step, statuses
from robustfit.linalg import Array
from robustfit.losses.base import CurvedOutputLoss, Loss, OutputLoss, Polyhedral
from robustfit.losses.classification.base import LabelLoss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver, sloped


@dataclass(frozen=True)
class GradientDescent(Solver):
    """b <- b - rate_t gradient(b), on the raw coefficients, all members of a batch side by side.

    Args:
        rate: the learning rate; null takes 1 / L for a smooth loss, L the largest curvature of the objective, and
            scale / L' for the others, L' that of the squared residuals.
        schedule: `fixed`, `inverse_sqrt` (rate / sqrt(1 + t)) or `inverse` (rate / (1 + t)).
        max_iter: the most steps.
        tol: stop when the gradient's norm is below this fraction of what its terms came to at the start without signs.

    Reference: Cauchy (1847), C. R. Acad. Sci. 25, 536-538; Shor (1985) for subgradients.
    """

    rate: float | None = parameter(None, above=0)
    schedule: str = parameter("fixed", choices=("fixed", "inverse_sqrt", "inverse"))
    max_iter: int = parameter(10_000, at_least=1)
    tol: float = parameter(1e-9, above=0)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        return sloped(loss, "gradient_descent")

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        coef, rate = start.copy(), self._rates(problem)
        target = self.tol * np.linalg.norm(_size(problem, coef), axis=-1)
        n_iter = np.zeros(len(start), dtype=np.int64)
        going = np.ones(len(start), dtype=bool)
        trace = [self._record(problem, coef, 0)]
        for iteration in range(self.max_iter):
            with np.errstate(over="ignore", invalid="ignore"):
                gradient = problem.gradient(coef)
                going &= (np.linalg.norm(gradient, axis=-1) > target) & np.isfinite(gradient).all(-1)
                coef = coef - np.where(going, rate * self._decay(iteration), 0.0)[:, None] * gradient * going[:, None]
            n_iter += going
            if not going.any():
                break
            trace.append(self._record(problem, coef, iteration + 1))
        finite = np.isfinite(problem.gradient(coef)).all(-1)
        status = statuses((len(start),), Status.max_iter)
        status[~going & finite] = Status.converged
        status[~finite] = Status.failed
        return Solution(coef, n_iter, n_iter + 1, ~going & finite, status, trace=tuple(trace))

    def _rates(self, problem: Problem) -> Array:
        if self.rate is not None:
            return np.full(len(problem.y), self.rate)
        smooth, curvature = _steepest(problem)
        zeros = np.zeros((len(problem.y), problem.outputs * problem.X.shape[-1]))
        hessian = problem.hessian(zeros, curvature)
        finite = np.isfinite(hessian).all((-2, -1), keepdims=True)  # the others fail by their gradient
        largest = np.linalg.eigvalsh(np.where(finite, hessian, 0.0))[..., -1]
        return (1.0 if smooth else np.broadcast_to(problem.scale, largest.shape)) / np.where(largest > 0, largest, 1.0)

    def _decay(self, iteration: int) -> float:
        powers = {"fixed": 0.0, "inverse_sqrt": 0.5, "inverse": 1.0}
        return float((1 + iteration) ** -powers[self.schedule])

    def _record(self, problem: Problem, coef: Array, iteration: int) -> Step:
        """The first member's place on its way."""
        first = problem.member(0)
        with np.errstate(over="ignore", invalid="ignore"):
            return Step(iteration, iteration + 1, float(first.objective(coef[0])), coef[0].copy())


def _size(problem: Problem, coef: Array) -> Array:
    """What the terms of the gradient add up to without their signs: at an optimum the gradient itself is no measure."""
    psi = np.abs(problem.psi(problem.standardised(coef)))
    return replace(problem, X=np.abs(problem.X)).pull(psi)


def _steepest(problem: Problem) -> tuple[bool, Array]:
    """Whether the loss is smooth, and what bounds its curvature on each row; where it is not, a parabola's curvature.

    That of boxes is in units of the true boxes' sides.
    """
    loss, zeros = problem.loss, np.zeros(problem.rows)
    if isinstance(loss, CurvedOutputLoss):
        return True, problem.weight(np.zeros((*problem.rows, problem.outputs)))
    if isinstance(loss, OutputLoss):
        sides = np.abs(problem.y[..., 2:] - problem.y[..., :2]).mean((-1, -2))[..., None, None, None]
        unit = np.where(sides > 0, sides, 1.0)
        return False, problem.level(np.zeros((*problem.rows, problem.outputs))) / np.square(unit)
    largest = problem.weight(zeros + float(isinstance(loss, LabelLoss)))  # where the weight is largest
    smooth = not isinstance(loss, Polyhedral)
    return smooth, largest if smooth else np.ones_like(zeros)

"""SciPy's nonlinear least squares, where its robust losses are ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.fit import Solution, Status
from robustfit.linalg import Array
from robustfit.losses.base import Loss
from robustfit.losses.cauchy import Cauchy
from robustfit.losses.huber import Huber
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import OneByOne, one


@dataclass(frozen=True)
class LeastSquares(OneByOne):
    """`scipy.optimize.least_squares`: cost 1/2 sum C^2 rho((r / C)^2), with `f_scale` C our tuning constant.

    Args:
        tol: SciPy's ftol, xtol and gtol.
        max_iter: the most evaluations.
        method: `trf` or `dogbox`.

    Reference: Branch, Coleman & Li (1999), SIAM J. Sci. Comput. 21, 1-23.
    """

    tol: float = parameter(1e-13, above=2.3e-16)
    max_iter: int = parameter(10_000, at_least=1)
    method: str = parameter("trf", choices=("trf", "dogbox"))

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        if not isinstance(penalty, NoPenalty):
            return f"least_squares takes no penalty; {penalty} is one"
        known = "" if _scipy_loss(loss)[0] else f"least_squares has no {loss}; it has mse, huber, smooth_l1, cauchy"
        return known

    def solve_one(self, problem: Problem, start: Array) -> Solution:
        from scipy.optimize import least_squares

        name, constant = _scipy_loss(problem.loss)
        root, unit = np.sqrt(problem.shares * problem.X.shape[-2]), linalg.column_norms(problem.X)
        if problem.weights is not None and name != "linear":
            raise Incompatible(
                f"least_squares takes no sample weights with {problem.loss}: SciPy knows none outside rho"
            )
        rows = problem.X / unit * root[:, None] / problem.unit
        residuals = problem.standardised(start) * root
        result = least_squares(
            lambda d: residuals - rows @ d, np.zeros_like(start), lambda d: -rows, loss=name, f_scale=constant,
            method=self.method, ftol=self.tol, xtol=self.tol, gtol=self.tol, max_nfev=self.max_iter,
        )  # fmt: skip
        status = Status.converged if result.success else Status.max_iter
        return one(start + result.x / unit, int(result.njev), int(result.nfev), bool(result.success), status)


def _scipy_loss(loss: Loss) -> tuple[str, float]:
    """SciPy's name for a loss and the C that makes it ours up to a factor; an empty name where it has none."""
    match loss:
        case MSE():
            return "linear", 1.0
        case Huber(delta=constant) | SmoothL1(beta=constant):
            return "huber", constant
        case Cauchy(c=constant):
            return "cauchy", constant
    return "", 1.0

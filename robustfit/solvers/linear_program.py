"""Exact fits of piecewise linear losses by linear programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit import linalg
from robustfit.fit import Solution, Status
from robustfit.linalg import Array
from robustfit.losses.base import Loss, Polyhedral
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import OneByOne, aimed, one


@dataclass(frozen=True)
class LinearProgram(OneByOne):
    """Minimise the sum of w_i t_i subject to t_i >= a_k u_i + b_k for every piece k, by HiGHS.

    Works for any loss that is a maximum of affine pieces. The rows are handed over about the start and in units of the
    residuals, since HiGHS's tolerances are absolute.

    Args:
        tol: HiGHS's primal and dual feasibility tolerance, in units of the residuals.
        method: `highs` (its choice), `highs-ds` (dual simplex) or `highs-ipm` (interior point).

    Reference: Koenker & Bassett (1978), Econometrica 46, 33-50; Huangfu & Hall (2018), Math. Prog. Comp. 10, 119-142.
    """

    tol: float = parameter(1e-10, at_least=1e-10)
    method: str = parameter("highs", choices=("highs", "highs-ds", "highs-ipm"))

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        if not isinstance(loss, Polyhedral):
            return f"linear_program needs a PolyhedralLoss; {loss} is not one"
        if reason := aimed(loss, "linear_program"):
            return reason
        return "" if isinstance(penalty, NoPenalty) else f"linear_program takes no penalty; {penalty} is one"

    def solve_one(self, problem: Problem, start: Array) -> Solution:
        from scipy.optimize import linprog

        p, unit = len(start), linalg.column_norms(problem.X)
        residuals = problem.residuals(start)
        width = float(np.mean(np.abs(residuals)))
        if width == 0:
            return one(start, 0, 1, True, Status.converged)
        cost, matrix, right = _epigraph(problem, residuals / width, unit, width)
        bounds = [(None, None)] * len(cost)
        tolerances = {"primal_feasibility_tolerance": self.tol, "dual_feasibility_tolerance": self.tol}
        result = linprog(cost, matrix, right, bounds=bounds, method=self.method, options=tolerances)
        if result.x is None:
            return one(start, int(result.nit), int(result.nit), False, Status.failed)
        coef = start + result.x[:p] / unit * width
        success = result.status == 0
        return one(coef, int(result.nit), int(result.nit), success, Status.converged if success else Status.stalled)


def _epigraph(problem: Problem, residuals: Array, unit: Array, width: float) -> tuple[Array, object, Array]:
    """Cost, matrix and right-hand side of a_k (r_i - x_i d) + b_k / width <= t_i, over (d, t)."""
    from scipy.sparse import block_array, csr_array, eye_array

    pieces = problem.loss.pieces if isinstance(problem.loss, Polyhedral) else ()
    n, p = problem.X.shape
    rows, minus = csr_array(problem.X / unit), -eye_array(n)
    matrix = block_array([[-a * rows, minus] for a, _ in pieces], format="csr")
    right = np.concatenate([-a * residuals - b * float(problem.unit[0]) / width for a, b in pieces])
    return np.concatenate([np.zeros(p), problem.shares * n]), matrix, right

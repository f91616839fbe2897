"""The default solver: it picks one by loss, penalty and size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from robustfit.catalogue import make, name_of
from robustfit.fit import Solution
from robustfit.linalg import Array
from robustfit.losses.base import PolyhedralLoss, ResidualLoss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.penalties.l1 import L1
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver


@dataclass(frozen=True)
class Auto(Solver):
    """L-BFGS-B for smooth losses and linear programming for polyhedral ones; Newton where n p is above `large`.

    Newton too where a penalty meets a polyhedral loss or has kinks of its own: SciPy's methods would stall there.

    It looks at loss, penalty, n and p, never at the number of replicates; the row says which solver it was.

    Args:
        large: the number of entries of X above which `newton` takes over.
    """

    large: int = parameter(50_000, at_least=0)

    def refuses(self, loss: ResidualLoss, penalty: Penalty) -> str:
        return ""

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        n, p = problem.X.shape[-2:]
        chosen = self.choose(problem.loss, problem.penalty, n * p)
        return replace(chosen.solve(problem, start), solver=name_of("solver", chosen))

    def choose(self, loss: ResidualLoss, penalty: Penalty, entries: int) -> Solver:
        """The solver for this loss, penalty and number of entries of X."""
        exact = isinstance(loss, PolyhedralLoss) and isinstance(penalty, NoPenalty)
        kinked = not exact and (isinstance(loss, PolyhedralLoss) or isinstance(penalty, L1))
        name = "newton" if kinked or entries > self.large else "linear_program" if exact else "lbfgs"
        solver: Solver = make("solver", name)
        return make("solver", "lbfgs") if solver.refuses(loss, penalty) else solver

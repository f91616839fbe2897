"""The default solver: it picks one by loss, penalty and size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from robustfit.catalogue import make, name_of
from robustfit.fit import Solution
from robustfit.linalg import Array
from robustfit.losses.base import CurvedOutputLoss, Loss, OutputLoss, Polyhedral, Stepwise
from robustfit.losses.classification.base import idle
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.penalties.l1 import L1
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import Solver, counting


@dataclass(frozen=True)
class Auto(Solver):
    """L-BFGS-B for smooth losses and linear programming for polyhedral ones; Newton where n p is above `large`.

    Newton too where a penalty meets a polyhedral loss or has kinks of its own: SciPy's methods would stall there.

    It looks at loss, penalty, n and p, never at the number of replicates; the row says which solver it was.

    0-1 loss is minimised exactly by `mixed_integer` on small data, by a heuristic on others. A loss with a minimum that
    nobody wants, at zero, is left to `gradient_descent`; losses of boxes that overlap go to `quasi_newton`.

    Args:
        large: the number of entries of X above which `newton` takes over.
        small: the number of entries of X up to which 0-1 loss is minimised exactly.
    """

    large: int = parameter(50_000, at_least=0)
    small: int = parameter(300, at_least=0)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        return counting(loss, penalty, "auto") if isinstance(loss, Stepwise) else ""

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        n, p = problem.X.shape[-2:]
        chosen = self.choose(problem.loss, problem.penalty, n * p * problem.outputs)
        return replace(chosen.solve(problem, start), solver=name_of("solver", chosen))

    def choose(self, loss: Loss, penalty: Penalty, entries: int) -> Solver:
        """The solver for this loss, penalty and number of entries of X."""
        if isinstance(loss, Stepwise):
            solver: Solver = make("solver", "mixed_integer" if entries <= self.small else "best_of_surrogates")
            return solver
        solver = make("solver", self._sloped(loss, penalty, entries))
        return make("solver", "lbfgs") if solver.refuses(loss, penalty) else solver

    def _sloped(self, loss: Loss, penalty: Penalty, entries: int) -> str:
        """The name of the solver for a loss whose slope tells something."""
        if idle(loss):
            return "gradient_descent"
        if isinstance(loss, OutputLoss) and not isinstance(loss, CurvedOutputLoss):
            return "quasi_newton"
        exact = isinstance(loss, Polyhedral) and isinstance(penalty, NoPenalty)
        kinked = not exact and (isinstance(loss, Polyhedral) or isinstance(penalty, L1))
        return "newton" if kinked or entries > self.large else "linear_program" if exact else "lbfgs"

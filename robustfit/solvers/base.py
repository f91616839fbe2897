"""What a solver is: it takes a problem and a start and returns an answer, which others measure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from robustfit.errors import Incompatible
from robustfit.fit import Solution, Status, Statuses, Step, statuses
from robustfit.linalg import Array
from robustfit.losses.base import Loss, Stepwise
from robustfit.losses.classification.base import idle
from robustfit.parameters import Parametrised
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem


class Solver(Parametrised, ABC):
    """A way to minimise a problem."""

    @abstractmethod
    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        """Why this solver cannot minimise this loss with this penalty; empty where it can."""

    @abstractmethod
    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        """The solutions of a batch with one axis, from one start each."""

    def solve(self, problem: Problem, start: Array) -> Solution:
        """The solutions of a batch of any shape.

        Raises:
            Incompatible: this solver cannot minimise this loss.
        """
        reason = self.refuses(problem.loss, problem.penalty)
        if reason:
            raise Incompatible(reason)
        flat, batch = problem.flat(), problem.batch
        coef = np.broadcast_to(start, (*batch, start.shape[-1])).reshape(-1, start.shape[-1])
        solution = self.solve_flat(flat, coef.astype(float))
        counts = {name: getattr(solution, name).reshape(batch) for name in ("n_iter", "n_eval", "success", "status")}
        return replace(solution, coef=solution.coef.reshape(*batch, -1), **counts)


def sloped(loss: Loss, solver: str) -> str:
    """Why a solver that follows slopes cannot minimise this loss; empty where it can."""
    return f"{solver} follows slopes; that of {loss} is 0 wherever it has one" if isinstance(loss, Stepwise) else ""


def aimed(loss: Loss, solver: str) -> str:
    """Why a solver that goes for the minimum is of no use with this loss; empty where it is."""
    if not idle(loss):
        return ""
    return f"{solver} would find the minimum of {loss}, coefficients of zero; gradient_descent stops on the way there"


def counting(loss: Loss, penalty: Penalty, solver: str) -> str:
    """Why a solver of 0-1 loss cannot minimise this loss with this penalty; empty where it can."""
    if not isinstance(loss, Stepwise):
        return f"{solver} minimises 0-1 loss; {loss} is another"
    return "" if isinstance(penalty, NoPenalty) else f"{solver} takes no penalty; {penalty} is one"


class OneByOne(Solver):
    """A solver that takes the members of a batch one after the other."""

    @abstractmethod
    def solve_one(self, problem: Problem, start: Array) -> Solution:
        """The solution of a single problem."""

    def solve_flat(self, problem: Problem, start: Array) -> Solution:
        """The members' solutions, stacked; the trace is the first member's."""
        return stack([self._guarded(problem.member(i), start[i]) for i in range(len(start))], start)

    def _guarded(self, problem: Problem, start: Array) -> Solution:
        """Failed where the objective is not finite at the start: SciPy would raise, or not return."""
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(problem.objective(start))
        return self.solve_one(problem, start) if finite else many(np.full_like(start, np.nan), 0, 1, Status.failed)


def stack(solutions: list[Solution], like: Array) -> Solution:
    """Single solutions as one batch with the coefficients' shape."""
    if not solutions:
        return many(like, 0, 0, Status.converged)
    names = ("n_iter", "n_eval", "success")
    counts: dict[str, Any] = {name: np.array([getattr(s, name) for s in solutions]) for name in names}
    status: Statuses = np.array([s.status.item() for s in solutions], dtype=object)
    coef, searched = np.stack([s.coef for s in solutions]), any(s.searched for s in solutions)
    return Solution(coef, **counts, status=status, trace=solutions[0].trace, searched=searched)


def joined(parts: list[Solution], like: Array) -> Solution:
    """Batches of solutions, one after the other, as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return many(like, 0, 0, Status.converged)
    names = ("coef", "n_iter", "n_eval", "success", "status")
    whole: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **whole)


def many(coef: Array, n_iter: int, n_eval: int, status: Status) -> Solution:
    """A batch of solutions that ended alike."""
    batch = coef.shape[:-1]
    iterations, evaluations = (np.full(batch, count, dtype=np.int64) for count in (n_iter, n_eval))
    return Solution(coef, iterations, evaluations, np.full(batch, status is not Status.failed), statuses(batch, status))


def one(
    coef: Array, n_iter: int, n_eval: int, success: bool, status: Status, trace: list[Step] | None = None
) -> Solution:
    """The solution of a single problem."""
    counts = np.array(n_iter, dtype=np.int64), np.array(n_eval, dtype=np.int64)
    return Solution(coef, *counts, np.array(success), statuses((), status), trace=tuple(trace or ()))

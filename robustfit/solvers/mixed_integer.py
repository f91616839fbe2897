"""The least 0-1 loss by mixed-integer programming."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.fit import Solution, Status
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Loss
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.problem import Problem
from robustfit.solvers.base import OneByOne, counting, one

TURNS = 10
"""Steps of the fixed-point iteration towards rows that spread alike in all directions; each halves the rest or so."""

HALF = 0.5
"""The largest coefficient, in orthonormal columns. HiGHS takes a z of 1e-6 for 0; with a row's weight on z below 1 that
error stays within what HiGHS lets a row be violated by, and it need not repair its solutions.
"""


@dataclass(frozen=True)
class MixedInteger(OneByOne):
    """Minimise the weight of the rows with z_i = 1, z in {0, 1}, subject to m_i + z_i >= margin (1 - z_i), by HiGHS.

    m_i = q_i b is the margin of row i, in coordinates in which the rows spread alike in all directions (`isotropic`)
    and with each row over its length, the sum of abs(q_ij): so abs(m_i) <= 1 for all b with entries in [-1, 1], and the
    constraint of a row with z_i = 1 never binds. Neither the units of a row nor those of a column matter.
    The least is over the scores whose right rows are right by `margin` or more, in these units: 0-1 loss has no length
    of its own, and HiGHS knows 0 to 1e-6 only. A set of rows that can only be right by less is not found. Of the scores
    that get the same rows right it returns the one whose smallest margin is largest.

    `success` is HiGHS's claim of an optimum, where its count is the one found; nothing here proves it. The number of
    branches grows with n, p and, fastest, with the number of wrong rows.

    Args:
        largest: the most rows.
        margin: how far from the boundary, relative, the right rows have to be.
        max_iter: the most nodes of the search tree; the best score until then has status `max_iter`.

    Reference: Nguyen & Sanner (2013), ICML, PMLR 28(3), 1085-1093; Huangfu & Hall (2018), Math. Prog. Comp. 10,
    119-142.
    """

    largest: int = parameter(200, at_least=1)
    margin: float = parameter(1e-4, at_least=1e-5, below=1)
    max_iter: int = parameter(20_000, at_least=1)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        return counting(loss, penalty, "mixed_integer")

    def solve_one(self, problem: Problem, start: Array) -> Solution:
        n = len(problem.X)
        if n > self.largest:
            raise Incompatible(
                f"mixed_integer is for at most {self.largest} rows, there are {n}; "
                "solver=auto uses a heuristic and says so"
            )
        basis, back, _ = linalg.span(problem.X)
        turn = isotropic(basis[None])[0]
        rows = _of_length_one(basis @ turn)
        result = self._highs(rows, problem.shares * n)
        if result.x is None:
            return one(start, 0, 1, False, Status.stalled)
        coef = back @ turn @ _centred(rows, rows @ result.x[: rows.shape[1]] > 0.0)
        return self._judged(problem, coef, start, result)

    def _highs(self, rows: Array, weights: Array) -> Any:
        """The answer of HiGHS, over (b, z)."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        n, p = rows.shape
        least = HALF * self.margin
        matrix = np.hstack([rows, (HALF + least) * np.eye(n)])
        bounds = Bounds(np.repeat([-HALF, 0.0], [p, n]), np.repeat([HALF, 1.0], [p, n]))
        with _hushed():
            return milp(
                np.concatenate([np.zeros(p), weights]), integrality=np.repeat([0, 1], [p, n]), bounds=bounds,
                constraints=LinearConstraint(matrix, lb=least),
                options={"node_limit": self.max_iter, "mip_rel_gap": 0.0},
            )  # fmt: skip

    def _judged(self, problem: Problem, coef: Array, start: Array, result: Any) -> Solution:
        """The better of HiGHS's score and the start, and whether it is what HiGHS says that it is."""
        reached, nodes = float(problem.objective(coef)), int(result.mip_node_count or 0)
        kept = bool(np.isclose(reached * len(problem.X), result.fun, rtol=1e-6, atol=1e-6))
        lower = float(problem.objective(start)) < reached
        success = result.status == 0 and kept and not lower
        stopped = Status.max_iter if nodes >= self.max_iter else Status.stalled
        status = Status.converged if success else stopped
        return replace(one(start if lower else coef, nodes, nodes + 1, success, status), searched=True)


@contextmanager
def _hushed() -> Iterator[None]:
    """Let nothing of what C code prints reach the standard output: HiGHS leaves a line of its own there at times."""
    try:
        before = os.dup(1)
    except OSError:  # there is none
        yield
        return
    flush = ctypes.CDLL(None).fflush if os.name == "posix" else lambda _: None
    flush(None)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        flush(None)
        os.dup2(before, 1)
        os.close(before)
        os.close(nowhere)


def isotropic(X: Array) -> Array:
    """T, `(B, p, p)`: the rows of X T, over their lengths, have about the same sum of squares in all directions.

    It knows the directions of the rows alone, and so do 0-1 losses; far rows do not hide the others, as they do from
    X'X. Where the columns are dependent T only brings each to length one.
    Reference: Tyler (1987), Ann. Statist. 15, 234-251.

    >>> isotropic(np.array([[[10.0, 0.0], [0.0, 2.0]]]))
    array([[[0.1, 0. ],
            [0. , 0.5]]])
    """
    turn = _inverse_root(linalg.gram(X))
    for _ in range(TURNS):
        squares = np.square(np.matmul(X, turn)).sum(-1)
        turn = _inverse_root(linalg.gram(X, 1.0 / np.where(squares > 0.0, squares, np.inf)))
    return turn


def _inverse_root(matrix: Array) -> Array:
    """T with T'MT = 1; for the members that are not positive definite, the one of their diagonal."""
    p = matrix.shape[-1]
    root = linalg.cholesky(matrix)
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    lengths = np.sqrt(np.where((diagonal > 0.0) & np.isfinite(diagonal), diagonal, 1.0))
    regular = np.asarray(np.isfinite(root).all((-2, -1)))[:, None, None]
    return np.swapaxes(np.linalg.inv(np.where(regular, root, lengths[:, None, :] * np.eye(p))), -1, -2)


def _of_length_one(rows: Array) -> Array:
    """Rows over the sums of their absolute entries; a row of zeros as it is.

    >>> _of_length_one(np.array([[3.0, -1.0], [0.0, 0.0]]))
    array([[ 0.75, -0.25],
           [ 0.  ,  0.  ]])
    """
    length = np.abs(rows).sum(-1, keepdims=True)
    return rows / np.where(length > 0.0, length, 1.0)


def _centred(rows: Array, right: Mask) -> Array:
    """The b with entries in [-1, 1] that maximises the least of the margins of some rows, by linear programming."""
    from scipy.optimize import linprog

    p = rows.shape[1]
    matrix = np.hstack([-rows[right], np.ones((int(right.sum()), 1))])
    bounds = [(-1.0, 1.0)] * p + [(None, 1.0)]
    found = linprog(np.append(np.zeros(p), -1.0), matrix, np.zeros(len(matrix)), bounds=bounds, method="highs-ds")
    centre: Array = found.x[:p]
    return centre

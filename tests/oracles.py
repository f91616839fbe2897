"""Optima by code that is not ours: plain SciPy, for one problem at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from robustfit.losses.base import PolyhedralLoss
from robustfit.losses.mse import MSE
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem

Array = NDArray[np.float64]
METHODS = ("L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-exact", "SLSQP", "Nelder-Mead")


def least(problem: Problem, start: Array) -> Array:
    """The coefficients of least objective: exact for polyhedral losses and MSE, else the best of SciPy's methods."""
    plain = isinstance(problem.penalty, NoPenalty)
    if isinstance(problem.loss, PolyhedralLoss) and plain:
        return polyhedral(problem)
    if isinstance(problem.loss, MSE) and plain:
        root = np.sqrt(problem.shares)
        return np.linalg.lstsq(problem.X * root[:, None], problem.y * root)[0]
    return smooth(problem, start)


def polyhedral(problem: Problem) -> Array:
    """Linear programming: least sum w t, t_i >= a_k u_i + b_k for every piece, over orthonormal columns, by HiGHS."""
    assert isinstance(problem.loss, PolyhedralLoss)
    basis, triangle = np.linalg.qr(problem.X / problem.unit)
    (n, p), centre = basis.shape, np.linalg.lstsq(problem.X, problem.y)[0]
    u = problem.standardised(centre)
    width = np.abs(u).max() or 1.0
    rows = [np.hstack([-a * basis, -np.eye(n)]) for a, _ in problem.loss.pieces]
    ends = [-a * u / width - b / width for a, b in problem.loss.pieces]
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    cost = np.concatenate([np.zeros(p), problem.shares])
    found = optimize.linprog(cost, np.vstack(rows), np.concatenate(ends), bounds=(None, None), options=tight)
    assert found.status == 0, found.message
    return centre + width * np.linalg.solve(triangle, found.x[:p])


def reweighted(problem: Problem, start: Array) -> Array:
    """One step of reweighted least squares, penalty included: the objective there is a small multiple of the least."""
    weight = problem.loss.weight(problem.standardised(start))
    rows = problem.X * (np.sqrt(problem.shares * weight) / problem.unit)[:, None]
    penalty = np.diag(np.sqrt(problem.embed(problem.penalty.curvature(problem.slopes(start)))))
    right = np.sqrt(problem.shares * weight) * problem.y / problem.unit
    rows, right = np.vstack([rows, penalty]), np.concatenate([right, np.zeros(len(start))])
    unit = np.linalg.norm(rows, axis=0)
    return np.linalg.lstsq(rows / unit, right)[0] / unit


def smooth(problem: Problem, start: Array) -> Array:
    """The best that SciPy's methods reach from a start, in coordinates in which least squares is a sphere."""
    scale = float(problem.unit[0])
    penalty = problem.penalty.curvature(problem.slopes(start))
    rows = np.vstack([problem.X * np.sqrt(problem.shares)[:, None], scale * np.diag(np.sqrt(problem.embed(penalty)))])
    unit = np.linalg.norm(rows, axis=0)
    turn = np.linalg.inv(np.linalg.qr(rows / unit)[1]) / unit[:, None] * scale
    size = float(problem.objective(start)) or 1.0

    def value(z: Array) -> float:
        return float(problem.objective(start + turn @ z)) / size

    def slope(z: Array) -> Array:
        return turn.T @ problem.gradient(start + turn @ z) / size

    def bend(z: Array) -> Array:
        coef = start + turn @ z
        return turn.T @ problem.hessian(coef, problem.loss.curvature(problem.standardised(coef))) @ turn / size

    found = [start]
    with np.errstate(all="ignore"):
        for method in METHODS:
            derivatives = {} if method == "Nelder-Mead" else {"jac": slope}
            derivatives |= {"hess": bend} if method in ("Newton-CG", "trust-exact") else {}
            found.append(start + turn @ optimize.minimize(value, 0 * start, method=method, tol=1e-10, **derivatives).x)
    return min(found, key=lambda coef: float(problem.objective(coef)))

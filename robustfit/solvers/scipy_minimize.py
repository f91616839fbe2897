"""SciPy's general optimizers: `scipy.optimize.minimize`, one class, one YAML per method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustfit import linalg
from robustfit.fit import Solution, Status, Step
from robustfit.linalg import Array
from robustfit.losses.base import CurvedOutputLoss, ErrorLoss, Loss, Polyhedral
from robustfit.parameters import parameter
from robustfit.penalties.base import Penalty
from robustfit.problem import Problem
from robustfit.solvers.base import OneByOne, aimed, one, sloped

WITHOUT_GRADIENT = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
WITH_HESSIAN = ("Newton-CG", "trust-ncg", "trust-exact", "trust-krylov", "dogleg")


@dataclass(frozen=True)
class ScipyMinimize(OneByOne):
    """`scipy.optimize.minimize` on the objective, started at the initial fit.

    By default it works in whitened coordinates, in which the Hessian of least squares is the identity and the start is
    0, so that neither the units nor the correlation of the columns matter; `whiten=false` shows what they do to the
    method. The best point seen is returned, and `success` is what SciPy said: nobody here relies on it.

    Args:
        method: the name that SciPy gives to the method.
        tol: SciPy's own `tol`, relative to the objective at the start.
        max_iter: the most iterations.
        whiten: whether to work in whitened coordinates.
        options: further options of the method, handed to SciPy as they are.
    """

    method: str
    tol: float = parameter(1e-10, above=0)
    max_iter: int = parameter(10_000, at_least=1)
    whiten: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def refuses(self, loss: Loss, penalty: Penalty) -> str:
        if self.method in WITH_HESSIAN and isinstance(loss, Polyhedral):
            return f"{self.method} needs a SmoothLoss with a curvature; {loss} has none"
        if self.method in WITH_HESSIAN and not isinstance(loss, (ErrorLoss, CurvedOutputLoss)):
            return f"{self.method} needs second derivatives; {loss} has none"
        return aimed(loss, self.method) or ("" if self.method in WITHOUT_GRADIENT else sloped(loss, self.method))

    def solve_one(self, problem: Problem, start: Array) -> Solution:
        from scipy.optimize import minimize

        view = _View.of(problem, start, self.whiten)
        if view.unit_objective == 0:
            return one(start, 0, view.evaluations, True, Status.converged)
        derivatives: dict[str, Any] = {} if self.method in WITHOUT_GRADIENT else {"jac": view.gradient}
        if self.method in WITH_HESSIAN:
            derivatives["hess"] = view.hessian
        with np.errstate(all="ignore"):
            result = minimize(
                view.objective, view.start, method=self.method, tol=self.tol, callback=view.record,
                options=self._options(view), **derivatives,
            )  # fmt: skip
        success = bool(result.success)
        n_iter = int(getattr(result, "nit", len(view.trace) - 1))
        stopped = Status.max_iter if n_iter >= self.max_iter else Status.stalled
        return one(view.best, n_iter, view.evaluations, success, Status.converged if success else stopped, view.trace)

    def _options(self, view: _View) -> dict[str, Any]:
        limit = "maxfun" if self.method == "TNC" else "maxfev" if self.method == "COBYQA" else "maxiter"
        options: dict[str, Any] = {limit: self.max_iter * (1 if limit == "maxiter" else 10)}
        if self.method == "Nelder-Mead":
            # SciPy's own first simplex has edges of 0.00025 at a start of 0, and stalls there
            edges = np.eye(len(view.start)) * (0.5 if self.whiten else 0.05 * (1 + np.abs(view.start)))
            options["initial_simplex"] = np.vstack([view.start, view.start + edges])
        return options | dict(self.options)


@dataclass
class _View:
    """A single problem as SciPy sees it: b = origin + transform z, objective over its value at the start."""

    problem: Problem
    origin: Array
    transform: Array
    start: Array
    best: Array
    unit_objective: float
    evaluations: int = 1
    lowest: float = 1.0
    trace: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, problem: Problem, start: Array, whiten: bool) -> _View:
        value = float(problem.objective(start))
        origin = start if whiten else np.zeros_like(start)
        transform = _whitening(problem, start) if whiten else np.eye(len(start))
        view = cls(problem, origin, transform, np.zeros(transform.shape[1]) if whiten else start, start, value)
        view.trace.append(Step(0, 1, value, start))
        return view

    def coef(self, z: Array) -> Array:
        return self.origin + self.transform @ z

    def objective(self, z: Array) -> float:
        self.evaluations += 1
        coef = self.coef(np.asarray(z, dtype=float))
        value = float(self.problem.objective(coef)) / self.unit_objective
        if value < self.lowest:
            self.lowest, self.best = value, coef
        return value if np.isfinite(value) else np.inf

    def gradient(self, z: Array) -> Array:
        gradient: Array = self.transform.T @ self.problem.gradient(self.coef(z)) / self.unit_objective
        return gradient

    def hessian(self, z: Array) -> Array:
        coef = self.coef(z)
        curvature = self.problem.curvature(self.problem.standardised(coef))
        hessian: Array = self.transform.T @ self.problem.hessian(coef, curvature) @ self.transform / self.unit_objective
        return hessian

    def record(self, *_: Any) -> None:
        """SciPy's callback, whatever it hands over: one entry of the trace per iteration."""
        self.trace.append(Step(len(self.trace), self.evaluations, self.lowest * self.unit_objective, self.best))


def _whitening(problem: Problem, coef: Array) -> Array:
    """T with T' (X' W X + scale^2 penalty'') T = scale^2 I: one unit of z moves the fitted values by one scale.

    It has fewer columns than X where those are linearly dependent: what no row sees stays as it is.
    """
    width = problem.scale if float(problem.scale) > 0 else 1.0
    curvature = problem.embed(problem.penalty.curvature(problem.slopes(coef)))
    rows, k = problem.X * np.sqrt(problem.shares)[:, None], problem.outputs
    _, back, _ = linalg.span(np.vstack([rows, problem.unit * np.diag(np.sqrt(curvature[::k]))]))
    return linalg.double(np.kron(back, np.eye(k)) * width)  # the same for each output

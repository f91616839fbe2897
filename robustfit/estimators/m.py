"""M-estimation: a loss, the solver that minimises it, the scale it counts in and the fit it starts from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robustfit import joint, linalg
from robustfit.catalogue import make, name_of, names
from robustfit.certificates import Certificate, certify
from robustfit.errors import Incompatible
from robustfit.estimators.base import Estimator, Start
from robustfit.fit import ENDLESS, Fit, Solution, Status, status_in, status_where, statuses
from robustfit.joint import Joint, significant
from robustfit.linalg import Array, Mask
from robustfit.losses.base import CurvedOutputLoss, Loss, OutputLoss, Polyhedral, ResidualLoss, Stepwise
from robustfit.losses.classification.base import LabelLoss, signed
from robustfit.losses.classification.cross_entropy import among
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy, counted
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.outputs import each_output, summed, vector
from robustfit.penalties.base import Penalty
from robustfit.penalties.none import NoPenalty
from robustfit.problem import CHUNK_ENTRIES, Problem
from robustfit.scales.base import InitialScale, JointScale, Scale
from robustfit.scales.mad import MAD
from robustfit.separation import may_run_away, separated, unbounded
from robustfit.solvers.auto import Auto
from robustfit.solvers.base import Solver, many
from robustfit.solvers.newton import Newton

FALSE_SUCCESS = 1e-6
"""How much lower, relative, an exhibited objective must be to call a solver's success false."""


@dataclass(frozen=True)
class M(Estimator):
    """M-estimator: initial fit, scale of its residuals, then the least mean of loss(residual / scale).

    Where the scale is 0 though residuals remain, a convex loss gives its limit as the scale shrinks (LAD), another
    loss the initial fit, with status `zero_scale`; scale-free losses need no scale. Where the columns are linearly
    dependent the solution with the shortest vector of slopes is given, with status `rank_deficient`.

    A `JointScale` is solved for together with the coefficients, by `robustfit.joint` whatever the solver, which then
    starts from there at that scale and should find nothing left to do. `n_iter` counts both: the steps to fit and scale
    (one scale update and one step of the coefficients each), then the solver's own. The certificate is that of a fit at
    this scale: it proves the coefficients, not the scale. A pair that does not settle has status `max_iter`. A
    scale-free loss is fitted first, and the scale is that of its residuals.

    Args:
        loss: what an error costs, in units of the scale.
        solver: how it is minimised.
        scale: how wide the errors are.
        initial: the estimator, or rule, to start from; None is least squares.
        penalty: what the slopes cost.

    Reference: Huber (1973), Ann. Statist. 1, 799-821.

    >>> X = np.column_stack([np.ones(5), np.arange(5.0)])
    >>> line = M(MAE(), Newton()).fit(X, np.array([0.0, 1.0, 2.0, 3.0, 9.0]))
    >>> line.coef.round(12), line.status.item().name
    (array([0., 1.]), 'converged')
    """

    loss: Loss
    solver: Solver = Auto()
    scale: Scale = MAD()
    initial: Estimator | Start | None = None
    penalty: Penalty = field(default=NoPenalty())

    def __post_init__(self) -> None:
        super().__post_init__()
        reason = self.solver.refuses(self.loss, self.penalty)
        if reason:
            others = [name for name in names("solver") if not make("solver", name).refuses(self.loss, self.penalty)]
            raise Incompatible(f"{reason}; solvers that would do: {', '.join(others)}")
        if isinstance(self.scale, JointScale) and (reason := joint.refuses(self.scale, self.loss)):
            raise Incompatible(reason)

    def fit(
        self,
        X: Array,
        y: Array,
        weights: Array | None = None,
        intercept: bool = True,
        starts: dict[str, Array] | None = None,
        outputs: int = 1,
    ) -> Fit:
        if outputs > 1 and isinstance(self.loss, ResidualLoss):
            return summed(self.fit(*each_output(X, y, weights), intercept, starts))
        if outputs > 1 and isinstance(self.loss, LabelLoss):
            return replace(self, loss=among(self.loss, outputs)).fit(X, y, weights, intercept, starts)
        started = time.perf_counter()
        loss = self.loss
        if isinstance(loss, LabelLoss):
            X, y, weights = signed(X, y, weights, loss)
        if isinstance(loss, SoftmaxCrossEntropy):
            loss, weights = counted(loss, y, weights)
        batch = y.shape[: y.ndim - 1 - (isinstance(loss, OutputLoss) and loss.wide)]
        problem = Problem(X, y, loss, np.ones(batch), self.penalty, weights, intercept)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what overflows is a failed fit
            fit = _reshaped(self._fit_flat(problem.flat(), starts), problem)
        return replace(fit, seconds=time.perf_counter() - started)

    def _fit_flat(self, problem: Problem, starts: dict[str, Array] | None) -> Fit:
        """Fits of a batch with one axis, a chunk that stays in the cache at a time."""
        members = CHUNK_ENTRIES // max(1, int(np.prod(problem.X.shape[-2:])))
        if members == 0:
            return self._fit_chunk(problem, starts)  # too large to be laid out anew
        if starts is not None or len(problem.y) <= members:
            return self._fit_chunk(problem.columnwise(), starts)
        parts = [slice(first, first + members) for first in range(0, len(problem.y), members)]
        return _joined([self._fit_chunk(problem.chunk(part).columnwise(), None) for part in parts])

    def _fit_chunk(self, problem: Problem, starts: dict[str, Array] | None) -> Fit:
        full = linalg.regular(problem.X) | (not isinstance(self.penalty, NoPenalty))
        if not full.all():
            full |= ~np.isfinite(problem.X).all((-2, -1))  # the solver fails these, and says so
        if full.all():
            return self._fit_regular(problem, starts)
        fits = [(full, self._fit_regular(problem.take(full)))] if full.any() else []
        for i in np.flatnonzero(~full):
            here = np.arange(len(full)) == i
            fits.append((here, self._fit_deficient(problem.take(here))))
        return _merged(fits)

    def _fit_regular(self, problem: Problem, starts: dict[str, Array] | None = None) -> Fit:
        """Fits of problems with linearly independent columns."""
        initial, found = self._start(problem, starts)
        problem = replace(problem, scale=found.scale)
        limit = (found.scale == 0) & (not self.loss.scale_free)
        fits = []
        if not limit.all():
            fits.append((~limit, self._solve(problem.take(~limit), initial[~limit], found.take(~limit))))
        if limit.any():
            fits.append((limit, self._limit(problem.take(limit), initial[limit])))
        return _merged(fits)

    def _start(self, problem: Problem, starts: dict[str, Array] | None = None) -> tuple[Array, Joint]:
        """The initial coefficients; from where the solver starts, and the scale it counts in, 0 where that is rounding.

        A joint scale is solved for here, with the coefficients, so that the solver starts where it should end.
        """
        initial, interpolated = self._initial(problem, {} if starts is None else starts)
        if isinstance(self.loss, OutputLoss):
            return initial, Joint.at(initial, np.ones(problem.batch))
        if isinstance(self.scale, InitialScale):
            residuals = problem.y if self.scale.given else problem.residuals(initial)
            scale = self.scale.estimate(residuals, problem.weights, interpolated)
            return initial, Joint.at(initial, significant(scale, problem, initial))
        if isinstance(self.scale, JointScale) and not self.loss.scale_free:
            return initial, joint.solve(problem, self.scale, initial)
        return initial, Joint.at(initial, np.ones(problem.batch))

    def _initial(self, problem: Problem, starts: dict[str, Array]) -> tuple[Array, int]:
        """The initial coefficients, and through how many rows they pass by construction."""
        key = self._key(problem)
        if key not in starts:
            starts[key] = self._initial_fit(problem.thinned() if self._roughly(problem) else problem)
        through = isinstance(self.initial, M) and isinstance(self.initial.loss, Polyhedral)
        return starts[key], problem.X.shape[-1] if through else 0

    def _key(self, problem: Problem) -> str:
        """Under what an initial fit is kept."""
        return repr(self.initial) + " of a sample" * self._roughly(problem) + self._kind

    @property
    def _kind(self) -> str:
        """Of what the initial fit is: losses of another kind, or that weigh labels otherwise, have another."""
        if isinstance(self.loss, OutputLoss):
            weights = self.loss.weights if isinstance(self.loss, SoftmaxCrossEntropy) else ()
            return f" of {self.loss.outputs} outputs {weights}"
        if isinstance(self.loss, LabelLoss):
            return f" of margins {self.loss.label_weight(np.array([-1.0, 1.0]))}"
        return ""

    def _roughly(self, problem: Problem) -> bool:
        """Whether a sample of very many rows will do for the initial fit: where nothing of it is left in the end."""
        given = isinstance(self.scale, InitialScale) and self.scale.given
        return given and problem.large and self.loss.convex

    def _initial_fit(self, problem: Problem) -> Array:
        if isinstance(self.loss, OutputLoss):
            X, y, weights = each_output(problem.X, self.loss.targets(problem.y), problem.weights)
            alone = Problem(X, y, MSE(), np.ones(()), NoPenalty(), weights, problem.intercept).flat().columnwise()
            coef = self._initial_of(alone).reshape(len(X), -1, X.shape[-1])
            if isinstance(self.loss, CurvedOutputLoss):  # no step will change the part that no cost sees: let it be 0
                coef = coef - np.linalg.pinv(self.loss.unseen) @ self.loss.unseen @ coef
            return vector(coef)
        return self._initial_of(problem)

    def _initial_of(self, problem: Problem) -> Array:
        X, y, weights = problem.X, problem.y, problem.weights
        if isinstance(self.initial, M):
            return self.initial.solve(X, y, weights)
        if isinstance(self.initial, Start):
            return self.initial.coef(*self._labelled(problem), weights, problem.intercept)
        return linalg.least_squares(X, y, weights) if self.initial is None else self.initial.fit(X, y, weights).coef

    def _labelled(self, problem: Problem) -> tuple[Array, Array]:
        """Rows and labels -1 and 1: as they were before they were signed, or of one class against the others."""
        X, y = problem.X, problem.y
        if isinstance(self.loss, OutputLoss):
            return X, 2.0 * y - 1.0
        if isinstance(self.loss, LabelLoss) and problem.intercept:
            return X * X[..., :1], X[..., 0]
        return X, y

    def _first(self, problem: Problem, initial: Array) -> Array:
        """Where the solver starts: at the initial fit; at least squares for LAD, which the initial fit would give away.

        A penalty moves it by one reweighted step: the initial fit knows nothing of it, and where it is strong the
        objective there would be many times the least one.
        """
        polyhedral, coef = isinstance(self.loss, Polyhedral), initial
        if polyhedral and self.initial is not None and not isinstance(self.loss, LabelLoss):
            some = problem.thinned() if problem.large else problem
            coef = linalg.least_squares(some.X, some.y, some.weights)
        if isinstance(self.penalty, NoPenalty) or isinstance(self.loss, (Stepwise, OutputLoss)):
            return coef
        u = problem.standardised(coef)
        weight = np.ones_like(u) if polyhedral else problem.weight(u)
        psi = u if polyhedral else problem.psi_given(u, weight)
        gradient = problem.embed(self.penalty.gradient(problem.slopes(coef))) - problem.pull(psi)
        return coef - linalg.solve(problem.hessian(coef, weight), gradient)

    def solve(self, X: Array, y: Array, weights: Array | None = None, intercept: bool = True) -> Array:
        """The coefficients alone, unmeasured: what others start from. One batch axis, independent columns."""
        if isinstance(self.loss, MSE) and isinstance(self.penalty, NoPenalty):
            return linalg.least_squares(X, y, weights)
        problem = Problem(X, y, self.loss, np.ones(len(y)), self.penalty, weights, intercept)
        _, found = self._start(problem)
        problem = replace(problem, scale=np.where(found.scale > 0, found.scale, 1.0))
        return self.solver.solve(problem, self._first(problem, found.coef)).coef

    def _solve(self, problem: Problem, initial: Array, found: Joint) -> Fit:
        first = self._first(problem, found.coef)
        solution = _counted(self.solver.solve(problem, first), found)
        start = np.where(found.n_iter[:, None] > 0, initial, first)
        return self._measured(self._scaled(problem, solution.coef), start, solution, self.solver)

    def _scaled(self, problem: Problem, coef: Array) -> Problem:
        """The problem with the joint scale of a fit that needed none."""
        if not (isinstance(self.scale, JointScale) and self.loss.scale_free):
            return problem
        loss = joint.of_residuals(self.loss)
        scale = self.scale.update(problem.residuals(coef), loss, coef.shape[-1], problem.weights)
        return replace(problem, scale=significant(scale, problem, coef))

    def _limit(self, problem: Problem, initial: Array) -> Fit:
        """The limit of the fit as the scale shrinks to 0."""
        limit = replace(problem, loss=MAE(), scale=np.ones_like(problem.scale))
        if self.loss.convex:
            solution = Newton().solve(replace(limit, penalty=NoPenalty()), initial)
            solution = replace(solution, status=statuses(solution.status.shape, Status.zero_scale))
        else:
            solution = many(initial, 0, 0, Status.zero_scale)
        fit = replace(
            self._measured(replace(limit, penalty=NoPenalty()), initial, solution, Newton()),
            scale=np.zeros_like(problem.scale),
        )
        return fit if self.loss.convex else _unproved(fit)

    def _measured(self, problem: Problem, initial: Array, solution: Solution, solver: Solver) -> Fit:
        """What is true of a solution: nothing here is the solver's word but its own claim of success."""
        certificate = certify(problem, solution.coef)
        searched = solution.searched & solution.success & (certificate.kind == "none")
        status, claimed = solution.status, solution.success
        if may_run_away(problem):
            status = status_where(unbounded(problem, solution.coef), Status.unbounded, status)
            status = status_where(separated(problem, solution.coef), Status.separated, status)
            claimed = claimed & ~status_in(status, ENDLESS)
        status = status_where(certificate.perfect, Status.perfect_fit, status)
        return Fit(
            coef=solution.coef,
            scale=np.broadcast_to(problem.scale, problem.batch),
            initial=initial,
            objective=certificate.objective,
            gradient_norm=np.sqrt(np.square(certificate.gradient).sum(-1)),
            gap=np.where(searched, 0.0, certificate.gap),
            gap_kind=np.where(searched, "search", certificate.kind),
            certified=certificate.certified,
            false_success=false_success(claimed, certificate),
            solution=replace(solution, status=status),
            loss=self.loss,
            solver=solution.solver or name_of("solver", solver),
        )

    def _in_basis(self, problem: Problem, basis: Array) -> dict[str, Array]:
        """The start of one problem, which needs the columns as they are, in a basis of their span."""
        scores = linalg.apply_outputs(problem.X, self._initial_fit(problem), problem.outputs)
        return {self._key(problem): linalg.adjoint_outputs(basis[None], scores)}

    def _fit_deficient(self, problem: Problem) -> Fit:
        """The fit of one problem in an orthogonal basis of its columns' span, brought back with the shortest slopes."""
        basis, back, null = linalg.span(linalg.double(problem.X[0]))
        if not basis.shape[-1]:
            zeros = np.zeros((1, len(back) * problem.outputs))
            return self._measured(problem, zeros, many(zeros, 0, 0, Status.rank_deficient), self.solver)
        starts = self._in_basis(problem, basis) if isinstance(self.initial, Start) else None
        fit = self._fit_regular(replace(problem, X=basis[None]), starts)
        coef, initial = (_brought_back(part, back, null, problem) for part in (fit.coef, fit.initial))
        solved = np.array([status in (Status.converged, Status.perfect_fit) for status in fit.status])
        status = status_where(solved & (null.size > 0), Status.rank_deficient, fit.status)
        solution = replace(fit.solution, coef=coef, status=status)
        return replace(fit, coef=coef, initial=initial, solution=solution)


def _unproved(fit: Fit) -> Fit:
    """A fit of which nothing is proved, but where it is perfect: the one that a loss without a limit falls back on."""
    whole = np.array([status is Status.perfect_fit for status in fit.status])
    kind = np.where(whole, fit.gap_kind, "stationary")
    return replace(fit, gap=np.where(whole, 0.0, np.nan), gap_kind=kind, certified=fit.certified & whole)


def _brought_back(coef: Array, back: Array, null: Array, problem: Problem) -> Array:
    """The coefficients of X from those of a basis of its columns, of one problem; with several outputs, of each."""
    alone = np.swapaxes(coef.reshape(-1, problem.outputs), 0, 1)
    return vector(_least_norm(linalg.apply(back, alone), null, problem.intercept)[None])


def _least_norm(coef: Array, null: Array, intercept: bool) -> Array:
    """The coefficients with the same fitted values and the shortest slopes; null spans what X does not see."""
    first = int(intercept)
    return coef - coef[:, first:] @ np.linalg.pinv(null[first:]).T @ null.T


def false_success(claimed: Mask, certificate: Certificate) -> Mask:
    """Whether a solver claimed success though a clearly lower objective is exhibited."""
    lower = certificate.exhibited < certificate.objective - FALSE_SUCCESS * np.abs(certificate.objective)
    result: Mask = claimed & lower & (certificate.gap > 0)
    return result


def _counted(solution: Solution, found: Joint) -> Solution:
    """A solution with the steps that led to its start; at its limit of iterations where these did not settle."""
    status = status_where(solution.success & ~found.settled, Status.max_iter, solution.status)
    counts: dict[str, Any] = {"n_iter": solution.n_iter + found.n_iter, "n_eval": solution.n_eval + found.n_iter}
    return replace(solution, **counts, success=solution.success & found.settled, status=status)


_ARRAYS = ("coef", "scale", "initial", "objective", "gradient_norm", "gap", "gap_kind", "certified", "false_success")
_COUNTS = ("coef", "n_iter", "n_eval", "success", "status")


def _merged(fits: list[tuple[Mask, Fit]]) -> Fit:
    """Fits of parts of a batch as one."""
    if len(fits) == 1:
        return fits[0][1]
    masks = [mask for mask, _ in fits]
    parts: dict[str, Any] = {name: _scattered(masks, [getattr(fit, name) for _, fit in fits]) for name in _ARRAYS}
    counts: dict[str, Any] = {
        name: _scattered(masks, [getattr(fit.solution, name) for _, fit in fits]) for name in _COUNTS
    }
    first = fits[0][1]
    return replace(first, **parts, solution=replace(first.solution, **counts))


def _joined(fits: list[Fit]) -> Fit:
    """Fits of consecutive parts of a batch as one."""
    parts: dict[str, Any] = {name: np.concatenate([getattr(fit, name) for fit in fits]) for name in _ARRAYS}
    solutions = [fit.solution for fit in fits]
    counts: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in solutions]) for name in _COUNTS}
    return replace(fits[0], **parts, solution=replace(solutions[0], **counts))


def _scattered(masks: list[Mask], values: list[Array]) -> Any:
    dtype = np.result_type(*values) if values[0].dtype != object else object
    whole = np.empty((len(masks[0]), *values[0].shape[1:]), dtype=dtype)
    for mask, value in zip(masks, values, strict=True):
        whole[mask] = value
    return whole


def _reshaped(fit: Fit, problem: Problem) -> Fit:
    """The fit in the problem's batch axes, its coefficients with an axis of outputs where there are several."""
    k = problem.outputs

    def shaped(value: Array) -> Any:
        ends = (value.shape[-1] // k, k) if k > 1 and value.ndim > 1 else value.shape[1:]
        return value.reshape((*problem.batch, *ends))

    counts: dict[str, Any] = {name: shaped(getattr(fit.solution, name)) for name in _COUNTS}
    parts: dict[str, Any] = {name: shaped(getattr(fit, name)) for name in _ARRAYS}
    return replace(fit, **parts, solution=replace(fit.solution, **counts))

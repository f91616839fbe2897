"""How far from optimal a coefficient vector can be: proofs that do not trust the solver.

For a convex loss, any theta with X' W theta / scale in the domain of the penalty's conjugate (0 without a penalty) and
inside the domain of rho* gives a lower bound of the objective (Fenchel duality),

    D(theta) = sum w_i (theta_i u_i - rho*(theta_i)) + b' g - penalty*(g),   g = X' W theta / scale,

with u the standardised residuals at any b: writing it about the fit keeps rounding at the size of the residuals. Then
P - D bounds the distance to the optimum whatever the solver did. theta is taken from two Newton steps of the
certificate's own, the primal stays the solver's. Polyhedral losses get theta from a basis near the fit, which proves
the optimum to rounding. Other losses get a scale-free stationarity number, which proves nothing about the minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from robustfit import linalg
from robustfit.active_set import ridge_fit
from robustfit.linalg import Array, Mask
from robustfit.losses.base import Conjugate, CurvedOutputLoss, OutputLoss, Polyhedral, Stepwise
from robustfit.losses.classification.base import LabelLoss, idle
from robustfit.penalties.base import PolyhedralPenalty
from robustfit.penalties.l2 import L2
from robustfit.problem import Problem
from robustfit.vertex import Kinked, settle

CERTIFIED = 1e-9
"""The relative gap at which a fit counts as certified."""

POLISHED = 1e-14
"""The certificate's own steps end when they predict a decrease below this fraction of the objective."""

ROUNDING = 1e-14
"""How far X' W theta may be from its target, relative to the sizes of its terms."""

BALANCE = 1e-11
"""How far X' W theta may be from 0 in a column that costs nothing, relative to the sizes of its terms."""

SHRINK = 1.0 - 1e-12
"""Dual points are drawn this much towards 0, so that rounding cannot push them out of the domain."""


@dataclass(frozen=True)
class Certificate:
    """What is measured and proved of a batch of coefficient vectors; all arrays `(*batch,)` but `gradient`."""

    objective: Array
    gradient: Array
    """The gradient of the objective there, `(*batch, p)`; a subgradient at a kink."""
    bound: Array
    """A lower bound of the least objective; NaN where the loss is not convex."""
    gap: Array
    """(P - D) / max(abs P, abs D), 0 at a perfect fit; the stationarity number where the loss is not convex."""
    kind: str
    """`exact` (polyhedral), `dual` (convex), `stationary`, or `none` where slopes tell nothing."""
    exhibited: Array
    """The lowest objective that the certificate itself came across."""
    perfect: Mask
    """Whether nothing is left: no row costs anything (its residual is 0 to rounding), and nothing is penalised."""

    @property
    def certified(self) -> Mask:
        """Whether the gap is small enough to call the fit optimal."""
        return (self.gap <= CERTIFIED) & (self.kind in ("exact", "dual"))


def certify(problem: Problem, coef: Array) -> Certificate:
    """The certificate of any coefficients, of a batch of any shape.

    >>> from robustfit.losses.mae import MAE
    >>> middle = Problem(np.ones((3, 1)), np.array([0.0, 1.0, 5.0]), MAE())
    >>> certify(middle, np.array([1.0])).gap.item(), certify(middle, np.array([2.0])).gap.round(3).item()
    (0.0, 0.167)
    """
    flat = problem.flat()
    flat_coef = np.broadcast_to(coef, (*problem.batch, coef.shape[-1])).reshape(-1, coef.shape[-1])
    with np.errstate(over="ignore", invalid="ignore"):
        certificate = _certify(flat, flat_coef)
    names = ("objective", "bound", "gap", "exhibited", "perfect")
    parts = {name: getattr(certificate, name).reshape(problem.batch) for name in names}
    return replace(certificate, **parts, gradient=certificate.gradient.reshape(flat_coef.shape))


def _certify(problem: Problem, coef: Array) -> Certificate:
    exact = _exact_method(problem)
    if exact is None and isinstance(problem.loss, (Conjugate, CurvedOutputLoss)):
        here = _Here.of(problem, coef)
        return _proved(problem, coef, (here.objective, here.gradient), "dual", _dual_bound(problem, here))
    u = problem.standardised(coef)
    objective, gradient = problem.objective_at(u, coef), problem.gradient_at(u, coef)
    if exact is not None:
        return _proved(problem, coef, (objective, gradient), "exact", exact(problem, coef))
    nothing, done = np.full_like(objective, np.nan), perfect(problem, coef)
    if isinstance(problem.loss, Stepwise):
        return Certificate(objective, gradient, nothing, np.where(done, 0.0, nothing), "none", objective, done)
    polished = objective if isinstance(problem.loss, OutputLoss) else _polished(problem, coef)
    return Certificate(objective, gradient, nothing, stationarity(problem, coef), "stationary", polished, done)


def _exact_method(problem: Problem) -> Callable[[Problem, Array], tuple[Array, Array]] | None:
    """What bounds a piecewise linear loss to rounding; None where nothing does."""
    if not isinstance(problem.loss, Polyhedral):
        return None
    if idle(problem.loss):
        return lambda problem, coef: (np.zeros(len(coef)), np.zeros(len(coef)))
    if isinstance(problem.penalty, PolyhedralPenalty):
        return _exact_bound
    return _ridge_bound if isinstance(problem.penalty, L2) else None


def _proved(
    problem: Problem, coef: Array, measured: tuple[Array, Array], kind: str, found: tuple[Array, Array]
) -> Certificate:
    """The certificate of coefficients with their objective and gradient, from a lower bound and an objective found."""
    (objective, gradient), (bound, exhibited) = measured, found
    bound, done = np.fmax(bound, 0.0), perfect(problem, coef)  # no loss and no penalty is negative
    gap = np.where(done, 0.0, relative_gap(objective, bound))
    return Certificate(objective, gradient, bound, gap, kind, np.fmin(objective, exhibited), done)


def relative_gap(primal: Array, dual: Array) -> Array:
    """(P - D) / max(abs P, abs D), 0 where both are 0; NaN, which certifies nothing, where one is not finite.

    >>> relative_gap(np.array([2.0, 0.0]), np.array([1.0, 0.0]))
    array([0.5, 0. ])
    """
    size = np.maximum(np.abs(primal), np.abs(dual))
    with np.errstate(invalid="ignore"):
        return np.where(size == 0, 0.0, np.maximum(primal - dual, 0.0) / np.where(size == 0, 1.0, size))


def perfect(problem: Problem, coef: Array) -> Mask:
    """Whether no row costs anything, its residual being 0 to the rounding of y - X b, and nothing is penalised.

    Of labels a row costs nothing where an error that is less by rounding costs nothing.
    """
    n, p = problem.X.shape[-2:]
    result: Mask = np.asarray(problem.penalty.value(problem.slopes(coef)) == 0)
    if isinstance(problem.loss, OutputLoss):
        return np.asarray(result & (problem.objective(coef) == 0))
    step = max(1, linalg.STRIP // p)
    for first in range(0, n, step):  # most fits are seen not to be perfect in the first strip
        if not result.any():
            break
        X, y = problem.X[..., first : first + step, :], problem.y[..., first : first + step]
        size = np.abs(y) + linalg.apply(np.abs(X), np.abs(coef))
        rounding = 4 * p * np.finfo(float).eps * size
        residuals = y - linalg.apply(X, coef)
        free = np.abs(residuals) <= rounding
        if isinstance(problem.loss, LabelLoss):
            free = problem.loss.rho(residuals - (0.0 if isinstance(problem.loss, Stepwise) else rounding)) == 0
        met = free & (size < np.inf)
        if problem.weights is not None:
            met |= problem.weights[..., first : first + step] == 0  # rows that do not count
        result = np.asarray(result & met.all(-1))
    return result


def stationarity(problem: Problem, coef: Array) -> Array:
    """The length of psi's projection on the columns over its own: 0 at a stationary point, at most 1 unpenalised.

    With a penalty, what the penalty does not balance of the projection. Scale-free: it does not change with the units
    of y or of any column.
    """
    psi = problem.psi(problem.standardised(coef))
    pull = problem.pull(psi)
    excess = pull - problem.embed(problem.penalty.subgradient(problem.slopes(coef), problem.slopes(pull)))
    along = linalg.solve(problem.data_hessian(problem.level(psi)), excess)
    projected, size = np.maximum((excess * along).sum(-1), 0.0), problem.mean(problem.inner(psi, psi))
    number = np.where(size == 0, 0.0, np.sqrt(projected / np.where(size == 0, 1.0, size)))
    lost = (size == 0) & (np.abs(psi).reshape(len(size), -1).max(-1, initial=0.0) > 0) if size.ndim else False
    return np.where(lost, np.nan, number)  # squares that underflow say nothing


def _exact_bound(problem: Problem, coef: Array) -> tuple[Array, Array]:
    """The dual bound of the optimal vertex nearest to the fit, and that vertex's objective."""
    rows = Kinked.of(problem)
    vertex = settle(rows, coef, max_pivots=200 + 20 * problem.X.shape[-1])
    theta = np.where(np.isfinite(vertex.theta), vertex.theta, 0.0) * _shrink(vertex.theta, rows.low, rows.high)
    theta = np.clip(theta, rows.low, rows.high)
    centre = np.where(np.isfinite(vertex.coef).all(-1, keepdims=True), vertex.coef, coef)
    reached = problem.objective(centre)
    constant = reached - rows.objective(centre)
    loose = (theta * rows.residuals(centre)).sum(-1) + constant
    return np.where(vertex.optimal & _rounding(loose, reached), reached, loose), reached


def _ridge_bound(problem: Problem, coef: Array) -> tuple[Array, Array]:
    """The dual bound of a piecewise linear loss with a ridge penalty, from the certificate's own exact fit."""
    rows, ridge = Kinked.of(problem), problem.embed(problem.penalty.curvature(problem.slopes(coef)))
    found = ridge_fit(rows, coef, ridge)
    centre, theta = found.coef, found.theta
    reached = problem.objective(centre)
    constant = reached - rows.objective(centre) - problem.penalty.value(problem.slopes(centre))
    target = problem.embed(problem.slopes(linalg.adjoint(rows.X, theta)))
    data = (theta * rows.residuals(centre)).sum(-1) + constant
    bound = data + (target * centre).sum(-1) - problem.penalty.conjugate(problem.slopes(target))
    return np.where(found.optimal, bound, np.nan), reached  # else theta may not balance the intercept


def _rounding(bound: Array, value: Array) -> Mask:
    """Whether two sums of the same terms in another order differ by rounding only."""
    return np.abs(bound - value) <= 1e-13 * np.abs(value)


def _shrink(theta: Array, low: Array, high: Array) -> Array:
    """The largest factor <= 1 that brings theta between the bounds, which enclose 0, but for rounding; `(B, 1)`."""
    slack = ROUNDING * np.abs(theta).max(-1, keepdims=True, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(theta > high + slack, high / theta, np.where(theta < low - slack, low / theta, 1.0))
    factor = np.where(np.isfinite(room), room, 0.0).min(-1, keepdims=True)
    tight: Array = np.where(factor > SHRINK, 1.0, factor)
    return tight


def _dual_bound(problem: Problem, here: _Here) -> tuple[Array, Array]:
    """Fenchel's bound from a polished point, and that point's objective."""
    for _ in range(2):
        if (here.predicted <= POLISHED * np.abs(here.objective)).all():
            break
        there = _Here.of(problem, here.coef + here.step)
        better = there.objective <= here.objective
        coef = np.where(better[:, None], there.coef, here.coef)
        here = there if better.all() else _Here.of(problem, coef)
    theta, target = _dual_point(problem, here)
    if isinstance(problem.loss, CurvedOutputLoss):
        theta, target = _seen(problem, problem.loss.unseen, theta, target)
    low, high = problem.loss.domain if isinstance(problem.loss, Conjugate) else (-np.inf, np.inf)
    if np.isfinite(low):
        factor = np.minimum(_shrink(theta, np.asarray(low), np.asarray(high)), SHRINK)
        theta, target = np.clip(theta * factor, low, high), target * factor
    return _dual_value(problem, here, theta, target), here.objective


def _seen(problem: Problem, unseen: Array, theta: Array, target: Array) -> tuple[Array, Array]:
    """A dual point without its part over the directions of the outputs that no cost sees, and its target likewise.

    There the conjugate is infinite. The target of an L1 penalty has such a part away from the optimum; what is left may
    be more than its price, and the point is drawn towards 0 until it is not.
    """
    rest = np.eye(len(unseen)) - np.linalg.pinv(unseen) @ unseen
    theta, target = theta @ rest, (target.reshape(len(target), -1, len(unseen)) @ rest).reshape(target.shape)
    price = problem.penalty.price if isinstance(problem.penalty, PolyhedralPenalty) else 0.0
    if price == 0.0:
        return theta, target
    factor = price / np.maximum(price, np.abs(problem.slopes(target)).max(-1, initial=0.0))
    return theta * factor[:, None, None], target * factor[:, None]


@dataclass(frozen=True)
class _Here:
    """A point as the certificate sees it, with the Newton step from there."""

    coef: Array
    u: Array
    objective: Array
    psi: Array
    curvature: Array
    matrix: Array
    """X' diag(shares, curvature) X / scale^2."""
    gradient: Array
    step: Array
    predicted: Array
    """The decrease that the step predicts."""

    @classmethod
    def of(cls, problem: Problem, coef: Array) -> _Here:
        u = problem.standardised(coef)
        psi, curvature = problem.psi(u), problem.curvature(u)
        matrix, pull = problem.data_hessian(curvature), problem.pull(psi)
        step, predicted = problem.step(matrix, coef, pull)
        gradient = problem.embed(problem.penalty.gradient(problem.slopes(coef))) - pull
        unique: Mask = np.asarray(np.isfinite(step).all(-1))
        if not unique.all():
            step = np.where(unique[..., None], step, -linalg.solve(problem.hessian(coef, curvature), gradient))
            predicted = np.where(unique, predicted, np.abs(gradient * step).sum(-1))
        return cls(coef, u, problem.objective_at(u, coef), psi, curvature, matrix, gradient, step, predicted)


def _dual_value(problem: Problem, here: _Here, theta: Array, target: Array) -> Array:
    data = problem.mean(problem.inner(theta, here.u) - problem.conjugate(theta))
    value: Array = data + (target * here.coef).sum(-1) - problem.penalty.conjugate(problem.slopes(target))
    return value


def _dual_point(problem: Problem, here: _Here) -> tuple[Array, Array]:
    """theta = psi - psi' (X d) / scale and the g = X' W theta / scale that it was brought to: the penalty's subgradient
    where a Newton step would lead, since there the penalty's side of the bound is exact.

    Linearised about the fit, X' W theta / scale = g holds after one solve; another removes what rounding left. Where
    too few rows have curvature to bring it there, all rows share the rest.
    """
    pull = problem.pull(here.psi)
    end = problem.slopes(here.coef + here.step)
    target = problem.embed(problem.penalty.subgradient(end, problem.slopes(pull)))
    square = problem.mean(problem.inner(here.psi, here.psi))[..., None]
    size = np.sqrt(np.abs(np.diagonal(here.matrix, axis1=-2, axis2=-1)) * square)
    theta = here.psi
    for matrix, row_curvature in (
        (here.matrix, here.curvature),
        (here.matrix, here.curvature),
        (None, None),
        (None, None),
    ):
        excess = problem.pull(theta) - target
        if (np.abs(excess) <= ROUNDING * size).all():
            return theta, target
        weight = problem.level(theta) if row_curvature is None else row_curvature
        step = linalg.solve(problem.data_hessian(weight) if matrix is None else matrix, excess)
        theta = theta - problem.turn(weight, step)
    return _as_it_is(problem, theta, target, size)


def _as_it_is(problem: Problem, theta: Array, target: Array, size: Array) -> tuple[Array, Array]:
    """Dual points with the g that they have, where that is not the target: it need not be within reach of few rows.

    A price draws them towards 0 until they can pay it; NaN, which bounds nothing, where a column that costs nothing is
    not balanced.
    """
    g = problem.pull(theta)
    unmet = np.asarray((np.abs(g - target) > ROUNDING * size).any(-1))
    price = problem.penalty.price if isinstance(problem.penalty, PolyhedralPenalty) else np.inf
    free = problem.free if price > 0 else g.shape[-1]
    level = np.diagonal(problem.data_hessian(problem.level(theta)), axis1=-2, axis2=-1)
    terms = np.sqrt(np.abs(level) * problem.mean(problem.inner(theta, theta))[..., None])
    lost = unmet & (np.abs(g[..., :free]) > BALANCE * terms[..., :free]).any(-1)
    own = problem.embed(problem.slopes(g)) if price > 0 else target
    largest = np.abs(problem.slopes(own)).max(-1, initial=0.0)
    factor = np.where(unmet & (largest > price), price / np.where(largest > 0, largest, 1.0), 1.0)
    factor = np.where(lost, np.nan, factor)
    target = np.where(unmet[:, None], own, target) * factor[:, None]
    return theta * factor[(..., *[None] * (theta.ndim - 1))], target


def _polished(problem: Problem, coef: Array, steps: int = 20) -> Array:
    """The objective after some steps of reweighted least squares, each kept only where it descends."""
    value = problem.objective(coef)
    for _ in range(steps):
        weight = problem.weight(problem.standardised(coef))
        trial = coef - linalg.solve(problem.hessian(coef, weight), problem.gradient(coef))
        reached = problem.objective(trial)
        better = reached <= value
        settled = (value - reached <= POLISHED * value).all()
        coef, value = np.where(better[:, None], trial, coef), np.where(better, reached, value)
        if settled:
            break
    return value


def solution_width(problem: Problem) -> float:
    """The largest width, over the rows, of the interval of optimal fitted values; of one polyhedral problem.

    0 where the fit is unique. By complementary slackness with any optimal dual, the optimal coefficients are those
    with residual 0 where theta is inside its interval, >= 0 where it is at the upper end, <= 0 at the lower one.

    >>> from robustfit.losses.mae import MAE
    >>> solution_width(Problem(np.ones((4, 1)), np.array([0.0, 1.0, 3.0, 9.0]), MAE()))
    2.0
    """
    basis, _, _ = linalg.span(problem.X)
    rows = Kinked.of(replace(problem, X=basis, scale=np.asarray(problem.scale)).flat())
    start = linalg.least_squares(rows.X, rows.y)
    vertex = settle(rows, start, max_pivots=1000 + 100 * rows.X.shape[-1])
    if not vertex.optimal.all():
        return np.nan
    low, high, theta = rows.low[0], rows.high[0], vertex.theta[0]
    slack = 1e-9 * (high - low).max()
    within = (theta > low + slack) & (theta < high - slack)
    free = _null_space(rows.X[0][within], rows.X.shape[-1])
    if free.shape[1] == 0:
        return 0.0
    upper = theta >= high - slack
    side = np.where(upper, 1.0, -1.0)[~within, None] * (rows.X[0] @ free)[~within]
    room = np.maximum((np.where(upper, 1.0, -1.0) * rows.residuals(vertex.coef)[0])[~within], 0.0)
    return _widest(rows.X[0] @ free, side, room)


def _null_space(X: Array, p: int) -> Array:
    """An orthonormal basis of the coefficient changes that leave the fitted values of some rows as they are."""
    if len(X) == 0:
        return np.eye(p)
    _, singular, right = np.linalg.svd(X, full_matrices=True)
    rank = int((singular > 1e-10 * max(singular.max(), np.finfo(float).tiny)).sum())
    free: Array = right[rank:].T
    return free


def _widest(directions: Array, side: Array, room: Array) -> float:
    """max over rows d of max d z - min d z, subject to side z <= room: by intervals in one dimension, else by LP."""
    from scipy.optimize import linprog

    if directions.shape[1] == 1:
        slope = side[:, 0]
        high = np.min(room[slope > 0] / slope[slope > 0], initial=np.inf)
        low = np.min(room[slope < 0] / -slope[slope < 0], initial=np.inf)
        return float(np.abs(directions).max() * (high + low))
    unit = max(float(np.max(room)), np.finfo(float).tiny)
    widths = []
    for direction in np.unique(directions.round(12), axis=0):
        ends = [linprog(sign * direction, side, room / unit, bounds=(None, None)) for sign in (1.0, -1.0)]
        widths.append(-sum(end.fun if end.status == 0 else np.nan for end in ends))
    return float(np.nanmax(widths) * unit)

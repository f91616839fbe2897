"""Several outputs of the same rows, each fitted by itself: apart, and together again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from robustfit.errors import Incompatible
from robustfit.fit import Fit, Status
from robustfit.linalg import Array


def vector(coef: Array) -> Array:
    """Coefficients of each output, `(B, k, p)`, as solvers see them, `(B, p k)`.

    >>> vector(np.array([[[1.0, 2.0], [10.0, 20.0]]]))
    array([[ 1., 10.,  2., 20.]])
    """
    return np.ascontiguousarray(np.swapaxes(coef, -1, -2)).reshape(len(coef), -1)


def each_output(X: Array, y: Array, weights: Array | None) -> tuple[Array, Array, Array | None]:
    """The problems of one output each: y `(*batch, n, k)` as `(*batch, k, n)`, X and weights repeated.

    Raises:
        Incompatible: the rows have one observation each, labels of several classes.
    """
    if y.ndim < X.ndim:
        raise Incompatible("labels of more than two classes are no numbers; loss=cross_entropy takes them")
    *batch, n, p = np.broadcast_shapes(X.shape[:-1], y.shape[:-1]) + X.shape[-1:]
    k = y.shape[-1]
    design = np.broadcast_to(np.expand_dims(X, -3), (*batch, k, n, p))
    repeated = None if weights is None else np.broadcast_to(np.expand_dims(weights, -2), (*batch, k, n))
    return design, np.swapaxes(y, -1, -2), repeated


def summed(fit: Fit) -> Fit:
    """Fits of the outputs of the same rows, on the last batch axis, as the fit of the sum of their losses.

    What is proved of each is proved of the sum: bounds add up. A scale is the mean of the outputs'.
    """
    objective = fit.objective.sum(-1)
    loss = np.where(fit.gap == 0, 0.0, fit.gap * np.abs(fit.objective)).sum(-1)
    worst = np.argmax(np.vectorize(SEVERITY.index, otypes=[int])(fit.status), -1)[..., None]
    solution = fit.solution
    totals: dict[str, Any] = {name: getattr(solution, name).sum(-1) for name in ("n_iter", "n_eval")}
    status = np.take_along_axis(fit.status, worst, -1)[..., 0]
    kind = np.where((fit.gap_kind == fit.gap_kind[..., :1]).all(-1), fit.gap_kind[..., 0], "stationary")
    coef, initial = (np.swapaxes(part, -1, -2) for part in (fit.coef, fit.initial))
    return replace(
        fit,
        coef=coef,
        scale=fit.scale.mean(-1),
        initial=initial,
        objective=objective,
        gradient_norm=np.sqrt(np.square(fit.gradient_norm).sum(-1)),
        gap=np.where(kind == "stationary", fit.gap.max(-1), loss / np.where(objective == 0, 1.0, objective)),
        gap_kind=kind,
        certified=np.asarray(fit.certified.all(-1)),
        false_success=np.asarray(fit.false_success.any(-1)),
        solution=replace(solution, coef=coef, success=np.asarray(solution.success.all(-1)), status=status, **totals),
    )


SEVERITY = [
    Status.perfect_fit, Status.converged, Status.fallback, Status.heuristic, Status.separated, Status.unbounded,
    Status.rank_deficient, Status.zero_scale, Status.stalled, Status.max_iter, Status.failed,
]  # fmt: skip
"""From the best of ends to the worst."""

"""How the fit was found and how far it is from optimal: columns of every task."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustfit.data import Data
from robustfit.fit import Fit
from robustfit.metrics.measures import batch


def status(data: Data, fit: Fit) -> Any:
    """How the fit ended: converged, max_iter, stalled, zero_scale, perfect_fit, rank_deficient, fallback or failed; of
    labels also separated or unbounded (there is no minimum) and heuristic (0-1 loss).
    """
    return np.array([one.name for one in fit.status.ravel()], dtype=object)


def solver_used(data: Data, fit: Fit) -> Any:
    """Solver that did the work: what `auto` chose, `newton` where the scale is 0."""
    return np.full(batch(data), fit.solver, dtype=object)


def solver_success(data: Data, fit: Fit) -> Any:
    """What the solver said of itself; nothing here relies on it."""
    return fit.solution.success


def false_success(data: Data, fit: Fit) -> Any:
    """The solver claimed success, and a point is known whose objective is lower by more than 1e-6, relative."""
    return fit.false_success


def n_iter(data: Data, fit: Fit) -> Any:
    """Iterations, as the solver counts them; steps of a scale that is solved for with the fit included."""
    return fit.solution.n_iter


def n_eval(data: Data, fit: Fit) -> Any:
    """Evaluations of the objective."""
    return fit.solution.n_eval


def objective(data: Data, fit: Fit) -> Any:
    """Mean loss at the fit of residual / scale (the residual itself for mse, mae and quantile), plus the penalty."""
    return fit.objective


def gradient_norm(data: Data, fit: Fit) -> Any:
    """Euclidean norm of the objective's gradient at the fit (of a subgradient at a kink)."""
    return fit.gradient_norm


def gap(data: Data, fit: Fit) -> Any:
    """How far the objective can be above the least one, relative: a proof for convex losses (see gap_kind)."""
    return fit.gap


def gap_kind(data: Data, fit: Fit) -> Any:
    """What gap is: exact (a vertex and its dual), dual (Fenchel's bound), stationary (no proof: loss not convex); of
    0-1 loss search (the solver says that it left nothing out) or none (nothing is known).
    """
    return fit.gap_kind.astype(object)


def certified(data: Data, fit: Fit) -> Any:
    """Whether the gap is a proof and at most 1e-9."""
    return fit.certified

"""Every solver on every loss: accepted pairs reach an independent optimum, others are refused, batches agree."""

import re
from functools import cache

import numpy as np
import oracles
import pytest

from robustfit.catalogue import make, names, parameters
from robustfit.errors import Incompatible
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.base import PolyhedralLoss
from robustfit.losses.mae import MAE
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.base import OneByOne
from robustfit.task import fitting

N, P = 40, 3
DATA = ("plain", "units", "outliers", "tied")
LOSSES = {name: make("loss", name) for name in fitting("loss", "regression")}

EXACT = 1e-8
"""What the issue asks of newton; the others stop at gradients of 1e-8 in whitened coordinates, 1e-16 from the end."""
KINKS = 1e-2
"""SciPy's general methods assume a derivative; at the kinks of a polyhedral loss they stall, within 1 % on these."""
SUBGRADIENT = 5e-2
"""A fixed rate circles the optimum of a polyhedral loss at a distance of rate |subgradient|^2 / 2."""
SHORT = {"gradient_descent": {"max_iter": 2000}, "cobyqa": {"tol": 1e-6}}
"""Enough for the tolerances here: an error of 1e-6 in whitened coordinates is one of 1e-12 in the objective."""

OF_LABELS = {"mixed_integer", "best_of_surrogates"}
"""The solvers of 0-1 loss: tests/solvers/test_mixed_integer.py and test_best_of_surrogates.py."""

SOLVERS = {name: make("solver", name, **SHORT.get(name, {})) for name in sorted(set(names("solver")) - OF_LABELS)}
PAIRS = [(s, t) for s in SOLVERS for t in LOSSES]
ACCEPTED = [(s, t) for s, t in PAIRS if not SOLVERS[s].refuses(LOSSES[t], NoPenalty())]
REFUSED = [pair for pair in PAIRS if pair not in ACCEPTED]
accepted = pytest.mark.parametrize(("solver", "loss"), ACCEPTED)


def samples():
    """Four samples: well scaled; columns in units of 1e-3 and 1e4 that correlate; 20 % outliers; tied integers."""
    rng = np.random.default_rng(7)
    X = np.concatenate([np.ones((N, 1)), rng.normal(size=(N, P - 1))], 1)
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=N)
    units, tied, wrong = X.copy(), X.copy(), y.copy()
    units[:, 2] = 0.9 * X[:, 1] + 0.3 * X[:, 2]
    units *= [1.0, 1e-3, 1e4]
    wrong[: N // 5] += rng.normal(10.0, 5.0, N // 5)
    tied[:, 1:] = np.round(2.0 * X[:, 1:])
    return np.stack([X, units, X, tied]), np.stack([y, y, wrong, np.round(y)])


X, Y = samples()
LAD = np.stack([oracles.polyhedral(Problem(x, y, MAE())) for x, y in zip(X, Y, strict=True)])
OLS = np.stack([np.linalg.lstsq(x, y)[0] for x, y in zip(X, Y, strict=True)])
SCALE = 1.4826 * np.median(np.abs(Y - np.einsum("bij,bj->bi", X, LAD)), -1)
WEIGHTS = np.random.default_rng(8).integers(1, 5, Y.shape).astype(float)


@cache
def case(loss, hard):
    """The four problems with a loss, plain or with weights and (smooth losses) a penalty; starts; least objectives."""
    smooth = hard and not isinstance(LOSSES[loss], PolyhedralLoss)
    problem = Problem(X, Y, LOSSES[loss], SCALE, L2(0.3) if smooth else NoPenalty(), WEIGHTS if hard else None)
    # redescending losses need a start in the right valley, a strong penalty one that knows of it
    start = OLS if problem.loss.convex else LAD
    start = np.stack([oracles.reweighted(problem.member(i), start[i]) for i in range(len(X))]) if smooth else start
    optima = [oracles.least(problem.member(i), start[i]) for i in range(len(X))]
    return problem, start, problem.objective(np.stack(optima))


def tolerances(solver, loss):
    """How far above the optimum, relative, a solver may end on each of DATA."""
    if solver in ("newton", "linear_program", "auto"):
        return EXACT
    if solver != "gradient_descent":
        return KINKS if isinstance(loss, PolyhedralLoss) else EXACT
    # on raw coefficients, with columns whose squared lengths are 1e14 apart, descent only leaves its start
    return np.where(np.array(DATA) == "units", np.inf, SUBGRADIENT if isinstance(loss, PolyhedralLoss) else EXACT)


@accepted
@pytest.mark.parametrize("hard", [False, True], ids=["plain", "weights and penalty"])
def test_accepted_pairs_reach_the_optimum(solver, loss, hard):
    if solver == "least_squares" and hard:
        return
    problem, start, optimum = case(loss, hard)
    reached = problem.objective(SOLVERS[solver].solve(problem, start).coef)
    assert (reached <= optimum * (1.0 + tolerances(solver, problem.loss))).all()
    # nobody ends above the start, but for subgradient steps, which do not look
    loose = SUBGRADIENT if solver == "gradient_descent" and isinstance(problem.loss, PolyhedralLoss) else 1e-12
    assert (reached <= problem.objective(start) * (1.0 + loose)).all()


def test_least_squares_takes_weights_where_scipy_has_them_and_refuses_the_rest():
    solver, weighted = SOLVERS["least_squares"], Problem(X, Y, LOSSES["mse"], SCALE, weights=WEIGHTS)
    optima = np.stack([oracles.least(weighted.member(i), OLS[i]) for i in range(len(X))])
    reached = weighted.objective(solver.solve(weighted, LAD).coef)
    np.testing.assert_allclose(reached, weighted.objective(optima), rtol=EXACT)
    with pytest.raises(Incompatible, match="weights.*Huber"):
        solver.solve(Problem(X, Y, LOSSES["huber"], SCALE, weights=WEIGHTS), OLS)
    assert "penalty" in solver.refuses(LOSSES["mse"], L2(1.0))


@pytest.mark.parametrize(("solver", "loss"), REFUSED)
def test_refused_pairs_say_why(solver, loss):
    reason = SOLVERS[solver].refuses(LOSSES[loss], NoPenalty())
    assert repr(LOSSES[loss]) in reason
    with pytest.raises(Incompatible, match=re.escape(reason)):
        M(LOSSES[loss], SOLVERS[solver])
    with pytest.raises(Incompatible, match=re.escape(reason)):
        SOLVERS[solver].solve(Problem(X, Y, LOSSES[loss], SCALE), OLS)


def test_every_solver_has_a_loss_and_every_loss_a_solver():
    assert {solver for solver, _ in ACCEPTED} == set(SOLVERS)
    assert {loss for _, loss in ACCEPTED} == set(LOSSES)


# --- batches: six small samples, so that even the slow solvers are quick

B, SMALL = 6, 16
_RNG = np.random.default_rng(9)
BX = np.concatenate([np.ones((B, SMALL, 1)), _RNG.normal(size=(B, SMALL, 1))], -1)
BY = BX[..., 1] + _RNG.standard_t(3, (B, SMALL))
BSTART = np.stack([np.linalg.lstsq(x, y)[0] for x, y in zip(BX, BY, strict=True)])
BSCALE = np.linspace(0.5, 2.0, B)


BATCHED = [pair for pair in ACCEPTED if not isinstance(SOLVERS[pair[0]], OneByOne) or pair[1] in ("huber", "mae")]
"""Solvers that take one member after the other need not be tried on every loss."""
batched = pytest.mark.parametrize(("solver", "loss"), BATCHED)


def batch_solution(solver, loss, index, batch, X=BX, y=BY):
    problem = Problem(
        X[index].reshape(*batch, SMALL, 2), y[index].reshape(*batch, SMALL), LOSSES[loss], BSCALE[index].reshape(batch)
    )
    return hasty(solver).solve(problem, BSTART[index].reshape(*batch, 2))


@cache
def hasty(solver):
    """The solver, cut off early where it is slow: what counts is that the same thing happens."""
    known = parameters(type(SOLVERS[solver]))
    return make("solver", solver, max_iter=5) if "max_iter" in known and solver != "newton" else SOLVERS[solver]


@batched
def test_a_batch_is_its_members_bit_for_bit(solver, loss):
    whole = batch_solution(solver, loss, np.arange(B), (2, 3))
    assert whole.coef.shape == (2, 3, 2)
    for name in ("n_iter", "n_eval", "success", "status"):
        assert getattr(whole, name).shape == (2, 3)
    slice_ = batch_solution(solver, loss, np.arange(1, 5), (4,))
    np.testing.assert_array_equal(slice_.coef, whole.coef.reshape(B, 2)[1:5])
    np.testing.assert_array_equal(slice_.n_iter, whole.n_iter.ravel()[1:5])
    for i in (0, 4):
        single = batch_solution(solver, loss, np.array([i]), ())
        np.testing.assert_array_equal(single.coef, whole.coef.reshape(B, 2)[i])
        assert single.status.item() is whole.status.ravel()[i]


@batched
def test_a_bad_member_fails_alone(solver, loss):
    good = batch_solution(solver, loss, np.arange(B), (B,))
    X, y = BX.copy(), BY.copy()
    X[1, 3, 1], y[2, 0], X[3, :, 1] = np.nan, np.nan, 1.0
    mixed = batch_solution(solver, loss, np.arange(B), (B,), X, y)
    others = [0, 4, 5]
    np.testing.assert_array_equal(mixed.coef[others], good.coef[others])
    assert [mixed.status[i] for i in (1, 2)] == [Status.failed, Status.failed]
    assert not mixed.success[1:3].any()
    # dependent columns: an answer, or the word that there is none (M removes the dependence first)
    assert np.isfinite(mixed.coef[3]).all() != (mixed.status[3] is Status.failed)

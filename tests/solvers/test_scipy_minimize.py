"""SciPy's optimizers are wrapped, not altered: best point returned, honest status, falling trace, options passed on."""

from dataclasses import replace

import numpy as np
import oracles
import pytest
from scipy.optimize import OptimizeWarning

from robustfit.catalogue import make, names
from robustfit.fit import Status
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.penalties.l2 import L2
from robustfit.problem import Problem
from robustfit.solvers.scipy_minimize import ScipyMinimize

N = 40
RNG = np.random.default_rng(11)
X = np.column_stack([np.ones(N), RNG.normal(size=(N, 2))])
Y = X @ [1.0, 2.0, -1.0] + RNG.standard_t(2, N)
PROBLEM = Problem(X, Y, Huber(), np.array(0.8))
FAR = np.array([8.0, -5.0, 6.0])
FOUND = {name: make("solver", name) for name in names("solver")}
SOLVERS = {name: solver for name, solver in FOUND.items() if isinstance(solver, ScipyMinimize)}
each = pytest.mark.parametrize("name", SOLVERS)


@each
@pytest.mark.parametrize("whiten", [True, False], ids=["whitened", "raw"])
def test_both_coordinates_are_right_on_well_scaled_data(name, whiten):
    solution = replace(SOLVERS[name], whiten=whiten).solve(PROBLEM, FAR)
    optimum = PROBLEM.objective(oracles.least(PROBLEM, FAR))
    assert PROBLEM.objective(solution.coef) <= optimum * (1.0 + 1e-8)


@each
@pytest.mark.parametrize("loss", [Huber(), MAE()], ids=repr)
def test_the_trace_falls_to_the_point_that_is_returned(name, loss):
    problem = replace(PROBLEM, loss=loss)
    if SOLVERS[name].refuses(loss, problem.penalty):
        return
    solution = SOLVERS[name].solve(problem, FAR)
    objectives = np.array([step.objective for step in solution.trace])
    evaluations = np.array([step.evaluations for step in solution.trace])
    assert objectives[0] == problem.objective(FAR)
    assert (np.diff(objectives) <= 0).all() and (np.diff(evaluations) >= 0).all()
    # the last iteration's callback may come before the last evaluation
    assert problem.objective(solution.coef) <= objectives[-1] * (1.0 + 1e-15)
    assert evaluations[-1] <= solution.n_eval


@each
def test_the_limit_of_iterations_is_a_status(name):
    solution = replace(SOLVERS[name], max_iter=1).solve(PROBLEM, FAR)
    assert solution.status.item() is Status.max_iter
    assert not solution.success.item()
    assert PROBLEM.objective(solution.coef) < PROBLEM.objective(FAR)


@each
@pytest.mark.parametrize("alpha", [1e-6, 1e6])
@pytest.mark.parametrize("loss", [MSE(), Huber()], ids=repr)
def test_a_penalty_and_dependent_columns_are_solved(name, alpha, loss):
    doubled = np.column_stack([X, X[:, 1]])
    problem = Problem(doubled, Y, loss, np.array(0.8), L2(alpha))
    solution = SOLVERS[name].solve(problem, oracles.reweighted(problem, np.zeros(4)))
    np.testing.assert_allclose(solution.coef[1], solution.coef[3], rtol=1e-4, atol=1e-9)
    plain = Problem(X * [1.0, np.sqrt(2.0), 1.0], Y, loss, np.array(0.8), L2(alpha))
    optimum = plain.objective(oracles.least(plain, oracles.reweighted(plain, np.zeros(3))))
    assert problem.objective(solution.coef) <= optimum * (1.0 + 1e-8)


@each
def test_dependent_columns_without_a_penalty_are_solved(name):
    problem = replace(PROBLEM, X=np.column_stack([X, X[:, 1]]))
    solution = SOLVERS[name].solve(problem, np.append(FAR, 0.0))
    optimum = PROBLEM.objective(oracles.least(PROBLEM, FAR))
    assert problem.objective(solution.coef) <= optimum * (1.0 + 1e-8)


def test_options_are_handed_over():
    assert replace(SOLVERS["lbfgs"], options={"maxiter": 1}).solve(PROBLEM, FAR).n_iter == 1
    with pytest.warns(OptimizeWarning, match="Unknown solver options: nonsense"):
        replace(SOLVERS["lbfgs"], options={"nonsense": 1}).solve(PROBLEM, FAR)


def test_raw_coordinates_show_what_units_do_to_a_method():
    scaled = replace(PROBLEM, X=X * [1.0, 1e-4, 1e4])
    start = np.array([8.0, -5e4, 6e-4])
    raw, whitened = (
        scaled.objective(replace(SOLVERS["lbfgs"], whiten=whiten).solve(scaled, start).coef) for whiten in (False, True)
    )
    optimum = PROBLEM.objective(oracles.least(PROBLEM, FAR))
    assert whitened <= optimum * (1.0 + 1e-8) < raw


@each
def test_an_exact_start_is_done_at_once(name):
    exact = replace(PROBLEM, y=np.ones(N), loss=Huber())
    solution = SOLVERS[name].solve(exact, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(solution.coef, [1.0, 0.0, 0.0])
    assert solution.success.item() and solution.n_iter.item() == 0

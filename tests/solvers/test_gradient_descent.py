"""Gradient descent does what the textbooks say: it converges below 2 / L, diverges above, and circles a kink."""

import numpy as np
import oracles
import pytest

from robustfit.fit import Status
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.problem import Problem
from robustfit.solvers.gradient_descent import GradientDescent

N = 30
RNG = np.random.default_rng(3)
X = np.column_stack([np.ones(N), RNG.normal(size=N)])
Y = X @ [1.0, 2.0] + RNG.standard_t(3, N)
L = np.linalg.eigvalsh(2.0 * X.T @ X / N)[-1]
START = np.array([5.0, -3.0])


def run(loss, **settings):
    problem = Problem(X, Y, loss)
    return problem, GradientDescent(**settings).solve(problem, START)


@pytest.mark.parametrize("share", [0.1, 1.0, 1.9])
def test_a_fixed_rate_below_two_over_l_converges_on_mse(share):
    _, solution = run(MSE(), rate=share / L)
    assert solution.success.item() and solution.status.item() is Status.converged
    # stopped at 1e-9 of the gradient's terms (about 20 at this start), over the smallest curvature (about 1)
    np.testing.assert_allclose(solution.coef, np.linalg.lstsq(X, Y)[0], atol=3e-8)


@pytest.mark.parametrize("share", [2.1, 1e3])
def test_a_fixed_rate_above_two_over_l_diverges_on_mse(share):
    problem, solution = run(MSE(), rate=share / L)
    assert not solution.success.item()
    assert solution.status.item() is Status.failed
    assert np.nanmax([step.objective for step in solution.trace]) > 1e6 * problem.objective(START)


def test_the_factor_per_step_is_that_of_the_theory():
    # along the eigenvector of L the error shrinks by |1 - rate L| = 1 / 2 in every step, exactly
    problem, optimum = Problem(X, Y, MSE()), np.linalg.lstsq(X, Y)[0]
    steep = np.linalg.eigh(X.T @ X)[1][:, -1]
    solution = GradientDescent(rate=0.5 / L, max_iter=10).solve(problem, optimum + steep)
    np.testing.assert_allclose(solution.coef - optimum, 0.5**10 * steep, atol=1e-12)


@pytest.mark.parametrize("loss", [MSE(), Huber(1.0)], ids=repr)
def test_the_default_rate_never_ascends(loss):
    _, solution = run(loss)
    objectives = np.array([step.objective for step in solution.trace])
    assert solution.success.item()
    assert (np.diff(objectives) <= 1e-14 * objectives[:-1]).all()


def test_a_start_at_the_optimum_is_recognised():
    problem = Problem(X, Y, MSE())
    solution = GradientDescent().solve(problem, np.linalg.lstsq(X, Y)[0])
    assert solution.status.item() is Status.converged and solution.n_iter.item() == 0


def test_mae_circles_at_a_fixed_rate_and_closes_in_at_a_decreasing_one():
    optimum = Problem(X, Y, MAE()).objective(oracles.polyhedral(Problem(X, Y, MAE())))
    excess = {}
    for schedule in ("fixed", "inverse_sqrt"):
        problem, solution = run(MAE(), rate=0.5, schedule=schedule, max_iter=5000)
        assert solution.status.item() is Status.max_iter and not solution.success.item()
        excess[schedule] = problem.objective(solution.coef) / optimum - 1.0
    assert excess["fixed"] > 1e-3
    assert excess["inverse_sqrt"] < 0.1 * excess["fixed"]


def test_a_too_fast_schedule_stops_short():
    # rates 1 / (1 + t) sum to about rate log T: from 10 away with unit subgradients they never arrive
    problem, solution = run(MAE(), rate=0.01, schedule="inverse", max_iter=5000)
    assert problem.objective(solution.coef) > 0.5 * problem.objective(START)


def test_the_trace_is_the_way():
    problem, solution = run(Huber(1.0), max_iter=20)
    assert [step.iteration for step in solution.trace] == list(range(21))
    np.testing.assert_array_equal(solution.trace[0].coef, START)
    np.testing.assert_array_equal(solution.trace[-1].coef, solution.coef)
    assert all(step.objective == problem.objective(step.coef) for step in solution.trace)
    assert solution.n_iter.item() == 20 and solution.trace[-1].evaluations == solution.n_eval.item()

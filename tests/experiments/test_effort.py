"""Descents and optimizers against robustfit's own solver, linear algebra and counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments import convergence, effort
from experiments.effort import CAP, FAR, LOSSES, METHODS, Task, descent, optimised, work
from robustfit.claims import each_confidence
from robustfit.montecarlo import mean
from robustfit.solvers.gradient_descent import GradientDescent


@pytest.fixture(scope="module", params=LOSSES)
def task(request):
    return Task.of(request.param, 0.9, 2)


def test_all_start_at_one_place_as_far_off_as_they_say():
    tasks = [Task.of(loss, 0.0, 2) for loss in LOSSES]
    assert all(np.array_equal(one.start, tasks[0].start) for one in tasks)
    way = tasks[0].start - np.array([1.0, 2.0, -1.0, 2.0])  # the scenario's truth
    assert np.sqrt(np.square(tasks[0].problem.X @ way[..., None]).mean((1, 2))) == pytest.approx([FAR, FAR])


def test_what_is_left_is_1_at_the_start_and_0_at_the_end(task):
    assert task.left(task.start[:, None]) == pytest.approx(np.ones((2, 1)))
    assert task.left(task.least[:, None]) == pytest.approx(np.zeros((2, 1)))
    half = 0.5 * (task.start + task.least)
    assert task.left(half[:, None]) == pytest.approx(np.full((2, 1), 0.5))


@pytest.mark.parametrize("schedule", effort.SCHEDULES)
def test_descent_is_that_of_the_solver(task, schedule):
    one, rate = task.member(0), 0.3
    left = descent(one, np.array([[rate]]), schedule, 20)[:, 0, 0]
    problem = replace(one.problem, X=one.problem.X[0], y=one.problem.y[0])
    trace = GradientDescent(rate=rate, schedule=schedule, max_iter=20).solve(problem, one.start[0]).trace
    assert left == pytest.approx(one.left(np.array([[step.coef for step in trace]]))[0], rel=1e-9)


def test_descent_on_mse_is_a_power_of_a_matrix():
    one = Task.of("mse", 0.0, 1)
    X, rate = one.problem.X[0], 0.2
    step = np.linalg.matrix_power(np.eye(4) - 2 * rate / 50 * X.T @ X, 7)
    there = one.least[0] + step @ (one.start - one.least)[0]
    assert descent(one, np.array([[rate]]), "fixed", 7)[-1, 0, 0] == pytest.approx(one.left(there[None, None]).item())


def test_work_is_the_first_step_that_is_near_enough():
    left = np.array([[1.0, 1.0, 1.0], [0.02, 0.5, np.nan], [0.011, 0.009, np.inf], [0.01, 0.5, np.nan]])
    assert list(work(left, 2)) == [3, 2, CAP]


@pytest.mark.parametrize("method", METHODS)
def test_optimizers_count_from_the_start_and_come_near(method):
    one = Task.of("mse", 0.0, 1)
    evaluations, left = optimised(one, method)
    assert left[0] == pytest.approx(1.0) and left.min() < 1e-4
    assert evaluations[0] >= 1 and (np.diff(evaluations) >= 0).all()


def test_times_is_a_geometric_mean_with_an_interval_that_stays_positive():
    found = convergence.Times(mean(np.log([1.0, 100.0])))
    assert found.value == pytest.approx(10.0)
    low, high = found.interval(0.95)
    assert 0 < low < 10 < high and low * high == pytest.approx(100.0)


def test_samples_in_which_neither_arrives_say_nothing():
    found = convergence._times({"mae": np.array([CAP, 40.0, CAP]), "mse": np.array([CAP, 10.0, 500.0])}, "mse")
    assert found.logs.n == 2 and found.value == pytest.approx(4.0)
    nothing = convergence._times({"mae": np.array([CAP]), "mse": np.array([CAP])}, "mse")
    condition = convergence._condition("mse", "somehow", "somewhere", 2, nothing)
    assert condition.outcome(each_confidence([condition])).value == "open"

"""BFGS where losses have kinks: vertices of regression, aligned edges of boxes, and a slope that is no derivative."""

from collections import Counter
from itertools import pairwise

import numpy as np
import oracles
import pytest
from scipy import optimize

from robustfit import linalg
from robustfit.errors import Incompatible
from robustfit.fit import Status
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.boxes.total_ciou import TotalCIoU
from robustfit.losses.classification.zero_one import ZeroOne
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.solvers.newton import Newton
from robustfit.solvers.quasi_newton import QuasiNewton

TOL = 1e-12
"""Tighter than by default, so that what is left is the method's and not the stop's."""

B, N, P = 8, 60, 3
OVERLAPS = [IoU(), GIoU(), DIoU(), TotalCIoU()]


def lines(count=B):
    """Regressions with 20 % outliers, columns in units of 1e-3 and 1e4, and a start beside least squares."""
    rng = np.random.default_rng(11)
    X = np.concatenate([np.ones((count, N, 1)), rng.normal(size=(count, N, P - 1)) * [1e-3, 1e4]], -1)
    y = linalg.apply(X, np.array([1.0, 2e3, -1e-4])) + rng.normal(size=(count, N))
    y[:, : N // 5] += rng.normal(10.0, 5.0, (count, N // 5))
    return X, y, 1.1 * linalg.least_squares(X, y)


def boxes(count=B):
    """Boxes whose centre and size depend on features, 10 % displaced; least squares by coordinate as the start."""
    rng = np.random.default_rng(12)
    X = np.concatenate([np.ones((count, N, 1)), rng.normal(size=(count, N, P - 1))], -1)
    centre = X @ rng.normal(size=(P, 2)) + 0.1 * rng.normal(size=(count, N, 2))
    half = np.exp(0.5 + X[..., :2] @ np.array([[0.0, 0.0], [0.2, -0.1]]) + 0.1 * rng.normal(size=(count, N, 2)))
    centre[:, : N // 10] += rng.normal(0.0, 5.0, (count, N // 10, 2))
    y = np.concatenate([centre - half, centre + half], -1)
    return X, y, np.stack([linalg.least_squares(X, y[..., j]) for j in range(4)], -1).reshape(count, 4 * P)


def bfgs(problem, start, method):
    """What SciPy's method reaches from a start, and in how many evaluations; for one problem."""
    one = optimize.minimize(problem.objective, start, jac=problem.gradient, method=method, tol=1e-12)
    return float(problem.objective(one.x)), one.nfev


@pytest.mark.parametrize("penalty", [NoPenalty(), L2(0.3)], ids=repr)
@pytest.mark.parametrize("loss", [MSE(), Huber(), Bisquare()], ids=repr)
def test_smooth_losses_end_where_newton_does(loss, penalty):
    X, y, start = lines()
    problem = Problem(X, y, loss, np.ones(B), penalty)
    solution = QuasiNewton(TOL).solve(problem, start)
    assert solution.success.all()
    least = problem.objective(Newton().solve(problem, solution.coef).coef)  # in the same valley, where there are many
    # the next step predicted 1e-12 of the objective, and steps converge faster than linearly
    np.testing.assert_allclose(problem.objective(solution.coef), least, rtol=1e-10)


@pytest.mark.parametrize("loss", [MAE(), Quantile(0.9)], ids=repr)
def test_polyhedral_losses_end_at_their_vertex(loss):
    X, y, start = lines()
    problem = Problem(X, y, loss, np.ones(B))
    solution = QuasiNewton(TOL).solve(problem, start)
    least = [problem.member(i).objective(oracles.polyhedral(problem.member(i))) for i in range(B)]
    # linear convergence, at a rate of about 1 - 1 / 10 per step: ten times the 1e-12 that the last step predicted
    np.testing.assert_allclose(problem.objective(solution.coef), least, rtol=1e-10)
    assert set(solution.status) <= {Status.converged, Status.stalled}


def test_a_lasso_penalty_has_kinks_too():
    X, y, start = lines()
    problem = Problem(X / [1.0, 1e-3, 1e4], y, Huber(), np.ones(B), L1(0.3))
    solution = QuasiNewton(TOL).solve(problem, start * [1.0, 1e-3, 1e4])
    least = problem.objective(Newton().solve(problem, start * [1.0, 1e-3, 1e4]).coef)
    np.testing.assert_allclose(problem.objective(solution.coef), least, rtol=1e-10)


@pytest.mark.parametrize("loss", OVERLAPS, ids=repr)
def test_boxes_end_no_higher_than_long_runs_of_scipy(loss):
    X, y, start = boxes(4)
    problem = Problem(X, y, loss, np.ones(4))
    solution = QuasiNewton(TOL).solve(problem, start)
    reached = problem.objective(solution.coef)
    assert solution.success.all()
    runs = [[bfgs(problem.member(i), start[i], name)[0] for name in ("BFGS", "L-BFGS-B")] for i in range(4)]
    # there are many valleys: another start of a line search may end in a lower one, but seldom, and not by much
    assert np.median(reached / np.min(runs, -1)) <= 1.0 + 1e-6
    assert (reached <= np.min(runs, -1) * (1.0 + 1e-2)).all()
    # and SciPy's own end is a kink that it cannot leave: from there this one descends further
    again = problem.objective(QuasiNewton(TOL).solve(problem, solution.coef).coef)
    np.testing.assert_allclose(again, reached, rtol=1e-8)


def test_units_of_boxes_do_not_matter():
    X, y, start = boxes()
    plain = QuasiNewton(TOL, max_iter=60).solve(Problem(X, y, IoU(), np.ones(B)), start)
    # a power of two changes no digit
    large = QuasiNewton(TOL, max_iter=60).solve(Problem(X, 1024.0 * y, IoU(), np.ones(B)), 1024.0 * start)
    np.testing.assert_array_equal(large.coef, 1024.0 * plain.coef)


def test_the_published_slope_ends_where_it_vanishes_or_jumps():
    X, y, start = boxes()
    problem = Problem(X, y, CIoU(), np.ones(B))
    solution = QuasiNewton(TOL).solve(problem, start)
    at = solution.coef
    assert solution.success.sum() >= B - 1
    # no step of any size in any of 200 directions descends the value with alpha held where it is
    rng, done = np.random.default_rng(13), solution.success
    value = problem.objective(at)
    for size in 10.0 ** np.arange(-6, 0):
        for _ in range(40):
            assert (problem.held(at + size * rng.normal(size=at.shape), at) >= value * (1.0 - 1e-9))[done].all()


def test_with_the_published_slope_every_step_descends_what_it_belongs_to():
    X, y, start = boxes()
    ascents = 0
    for i in (2, 5):  # on the way of most others the two agree
        problem = Problem(X, y, CIoU(), np.ones(B)).member(i)
        way = QuasiNewton(TOL, max_iter=80).solve(problem, start[i]).trace
        for before, after in pairwise(way):
            assert problem.held(after.coef, before.coef) <= before.objective
            ascents += after.objective > before.objective * (1.0 + 1e-12)
    assert ascents  # of the value itself, with its alpha: the search does not look at that


@pytest.mark.parametrize("loss", [Huber(), MAE(), IoU(), CIoU()], ids=repr)
def test_who_is_beside_a_member_does_not_matter(loss):
    X, y, start = lines() if loss.tasks[0] == "regression" else boxes()
    problem = Problem(X, y, loss, np.ones(B))
    solver = QuasiNewton(TOL, max_iter=30)
    whole = solver.solve(problem, start)
    some = np.array([True, False, True, True, False, False, True, False])
    part = solver.solve(problem.take(some), start[some])
    np.testing.assert_array_equal(part.coef, whole.coef[some])
    np.testing.assert_array_equal(part.n_eval, whole.n_eval[some])
    for i in (0, 5):
        single = solver.solve(problem.member(i), start[i])
        np.testing.assert_array_equal(single.coef, whole.coef[i])
        assert single.status.item() is whole.status[i]
    columns = problem.columnwise()
    laid = solver.solve(columns, start)
    np.testing.assert_array_equal(solver.solve(columns.take(some), start[some]).coef, laid.coef[some])
    np.testing.assert_array_equal(solver.solve(columns.chunk(slice(5, 6)), start[5:6]).coef, laid.coef[5:6])


def test_a_bad_member_fails_alone():
    X, y, start = boxes()
    good = QuasiNewton(TOL, max_iter=30).solve(Problem(X, y, GIoU(), np.ones(B)), start)
    y = y.copy()
    y[2, 0, 0] = np.nan
    mixed = QuasiNewton(TOL, max_iter=30).solve(Problem(X, y, GIoU(), np.ones(B)), start)
    others = np.arange(B) != 2
    np.testing.assert_array_equal(mixed.coef[others], good.coef[others])
    assert mixed.status[2] is Status.failed and np.isnan(mixed.coef[2]).all()


def test_ends_are_named_truly():
    X, y, start = lines()
    short = QuasiNewton(TOL, max_iter=3).solve(Problem(X, y, Huber(), np.ones(B)), start)
    assert Counter(short.status) == {Status.max_iter: B} and not short.success.any()
    assert (short.n_iter == 3).all() and (short.n_eval >= 4).all()
    # at a fit without residuals MAE falls until rounding: the last of it is no progress
    exact = Problem(X, linalg.apply(X, start), MAE(), np.ones(B))
    perfect = QuasiNewton(TOL).solve(exact, start + 1e-3 * np.abs(start))
    assert (exact.objective(perfect.coef) <= 1e-12 * exact.objective(start * 0.0)).all()
    # 1 - IoU of boxes that are all apart has slope 0: an end as good as any, to this method
    X, y, start = boxes()
    apart = QuasiNewton(TOL).solve(Problem(X, y + 1e3, IoU(), np.ones(B)), start)
    np.testing.assert_array_equal(apart.coef, start)
    assert apart.success.all()


def test_the_way_is_told_and_descends():
    X, y, start = lines(1)
    solution = QuasiNewton(TOL).solve(Problem(X[0], y[0], MAE(), np.ones(())), start[0])
    assert [step.iteration for step in solution.trace] == list(range(int(solution.n_iter) + 1))
    assert (np.diff([step.objective for step in solution.trace]) < 0).all()
    assert solution.trace[-1].evaluations <= int(solution.n_eval)


def test_losses_without_a_slope_are_refused():
    X, y, start = lines()
    with pytest.raises(Incompatible, match=r"ZeroOne\(\) is 0 wherever"):
        QuasiNewton(TOL).solve(Problem(X, np.sign(y), ZeroOne(), np.ones(B)), start)

"""Exact paths: places and sizes of jumps against rationals, HiGHS and certificates; least squares in closed form."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import oracles
import pytest
from command import call
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_data import model, read

from robustfit import figures
from robustfit.catalogue import make
from robustfit.data import Data, Truth
from robustfit.errors import BadParameter, Incompatible
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.germ import Motion
from robustfit.losses.base import PolyhedralLoss
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.noises.normal import Normal
from robustfit.path import Rational, follow, moved, optimal_basis, refits
from robustfit.penalties.l2 import L2
from robustfit.problem import Problem
from robustfit.scales.mad import MAD
from robustfit.solvers.newton import Newton
from robustfit.stability import Moves, spread

TIES = [row for row in read("instability.csv") if row["move"] != "none"]
SETS = sorted({row["name"] for row in TIES})


def line(x, y, loss=None, weights=None):
    X = np.column_stack([np.ones(len(x)), np.asarray(x, dtype=float)])
    return Problem(X, np.asarray(y, dtype=float), loss or MAE(), weights=weights)


def numbers(text):
    return np.array([float(part) for part in text.split(";")])


def vertices(text):
    """`(0,1) (9,-2/3)` as arrays."""
    return np.array([[float(Fraction(part)) for part in pair.strip("()").split(",")] for pair in text.split()])


def tied(name):
    """The data as they are, the row that moves, and all optimal vertices there."""
    (row,) = [row for row in read("instability.csv") if row["name"] == name and row["move"] == "none"]
    moves = [row for row in TIES if row["name"] == name]
    k = int(moves[0]["move"].partition("[")[2].partition("]")[0])
    return line(numbers(row["x"]), numbers(row["y"])), Motion.along(k, 1, 2), vertices(row["vertices"]), moves


def assert_right(path, start, stop):
    """It covers all of it, every interval is proved optimal, and it is continuous but for its jumps."""
    assert path.status is Status.converged
    assert path.ends == (start, stop)
    assert path.gap <= 1e-9
    size = 1.0 + np.abs(path.problem.y).max()
    places = {jump.place: jump for jump in path.jumps}
    for left, right in zip(path.intervals[:-1], path.intervals[1:], strict=True):
        assert left.stop == right.start and left.start < left.stop
        shift = np.abs(path.problem.X @ (right.coef(right.start) - left.coef(left.stop))).max()
        assert shift == pytest.approx(places[left.stop].size if left.stop in places else 0.0, abs=1e-9 * size)
    assert set(places) <= {interval.stop for interval in path.intervals[:-1]}


# --- exact answers


@pytest.mark.parametrize("name", SETS)
def test_the_data_sets_with_ties(name):
    problem, motion, corners, moves = tied(name)
    path = follow(problem, motion, -0.1, 0.1)
    assert_right(path, -0.1, 0.1)
    (jump,) = path.jumps
    assert jump.place == pytest.approx(0.0, abs=1e-14)
    least_squares = Rational.of(problem, motion)
    for row in moves:
        delta, (vertex,) = float(row["delta"]), vertices(row["vertices"])
        np.testing.assert_allclose(path.coef(delta), vertex, rtol=1e-13, atol=1e-13)
        fitted = least_squares.coef(delta)
        np.testing.assert_allclose(fitted, [float(row["ols_a"]), float(row["ols_b"])], rtol=1e-10, atol=1e-13)
    # both sides of the jump are corners of the set that is optimal at the tie
    for side in (jump.before, jump.after):
        assert np.abs(corners - side).max(-1).min() <= 1e-12
    assert jump.size == pytest.approx(np.abs(problem.X @ (jump.after - jump.before)).max(), rel=1e-13)
    assert all(interval.unique for interval in path.intervals)


@pytest.mark.parametrize(
    ("year", "calls", "left", "right"),
    [(50, 4.4, 81 / 70, 73 / 45), (64, 119, 81 / 70, 73 / 45), (73, 29, 73 / 45, 81 / 70)],
)
def test_phones(year, calls, left, right):
    """A move of 2e-6 years turns the slope from 1.157 to 1.622, or back."""
    phones = model("phones")
    (row,) = np.flatnonzero((phones.X[:, 1] == year) & (phones.y == calls))
    problem = Problem(phones.X, phones.y, MAE())
    path = follow(problem, Motion.along(int(row), 1, 2), -1e-6, 1e-6)
    assert_right(path, -1e-6, 1e-6)
    (jump,) = path.jumps
    assert jump.place == pytest.approx(0.0, abs=1e-12)
    assert (jump.before[1], jump.after[1]) == pytest.approx((left, right), rel=1e-12)
    # the lines meet between: the largest change is at an end
    assert jump.size == pytest.approx(np.abs(phones.X @ (jump.after - jump.before)).max(), rel=1e-12)
    # least squares moves by less than 1e-6
    ends = Rational.of(problem, path.motion).coef(np.array([-1e-6, 1e-6]))
    assert abs(ends[1, 1] - ends[0, 1]) < 1e-6


def test_shock():
    shock = model("shock")
    path = follow(Problem(shock.X, shock.y, MAE()), Motion.along(0, 1, 2), -1e-6, 1e-6)
    assert_right(path, -1e-6, 1e-6)
    (jump,) = path.jumps
    assert jump.place == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose([jump.before, jump.after], [[8.9, -0.5], [8.225, -0.425]], rtol=1e-12)


@pytest.mark.parametrize("height", [1e-3, 0.5, 1.0, 10.0, 1e6])
def test_the_star_in_closed_form(height):
    """y = M x for d < 0, y = -M x / (1 + d) for d > 0; the jump is 2 M at x = 1; least squares is about -5/6 M d."""
    star = line([0, 0, 0, 1, 1], [-1, 0, 1, height, -height])
    path = follow(star, Motion.along(4, 1, 2), -0.3, 0.7)
    assert_right(path, -0.3, 0.7)
    (jump,) = path.jumps
    assert jump.place == pytest.approx(0.0, abs=1e-14)
    assert jump.size == pytest.approx(2.0 * height, rel=1e-12)
    below, above = np.linspace(-0.3, -1e-9, 7), np.linspace(1e-9, 0.7, 7)
    np.testing.assert_allclose(path.coef(below), np.tile([0.0, height], (7, 1)), rtol=1e-12, atol=1e-13 * height)
    expected = np.column_stack([np.zeros(7), -height / (1.0 + above)])
    np.testing.assert_allclose(path.coef(above), expected, rtol=1e-12, atol=1e-12 * height)
    speed = Rational.of(star, path.motion)
    assert (speed.coef(1e-7)[1] - speed.coef(-1e-7)[1]) / 2e-7 == pytest.approx(-5.0 / 6.0 * height, rel=1e-6)


def test_a_median_follows_its_datum_without_a_jump():
    path = follow(Problem(np.ones((3, 1)), np.array([0.0, 1.0, 5.0]), MAE()), Motion(0, np.zeros(1), 1.0), -3.0, 10.0)
    assert_right(path, -3.0, 10.0)
    assert not path.jumps
    assert [interval.basis for interval in path.intervals] == [(1,), (0,), (2,)]
    np.testing.assert_allclose([interval.start for interval in path.intervals], [-3.0, 1.0, 5.0], rtol=1e-14)
    t = np.linspace(-3.0, 10.0, 27).reshape(3, 9)
    np.testing.assert_allclose(path.coef(t)[..., 0], np.clip(t, 1.0, 5.0), rtol=1e-14)


def test_y_moves_a_fit_by_a_bounded_amount_and_without_a_jump():
    """Vertically, LAD is continuous where it is unique: constant once the datum is far from the line."""
    rng = np.random.default_rng(3)
    X, y = np.column_stack([np.ones(25), rng.normal(size=25)]), rng.normal(size=25)
    path = follow(Problem(X, y, MAE()), Motion(0, np.zeros(2), 1.0), -1e3, 1e3)
    assert_right(path, -1e3, 1e3)
    assert not path.jumps
    last = path.intervals[-1]
    assert last.stop - last.start > 900.0 and not last.rate.any()


# --- against HiGHS


def integers(rng, n, p):
    return np.column_stack([np.ones(n), rng.integers(0, 4, (n, p - 1))]), rng.integers(0, 5, n).astype(float)


def normal(rng, n, p):
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return X, X.sum(-1) + rng.standard_t(2, n)


def dummies(rng, n, p):
    X, y = normal(rng, n, p)
    return np.column_stack([X[:, :1], X[:, 1:] > 0]), np.round(y)


def duplicated(rng, n, p):
    X, y = normal(rng, n, p)
    rows = rng.integers(0, n // 2, n)
    return X[rows], y[rows]


def rounded(rng, n, p):
    X, y = normal(rng, n, p)
    return np.round(X, 1), np.round(y, 1)


def equally_spaced(rng, n, p):
    return np.linspace(-1.0, 1.0, n)[:, None] ** np.arange(p), np.arange(n) % 5.0


KINDS = [normal, integers, dummies, duplicated, rounded, equally_spaced]
LOSSES = [MAE(), Quantile(0.25), Quantile(0.9)]


def case(kind, p, seed):
    """A problem and a motion; weights, some of them 0, where the seed is odd; both coordinates move where p = 1."""
    rng = np.random.default_rng([seed, p, KINDS.index(kind)])
    while True:
        n = int(rng.integers(p + 4, 30))
        X, y = kind(rng, n, p)
        weights = rng.integers(0, 3, n).astype(float) if seed % 2 else None
        if np.linalg.matrix_rank(X if weights is None else X[weights > 0]) == p:
            break
    dx, dy = np.zeros(p), 0.0
    if p > 1 and seed % 3:
        dx[rng.integers(1, p)] = 1.0
    else:
        dx[1:], dy = rng.normal(size=p - 1), rng.normal()
    problem = Problem(X, y, LOSSES[(seed + p) % 3], weights=weights)
    return problem, Motion(int(rng.integers(n)), dx, dy)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("p", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_fit_is_that_of_linear_programming_at_every_place(kind, p, seed):
    problem, motion = case(kind, p, seed)
    path = follow(problem, motion, -3.0, 3.0)
    assert path.status is Status.converged and path.ends == (-3.0, 3.0)
    for t in np.linspace(-3.0, 3.0, 9) + 0.01 * np.sin(np.arange(9)) * [0, *[1] * 7, 0]:
        there, coef = moved(problem, motion, t), path.coef(t)
        best = oracles.polyhedral(there)
        assert there.objective(coef) <= there.objective(best) * (1 + 1e-9) + 1e-12
        near = [interval for interval in path.intervals if interval.start + 1e-6 < t < interval.stop - 1e-6]
        if near and near[0].unique:
            np.testing.assert_allclose(there.X @ coef, there.X @ best, atol=1e-6 * (1 + np.abs(problem.y).max()))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 4), st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_intervals_are_proved_optimal_and_the_path_is_continuous_but_for_its_jumps(kind, p, seed, reach):
    problem, motion = case(kind, p, 2 * seed)  # no weights of 0: the certificate asks all rows of a perfect fit
    path = follow(problem, motion, -reach, 0.5 * reach)
    if all(np.isfinite(jump.size) for jump in path.jumps):
        assert_right(path, -reach, 0.5 * reach)
    assert len(path.intervals) <= 200


def test_the_path_back_is_the_same():
    """Where the fit is unique: x_k(t) = x_k + t d from -1 to 1 is x_k(-t) with -d."""
    for seed in range(6):
        problem, motion = case(normal, 3, 2 * seed)
        there, back = (follow(problem, replace(motion, dx=s * motion.dx, dy=s * motion.dy), -1.0, 1.0) for s in (1, -1))
        t = np.linspace(-0.999, 0.999, 41)
        np.testing.assert_allclose(there.coef(t), back.coef(-t), rtol=1e-9, atol=1e-11)
        places = [jump.place for jump in there.jumps]
        np.testing.assert_allclose(places, [-jump.place for jump in back.jumps][::-1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("change", ["leverage", "units", "collinear", "polynomial"])
def test_badly_conditioned_data(change):
    rng = np.random.default_rng(1)
    X, y = normal(rng, 60, 4)
    if change == "leverage":
        X[0, 1:] *= 1e6
    if change == "units":
        X = X * np.array([1.0, 1e-6, 1.0, 1e6])
    if change == "collinear":
        X[:, 3] = X[:, 0] + 1e-5 * X[:, 3]
    if change == "polynomial":
        X = (1950.0 + np.arange(60.0))[:, None] ** np.arange(3)
    for row in (0, 5):
        motion, reach = Motion.along(row, 1, X.shape[1]), 20.0 * float(np.abs(X[row, 1]))
        path = follow(Problem(X, y, MAE()), motion, -2.0 * reach, reach)
        assert path.status is Status.converged and path.gap <= 1e-9 and len(path.intervals) > 1


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_other_numbers_are_followed_in_double_precision(dtype):
    X, y = integers(np.random.default_rng(0), 20, 3)
    paths = [
        follow(Problem(X.astype(kind), y.astype(kind), MAE()), Motion.along(1, 1, 3), -1, 1) for kind in (dtype, float)
    ]
    np.testing.assert_array_equal(*(path.coef(np.linspace(-1, 1, 9)) for path in paths))


# --- what a path is


def test_several_kinks():
    """Losses of three pieces: as if every row counted twice; the fit moves on with the row's other kink."""

    class Insensitive(PolyhedralLoss):
        """max(0, abs(u) - 1/2)."""

        @property
        def pieces(self):
            return (-1.0, -0.5), (0.0, 0.0), (1.0, -0.5)

    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y = normal(rng, 15, 2)
        problem, motion = Problem(X, y, Insensitive(), np.asarray(0.7)), Motion(2, np.array([0.0, 1.0]), 0.5)
        path = follow(problem, motion, -3.0, 3.0)
        assert_right(path, -3.0, 3.0)
        assert {row for interval in path.intervals for row in interval.basis} <= set(range(15))
        for t in np.linspace(-3.0, 3.0, 7):
            there = moved(problem, motion, t)
            best = there.objective(oracles.polyhedral(there))
            assert there.objective(path.coef(t)) == pytest.approx(best, rel=1e-9, abs=1e-12)


def test_where_the_design_loses_its_rank_the_fit_has_no_limit():
    """Two points and a third on top of the first: the line through (0, 0) and (x, 1) is vertical as x passes 0."""
    path = follow(line([0, 0, 2], [0, 0, 1]), Motion.along(2, 1, 2), -4.0, 1.0)
    assert path.status is Status.converged and path.ends == (-4.0, 1.0)
    (jump,) = path.jumps
    assert jump.place == pytest.approx(-2.0) and jump.size == np.inf and np.isinf(jump.before).all()
    assert path.largest is None
    t = np.array([-3.5, -2.5, -1.5, 0.5])
    np.testing.assert_allclose(path.coef(t), np.column_stack([0 * t, 1.0 / (2.0 + t)]), rtol=1e-12, atol=1e-12)
    assert path.gap <= 1e-9


def test_a_fit_that_is_not_unique_keeps_its_vertex():
    """Two groups: any median of the second one, [1, 3] as long as the moved datum is not between, will do."""
    X = np.column_stack([np.ones(6), [0, 0, 1, 1, 1, 1]])
    path = follow(Problem(X, np.array([0.0, 0.0, 0.0, 1.0, 3.0, 9.0]), MAE()), Motion(5, np.zeros(2), 1.0), -5.0, 5.0)
    assert_right(path, -5.0, 5.0)
    assert not path.jumps and not any(interval.unique for interval in path.intervals)


def test_the_ends_and_outside():
    path = follow(line([0, 1, 2, 3], [0, 1, 2, 9]), Motion.along(3, 1, 2), -0.5, 0.5)
    assert np.isnan(path.coef(np.array([-0.6, 0.6]))).all() and np.isfinite(path.coef(np.array([-0.5, 0.5]))).all()
    assert path.coef(np.zeros((2, 3))).shape == (2, 3, 2)


def test_a_jump_at_the_start_or_the_stop_is_not_on_the_path():
    star = line([0, 0, 0, 1, 1], [-1, 0, 1, 1, -1])
    for ends, slope in (((0.0, 0.5), -1.0), ((-0.5, 0.0), 1.0)):
        path = follow(star, Motion.along(4, 1, 2), *ends)
        assert_right(path, *ends)
        assert not path.jumps and path.coef(0.0)[1] == pytest.approx(slope, rel=1e-12)


def test_pivots_may_start_from_any_basis():
    problem, motion = case(normal, 3, 0)
    expected = follow(problem, motion, -1.0, 1.0)
    n = len(problem.y)
    for basis in (optimal_basis(problem), np.array([0, 1, 2]), np.array([n - 1, n - 3, n - 5]), np.array([0, 0, 1])):
        found = follow(problem, motion, -1.0, 1.0, basis)
        assert [i.basis for i in found.intervals] == [i.basis for i in expected.intervals]
        np.testing.assert_allclose(found.coef(0.3), expected.coef(0.3), rtol=1e-12)


def test_a_path_that_is_cut_short_says_so():
    problem, motion = case(normal, 3, 0)
    whole = follow(problem, motion, -30.0, 30.0)
    short = follow(problem, motion, -30.0, 30.0, limit=2)
    assert short.status is Status.max_iter and len(whole.intervals) > 2 >= len(short.intervals)
    assert [interval.basis for interval in short.intervals] == [interval.basis for interval in whole.intervals[:2]]
    assert np.isnan(short.coef(30.0)).all()


def test_dependent_columns_have_no_path():
    X = np.ones((5, 2))
    path = follow(Problem(X, np.arange(5.0), MAE()), Motion.along(0, 1, 2), -1.0, 1.0)
    assert path.status is Status.rank_deficient and not path.intervals and np.isnan(path.gap)


def test_what_has_no_path_is_refused():
    star = line([0, 0, 0, 1, 1], [-1, 0, 1, 1, -1])
    motion = Motion.along(4, 1, 2)
    with pytest.raises(Incompatible, match="Huber"):
        follow(replace(star, loss=Huber()), motion, 0.0, 1.0)
    with pytest.raises(Incompatible, match="penalty"):
        follow(replace(star, penalty=L2(1.0)), motion, 0.0, 1.0)
    for ends in ((1.0, 0.0), (0.0, 0.0), (0.0, np.inf), (np.nan, 1.0)):
        with pytest.raises(BadParameter, match="start"):
            follow(star, motion, *ends)


def test_polyline():
    star = line([0, 0, 0, 1, 1], [-1, 0, 1, 1, -1])
    path = follow(star, Motion.along(4, 1, 2), -0.5, 0.5)
    places, coef = path.polyline(50)
    (gap,) = np.flatnonzero(np.isnan(places))  # the line is broken where it jumps
    assert places[gap - 1] == places[gap + 1] == path.jumps[0].place
    np.testing.assert_allclose(coef[[gap - 1, gap + 1], 1], [1.0, -1.0], rtol=1e-12)
    whole = ~np.isnan(places)
    assert (np.diff(places[whole]) >= 0).all() and whole.sum() >= 50


# --- least squares and smooth losses


@pytest.mark.parametrize("seed", range(12))
def test_least_squares_in_closed_form(seed):
    rng = np.random.default_rng(seed)
    p = 1 + seed % 4
    X, y = normal(rng, 12, p)
    if seed in (3, 7):  # one row decides on a column by itself: leverage 1
        X[:, 1] = np.arange(12) == 2
    weights = rng.uniform(0.5, 2.0, 12) if seed % 2 else None
    motion = Motion(2, 0.2 * np.concatenate([[0.0], rng.normal(size=p - 1)]), rng.normal())
    problem, t = Problem(X, y, MSE(), weights=weights), np.linspace(-1.0, 1.0, 2001)
    path = Rational.of(problem, motion)
    np.testing.assert_allclose(path.coef(t[::200]), refits(problem, motion, t[::200]), rtol=1e-9, atol=1e-10)
    fitted = path.coef(t) @ X.T
    fastest, bound = np.abs(np.diff(fitted, axis=0)).max() / 1e-3, path.lipschitz(X, -1.0, 1.0)
    assert 0.99 * bound <= fastest <= bound * (1 + 1e-9)


def test_least_squares_with_a_row_that_does_not_count():
    X, y = normal(np.random.default_rng(0), 12, 3)
    problem, motion = Problem(X, y, MSE(), weights=(np.arange(12) != 2) + 0.0), Motion(2, np.ones(3))
    path = Rational.of(problem, motion)
    np.testing.assert_allclose(path.coef(np.arange(3.0)), np.tile(path.coef(0.0), (3, 1)))
    assert path.lipschitz(X, -1.0, 1.0) == 0.0


@pytest.mark.parametrize("loss", [MSE(), Huber(), LogCosh(1.205)], ids=repr)
def test_smooth_losses_do_not_jump_where_lad_does(loss):
    """Over ever shorter moves across the tie of the star the change shrinks in proportion; LAD's stays 2."""
    star, motion = line([0, 0, 0, 1, 1], [-1, 0, 1, 1, -1], loss), Motion.along(4, 1, 2)
    changes = []
    for step in (1e-2, 1e-3, 1e-4):
        ends = np.array([-step, step])
        smooth, exact = refits(star, motion, ends), follow(replace(star, loss=MAE()), motion, *ends)
        changes.append(np.abs(star.X @ (smooth[1] - smooth[0])).max() / (2 * step))
        assert exact.largest.size == pytest.approx(2.0, rel=1e-9)
    assert max(changes) < 2.0
    np.testing.assert_allclose(changes, changes[-1], rtol=1e-2)


# --- the columns and the picture


def measured(X, y, loss, moves, sigma=1.0):
    data = Data.clean(X[None], y[None], Truth(np.zeros(X.shape[1]), np.eye(X.shape[1]), Normal(sigma)))
    estimator = M(loss, Newton(), MAD(), make("initial", "lad"))
    fit = estimator.fit(data.X, data.y)
    columns = moves.measure(data, estimator, fit, np.random.default_rng(5))
    return {name: column.item() for name, column in columns.items()}, moves.exhibit(
        data, estimator, fit.scale[0], np.random.default_rng(5)
    )


def test_columns_of_the_star():
    """Both points at x = 1 jump at their own place; from there the line turns by 2 at x = 1."""
    star = line([0, 0, 0, 1, 1], [-1, 0, 1, 1, -1])
    columns, exhibit = measured(star.X, star.y, MAE(), Moves(rows=5, path=True, reach=0.5), sigma=0.5)
    assert columns["jump_distance"] == pytest.approx(0.0, abs=1e-12)
    assert columns["jump_size"] == pytest.approx(2.0 / 0.5, rel=1e-12)
    assert exhibit.path.largest.size == pytest.approx(2.0, rel=1e-12)
    assert exhibit.path.motion.row in (3, 4) and (exhibit.column, exhibit.position) == (1, 1.0)


def test_columns_are_the_largest_and_the_nearest_jump_of_the_sampled_entries():
    X, y = normal(np.random.default_rng(2), 40, 3)
    columns, exhibit = measured(X, y, Quantile(0.25), Moves(rows=7, path=True, reach=0.8), sigma=2.0)
    rows = np.random.default_rng(5).permuted(np.arange(40))[:7]
    sizes, distances = [], []
    for row in rows:
        for column in (1, 2):
            reach = 0.8 * spread(X)[column]
            path = follow(Problem(X, y, Quantile(0.25)), Motion.along(int(row), column, 3), -reach, reach)
            sizes += [jump.size / 2.0 for jump in path.jumps]
            distances += [abs(jump.place) / spread(X)[column] for jump in path.jumps]
    assert columns["jump_size"] == pytest.approx(max(sizes), rel=1e-9)
    assert columns["jump_distance"] == pytest.approx(min(distances), rel=1e-9)
    assert exhibit.path.largest.size / 2.0 == pytest.approx(max(sizes), rel=1e-9)


def test_columns_are_empty_where_nothing_is_known():
    X, y = normal(np.random.default_rng(2), 40, 3)
    for loss, moves in ((MAE(), Moves(rows=2)), (Huber(), Moves(rows=2, path=True))):
        columns, _ = measured(X, y, loss, moves)
        assert np.isnan(columns["jump_size"]) and np.isnan(columns["jump_distance"])
    dependent = np.column_stack([X, X[:, 1]])
    columns, exhibit = measured(dependent, y, MAE(), Moves(rows=2, path=True))
    assert np.isnan(columns["jump_size"]) and exhibit is None
    columns, exhibit = measured(X[:, :1], y, MAE(), Moves(rows=2, path=True))
    assert exhibit is None and columns["jump_size"] == 0.0  # there is no entry to move


def test_where_nothing_jumps_the_size_is_0_and_the_middle_row_is_shown():
    X, y = normal(np.random.default_rng(2), 40, 3)
    columns, exhibit = measured(X, y, MAE(), Moves(rows=3, path=True, reach=1e-6))
    assert columns["jump_size"] == 0.0 and np.isnan(columns["jump_distance"])
    assert exhibit.path.motion.row == np.argsort(X[:, 1])[20] and not exhibit.path.jumps
    assert len(figures.path_figure(exhibit).axes) == 2


@pytest.mark.parametrize("loss", [MAE(), Quantile(0.9), Huber(), MSE()], ids=repr)
def test_the_curves_are_those_of_the_fits(loss):
    X, y = normal(np.random.default_rng(4), 30, 3)
    _, exhibit = measured(X, y, loss, Moves(rows=5, path=True))
    own = exhibit.own
    curves = exhibit.curves(21)
    assert list(curves) == list(dict.fromkeys([own, "mae", "least squares"]))
    there = X.copy()
    for label, fitted in ((own, loss), ("mae", MAE()), ("least squares", MSE())):
        places, coef = curves[label]
        k = len(places) // 3
        there[exhibit.path.motion.row, exhibit.column] = exhibit.position + places[k]
        expected = M(fitted, Newton(), MAD(), make("initial", "lad")).fit(there, y).coef
        np.testing.assert_allclose(coef[k], expected, rtol=1e-6, atol=1e-6)
    table = exhibit.table()
    assert list(table.columns[:4]) == ["from", "to", "rows", "unique"] and len(table) == len(exhibit.path.intervals)
    assert table["jump"].sum() == pytest.approx(sum(jump.size for jump in exhibit.path.jumps))


def test_the_picture(tmp_path):
    phones = model("phones")
    _, exhibit = measured(phones.X, phones.y, MAE(), Moves(rows=24, path=True))
    figure = figures.path_figure(exhibit)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["mae", "least squares"]
    words = [text.get_text() for text in right.get_legend().get_texts()]
    assert words[-2:] == ["mae before the jump", "mae after the jump"]
    figures.save(figure, tmp_path / "path.png")
    assert (tmp_path / "path.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_command_draws_and_prints_it(tmp_path):
    run = call(tmp_path, "scenario=line", "loss=mae", "stability.path=true")
    assert run.code == 0, run.err
    assert "Exact path of mae as x1 of row" in run.out
    files = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert {"path.csv", "path.png"} <= files

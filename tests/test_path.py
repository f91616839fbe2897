"""Exact paths: places and sizes of jumps against rationals, HiGHS and certificates; least squares in closed form."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_data import model, read

from robustfit.errors import BadParameter, Incompatible
from robustfit.fit import Status
from robustfit.germ import Motion
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.path import Rational, follow, moved, optimal_basis, refits
from robustfit.penalties.l2 import L2
from robustfit.problem import Problem

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
    ("year", "calls", "left", "right"), [(50, 4.4, 81 / 70, 73 / 45), (64, 119, 81 / 70, 73 / 45), (73, 29, 73 / 45, 81 / 70)]
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
    assert [(interval.start, interval.stop, interval.basis) for interval in path.intervals] == [
        (-3.0, pytest.approx(1.0), (1,)), (pytest.approx(1.0), pytest.approx(5.0), (0,)), (pytest.approx(5.0), 10.0, (2,)),
    ]  # fmt: skip
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


def positive_rows(problem):
    """Without the rows of weight 0, which count for nothing."""
    keep = problem.shares > 0
    return keep


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

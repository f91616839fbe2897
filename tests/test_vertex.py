"""The exact side of MAE and quantiles: pivots end at a vertex whose dual proves it optimal, ties or no ties."""

from itertools import combinations

import numpy as np
import oracles
import pytest

from robustfit.errors import Incompatible
from robustfit.linalg import independent
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.quantile import Quantile
from robustfit.problem import Problem
from robustfit.vertex import DUAL_TOLERANCE, Kinked, nearest_basis, optimise

SEEDS = range(6)
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


def random(rng, X, y):
    return X, y


def integers(rng, X, y):
    return np.column_stack([X[:, :1], rng.integers(0, 3, X[:, 1:].shape)]), rng.integers(0, 3, len(y)).astype(float)


def dummies(rng, X, y):
    return np.column_stack([X[:, :1], X[:, 1:] > 0]), np.round(y)


def duplicated(rng, X, y):
    rows = rng.integers(0, max(len(y) // 2, X.shape[1] + 1), len(y))
    return X[rows], y[rows]


def equally_spaced(rng, X, y):
    place = np.linspace(-1.0, 1.0, len(y))[:, None]
    return place ** np.arange(X.shape[1]), np.arange(len(y)) % 5.0


def mostly_on_a_surface(rng, X, y):
    return X, np.where(np.arange(len(y)) % 4 == 0, y, X.sum(-1))


def constant(rng, X, y):
    return X, np.full(len(y), 3.0)


def in_units(rng, X, y):
    return X * 10.0 ** rng.integers(-6, 7, X.shape[1]), 1e3 * y


def leverage(rng, X, y):
    X[0, 1:] *= 1e6
    return X, y


def nearly_collinear(rng, X, y):
    X[:, -1] = X[:, 0] + 1e-5 * X[:, -1]
    return X, y


KINDS = [
    random, integers, dummies, duplicated, equally_spaced, mostly_on_a_surface, constant, in_units, leverage,
    nearly_collinear,
]  # fmt: skip


def draw(kind, n, p, seed):
    """One sample with linearly independent columns."""
    for attempt in range(100):
        rng = np.random.default_rng([seed, n, p, attempt])
        X = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, p - 1))], 1)
        X, y = kind(rng, X, X @ rng.normal(size=p) + rng.standard_t(2, n))
        if independent(X):
            return X, y
    raise AssertionError("no such sample")


def draws(kind, n, p):
    X, y = zip(*(draw(kind, n, p, seed) for seed in SEEDS), strict=True)
    return np.stack(X), np.stack(y)


def solved(problem, start):
    rows = Kinked.of(problem)
    return rows, optimise(rows, nearest_basis(rows, start), max_pivots=50 * problem.X.shape[-1])


def assert_proved(rows, vertex):
    """X' theta = 0 and low <= theta <= high: with them any objective is bounded below."""
    slack = DUAL_TOLERANCE * (rows.high - rows.low).max(-1, keepdims=True)
    assert vertex.optimal.all()
    assert (rows.low - slack <= vertex.theta).all() and (vertex.theta <= rows.high + slack).all()
    terms = (np.abs(rows.X) * (rows.high - rows.low)[..., None]).sum(-2)
    # the dual of the basis comes from p x p systems of a condition up to 1e6: 1e6 eps, times a few
    assert (np.abs((rows.X * vertex.theta[..., None]).sum(-2)) <= 1e-9 * terms).all()


def rounding(problem, coef):
    """What y - X b can be off by, `(B, n)`."""
    return 64 * np.finfo(float).eps * (np.abs(problem.y) + np.einsum("bij,bj->bi", np.abs(problem.X), np.abs(coef)))


def assert_least(problem, coef):
    """The objective is HiGHS's, to the rounding with which it can be computed."""
    noise = problem.mean(rounding(problem, coef))
    for i in range(len(coef)):
        single = problem.member(i)
        best = single.objective(oracles.polyhedral(single))
        assert abs(single.objective(coef[i]) - best) <= 1e-9 * best + noise[i]


def is_vertex(problem, vertex):
    """The coefficients pass through their basis."""
    residuals = np.take_along_axis(problem.residuals(vertex.coef), vertex.basis, -1)
    return (np.abs(residuals) <= rounding(problem, vertex.coef).max(-1, keepdims=True)).all()


@pytest.mark.parametrize("p", range(1, 7))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_optimum_is_found_and_proved(kind, p):
    if kind is nearly_collinear and p == 1:
        return
    for n in (p + 1, 24):
        X, y = draws(kind, n, p)
        tau = QUANTILES[(n + p) % len(QUANTILES)]
        for loss in (MAE(), Quantile(tau)):
            problem = Problem(X, y, loss).flat()
            rows, vertex = solved(problem, np.zeros((len(X), p)))
            assert_proved(rows, vertex)
            assert_least(problem, vertex.coef)
            assert is_vertex(problem, vertex)
            # no theory bounds pivots so tightly; a cycle would use up all 50 p
            assert (vertex.pivots <= 3 * p + n // 4).all()


@pytest.mark.parametrize("tau", QUANTILES)
@pytest.mark.parametrize("kind", [random, integers, equally_spaced], ids=lambda kind: kind.__name__)
def test_every_quantile_is_found_with_weights(kind, tau):
    X, y = draws(kind, 30, 3)
    weights = np.random.default_rng(1).integers(0, 4, y.shape).astype(float)
    problem = Problem(X, y, Quantile(tau), weights=weights).flat()
    rows, vertex = solved(problem, np.zeros((len(X), 3)))
    assert_proved(rows, vertex)
    assert_least(problem, vertex.coef)


@pytest.mark.parametrize("kind", [random, integers, duplicated, dummies], ids=lambda kind: kind.__name__)
def test_no_start_cycles(kind):
    # small grids are where simplex methods cycle: every basis of p independent rows is a start
    X, y = draws(kind, 9, 3)
    rows = Kinked.of(Problem(X, y, MAE()))
    least = rows.objective(optimise(rows, nearest_basis(rows, np.zeros((len(X), 3))), 200).coef)
    for start in combinations(range(9), 3):
        basis = np.tile(np.array(start), (len(X), 1))
        regular = np.array([np.linalg.matrix_rank(x[list(start)]) == 3 for x in X])
        vertex = optimise(rows, basis, 200)
        assert vertex.optimal[regular].all()
        assert (vertex.pivots <= 20).all()
        np.testing.assert_allclose(rows.objective(vertex.coef)[regular], least[regular], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("tau", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("p", [2, 4, 6])
def test_small_grids_do_not_cycle(p, tau):
    # most y are 0, so most fitted values are: a residual of 0 is told from one of 1e-17 by what made it
    rng = np.random.default_rng(p)
    X = np.concatenate([np.ones((500, 16, 1)), rng.integers(0, 2, (500, 16, p - 1))], -1)
    y = rng.integers(0, 3, (500, 16)) // 2.0
    full = independent(X)
    rows, vertex = solved(Problem(X[full], y[full], Quantile(tau)), np.zeros((full.sum(), p)))
    assert full.sum() > 300
    assert_proved(rows, vertex)


def test_the_dual_of_a_median_by_hand():
    rows, vertex = solved(Problem(np.ones((1, 3, 1)), np.array([[0.0, 1.0, 5.0]]), MAE()), np.zeros((1, 1)))
    np.testing.assert_array_equal(vertex.coef, [[1.0]])
    np.testing.assert_allclose(vertex.theta, [[-1 / 3, 0.0, 1 / 3]], atol=1e-16)
    assert rows.objective(vertex.coef).item() == pytest.approx(5 / 3)


def test_members_that_cannot_be_solved_say_so_and_disturb_no_other():
    X, y = draws(random, 12, 3)
    alone = solved(Problem(X, y, MAE()), np.zeros((len(X), 3)))[1]
    X[1, 0, 1], y[2, 3], X[3, :, 2] = np.nan, np.nan, X[3, :, 1]
    mixed = solved(Problem(X, y, MAE()), np.zeros((len(X), 3)))[1]
    others = [0, 4, 5]
    assert not mixed.optimal[1:4].any()
    np.testing.assert_array_equal(mixed.coef[others], alone.coef[others])
    np.testing.assert_array_equal(mixed.theta[others], alone.theta[others])


def test_a_pivot_limit_is_not_called_an_optimum():
    rows = Kinked.of(Problem(*(part[:1] for part in draws(random, 30, 4)), MAE()))
    far = np.argsort(-np.abs(rows.y), -1)[:, :4]
    assert optimise(rows, far, 200).pivots.item() > 1
    assert not optimise(rows, far, 1).optimal.item()


def test_a_smooth_loss_has_no_vertex():
    with pytest.raises(Incompatible, match="Huber"):
        Kinked.of(Problem(np.ones((1, 3, 1)), np.zeros((1, 3)), Huber()))

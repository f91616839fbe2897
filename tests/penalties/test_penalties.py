"""Penalties: every convex loss with L1 and L2 reaches a proved optimum, and scikit-learn's where it has one."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso, QuantileRegressor, Ridge

from robustfit.catalogue import make
from robustfit.certificates import certify
from robustfit.estimators.m import M
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.solvers.newton import Newton
from robustfit.task import fitting

CONVEX = [name for name in fitting("loss", "regression") if make("loss", name).convex]
PENALTIES = [L1(0.05), L1(0.3), L1(50.0), L2(0.1), L2(50.0)]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 60, 6))
    X[..., 0] = 1.0
    return X, X[..., :3].sum(-1) + rng.standard_t(2, size=(4, 60))


def fitted(loss, penalty, data):
    return M(make("loss", loss), make("solver", "newton"), make("scale", "mad"), make("initial", "lad"), penalty).fit(
        *data
    )


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("loss", CONVEX)
def test_every_convex_loss_is_certified(loss, penalty, data):
    assert fitted(loss, penalty, data).certified.all()


@pytest.mark.parametrize("loss", CONVEX)
def test_a_high_price_makes_every_slope_zero(loss, data):
    assert (fitted(loss, L1(1e4), data).coef[:, 1:] == 0).all()


@pytest.mark.parametrize(
    ("loss", "penalty", "other"),
    [
        ("mse", L1(0.3), Lasso(0.15, tol=1e-14, max_iter=100_000)),  # its loss is half of ours
        ("mse", L2(0.5), Ridge(0.25 * 60, tol=1e-14)),  # a sum, and no half in its penalty
        ("quantile", L1(0.05), QuantileRegressor(alpha=0.05)),
    ],
    ids=["lasso", "ridge", "quantile"],
)
def test_agrees_with_scikit_learn(loss, penalty, other, data):
    coef = fitted(loss, penalty, data).coef
    for X, y, own in zip(*data, coef, strict=True):
        np.testing.assert_allclose(own[1:], other.fit(X[:, 1:], y).coef_, atol=1e-9)  # HiGHS's tolerance is the largest


def test_many_rows_with_a_ridge_penalty_fit_into_memory():
    # all rows lie within the first bands: a system of that size would take 74 GB
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(100_000), rng.normal(size=100_000)])
    fit = M(make("loss", "mae"), Newton(), Fixed(1.0), None, L2(0.01)).fit(X, X.sum(1) + rng.normal(size=100_000))
    assert fit.certified


@pytest.mark.parametrize("size", [1e3, 1e8])
@pytest.mark.parametrize("loss", ["mae", "quantile"])
def test_a_bound_from_far_off_is_a_bound(loss, size, data):
    # there no row is near: a dual that does not balance the intercept once passed for a proof
    problem = Problem(*data, make("loss", loss), np.ones(len(data[1])), L2(0.1))
    least = problem.objective(fitted(loss, L2(0.1), data).coef)
    far = certify(problem, np.broadcast_to(size * np.array([-1.0, 0.1, 0.0, 0.0, 0.0, 0.0]), (4, 6)))
    assert (far.bound <= least * (1 + 1e-12)).all() and not far.certified.any()

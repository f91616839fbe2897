"""Normal classes: exact error rates and coefficients, against simulation, integration and Bayes' formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from robustfit.normal_classes import NormalClasses

searched = settings(deadline=None, derandomize=True, max_examples=60)
numbers = st.floats(-3.0, 3.0)


def two(seed: int = 0, q: int = 3) -> NormalClasses:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(q, q)) + 2.0 * np.eye(q)
    share = rng.uniform(0.1, 0.9)
    return NormalClasses(rng.normal(size=(2, q)), root @ root.T, np.array([1.0 - share, share]))


@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_that_of_a_large_sample(seed):
    classes, rng = two(seed), np.random.default_rng(9)
    coef, n = rng.normal(size=4), 400_000
    drawn = (rng.random(n) < classes.shares[1]).astype(int)
    z = classes.means[drawn] + rng.multivariate_normal(np.zeros(3), classes.covariance, n)
    wrong = (coef[0] + z @ coef[1:] > 0) != drawn
    assert classes.error(coef) == pytest.approx(wrong.mean(), abs=5 * 0.5 / np.sqrt(n))


@searched
@given(b0=numbers, b1=numbers, seed=st.integers(0, 20))
def test_the_error_of_one_feature_is_scipys_normal_distribution(b0, b1, seed):
    """P(b0 + b1 z > 0) is a tail beyond -b0 / b1; for b1 = 0 the rule gives all rows to one class."""
    classes = two(seed, q=1)
    low, high = (norm(mean[0], np.sqrt(classes.covariance[0, 0])) for mean in classes.means)
    if abs(b1) < 1e-6:
        b1 = 0.0
        expected = classes.shares[0] if b0 > 0 else classes.shares[1]
    else:
        cut = -b0 / b1
        tails = (low.sf(cut), high.cdf(cut)) if b1 > 0 else (low.cdf(cut), high.sf(cut))
        expected = classes.shares @ tails
    assert classes.error(np.array([b0, b1])) == pytest.approx(expected, abs=1e-12)


def test_the_error_of_two_features_is_scipys_multivariate_normal():
    """A rotation makes the score's half-plane a quadrant's union, whose probability SciPy knows."""
    classes, coef = two(4, q=2), np.array([0.3, -1.2, 0.7])
    turn = np.array([[-1.2, 0.7], [0.7, 1.2]])  # (the score - 0.3, something else)
    wrong = 0.0
    for share, mean, sign in zip(classes.shares, classes.means, (1.0, -1.0), strict=True):
        law = multivariate_normal(-sign * turn @ mean, turn @ classes.covariance @ turn.T)
        wrong += share * law.cdf([sign * 0.3, np.inf])  # P(sign * score > 0) = P(-sign (score - 0.3) < sign 0.3)
    assert classes.error(coef) == pytest.approx(wrong, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_no_rule_is_better_than_the_true_coefficients(seed):
    classes = two(seed)
    found = minimize(lambda coef: float(classes.error(coef)), classes.coef, method="Nelder-Mead")
    assert classes.bayes_error <= found.fun + 1e-9
    assert classes.bayes_error == classes.error(classes.coef)
    assert classes.bayes_error <= classes.error(classes.coef * 7.0) + 1e-15, "the length does not matter"


@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_coefficients_are_the_log_odds_of_bayes_formula(k):
    rng = np.random.default_rng(k)
    root = rng.normal(size=(4, 4)) + 2.0 * np.eye(4)
    classes = NormalClasses(rng.normal(size=(k, 4)), root @ root.T, rng.dirichlet(np.ones(k)))
    z = rng.normal(size=(6, 4))
    logs = np.stack([np.log(share) + multivariate_normal(mean, classes.covariance).logpdf(z)
                     for share, mean in zip(classes.shares, classes.means, strict=True)], -1)  # fmt: skip
    rows = np.column_stack([np.ones(6), z])
    np.testing.assert_allclose(rows @ classes.logits, logs - logs.mean(-1, keepdims=True), rtol=1e-9)
    if k == 2:
        np.testing.assert_allclose(rows @ classes.coef, logs[:, 1] - logs[:, 0], rtol=1e-9)
    else:
        np.testing.assert_allclose(classes.coef.sum(-1), 0.0, atol=1e-12)


def test_errors_of_a_batch_and_of_missing_fits():
    classes, coef = two(1), np.random.default_rng(1).normal(size=(3, 2, 4))
    coef[1, 1] = np.nan
    errors = classes.error(coef)
    assert errors.shape == (3, 2) and np.isnan(errors[1, 1]) and np.isnan(errors).sum() == 1
    assert errors[2, 0] == classes.error(coef[2, 0])

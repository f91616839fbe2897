"""Fits by scikit-learn and by theory."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from experiments import likelihood
from experiments.samples import drawn
from robustfit.losses.classification.base import sigmoid


@pytest.fixture(scope="module")
def data():
    return drawn({**likelihood.SETTINGS, "outliers": 0.1}, 1)


@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_the_penalised_sigmoid_by_scikit_learn(alpha, data):
    """C = 1 / (n alpha) of the sum; BFGS stops at a gradient of 1e-9, newton-cholesky at 1e-10."""
    X, y = data.X[0], data.y[0]
    model = LogisticRegression(C=1 / (len(y) * alpha), solver="newton-cholesky", tol=1e-10).fit(X[:, 1:], y)
    expected = [*model.intercept_, *model.coef_[0]]
    assert likelihood._sigmoid_fit(X, y, alpha) == pytest.approx(expected, abs=1e-6)


def test_softmax_shares_the_slopes_out(data):
    """b and -b cost b^2 together, one difference 2 b costs 4 b^2 / 2: so softmax bears twice the penalty."""
    X, y = data.X[0], data.y[0]
    wide, narrow = likelihood._softmax_fit(X, y, 0.2), likelihood._sigmoid_fit(X, y, 0.1)
    assert wide[1:, 1] - wide[1:, 0] == pytest.approx(narrow[1:], abs=1e-6)
    assert wide[1:].sum(1) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("k", likelihood.CLASSES)
def test_the_loss_is_that_of_the_likelihood(k):
    one, other = likelihood._both(k)
    assert one == pytest.approx(other, rel=1e-12) and one.shape == (20,)


def test_the_formulas_would_differ_for_other_scores():
    wide, _ = likelihood._formulas()["probabilities"]
    assert wide != pytest.approx(sigmoid(np.linspace(-1, 1, len(wide))), abs=0.1)

"""Labelled rows: centres, shares and the true model."""

import numpy as np
import pytest
from scipy.optimize import minimize

from robustfit.data import Streams, class_places
from robustfit.errors import BadParameter
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.scenarios.gaussian_classes import GaussianClasses, simplex

MANY = {"n_samples": 5000}


def drawn(replicates: int = 20, **changed):
    scenario = GaussianClasses(**MANY | changed)
    return scenario, scenario.draw(Streams.spawn(3, 0), replicates)


@pytest.mark.parametrize("k", range(2, 9))
def test_a_simplex_is_regular(k):
    points = simplex(k)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    np.testing.assert_allclose(apart, 1.0 - np.eye(k), atol=1e-14)
    np.testing.assert_allclose(points.mean(0), 0.0, atol=1e-14)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_shares_means_and_covariance_are_those_of_the_truth(k):
    scenario, data = drawn(n_classes=k, n_features=4, share=0.4, correlation=0.6, distance=3.0)
    places, truth = class_places(data.y, k), data.truth.classes
    assert data.classes == ((-1, 1) if k == 2 else tuple(range(k)))
    for j in range(k):
        rows = data.X[places == j][:, 1:]
        share = len(rows) / places.size
        assert abs(share - truth.shares[j]) < 5 * np.sqrt(0.25 / places.size)
        assert np.abs(rows.mean(0) - truth.means[j]).max() < 5 / np.sqrt(len(rows))
        assert np.abs(np.cov(rows.T) - truth.covariance).max() < 5 * np.sqrt(2.0 / len(rows))
    apart = np.linalg.norm(truth.means[:, None] - truth.means, axis=-1)
    np.testing.assert_allclose(apart, 3.0 * (1.0 - np.eye(k)), atol=1e-12)


@pytest.mark.parametrize("k", [2, 3])
def test_cross_entropy_of_a_large_sample_finds_the_true_coefficients(k):
    scenario, data = drawn(n_classes=k, share=0.3, correlation=-0.4, replicates=8)
    X, y, true = data.X.reshape(-1, 3), data.y.ravel(), data.truth.coef
    loss = CrossEntropy() if k == 2 else SoftmaxCrossEntropy(k)

    def mean_loss(flat):
        eta = X @ flat.reshape(true.shape)
        return float(loss.value(y, eta).mean()), (X.T @ loss.slope(y, eta)).ravel() / len(y)

    found = minimize(mean_loss, np.zeros(true.size), jac=True, method="BFGS").x.reshape(true.shape)
    found = found if k == 2 else found - found.mean(-1, keepdims=True)
    assert np.abs(found - true).max() < 0.12  # 40,000 rows: standard errors are near 0.02


def test_counts_vary_and_the_share_moves_no_other_number():
    (_, few), (_, more) = drawn(share=0.1), drawn(share=0.3)
    assert len(set((few.y > 0).sum(-1))) > 1
    assert not ((few.y > 0) & (more.y < 0)).any(), "the rows of a small share are among those of a larger one"
    same = few.y == more.y
    assert np.array_equal(few.X[same], more.X[same])


def test_the_bayes_error_of_uncorrelated_balanced_classes_is_the_textbooks():
    """Phi(-distance / 2)."""
    classes = GaussianClasses(distance=2.5631031310892007).truth.classes
    assert classes.bayes_error == pytest.approx(0.1, abs=1e-12)


def test_too_few_features_for_the_classes_are_refused():
    with pytest.raises(BadParameter, match="n_features=2: 4 classes at equal distances need at least 3 features"):
        GaussianClasses(n_classes=4).draw(Streams.spawn(0, 0), 1)


@pytest.mark.parametrize(
    "wrong", [{"n_classes": 1}, {"share": 0.0}, {"share": 1.0}, {"distance": 0.0}, {"correlation": 1}]
)
def test_parameters_out_of_range_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(BadParameter, match=f"^{name}="):
        GaussianClasses(**wrong)

"""Kendall's tau against SciPy's; the fixed candidates against their distances; the training losses against sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from experiments import candidates
from robustfit.losses.smooth_l1 import SmoothL1


@pytest.fixture(scope="module")
def data():
    return candidates.samples("vertical", 0.1, 10.0, 3)


def test_tau_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 4, 12))
    wanted = [kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert candidates.kendall(x, y) == pytest.approx(wanted)


def test_a_tie_counts_for_neither():
    assert candidates.kendall(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 3)


def test_the_fixed_candidates_are_as_far_off_as_they_should_be(data):
    errors = candidates.surface_errors(data, candidates.fixed(data))
    assert errors[0] == pytest.approx(np.geomspace(0.1, 5.0, 30))
    assert np.array_equal(errors[0], errors[2])


def test_the_training_loss_is_the_mean_over_the_sample(data):
    coefs = candidates.fits(data)
    residuals = data.y[1] - data.X[1] @ coefs[1, 2]
    assert candidates.training(data, coefs, "smooth_l1")[1, 2] == pytest.approx(SmoothL1(1.0).rho(residuals).mean())


def test_the_fit_of_a_loss_has_the_least_of_it(data):
    values = candidates.training(data, candidates.fits(data), "mse")
    assert (values.argmin(-1) == candidates.FITTED.index("mse")).all()


def test_every_set_and_loss_has_a_tau_per_sample():
    table = candidates.agreement("cluster", 0.1, 10.0, 2)
    assert len(table) == 2 * len(candidates.TRAINING) * 2
    assert table["tau"].between(-1, 1).all()

"""The documents' scenarios: nearly all targets are one value."""

import numpy as np
import pytest

from robustfit.catalogue import make
from robustfit.data import Data, Streams
from robustfit.errors import BadParameter
from robustfit.linalg import least_squares
from robustfit.scales.mad import MAD

MAJORITY = {"ninety_at_150": 150.0, "thousand_and_ten": 1000.0}

each = pytest.mark.parametrize("name", MAJORITY)


def sample(name: str, replicates: int = 50, **changed) -> Data:
    return make("scenario", name, **changed).draw(Streams.spawn(5, 0), replicates)


@each
@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.6, 1.0])
@pytest.mark.parametrize("n", [10, 25, 100])
def test_exactly_the_share_is_low(name, share, n):
    low = sample(name, n_samples=n, share=share).y != MAJORITY[name]
    assert (low.sum(-1) == round(share * n)).all()


@each
def test_the_low_rows_are_random_and_no_outliers(name):
    data = sample(name, 400)
    often = (data.y != MAJORITY[name]).mean(0)
    assert np.abs(often - 0.1).max() < 5 * np.sqrt(0.1 * 0.9 / 400)
    assert not data.outliers.any()
    assert data.truth is None


@each
def test_the_median_deviation_is_0(name):
    y = sample(name).y
    assert (MAD().estimate(y - MAJORITY[name]) == 0).all()


def test_the_low_targets_are_uniform_in_0_to_30():
    y = sample("ninety_at_150", 500).y
    low = y[y != 150]
    assert 0 <= low.min() < 0.1
    assert 29.9 < low.max() <= 30
    assert abs(low.mean() - 15) < 5 * 30 / np.sqrt(12 * low.size)


def test_the_low_targets_are_10():
    assert set(np.unique(sample("thousand_and_ten").y)) == {10.0, 1000.0}


@each
def test_the_constant_that_least_squares_fits_is_the_mean(name):
    data = sample(name, n_features=0)
    assert data.X.shape[-1] == 1
    np.testing.assert_allclose(least_squares(data.X, data.y)[..., 0], data.y.mean(-1))


@each
@pytest.mark.parametrize("separation", [0.0, 1.0, 30.0])
def test_separation_is_the_distance_of_the_group_means_of_x1(name, separation):
    data = sample(name, 200, n_features=2, separation=separation)
    low = data.y != MAJORITY[name]
    x1, x2 = data.X[..., 1], data.X[..., 2]
    limit = 5 / np.sqrt(low.sum()) + 5 / np.sqrt((~low).sum())
    assert abs(x1[low].mean() - x1[~low].mean() - separation) < limit
    assert abs(x2[low].mean() - x2[~low].mean()) < limit
    assert x1[low].std() == pytest.approx(1, abs=0.1)


@each
def test_separation_moves_x1_of_the_low_rows_alone(name):
    none, five = sample(name), sample(name, separation=5.0)
    low = none.y != MAJORITY[name]
    assert np.array_equal(none.y, five.y)
    np.testing.assert_allclose((five.X - none.X)[..., 1], 5.0 * low, atol=1e-12)


@each
@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_share_has_a_range(name, share):
    with pytest.raises(BadParameter, match="share=.*at least 0 and at most 1"):
        sample(name, share=share)

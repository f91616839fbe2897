"""Vertical outliers."""

import numpy as np
import pytest

from robustfit.contaminations.vertical import Vertical
from robustfit.data import Data, Streams
from robustfit.noises.normal import Normal
from robustfit.noises.t import T
from robustfit.scenarios.linear import Linear


def shifts(vertical: Vertical, noise=None) -> np.ndarray:
    """By how much the marked targets moved."""
    streams = Streams.spawn(0, 0)
    clean = Linear(n_samples=1000, noise=noise or Normal()).draw(streams, 20)
    data = vertical.corrupt(clean, 0.5, streams.marks, streams.values)
    assert data.X is not None
    assert np.array_equal(data.X, clean.X)
    return (data.y - clean.y)[data.outliers]


def test_shift_and_spread_are_the_mean_and_the_deviation():
    moved = shifts(Vertical(shift=10.0, spread=2.0))
    assert abs(moved.mean() - 10) < 5 * 2 / np.sqrt(moved.size)
    assert abs(moved.std() - 2) < 5 * 2 / np.sqrt(2 * moved.size)


@pytest.mark.parametrize("noise", [Normal(7.0), T(df=1.0, sigma=0.1)])
def test_shift_counts_noise_scales(noise):
    assert shifts(Vertical(spread=0.0), noise) == pytest.approx(10 * noise.scale)


def test_one_sided_unless_symmetric():
    assert (shifts(Vertical()) > 0).all()
    assert (shifts(Vertical(shift=-10.0)) < 0).all()
    up = (shifts(Vertical(symmetric=True)) > 0).mean()
    assert abs(up - 0.5) < 5 * 0.5 / np.sqrt(10_000)


def corrupted(y: np.ndarray) -> np.ndarray:
    data, rng = Data.clean(np.ones((len(y), 1)), y), np.random.default_rng(0)
    return (Vertical(shift=10.0, spread=0.0).corrupt(data, 0.25, rng, rng).y - y).max()


def test_without_a_truth_the_unit_is_the_mad_of_the_targets():
    assert corrupted(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(10 * 1.482602 * 1.0)


def test_where_that_is_0_the_unit_is_1():
    assert corrupted(np.full(8, 150.0)) == 10.0

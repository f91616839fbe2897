"""Scales: the MAD is NumPy's median, may leave out the smallest, and counts a row of weight k as k rows."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from robustfit.errors import BadParameter
from robustfit.scales.base import median
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import CONSISTENCY, MAD

searched = settings(deadline=None, derandomize=True, max_examples=100)
sizes = st.lists(st.floats(0.0, 1e6, allow_subnormal=False) | st.integers(0, 3).map(float), min_size=1, max_size=12)
BATCHES = pytest.mark.parametrize("batch", [(), (4,), (2, 3)], ids=str)


def left_out(values, skip):
    """NumPy's median of all but the smallest."""
    return np.median(np.sort(values)[min(skip, len(values) - 1) :])


@BATCHES
@pytest.mark.parametrize("n", [1, 2, 7, 10])
def test_mad_is_numpys_median_of_the_sizes(batch, n):
    residuals = np.random.default_rng(n).normal(size=(*batch, n))
    # 1 / Phi^-1(3/4), to the digits of R's mad
    np.testing.assert_allclose(MAD().estimate(residuals), 1.482602218505602 * np.median(np.abs(residuals), -1))


def test_the_constant_makes_it_the_standard_deviation_of_a_normal():
    assert CONSISTENCY == pytest.approx(1.0 / norm.ppf(0.75), rel=1e-14)


@searched
@given(values=sizes, skip=st.integers(0, 14))
def test_the_smallest_may_be_left_out(values, skip):
    values = np.array(values)
    assert median(values, skip=skip) == left_out(values, skip)
    assert MAD().estimate(-values, interpolated=skip) == CONSISTENCY * left_out(values, skip)


@searched
@given(data=st.data(), values=sizes, skip=st.integers(0, 5), factor=st.sampled_from([1.0, 0.1, 3.0]))
def test_weights_are_repetition(data, values, skip, factor):
    counts = data.draw(st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)))
    assume(any(counts))
    values, counts = np.array(values), np.array(counts)
    expected = left_out(np.repeat(values, counts), skip)
    assert median(values, counts.astype(float), skip) == expected
    if skip == 0:  # without rows to count, only the proportions of the weights matter
        assert median(values, factor * counts) == expected


@BATCHES
def test_batches_are_their_members(batch):
    rng = np.random.default_rng(0)
    residuals, weights = rng.normal(size=(*batch, 9)), rng.integers(0, 3, (*batch, 9)) + 1.0
    for given_weights in (None, weights):
        whole = MAD().estimate(residuals, given_weights, 2)
        assert whole.shape == batch
        for index in np.ndindex(batch):
            own = None if given_weights is None else weights[index]
            assert whole[index] == MAD().estimate(residuals[index], own, 2)


@pytest.mark.parametrize("units", [1e-300, 1e300])
def test_no_overflow(units):
    residuals = np.array([1.0, -1.2, 1.4, 1.6]) * units
    assert MAD().estimate(residuals) == pytest.approx(1.3 * CONSISTENCY * units, rel=1e-15)
    assert MAD().estimate(residuals, np.ones(4)) == pytest.approx(1.3 * CONSISTENCY * units, rel=1e-15)


@BATCHES
def test_fixed_is_what_was_given(batch):
    np.testing.assert_array_equal(Fixed(2.5).estimate(np.zeros((*batch, 5)), interpolated=2), np.full(batch, 2.5))
    assert Fixed().value == 1.0


@pytest.mark.parametrize("value", [0.0, -1.0, "wide", float("nan")])
def test_a_fixed_scale_is_a_positive_number(value):
    with pytest.raises(BadParameter, match="value=.*greater than 0"):
        Fixed(value)

"""Precision: when to look, what is needed, and that what cannot be known is not waited for."""

import math

import numpy as np
import pytest

from robustfit.errors import BadParameter
from robustfit.precision import Precision


def test_the_needed_replicates_are_those_of_the_normal_law():
    values = np.random.default_rng(0).normal(size=100_000)
    assert Precision(0.05).needed(values) == pytest.approx(1 / 0.05**2, rel=0.02)
    assert Precision(0.05, relative=True).needed(values + 2) == pytest.approx(1 / 0.1**2, rel=0.02)


def test_it_is_met_exactly_where_the_standard_error_is_no_larger():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    error = values.std(ddof=1) / 2
    assert Precision(error * (1 + 1e-12)).met(values)
    assert not Precision(error * (1 - 1e-12)).met(values)


def test_nan_is_left_out_of_the_mean_and_counts_as_a_replicate():
    values = np.array([0.0, 2.0])
    with_gaps = np.array([0.0, np.nan, 2.0, np.nan])
    assert Precision(0.1).needed(with_gaps) == pytest.approx(2 * Precision(0.1).needed(values))


@pytest.mark.parametrize(
    ("values", "met"), [([np.nan] * 5, True), ([], True), ([1.0], False), ([1.0, np.inf], False), ([2.0, 2.0], True)]
)
def test_what_cannot_be_known(values, met):
    assert Precision(0.1).met(np.array(values, dtype=float)) is met
    assert Precision(0.1, relative=True).met(np.array(values, dtype=float)) is met


def test_a_mean_of_zero_has_no_relative_precision():
    assert Precision(0.1, relative=True).needed(np.array([-1.0, 1.0])) == math.inf


@pytest.mark.parametrize("block", [1, 16, 128, 256])
@pytest.mark.parametrize("cap", [100, 1000, 20_000])
def test_it_looks_after_whole_blocks_never_early_and_stops_at_the_cap(block, cap):
    looks = list(Precision(0.1, cap=cap).looks(block))
    assert looks[-1] == cap and looks == sorted(set(looks))
    assert all(look >= 1000 and look % block == 0 for look in looks[:-1])
    assert len(looks) < 50


def test_the_first_look_that_is_enough():
    precision = Precision(0.1, cap=2500)
    assert [precision.look_after(needed, 128) for needed in (0, 1025, math.inf)] == [1024, 1280, 2500]


@pytest.mark.parametrize("wrong", [{"target": 0.0}, {"target": -1.0}, {"target": 0.1, "cap": 1}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(BadParameter):
        Precision(**wrong)

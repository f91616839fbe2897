"""How much nearer least squares comes to a row, against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import detection


def test_nearer_is_in_units_of_the_size():
    found = {"mae": np.array([10.0, 8.0, 9.0]), "mse": np.array([9.0, 7.5, 7.5])}
    assert detection.nearer(found, 10.0).value == pytest.approx((0.1 + 0.05 + 0.15) / 3)


def test_least_squares_takes_the_share_of_the_outliers_and_lad_nothing():
    """Of ten equal targets one is off by 10: the mean goes 1 of the way, the median stays."""
    y = np.array([0.0] * 9 + [10.0])
    found = {"mae": np.array([10.0 - np.median(y)] * 2), "mse": np.array([10.0 - y.mean()] * 2)}
    assert detection.nearer(found, 10.0).value == pytest.approx(0.1)

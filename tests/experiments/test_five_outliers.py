"""The places of the outliers are what they are called, and the lines those of the losses."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import five_outliers


@pytest.mark.parametrize("place", five_outliers.PLACES)
def test_a_place_is_known_again(place):
    settings = five_outliers.PLACES[place]
    found = five_outliers._place(
        settings["contamination"],
        settings.get("contamination.symmetric", False),
        settings.get("contamination.distance", float("nan")),
    )
    assert found == place


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [("anywhere, upwards", 0, 10), ("at the end of the line", 8.5, 11.5), ("far beyond the end", 25, 60)],
)
def test_five_outliers_are_where_they_should_be(place, low, high):
    data = five_outliers.sampled(place, 20.0)
    x, off = data.X[data.outliers, 1], (data.y - data.X @ data.truth.coef)[data.outliers]
    assert len(x) == 5 and low <= x.min() and x.max() <= high
    assert off.mean() == pytest.approx(20.0, abs=4 * np.sqrt(2 / 5))  # noise and spread have variance 1 each


def test_the_line_of_mse_is_that_of_least_squares():
    data = five_outliers.sampled("anywhere, upwards", 20.0)
    assert five_outliers.fitted(data, "mse") == pytest.approx(np.polyfit(data.X[:, 1], data.y, 1)[::-1])


def test_each_sample_has_five_outliers():
    grid = five_outliers.FIVE.grid
    assert {round(point["scenario.n_samples"] * point["outliers"], 9) for point in grid.points()} == {5}


def test_a_single_outlier_is_never_of_either_sign():
    grid = five_outliers.ONE.grid
    assert {round(point["scenario.n_samples"] * point["outliers"], 9) for point in grid.points()} == {1}
    assert not any(point["contamination.symmetric"] for point in grid.points())

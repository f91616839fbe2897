"""Gradient descent against what linear algebra says of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from experiments import descent
from experiments.descent import LOSSES, SETTINGS, drawn, fitted, steepest
from robustfit.montecarlo import ratio


def hessian(data, i=0):
    return data.X[i].T @ data.X[i] / data.y.shape[-1]


def test_the_steepest_curvature_is_the_squared_norm_of_X():
    data = drawn({}, 3)
    assert steepest(data) == pytest.approx([np.linalg.norm(X, 2) ** 2 / 100 for X in data.X])


@pytest.mark.parametrize("rate", [0.5, 0.95, 1.05])
def test_descent_on_mse_shrinks_the_error_as_linear_algebra_says(rate):
    data, worst = drawn({}, 8), 0.0
    for i in range(8):
        H, start = hessian(data, i), np.full(4, 0.5)
        step = np.eye(4) - 2 * rate / np.linalg.eigvalsh(H)[-1] * H
        worst = max(worst, float(np.linalg.norm(np.linalg.matrix_power(step, 200) @ start)))
    assert descent._shrunk(1.0, rate) == pytest.approx(worst, rel=1e-6, abs=1e-13)


def test_the_gradient_of_mse_is_linear_in_the_distance():
    found = descent._sizes("mse", np.array([1e-2, 1.0, 1e5]))
    expected = np.linalg.norm(2 * hessian(drawn({}, 1)) @ np.full(4, 0.5)) * np.array([1e-2, 1.0, 1e5])
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_gradient_of_mae_is_bounded_by_the_mean_of_the_rows():
    rows = np.linalg.norm(drawn({}, 1).X[0], axis=-1)
    assert descent._sizes("mae", np.logspace(-3, 9, 13)).max() <= rows.mean() + 1e-12
    assert descent._spread() == pytest.approx(rows.max() / rows.min())


def test_hopping_on_mse_goes_with_the_size_of_the_outliers():
    """From 10^4 sd on the outliers are all that there is: ten times as large, ten times the hopping."""
    sizes = [descent._hopping("mse", {"outliers": 0.1, "contamination.shift": s}, 16) for s in (1e4, 1e5)]
    assert ratio(sizes[1], sizes[0]).value == pytest.approx(10.0, rel=1e-3)


def test_minibatches_of_a_perfect_line_stay_where_they_are():
    data = drawn({}, 4)
    exact = replace(data, y=data.X.sum(-1))
    for loss in (LOSSES["mse"], LOSSES["smooth_l1"]):  # on MAE rounding has a sign, and steps of full size
        *_, end = descent.minibatches(loss, exact, np.ones((4, 4)), np.full(4, 0.1))
        assert np.abs(end - 1).max() < 1e-12


def test_an_odd_constant_is_passed_at_every_other_step():
    """Around the median of 101 the gradient is -+1/101: once a step jumps across it comes back, up and down in turn."""
    assert descent._rises(descent.MODELS["constant, 101 rows"], 0.1) == 0.5


def test_steps_on_mse_are_those_of_linear_algebra():
    settings = {
        "scenario.coef": [200.0, -100.0, 200.0],
        "scenario.intercept_value": 500.0,
        "scenario.noise.sigma": 30.0,
    }
    data = drawn(settings, 1)
    H, least = hessian(data), fitted(SETTINGS["mse"], data).coef[0]
    error, steps = -least, 0
    while np.linalg.norm(data.X[0] @ error) > 0.01 * np.linalg.norm(data.X[0] @ least):
        error, steps = error - 2 * 0.1 / (2 * np.linalg.eigvalsh(H)[-1]) * H @ error, steps + 1
    assert descent._steps("mse", 1.0)[0.1] == descent._steps("mse", 1e-3)[0.1] == steps


def test_scaled_targets_are_reached_by_mae_at_a_scaled_rate():
    plain, scaled = (descent._steps("mae", size) for size in (1.0, 1e-3))
    assert [plain[10.0**k] for k in range(-1, 5)] == [scaled[10.0 ** (k - 3)] for k in range(-1, 5)]


@pytest.mark.parametrize(
    ("plain", "scaled", "expected"),
    [(10, 5, 2.0), (math.inf, 4, descent.MOST / 4), (4, math.inf, 4 / descent.MOST), (math.inf, math.inf, math.nan)],
)
def test_who_does_not_arrive_bounds_the_gain(plain, scaled, expected):
    assert descent._gain(plain, scaled).value == pytest.approx(expected, nan_ok=True)

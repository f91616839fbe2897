"""Shares of the loss and of the gradient in rational arithmetic; fits against linear programming."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from experiments import domination
from robustfit.estimators.m import M
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.solvers.linear_program import LinearProgram

TENTH = Fraction(1, 10)


def test_shares_of_the_squared_loss():
    u = domination.errors(0.1)
    assert domination.loss_share(MSE(), u) == pytest.approx(float(999**2 / (999**2 + 9 * TENTH**2)), rel=1e-14)
    assert domination.gradient_share(MSE(), u) == pytest.approx(float(999 / (999 + 9 * TENTH)), rel=1e-14)


def test_shares_of_smooth_l1():
    u, far = domination.errors(0.1), 999 - Fraction(1, 2)
    assert domination.loss_share(SmoothL1(1.0), u) == pytest.approx(float(far / (far + 9 * TENTH**2 / 2)), rel=1e-14)
    assert domination.gradient_share(SmoothL1(1.0), u) == pytest.approx(float(1 / (1 + 9 * TENTH)), rel=1e-14)


def test_growth_is_quadratic_and_linear():
    assert domination.grows(MSE(), 0.1) == pytest.approx(4.0)
    assert domination.grows(SmoothL1(1.0), 0.1) == pytest.approx((2 * 999 - 0.5) / (999 - 0.5))


@pytest.mark.parametrize("beta", [0.01, 1.0, 5.0])
def test_the_constant_of_smooth_l1_gives_the_outlier_its_bounded_pull(beta):
    """Nine at 1 and one far off: 9 (c - 1) / beta = 1."""
    assert domination.constant(SmoothL1(beta), [1.0] * 9 + [1000.0]) == pytest.approx(1 + beta / 9)


@pytest.mark.parametrize("value", domination.MOVED)
@pytest.mark.parametrize("where", ["constant", "line"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_search_finds_what_linear_programming_finds(value, where, reduction):
    X, y = domination._moved(where, value)
    found = domination.fit_of(MAE(), X, y, reduction)
    best = np.abs(y - X @ M(MAE(), LinearProgram()).fit(X, y).coef).sum()
    assert np.abs(y - X @ found).sum() == pytest.approx(best, rel=1e-12)


def test_the_mean_takes_a_tenth_of_the_way():
    assert domination.change(MSE(), "constant", "mean") == pytest.approx(0.1)


def test_the_pulls_of_a_fit_add_up_to_nothing():
    table = domination._pulls()
    assert table["MAE: sign"].sum() == 0
    assert table["MSE: 2 residual"].sum() == pytest.approx(0.0, abs=1e-6)

"""Predictions for two groups of targets, against the constants and the lines that theory gives."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import group_fits
from robustfit.data import Streams
from robustfit.scenarios.ninety_at_150 import NinetyAt150
from robustfit.scenarios.thousand_and_ten import ThousandAndTen


@pytest.fixture(scope="module")
def constant():
    return NinetyAt150(n_features=0).draw(Streams.spawn(seed=0, block=0), replicates=3)


def test_mean_median_and_quantile(constant):
    y = constant.y
    fitted = {tau: group_fits.by_loss(constant, constant.X, "quantile", tau=tau)[:, 0] for tau in (0.05, 0.25)}
    assert group_fits.by_loss(constant, constant.X, "mse")[:, 0] == pytest.approx(y.mean(-1))
    assert group_fits.by_loss(constant, constant.X, "mae")[:, 0] == pytest.approx([150.0] * 3)
    ordered = np.sort(y)
    assert ((ordered[:, 4] <= fitted[0.05]) & (fitted[0.05] <= ordered[:, 5])).all()  # 5 of 100 below or at it
    assert fitted[0.25] == pytest.approx([150.0] * 3)


@pytest.mark.parametrize("delta", [1.0, 10.0, 100.0])
def test_hubers_constant_is_where_the_pulls_balance(constant, delta):
    """0.9 (150 - c) = 0.1 delta, while the few are farther off than delta."""
    found = group_fits.by_loss(constant, constant.X, "huber", delta=delta)
    assert found[:, 0] == pytest.approx([150 - delta / 9] * 3)


def test_the_log_transform_gives_the_geometric_mean(constant):
    wanted = np.expm1(np.log1p(constant.y).mean(-1))
    assert group_fits.transformed(constant, constant.X, "log")[:, 0] == pytest.approx(wanted)


def test_ranks_of_tied_targets_lead_back_to_them(constant):
    for name in ("rank", "normal rank"):
        assert group_fits.transformed(constant, constant.X, name)[:, 0] == pytest.approx([150.0] * 3)


@pytest.mark.parametrize("separation", [1.0, 5.0, 10.0])
def test_the_line_of_mse_is_that_of_the_moments(separation):
    """cov(x, y) = -135 q (1 - q) d, var x = 1 + q (1 - q) d^2, the few at d: so is the line of many rows, nearly."""
    few, spread = 0.1, 0.1 * 0.9
    data = NinetyAt150(n_samples=20_000, separation=separation).draw(Streams.spawn(seed=0, block=0), replicates=1)
    slope = -135 * spread * separation / (1 + spread * separation**2)
    wanted = 150 - 135 * few + slope * (1 - few) * separation
    fitted = group_fits.by_loss(data, data.X, "mse")
    assert group_fits.over(fitted, data.y < 75).item() == pytest.approx(wanted, abs=1.0)


def test_any_constant_scores_the_same(constant):
    """((150 - c) + (c - m)) / 2 with m the mean of the few, whatever c from 30 to 150."""
    few = constant.y[constant.y < 75].reshape(3, -1).mean(-1)
    for value in (30.0, 100.0, 150.0):
        table = group_fits.measured(constant, np.full(constant.y.shape, value), 150.0)
        assert (table["low_error"] + table["high_error"]).to_numpy() / 2 == pytest.approx((150 - few) / 2)


def test_shares_and_groups():
    data = ThousandAndTen(n_samples=10, n_features=0, share=0.2).draw(Streams.spawn(seed=0, block=0), replicates=1)
    table = group_fits.measured(data, np.where(data.y < 500, 15.0, 1000.0), 1000.0).iloc[0]
    assert table[["low_share", "mean", "low", "high", "low_error"]].tolist() == pytest.approx([0.2, 803, 15, 1000, 5])
    assert not table["all_high"]


def test_predictions_are_for_rows_that_were_not_fitted():
    """A line through noise alone: on fresh rows the few are predicted no lower than the many, on average."""
    table = group_fits.predictions("ninety_at_150", 1, 0.0, 0.1, 64, transforms=False)
    lower = table[table["method"] == "mse"].eval("high - low")
    assert abs(lower.mean()) < 4 * lower.std() / 8
    assert len(table) == 64 * (2 + sum(len(values) for _, values in group_fits.GRID.values()))

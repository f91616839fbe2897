"""Penalised fits against scikit-learn, and the zeros that must be there."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, QuantileRegressor, Ridge

from experiments.penalised import TRUTHS, coefficient_paths, data_of, errors, fitted, penalised, top_price
from experiments.sparsity import PRICES, _gain
from robustfit.catalogue import make
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty


@pytest.fixture(scope="module")
def data():
    return data_of("few and large", 4)


def test_the_lasso_and_ridge_are_scikit_learns(data):
    alpha = 0.7
    for i in range(2):
        features = data.X[i, :, 1:]
        lasso = Lasso(alpha=alpha / 2, tol=1e-12, max_iter=100_000).fit(features, data.y[i])
        ridge = Ridge(alpha=50 * alpha / 2).fit(features, data.y[i])
        ours = [fitted(data.take(slice(i, i + 1)), make("loss", "mse"), kind(alpha)).coef[0, 1:] for kind in (L1, L2)]
        assert ours[0] == pytest.approx(lasso.coef_, abs=1e-8)
        assert (ours[0] == 0).tolist() == (lasso.coef_ == 0).tolist()
        assert ours[1] == pytest.approx(ridge.coef_, abs=1e-8)


def test_the_penalised_lad_fit_is_scikit_learns(data):
    one = data.take(slice(0, 1))
    ours = fitted(one, make("loss", "mae"), L1(0.3)).coef[0, 1:]
    theirs = QuantileRegressor(quantile=0.5, alpha=0.15, solver="highs").fit(one.X[0, :, 1:], one.y[0])
    assert ours == pytest.approx(theirs.coef_, abs=1e-7)


@pytest.mark.parametrize("loss", ["mse", "huber", "mae"])
def test_above_its_top_price_the_lasso_has_no_slopes_and_below_it_has(data, loss):
    one = data.take(slice(0, 1))
    top = top_price(one, make("loss", loss))
    slopes = [fitted(one, make("loss", loss), L1(share * top)).coef[0, 1:] for share in (1.001, 0.9)]
    assert not slopes[0].any() and slopes[1].any()


def test_lad_passes_through_as_many_rows_as_it_has_coefficients_and_mse_through_none():
    table = penalised("all alike", [0.1], 3)
    free = table[table["penalty"] == "none"].groupby("loss")["through"].unique()
    assert list(free["mae"]) == [9] and list(free["mse"]) == [0]


def test_the_error_is_that_of_the_prediction_on_new_rows(data):
    coef = fitted(data, make("loss", "mse"), NoPenalty()).coef
    new = data_of("few and large", 256).X.reshape(-1, 9)
    off = new @ (coef[0] - data.truth.coef)
    assert errors(data.truth, coef)[0] == pytest.approx(np.sqrt(np.square(off).mean()), rel=0.05)  # 12,800 rows


def test_paths_shrink_to_nothing_under_l1_and_not_quite_under_l2():
    table = coefficient_paths("few and large", [0.01, 1.5])
    last = table[table["price"] == 1.5].groupby("penalty")["slope"].apply(lambda slopes: np.abs(slopes).max())
    assert last["L1"] == 0 < last["L2"]


def test_the_price_is_chosen_on_one_half_and_judged_on_the_other():
    table = penalised("all alike", list(PRICES), 4).assign(truth="all alike")
    mine = table[(table["loss"] == "mse") & (table["penalty"] == "L2")].pivot(
        index="sample", columns="price", values="error"
    )
    free = table[(table["loss"] == "mse") & (table["penalty"] == "none")].sort_values("sample")["error"].to_numpy()
    best = mine.loc[:1].mean().idxmin()
    expected = mine.loc[2:, best].mean() / free[2:].mean()
    assert _gain(table, "mse", "all alike", "L2").value == pytest.approx(expected)


def test_the_truths_are_those_of_the_paper():
    assert TRUTHS["few and large"] == (3.0, 1.5, 0, 0, 2.0, 0, 0, 0) and set(TRUTHS["all alike"]) == {0.85}

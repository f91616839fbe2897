"""Every column on a case that can be computed by hand, and the detection measures against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from robustfit import metrics
from robustfit.catalogue import make, names
from robustfit.data import Data, Truth
from robustfit.fit import Fit, Solution, Status, statuses
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.metrics import regression
from robustfit.metrics.measures import average_precision
from robustfit.noises.normal import Normal
from robustfit.noises.skewed import Skewed
from robustfit.noises.t import T

searched = settings(deadline=None, derandomize=True, max_examples=100)


def fit_of(coef, loss):
    """A fit with these coefficients, `(1, p)`, as a solver might have returned it."""
    coef = np.atleast_2d(np.array(coef, dtype=float))
    batch = coef.shape[:1]
    counts = np.full(batch, 7), np.full(batch, 9)
    solution = Solution(coef, *counts, np.full(batch, True), statuses(batch, Status.converged))
    return Fit(
        coef, np.full(batch, 1.5), coef, np.full(batch, 4.0), np.full(batch, 1e-3), np.full(batch, 1e-2),
        np.full(batch, "dual"), np.full(batch, False), np.full(batch, True), solution, loss, "newton",
    )  # fmt: skip


X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
TRUTH = Truth(np.array([1.0, 2.0]), np.array([[1.0, 1.5], [1.5, 3.5]]), Normal(1.0))
CLEAN = np.array([1.0, 3.0, 5.0, 7.0])
SEEN = np.array([1.0, 3.0, 5.0, 17.0])
"""y = 1 + 2 x with one row moved up by 10; the fit is 1 + 3 x, so residuals are 0 -1 -2 7, clean ones 0 -1 -2 -3."""
DATA = Data(X[None], SEEN[None], X[None], CLEAN[None], np.array([[False, False, False, True]]), TRUTH)
FIT = fit_of([1.0, 3.0], MSE())

BY_HAND = {
    "n_samples": 4,
    "n_features": 1,
    "n_outliers": 1,
    "intercept": 1.0,
    "coef": [3.0],
    "true_intercept": 1.0,
    "true_coef": [2.0],
    "target_intercept": 1.0,
    "intercept_error": 0.0,
    "slope_error": 1.0,
    "coef_error": 1.0,
    "surface_error": np.sqrt(3.5),  # (0 1) M (0 1)'
    "scale_value": 1.5,
    "clean_rmse": np.sqrt(14.0 / 4.0),
    "clean_mae": 6.0 / 4.0,
    "marked_rmse": 7.0,
    "outlier_ap": 1.0,
    "outlier_precision": 1.0,  # 2.5 MAD = 2.5 * 1.4826 * 1.5 = 5.6: only the residual of 7 is flagged
    "outlier_recall": 1.0,
    "status": "converged",
    "solver_used": "newton",
    "solver_success": True,
    "false_success": True,
    "n_iter": 7,
    "n_eval": 9,
    "objective": 4.0,
    "gradient_norm": 1e-3,
    "gap": 1e-2,
    "gap_kind": "dual",
    "certified": False,
}


def test_all_columns_by_hand():
    measured = metrics.measure(DATA, FIT)
    assert list(measured) == list(BY_HAND)
    for name, value in measured.items():
        assert len(value) == 1, name
        if isinstance(BY_HAND[name], str):
            assert value[0] == BY_HAND[name], name
        else:
            np.testing.assert_allclose(value[0], BY_HAND[name], rtol=1e-14, err_msg=name)


def test_every_column_is_documented():
    for name, column in metrics.columns().items():
        assert column.__doc__ and len(column.__doc__.splitlines()[0]) > 10, name


@pytest.mark.parametrize(
    ("marks", "ap", "precision", "recall"),
    [
        ([0, 0, 1, 1], 1.0, 1.0, 0.5),
        ([1, 0, 0, 1], (1.0 + 2.0 / 4.0) / 2.0, 1.0, 0.5),
        ([1, 0, 0, 0], 1.0 / 4.0, 0.0, 0.0),
        ([0, 0, 0, 0], np.nan, np.nan, np.nan),
    ],
    ids=str,
)
def test_detection_by_hand(marks, ap, precision, recall):
    """The residuals are 0 -1 -2 7, and 7 alone is flagged."""
    data = replace(DATA, outliers=np.array([marks], dtype=bool))
    measured = metrics.measure(data, FIT)
    found = [measured[name].item() for name in ("outlier_ap", "outlier_precision", "outlier_recall")]
    np.testing.assert_allclose(found, [ap, precision, recall])
    assert np.isnan(regression.marked_rmse(data, FIT)).item() == (not any(marks))


def test_precision_is_empty_where_nothing_is_flagged():
    even = replace(DATA, y=X[None] @ [1.0, 3.0] + np.array([1.0, -1.0, 1.0, -1.0]))
    assert np.isnan(regression.outlier_precision(even, FIT)).all()
    assert regression.outlier_recall(even, FIT) == 0.0


def test_good_leverage_points_are_no_positives():
    data = replace(DATA, bad_leverage=False)
    for column in (regression.outlier_ap, regression.outlier_precision, regression.outlier_recall):
        assert np.isnan(column(data, FIT)).all()
    assert regression.marked_rmse(data, FIT) == 7.0


@searched
@given(data=st.data(), n=st.integers(1, 12))
def test_average_precision_is_scikit_learns(data, n):
    scores = np.array(data.draw(st.lists(st.integers(0, 4).map(float) | st.floats(0, 4), min_size=n, max_size=n)))
    positive = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    assume(positive.any())
    ours = average_precision(np.stack([scores, scores[::-1]]), np.stack([positive, positive[::-1]]))
    np.testing.assert_allclose(ours, average_precision_score(positive, scores), rtol=1e-12)


def test_columns_about_truth_are_empty_where_it_is_unknown():
    measured = metrics.measure(replace(DATA, truth=None), FIT)
    about_truth = ["true_intercept", "true_coef", "target_intercept", "intercept_error", "slope_error", "coef_error",
                   "surface_error"]  # fmt: skip
    for name, value in measured.items():
        assert np.isnan(np.asarray(value, dtype=float)).all() == (name in about_truth) if name in about_truth else True
    assert np.isfinite([measured[name].item() for name in ("intercept", "clean_rmse", "outlier_ap")]).all()


def test_without_an_intercept():
    truth = Truth(np.array([2.0]), np.array([[3.5]]), Normal(1.0))
    data = Data(X[None, :, 1:], SEEN[None], X[None, :, 1:], CLEAN[None], DATA.outliers, truth, intercept=False)
    measured = metrics.measure(data, fit_of([3.0], MSE()))
    assert measured["n_features"] == 1 and measured["slope_error"] == 1.0 and measured["coef_error"] == 1.0
    assert measured["surface_error"] == pytest.approx(np.sqrt(3.5))
    assert np.isnan([measured[name] for name in ("intercept", "true_intercept", "target_intercept")]).all()


# --- targets


@pytest.mark.parametrize(
    ("loss", "estimate"),
    [
        (MSE(), np.mean),
        (MAE(), np.median),
        (Quantile(0.9), lambda errors: np.quantile(errors, 0.9)),
        (Quantile(0.1), lambda errors: np.quantile(errors, 0.1)),
    ],
    ids=["mse", "mae", "quantile-0.9", "quantile-0.1"],
)
@pytest.mark.parametrize("noise", names("scenario/noise"))
def test_the_target_is_what_a_large_sample_gives(noise, loss, estimate):
    noise = make("scenario/noise", noise)
    data = replace(DATA, truth=replace(TRUTH, noise=noise))
    n = 200_000
    errors = noise.draw(np.random.default_rng(0), (n,))
    # the densities are above 0.05 / scale at these quantiles: 5 standard errors are at most 5 * 10 / sqrt(n) scales
    target = regression.target_intercept(data, fit_of([1.0, 3.0], loss)).item()
    assert target - 1.0 == pytest.approx(estimate(errors), abs=50.0 / np.sqrt(n) * noise.scale)


@pytest.mark.parametrize("loss", [Huber(), make("loss", "bisquare")], ids=repr)
@pytest.mark.parametrize("noise", names("scenario/noise"))
def test_other_losses_have_a_target_where_the_noise_is_symmetric(loss, noise):
    noise = make("scenario/noise", noise)
    target = regression.target_intercept(replace(DATA, truth=replace(TRUTH, noise=noise)), fit_of([1.0, 3.0], loss))
    assert (target == 1.0).all() if noise.symmetric else np.isnan(target).all()


def test_a_mean_that_does_not_exist_is_no_target():
    data = replace(DATA, truth=replace(TRUTH, noise=T(df=1.0)))
    assert (
        np.isnan(regression.target_intercept(data, FIT)).all() and np.isnan(regression.surface_error(data, FIT)).all()
    )
    assert regression.surface_error(data, fit_of([1.0, 3.0], MAE())) == pytest.approx(np.sqrt(3.5))


def test_the_intercepts_error_is_from_its_target():
    data = replace(DATA, truth=replace(TRUTH, noise=Skewed(2.0)))
    aimed = 1.0 + 2.0 * (np.log(10.0) - 1.0)  # the 90 % quantile of sigma (E - 1)
    fit = fit_of([aimed + 0.25, 2.0], Quantile(0.9))
    for column in (regression.intercept_error, regression.coef_error, regression.surface_error):
        assert column(data, fit) == pytest.approx(0.25)


@pytest.mark.parametrize("units", [[1.0, 1e-6], [1.0, 1e4]], ids=str)
def test_surface_error_does_not_change_with_the_design(units):
    """Another unit and another origin of x: X A, A^-1 b, A' M A."""
    turn = np.array([[1.0, -2.0], [0.0, 1.0]]) * units
    truth = Truth(np.linalg.solve(turn, TRUTH.coef), turn.T @ TRUTH.moment @ turn, TRUTH.noise)
    data = replace(DATA, X=DATA.X @ turn, X_clean=DATA.X_clean @ turn, truth=truth)
    fit = fit_of(np.linalg.solve(turn, FIT.coef[0]), MSE())
    assert regression.surface_error(data, fit) == pytest.approx(regression.surface_error(DATA, FIT), rel=1e-9)
    assert regression.slope_error(data, fit) == pytest.approx(1.0 / units[1], rel=1e-9)


def test_surface_error_is_the_rms_distance_over_clean_rows():
    rng = np.random.default_rng(1)
    rows = np.column_stack([np.ones(500), rng.normal(2.0, 3.0, 500)])
    data = replace(DATA, truth=replace(TRUTH, moment=rows.T @ rows / 500))
    distance = rows @ (FIT.coef[0] - TRUTH.coef)
    assert regression.surface_error(data, FIT) == pytest.approx(np.sqrt((distance**2).mean()), rel=1e-12)


def test_a_batch_is_its_members():
    rng = np.random.default_rng(2)
    rows, seen = np.broadcast_to(X, (3, 4, 2)), rng.normal(size=(3, 4))
    marks = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    data, fit = Data(rows, seen, rows, seen - 1.0, marks, TRUTH), fit_of(rng.normal(size=(3, 2)), MAE())
    whole = metrics.measure(data, fit)
    for i in range(3):
        single = metrics.measure(data.take(slice(i, i + 1)), fit_of(fit.coef[i], MAE()))
        for name in whole:
            np.testing.assert_array_equal(whole[name][i], single[name][0], err_msg=name)

"""RobustRegressor is a scikit-learn estimator like any other, and says the same as scikit-learn where they overlap."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, QuantileRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from robustfit import RobustRegressor
from robustfit.errors import BadParameter, Incompatible, RobustfitError, Unknown
from robustfit.fit import Status
from robustfit.losses.huber import Huber
from robustfit.losses.quantile import Quantile
from robustfit.penalties.l2 import L2
from robustfit.scales.fixed import Fixed
from robustfit.task import fitting

N, P = 60, 3
CHECKED = [RobustRegressor(loss) for loss in fitting("loss", "regression")]
CHECKED += [RobustRegressor(solver=solver) for solver in ("newton", "slsqp", "nelder_mead")]
CHECKED += [RobustRegressor("mae", solver="newton"), RobustRegressor(scale="fixed", initial="ols", penalty="l2")]
CHECKED += [RobustRegressor(fit_intercept=False)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the checks fit degenerate data too
@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def sample(n=N):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, P))
    y = 1.0 + X @ [2.0, -1.0, 0.5] + rng.standard_t(3, n)
    y[:3] += 20.0
    return X, y


X, Y = sample()
W = np.random.default_rng(1).integers(1, 4, N).astype(float)


# --- what it says


@pytest.mark.parametrize("loss", fitting("loss", "regression"))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_attributes(loss, fit_intercept):
    model = RobustRegressor(loss, fit_intercept=fit_intercept).fit(X, Y)
    assert model.coef_.shape == (P,) and isinstance(model.intercept_, float)
    assert model.n_features_in_ == P and model.n_iter_ >= 1 and model.scale_ > 0
    assert model.intercept_ == 0.0 or fit_intercept
    np.testing.assert_allclose(model.predict(X), X @ model.coef_ + model.intercept_)
    assert model.score(X, Y) == pytest.approx(1.0 - ((Y - model.predict(X)) ** 2).sum() / ((Y - Y.mean()) ** 2).sum())
    assert model.certified_ == (model.gap_ <= 1e-9 and model.fit_.gap_kind.item() != "stationary")
    assert model.certified_ == model.fit_.loss.convex
    assert model.status_ is Status.converged
    assert model.objective_ == model.fit_.objective


def test_the_default_is_huber_from_lad_in_units_of_the_mad():
    model = RobustRegressor()
    assert (model.loss, model.initial, model.scale, model.solver) == ("huber", "lad", "mad", "auto")
    # standard errors are about 1.5 / sqrt(60)
    np.testing.assert_allclose(model.fit(X, Y).coef_, [2.0, -1.0, 0.5], atol=0.8)
    assert np.abs(LinearRegression().fit(X, Y).intercept_ - 1.0) > 2 * abs(model.intercept_ - 1.0)


def test_names_and_objects_are_the_same():
    named = RobustRegressor("quantile", scale="fixed", solver="newton").set_params(loss__tau=0.9).fit(X, Y)
    given = RobustRegressor(Quantile(tau=0.9), scale=Fixed(1.0), solver="newton").fit(X, Y)
    np.testing.assert_array_equal(named.coef_, given.coef_)


# --- agreement with scikit-learn


def assert_same(ours, theirs, rtol):
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=rtol)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=rtol)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
def test_mse_is_linear_regression(fit_intercept, weights):
    ours = RobustRegressor("mse", fit_intercept=fit_intercept).fit(X, Y, weights)
    # SciPy's L-BFGS-B starts at least squares; what remains is rounding
    assert_same(ours, LinearRegression(fit_intercept=fit_intercept).fit(X, Y, weights), 1e-9)


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
@pytest.mark.parametrize("solver", ["auto", "newton"])
def test_quantile_is_quantile_regressor(tau, weights, solver):
    ours = RobustRegressor(Quantile(tau), solver=solver).fit(X, Y, weights)
    theirs = QuantileRegressor(quantile=tau, alpha=0.0).fit(X, Y, weights)
    # vertices are exact to the condition of a p x p system; HiGHS's tolerance is 1e-7
    assert_same(ours, theirs, 1e-6)
    if tau == 0.5:
        assert_same(ours, RobustRegressor("mae", solver=solver).fit(X, Y, weights), 1e-9)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
@pytest.mark.parametrize("solver", ["auto", "newton"])
def test_mse_with_l2_is_ridge(alpha, weights, solver):
    """Ours is a mean of squares plus alpha / 2 |b|^2, Ridge's a sum plus alpha |b|^2: theirs is n alpha / 2."""
    ours = RobustRegressor("mse", penalty=L2(alpha), solver=solver).fit(X, Y, weights)
    total = N if weights is None else weights.sum()
    assert_same(ours, Ridge(alpha=0.5 * alpha * total).fit(X, Y, weights), 1e-6)
    assert ours.certified_


def test_weights_are_repetition_and_a_weight_of_zero_is_absence():
    counts = np.arange(N) % 3
    weighted = RobustRegressor().fit(X, Y, counts)
    repeated = RobustRegressor().fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    # two runs of L-BFGS-B, each to a gradient of 1e-9
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)
    assert weighted.scale_ == pytest.approx(repeated.scale_, rel=1e-9)


# --- among scikit-learn's tools


def test_pipeline_and_grid_search():
    model = make_pipeline(StandardScaler(), RobustRegressor("huber"))
    grid = {"robustregressor__loss__delta": [0.5, 1.345, 5.0], "robustregressor__scale": ["mad", Fixed(1.0)]}
    search = GridSearchCV(model, grid, cv=3, scoring="neg_median_absolute_error").fit(X, Y)
    assert len(search.cv_results_["params"]) == 6
    best = search.best_estimator_[-1]
    assert best.loss == Huber(search.best_params_["robustregressor__loss__delta"])
    scores = search.cv_results_["mean_test_score"].reshape(3, 2)
    assert len(np.unique(scores[:, 1])) == 3  # with a fixed scale every delta is another fit


def test_a_grid_over_losses_and_their_parameters():
    search = GridSearchCV(RobustRegressor(), [{"loss": ["mae", "mse"]}, {"loss": ["huber"], "loss__delta": [1.0, 2.0]}])
    assert search.fit(X, Y).best_estimator_.fit_.certified


@pytest.mark.parametrize("loss", [*fitting("loss", "regression"), Quantile(0.9)], ids=str)
def test_parameters_round_trip(loss):
    model = RobustRegressor(loss, solver="newton", penalty="none")
    again = RobustRegressor().set_params(**model.get_params())
    copy = clone(model)
    assert copy.get_params(deep=False) == model.get_params(deep=False)
    for other in (again, copy):
        np.testing.assert_array_equal(other.fit(X, Y).coef_, model.fit(X, Y).coef_)
    assert "RobustRegressor" in repr(model)


def test_deep_parameters():
    params = RobustRegressor(Huber(2.0), scale=Fixed(3.0)).get_params()
    assert params["loss__delta"] == 2.0 and params["scale__value"] == 3.0
    assert "loss" not in [name for name in RobustRegressor().get_params(deep=False) if "__" in name]
    model = RobustRegressor("huber").set_params(loss__delta=3)
    assert model.loss == Huber(3.0)
    assert RobustRegressor("mae").set_params(loss="huber", loss__delta=0.5).loss == Huber(0.5)


def test_pandas():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = RobustRegressor().fit(frame, pd.Series(Y), pd.Series(W))
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(model.coef_, RobustRegressor().fit(X, Y, W).coef_)
    assert model.predict(frame).shape == (N,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_memory_layout_and_type_do_not_matter(order, dtype):
    whole = np.round(4 * X)
    model = RobustRegressor().fit(np.asarray(whole, dtype=dtype, order=order), Y)
    np.testing.assert_allclose(model.coef_, RobustRegressor().fit(whole, Y).coef_, rtol=1e-9)


# --- what it refuses, and what it warns of


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"loss": "hubber"}, Unknown, r"no loss 'hubber' \(did you mean 'huber'\?\); there are: bisquare, .*welsch"),
        ({"solver": "newtn"}, Unknown, "no solver 'newtn'.*newton.*trust_ncg"),
        ({"scale": "mda"}, Unknown, "no scale 'mda'.*fixed.*mad"),
        ({"initial": "zeros"}, Unknown, "no initial 'zeros'.*lad, .*ols"),
        ({"penalty": "l3"}, Unknown, "no penalty 'l3'.*l2.*none"),
        ({"loss": 3}, BadParameter, "loss=3: must be a Loss"),
        ({"loss": Huber}, BadParameter, "loss=.*must be a Loss"),
        ({"loss": "hinge"}, Incompatible, "loss=hinge is for classification; for regression there are bisquare, .*mse"),
        ({"loss": "giou"}, Incompatible, "loss=giou is for boxes; for regression there are"),
        ({"scale": 1.0}, BadParameter, "scale=1.0: must be a .*Scale"),
        ({"solver": "linear_program"}, Incompatible, "linear_program needs a PolyhedralLoss; Huber.*newton"),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
def test_wrong_parameters_are_named_with_those_that_exist(parameters, error, message):
    model = RobustRegressor(**parameters)
    with pytest.raises(error, match=message) as caught:
        model.fit(X, Y)
    assert isinstance(caught.value, (RobustfitError, ValueError))
    assert len(str(caught.value).splitlines()) <= 2


def test_wrong_inner_parameters():
    with pytest.raises(BadParameter, match="loss__c: no such parameter; loss has: delta"):
        RobustRegressor("huber").set_params(loss__c=1.0)
    with pytest.raises(BadParameter, match="delta=-1: must be a number, greater than 0"):
        RobustRegressor("huber").set_params(loss__delta=-1)
    with pytest.raises(ValueError, match="Invalid parameter 'los'"):
        RobustRegressor().set_params(los="huber")
    with pytest.raises(BadParameter, match="wide__x"):
        RobustRegressor().set_params(wide__x=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["X", "y", "weights"])
def test_what_is_not_finite_is_refused(bad, place):
    data = {"X": X.copy(), "y": Y.copy(), "weights": W.copy()}
    data[place][1] = bad
    with pytest.raises(ValueError, match="NaN|infinity|Negative"):
        RobustRegressor().fit(data["X"], data["y"], data["weights"])


@pytest.mark.parametrize(("weights", "message"), [(-W, "Negative"), (0.0 * W, "zero"), (W[:3], "shape")])
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        RobustRegressor().fit(X, Y, weights)


def test_predict_before_fit():
    with pytest.raises(NotFittedError):
        RobustRegressor().predict(X)


def test_dependent_columns_warn():
    with pytest.warns(ConvergenceWarning, match="rank_deficient: the columns are linearly dependent"):
        model = RobustRegressor().fit(np.column_stack([X, X[:, 0]]), Y)
    np.testing.assert_allclose(model.coef_[[0, 3]], RobustRegressor().fit(X, Y).coef_[0] / 2, rtol=1e-6)


def test_fewer_rows_than_columns_warn_and_interpolate():
    with pytest.warns(ConvergenceWarning, match="rank_deficient"):
        model = RobustRegressor().fit(X[:2], Y[:2])
    assert_same(model, LinearRegression().fit(X[:2], Y[:2]), 1e-9)
    assert model.scale_ == 0.0 and model.gap_ == 0.0


@pytest.mark.parametrize("loss", ["huber", "bisquare"])
def test_a_scale_of_zero_warns(loss):
    y = np.where(np.arange(N) < N // 4, Y, 1.0 + X @ [2.0, -1.0, 0.5])
    with pytest.warns(ConvergenceWarning, match="zero_scale"):
        model = RobustRegressor(loss).fit(X, y)
    np.testing.assert_allclose(model.coef_, [2.0, -1.0, 0.5], rtol=1e-9)
    assert model.scale_ == 0.0


def test_a_limit_of_iterations_warns():
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        RobustRegressor(solver="lbfgs").set_params(solver__max_iter=1).fit(X, Y)


def test_a_perfect_fit_does_not_warn():
    model = RobustRegressor().fit(X, 1.0 + X @ [2.0, -1.0, 0.5])
    assert model.status_ is Status.perfect_fit and model.certified_

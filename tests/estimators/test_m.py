"""M-estimators keep their equivariances, and do what DESIGN says where data are degenerate: no exception, no NaN."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from robustfit.catalogue import make
from robustfit.errors import Incompatible
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.penalties.l2 import L2
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import MAD
from robustfit.solvers.linear_program import LinearProgram
from robustfit.solvers.newton import Newton
from robustfit.task import fitting

N, P = 40, 3
LOSSES = {name: make("loss", name) for name in fitting("loss", "regression")}
LAD, OLS = make("initial", "lad"), make("initial", "ols")
each = pytest.mark.parametrize("loss", LOSSES)
ACCURATE = 1e-6
"""Newton stops when it predicts a decrease below 1e-14 of the objective: 1e-7 in the coefficients, in units of the
scale; everything else here is rounding."""


def estimator(loss, **parts):
    return M(**{"loss": LOSSES[loss], "solver": Newton(), "scale": MAD(), "initial": LAD} | parts)


def sample(seed=0, outliers=4):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, P - 1))])
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=N)
    y[:outliers] += 15.0
    return X, y


def close(ours, theirs, scale=1.0):
    np.testing.assert_allclose(ours, theirs, rtol=ACCURATE, atol=ACCURATE * scale)


# --- equivariance


@each
@pytest.mark.parametrize("shift", [[3.0, -2.0, 5.0], [1e6, 0.0, 0.0]], ids=str)
def test_regression_equivariance(loss, shift):
    X, y = sample()
    plain, moved = estimator(loss).fit(X, y), estimator(loss).fit(X, y + X @ shift)
    close(moved.coef - shift, plain.coef)
    close(moved.scale, plain.scale)


@each
@pytest.mark.parametrize("factor", [1e-150, 1e-6, -1.0, 1e6, 1e150])
def test_scale_equivariance(loss, factor):
    X, y = sample()
    plain, scaled = estimator(loss).fit(X, y), estimator(loss).fit(X, factor * y)
    close(scaled.coef / factor, plain.coef)
    close(scaled.scale / abs(factor), plain.scale)
    assert scaled.status is not None and scaled.certified == plain.certified


@each
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_affine_equivariance(loss, unit):
    X, y = sample()
    turn = np.array([[1.0, 0.5, -2.0], [0.0, 3.0, 1.0], [0.0, -1.0, 2.0]]) * [1.0, unit, 1.0]
    plain, turned = estimator(loss).fit(X, y), estimator(loss).fit(X @ turn, y)
    close(turn @ turned.coef, plain.coef)
    close(turned.scale, plain.scale)


@each
def test_the_order_of_rows_does_not_matter(loss):
    X, y = sample()
    order = np.random.default_rng(1).permutation(N)
    close(estimator(loss).fit(X[order], y[order]).coef, estimator(loss).fit(X, y).coef)


@each
@pytest.mark.parametrize("penalty", [{}, {"penalty": L2(0.1)}], ids=["plain", "penalised"])
def test_weights_are_repetition(loss, penalty):
    if penalty and Newton().refuses(LOSSES[loss], penalty["penalty"]):
        return
    X, y = sample()
    counts = np.random.default_rng(2).integers(1, 4, N)
    counts[0] += counts.sum() % 2 == 0  # of an even number of rows the median is any of an interval
    weighted = estimator(loss, **penalty).fit(X, y, counts.astype(float))
    repeated = estimator(loss, **penalty).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    close(weighted.coef, repeated.coef)
    close(weighted.scale, repeated.scale)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-12)


@each
def test_batches_are_their_members(loss):
    X, y = (np.stack(part).reshape(2, 3, *part[0].shape) for part in zip(*map(sample, range(6)), strict=True))
    whole = estimator(loss).fit(X, y)
    assert whole.coef.shape == (2, 3, P)
    for index in np.ndindex(2, 3):
        single = estimator(loss).fit(X[index], y[index])
        for part in ("coef", "scale", "initial", "objective", "status"):
            np.testing.assert_array_equal(getattr(whole, part)[index], getattr(single, part))


def test_no_initial_is_least_squares():
    X, y = sample()
    none, ols = (estimator("bisquare", initial=initial).fit(X, y) for initial in (None, OLS))
    close(none.coef, ols.coef)
    close(ols.initial, np.linalg.lstsq(X, y)[0])
    assert none.scale == pytest.approx(1.4826022185056 * np.median(np.abs(y - X @ ols.initial)), rel=1e-9)


def test_the_scale_after_lad_leaves_out_the_zeros_of_lad():
    X, y = sample()
    fit = estimator("huber").fit(X, y)
    residuals = np.sort(np.abs(y - X @ estimator("mae").fit(X, y).coef))
    assert (residuals[:P] < 1e-12).all()
    assert fit.scale == pytest.approx(1.4826022185056 * np.median(residuals[P:]), rel=1e-12)


# --- what robustness needs: DESIGN section 3


@pytest.mark.parametrize("far", [1e3, 1e6])
def test_huber_breaks_down_with_least_squares_and_stands_with_lad(far):
    """One gross outlier at a leverage point in y: least squares residuals, hence their MAD, grow with it."""
    X, y = sample(outliers=0)
    y[0] += far
    truth = np.array([1.0, 2.0, -1.0])
    standing, broken = (estimator("huber", initial=initial).fit(X, y) for initial in (LAD, OLS))
    # standard errors are about 1 / sqrt(40)
    assert np.abs(standing.coef - truth).max() < 0.7 and standing.scale < 2.0
    # the outlier spreads about far / n over all residuals
    assert np.abs(broken.coef - truth).max() > 1e-3 * far and broken.scale > 1e-2 * far
    assert standing.certified and broken.certified


def test_redescending_fits_start_from_the_initial_fit():
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(100), rng.normal(size=100)])
    y = X @ [1.0, 2.0] + rng.normal(size=100)
    y[:30] += 10.0
    from_lad, from_ols = (estimator("bisquare", initial=initial).fit(X, y) for initial in (LAD, OLS))
    assert np.abs(from_lad.coef - [1.0, 2.0]).max() < 0.5 < np.abs(from_ols.coef - [1.0, 2.0]).max()


# --- a scale of 0


def mostly_on_a_line():
    X, y = sample()
    return X, np.where(np.arange(N) < N // 4, y + 5.0, X @ [1.0, 2.0, -1.0])


@each
@pytest.mark.parametrize("initial", [LAD, OLS], ids=["lad", "ols"])
def test_zero_scale(loss, initial):
    X, y = mostly_on_a_line()
    fit = estimator(loss, initial=initial).fit(X, y)
    if initial is OLS and loss != "mae":
        assert fit.scale > 0 and fit.status.item() is Status.converged
    elif loss == "mse":
        close(fit.coef, np.linalg.lstsq(X, y)[0])
        assert fit.status.item() is Status.converged and fit.certified
    else:
        np.testing.assert_allclose(fit.coef, [1.0, 2.0, -1.0], rtol=1e-12)
        assert fit.status.item() is (Status.converged if loss in ("mae", "quantile") else Status.zero_scale)
    if initial is LAD:
        assert fit.scale == 0.0


@pytest.mark.parametrize("loss", [Huber(), LogCosh()], ids=repr)
def test_the_limit_is_the_limit(loss):
    """Shrinking fixed scales lead to the LAD fit that a scale of 0 stands for."""
    X, y = mostly_on_a_line()
    at_zero = M(loss, Newton(), MAD(), LAD).fit(X, y).coef
    distances = [np.abs(M(loss, Newton(), Fixed(s), LAD).fit(X, y).coef - at_zero).max() for s in (1.0, 0.1, 0.01)]
    assert distances[0] > distances[1] > distances[2] and distances[2] < 0.02


def test_zero_scale_members_and_others_share_a_batch():
    parts = [sample(), mostly_on_a_line(), sample(5)]
    X, y = (np.stack(part) for part in zip(*parts, strict=True))
    fit = estimator("huber").fit(X, y)
    assert [status.name for status in fit.status] == ["converged", "zero_scale", "converged"]
    for i in range(3):
        np.testing.assert_array_equal(fit.coef[i], estimator("huber").fit(X[i], y[i]).coef)


# --- degenerate data


@each
@pytest.mark.parametrize("solver", ["auto", "newton"])
def test_a_perfect_fit(loss, solver):
    X, _ = sample()
    for coef in ([1.0, 2.0, -1.0], [1e6, 0.0, 0.0], [0.0, 0.0, 0.0]):
        fit = estimator(loss, solver=make("solver", solver)).fit(X, X @ coef)
        close(fit.coef, coef, np.abs(coef).max())
        assert fit.status.item() is Status.perfect_fit
        assert fit.gap == 0.0 and fit.scale == 0.0 and not fit.false_success
        assert fit.certified == (fit.gap_kind != "stationary")


@each
def test_an_equal_y_is_fitted_by_the_intercept(loss):
    X, _ = sample()
    fit = estimator(loss).fit(X, np.full(N, 7.0))
    np.testing.assert_allclose(fit.coef, [7.0, 0.0, 0.0], atol=1e-13)
    assert fit.status.item() is Status.perfect_fit and fit.gap == 0.0


@each
def test_dependent_columns_give_the_shortest_slopes(loss):
    X, y = sample()
    plain = estimator(loss).fit(X, y)
    # a second constant column and a copy of x1: the constant gets nothing, the copies share
    fit = estimator(loss).fit(np.column_stack([X, np.full(N, 5.0), X[:, 1]]), y)
    assert fit.status.item() is Status.rank_deficient
    share = plain.coef[1] / 2
    close(fit.coef, [plain.coef[0], share, plain.coef[2], 0.0, share])
    close(fit.objective, plain.objective)
    assert fit.certified == plain.certified


@each
def test_as_many_rows_as_columns_interpolate(loss):
    X, y = (part[5 : 5 + P] for part in sample())
    fit = estimator(loss).fit(X, y)
    np.testing.assert_allclose(X @ fit.coef, y, rtol=1e-9)
    assert fit.status.item() is Status.perfect_fit and fit.gap == 0.0


@each
@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "origin"])
def test_fewer_rows_than_columns_have_the_interpolant_of_least_norm(loss, n, intercept):
    rng = np.random.default_rng(n)
    features, y = rng.normal(size=(n, 8)), rng.normal(size=n)
    X = np.column_stack([np.ones(n), features]) if intercept else features
    fit = estimator(loss).fit(X, y, intercept=intercept)
    expected = LinearRegression(fit_intercept=intercept).fit(features, y)
    np.testing.assert_allclose(fit.coef[int(intercept) :], expected.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(X @ fit.coef, y, rtol=1e-9)
    assert fit.scale == 0.0 and fit.gap == 0.0
    assert fit.status.item() is Status.rank_deficient


@each
def test_a_column_of_zeros_gets_nothing(loss):
    X, y = sample()
    fit = estimator(loss).fit(np.column_stack([X, np.zeros(N)]), y)
    close(fit.coef, [*estimator(loss).fit(X, y).coef, 0.0])
    assert fit.status.item() is Status.rank_deficient
    nothing = estimator(loss).fit(np.zeros((N, 2)), y, intercept=False)
    np.testing.assert_array_equal(nothing.coef, [0.0, 0.0])


@each
@pytest.mark.parametrize("solver", ["auto", "newton", "nelder_mead"])
def test_members_that_are_not_finite_fail_alone(loss, solver):
    procedure = estimator(loss, solver=make("solver", solver, **({"max_iter": 50} if solver == "nelder_mead" else {})))
    X, y = (np.stack(part) for part in zip(*map(sample, range(4)), strict=True))
    alone = procedure.fit(X, y)
    X[1, 3, 1], y[2, 0] = np.nan, np.inf
    mixed = procedure.fit(X, y)
    np.testing.assert_array_equal(mixed.coef[[0, 3]], alone.coef[[0, 3]])
    assert [status is Status.failed for status in mixed.status] == [False, True, True, False]
    assert not mixed.certified[1:3].any() and not mixed.solution.success[1:3].any()


@each
@pytest.mark.parametrize("size", [1e-300, 1e160, 1e300])
def test_extreme_sizes_are_fitted_or_failed_but_never_certified_wrongly(loss, size):
    X, y = sample()
    plain, fit = estimator(loss).fit(X, y), estimator(loss).fit(X, y * size)
    if fit.status.item() is Status.failed:
        assert not fit.certified
    else:
        np.testing.assert_allclose(fit.coef / size, plain.coef, rtol=1e-5)


@each
@pytest.mark.parametrize("solver", ["auto", "newton"])
@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-150, 1e150, 1e200, 1e300])
def test_columns_of_extreme_sizes_are_fitted(loss, solver, unit):
    """Their squares cannot be represented: as normal equations see them, a column of 1e-200 is a column of zeros."""
    X, y = sample()
    plain, fit = (estimator(loss, solver=make("solver", solver)).fit(X * [1.0, u, 1.0], y) for u in (1.0, unit))
    close(fit.coef * [1.0, unit, 1.0], plain.coef)
    assert fit.certified == plain.certified and fit.status.item() is plain.status.item()


# --- penalties


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "auto"])
@pytest.mark.parametrize("loss", ["mse", "huber", "log_cosh"])
@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e6])
def test_a_penalty_holds_many_columns_together(loss, solver, alpha):
    rng = np.random.default_rng(6)
    X = np.column_stack([np.ones(10), rng.normal(size=(10, 15)) * 10.0 ** rng.integers(-3, 4, 15)])
    y = rng.normal(size=10) + 100.0
    fit = estimator(loss, solver=make("solver", solver), penalty=L2(alpha), scale=Fixed(1.0)).fit(X, y)
    assert np.isfinite(fit.coef).all() and fit.certified
    if alpha == 1e6:
        np.testing.assert_allclose(fit.coef[1:], 0.0, atol=1e-2)


def test_a_penalty_is_weighed_against_the_mean_loss():
    X, y = sample()
    features = X[:, 1:]
    fit = estimator("mse", penalty=L2(0.5)).fit(X, y)
    centred, right = features - features.mean(0), y - y.mean()
    # gradient of mean (y - Xb)^2 + 0.25 |slopes|^2
    expected = np.linalg.solve(2.0 * centred.T @ centred / N + 0.5 * np.eye(2), 2.0 * centred.T @ right / N)
    np.testing.assert_allclose(fit.coef[1:], expected, rtol=1e-10)


def test_solvers_that_cannot_are_refused_before_the_fit():
    with pytest.raises(Incompatible, match="LogCosh.*newton"):
        M(LogCosh(), LinearProgram())
    with pytest.raises(Incompatible, match="linear_program takes no penalty; L2"):
        M(MAE(), LinearProgram(), penalty=L2())
    assert M(MSE(), Newton(), penalty=L2()).penalty == L2()

"""Fits with a scale of their own: both equations hold, other software agrees, units and company do not matter."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor
from sklearn.linear_model._huber import _huber_loss_and_gradient
from sklearn.utils.estimator_checks import parametrize_with_checks

from robustfit import RobustRegressor, joint
from robustfit.catalogue import make, names
from robustfit.errors import Incompatible
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.base import PolyhedralLoss
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.cauchy import Cauchy
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.welsch import Welsch
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.scales.concomitant import Concomitant
from robustfit.scales.fixed import Fixed
from robustfit.scales.iterated import Iterated
from robustfit.scales.proposal2 import Proposal2
from robustfit.solvers.newton import Newton
from robustfit.task import fitting

RULES = {"iterated": Iterated(), "proposal2": Proposal2(), "concomitant": Concomitant()}
LOSSES = {name: make("loss", name) for name in fitting("loss", "regression")}
SMOOTH = {name: loss for name, loss in LOSSES.items() if not loss.scale_free and not isinstance(loss, PolyhedralLoss)}
PAIRS = [(rule, name) for rule in RULES for name, loss in SMOOTH.items() if not RULES[rule].refuses(loss)]
pairs = pytest.mark.parametrize(("rule", "loss"), PAIRS)
LAD, OLS = make("initial", "lad"), make("initial", "ols")

N, P, B = 40, 3, 6
TIGHT = 1e-11
"""Both equations are solved to rounding: what is left is that of the data, in units of the scale."""


def sample(seed=0, n=N, p=P, outliers=0.1):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    y = X @ np.arange(1.0, p + 1.0) + rng.standard_t(3, n)
    y[: int(outliers * n)] += 12.0
    return X, y


def estimator(rule, loss, **parts):
    return M(**{"loss": SMOOTH[loss], "solver": Newton(), "scale": RULES[rule], "initial": LAD} | parts)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=TIGHT, atol=TIGHT)


# --- both equations


@pairs
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("penalty", [NoPenalty(), L2(0.3), L1(0.05)], ids=str)
def test_both_equations_hold(rule, loss, weighted, penalty):
    X, y = sample()
    weights = np.random.default_rng(1).integers(1, 4, N).astype(float) if weighted else None
    fit = estimator(rule, loss, penalty=penalty).fit(X, y, weights)
    assert fit.status.item() is Status.converged and (fit.certified or not fit.loss.convex)
    assert fit.scale == pytest.approx(RULES[rule].update(y - X @ fit.coef, fit.loss, P, weights), rel=TIGHT)
    problem = Problem(X, y, fit.loss, fit.scale, penalty, weights)
    # where a slope is 0 an L1 penalty leaves its gradient free, within the price
    pulled = problem.pull(fit.loss.psi(problem.standardised(fit.coef)))
    given = problem.embed(penalty.subgradient(problem.slopes(fit.coef), problem.slopes(pulled)))
    close(pulled, given)


@pairs
def test_iterated_steps_alone_come_to_the_same(rule, loss):
    """The plain alternation of MASS::rlm, written out."""
    X, y = sample()
    fit, coef = estimator(rule, loss, initial=OLS).fit(X, y), np.linalg.lstsq(X, y)[0]
    for _ in range(500):
        scale = RULES[rule].update(y - X @ coef, fit.loss, P)
        root = np.sqrt(fit.loss.weight((y - X @ coef) / scale))
        coef = np.linalg.lstsq(X * root[:, None], y * root)[0]
    close(fit.coef, coef)
    assert fit.solution.n_iter < 60


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("solver", names("solver"))
def test_every_solver_ends_at_the_joint_fit(solver, loss):
    chosen = make("solver", solver)
    if chosen.refuses(SMOOTH[loss], NoPenalty()):
        return
    X, y = sample()
    fit, exact = estimator("iterated", loss, solver=chosen).fit(X, y), estimator("iterated", loss).fit(X, y)
    assert fit.scale == pytest.approx(exact.scale, rel=1e-12)
    np.testing.assert_allclose(fit.coef, exact.coef, atol=1e-5)


# --- other software


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("norm", "loss"),
    [
        (sm.robust.norms.HuberT(1.345), Huber(1.345)),
        (sm.robust.norms.TukeyBiweight(4.685), Bisquare(4.685)),
        (sm.robust.norms.StudentT(2.385, 1), Cauchy(2.385)),
    ],
    ids=lambda part: type(part).__name__,
)
@pytest.mark.parametrize("rule", [Iterated(), Proposal2(1.345), Proposal2(2.5)], ids=str)
def test_statsmodels_rlm(seed, norm, loss, rule):
    X, y = sample(seed)
    scale = "mad" if rule == Iterated() else sm.robust.scale.HuberScale(d=rule.k, tol=1e-14, maxiter=500)
    theirs = sm.RLM(y, X, M=norm).fit(scale_est=scale, tol=1e-13, conv="coefs", maxiter=1000)
    ours = M(loss, Newton(), rule, OLS).fit(X, y)
    np.testing.assert_allclose(ours.coef, theirs.params, rtol=1e-10, atol=1e-10)
    assert ours.scale == pytest.approx(theirs.scale, rel=1e-10)


@pytest.mark.parametrize("epsilon", [1.1, 1.35, 2.5])
@pytest.mark.parametrize("strength", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_scikit_learns_huber_regressor(epsilon, strength, weighted):
    X, y = sample(2)
    weights = np.random.default_rng(1).integers(1, 4, N).astype(float) if weighted else np.ones(N)
    penalty = L2(strength) if strength else NoPenalty()
    fit = M(Huber(epsilon), Newton(), Concomitant(), LAD, penalty).fit(X, y, weights)
    alpha = strength * weights.sum() * float(fit.scale)  # what its ridge calls ours
    theirs = HuberRegressor(epsilon=epsilon, alpha=alpha, max_iter=10_000).fit(X[:, 1:], y, weights)
    ours = np.array([*fit.coef[1:], fit.coef[0], fit.scale])
    np.testing.assert_allclose(ours, [*theirs.coef_, theirs.intercept_, theirs.scale_], rtol=1e-3)
    # it stops early; at our fit its own objective, which is convex, is stationary to rounding
    value, gradient = _huber_loss_and_gradient(ours, X[:, 1:], y, epsilon, alpha, weights)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12 * value)


@pytest.mark.parametrize("seed", range(5))
def test_the_concomitant_minimum_does_not_depend_on_the_start(seed):
    X, y = sample(seed)
    fits = [M(Huber(1.35), Newton(), Concomitant(), initial).fit(X, y) for initial in (LAD, OLS)]
    close(fits[0].coef, fits[1].coef)
    close(fits[0].scale, fits[1].scale)


# --- equivariances, batches, weights


@pairs
def test_regression_equivariance(rule, loss):
    X, y = sample()
    plain, moved = estimator(rule, loss).fit(X, y), estimator(rule, loss).fit(X, y + X @ [3.0, -2.0, 5.0])
    close(moved.coef - [3.0, -2.0, 5.0], plain.coef)
    close(moved.scale, plain.scale)


@pairs
@pytest.mark.parametrize("factor", [1e-150, 1e-6, -1.0, 1e6, 1e150])
def test_scale_equivariance(rule, loss, factor):
    X, y = sample()
    plain, scaled = estimator(rule, loss).fit(X, y), estimator(rule, loss).fit(X, y * factor)
    close(scaled.coef / factor, plain.coef)
    close(scaled.scale / abs(factor), plain.scale)


@pairs
def test_affine_equivariance(rule, loss):
    X, y = sample()
    turn = np.array([[1.0, 0.5, -2.0], [0.0, 1e3, 0.3], [0.0, -200.0, 1e-2]])
    plain, turned = estimator(rule, loss).fit(X, y), estimator(rule, loss).fit(X @ turn, y)
    np.testing.assert_allclose(turn @ turned.coef, plain.coef, rtol=1e-9)
    close(turned.scale, plain.scale)


def batch():
    samples = [sample(seed, outliers=0.05 * seed) for seed in range(B)]
    return np.stack([X for X, _ in samples]), np.stack([y for _, y in samples])


@pairs
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_batch_is_its_members(rule, loss, weighted):
    X, y = batch()
    weights = np.random.default_rng(1).integers(1, 4, y.shape).astype(float) if weighted else None
    shaped = None if weights is None else weights.reshape(2, 3, N)
    whole = estimator(rule, loss).fit(X.reshape(2, 3, N, P), y.reshape(2, 3, N), shaped)
    assert whole.coef.shape == (2, 3, P) and whole.scale.shape == (2, 3)
    for i in range(B):
        single = estimator(rule, loss).fit(X[i], y[i], None if weights is None else weights[i])
        np.testing.assert_array_equal(whole.coef.reshape(B, P)[i], single.coef)  # bit for bit
        assert whole.scale.ravel()[i] == single.scale and whole.solution.n_iter.ravel()[i] == single.solution.n_iter


@pairs
def test_a_batch_in_chunks_is_the_same(rule, loss, monkeypatch):
    X, y = batch()
    whole = estimator(rule, loss).fit(X, y)
    monkeypatch.setattr(joint, "CHUNK_ENTRIES", 2 * N * P)
    parts = estimator(rule, loss).fit(X, y)
    np.testing.assert_array_equal(parts.coef, whole.coef)
    np.testing.assert_array_equal(parts.scale, whole.scale)


@pairs
def test_a_bad_member_is_alone(rule, loss):
    X, y = batch()
    good = estimator(rule, loss).fit(X, y)
    X[1, 3, 1], y[2, 0], X[3, :, 1] = np.nan, np.inf, 1.0
    y[4] = X[4] @ [1.0, 2.0, 3.0]
    mixed = estimator(rule, loss).fit(X, y)
    close(mixed.coef[[0, 5]], good.coef[[0, 5]])
    names = [status.name for status in mixed.status]
    assert names == ["converged", "failed", "failed", "rank_deficient", "perfect_fit", "converged"]


@pairs
def test_weights_are_repetition(rule, loss):
    X, y = sample()
    weights = np.random.default_rng(1).integers(1, 4, N)
    repeated = estimator(rule, loss).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    weighted = estimator(rule, loss).fit(X, y, weights.astype(float))
    close(weighted.coef, repeated.coef)
    close(weighted.scale, repeated.scale)


# --- where there is no scale, or none is needed


@pairs
def test_a_perfect_fit(rule, loss):
    X, _ = sample()
    fit = estimator(rule, loss).fit(X, X @ [1.0, 2.0, 3.0])
    assert (fit.status.item(), fit.scale.item(), fit.gap.item()) == (Status.perfect_fit, 0.0, 0.0)
    close(fit.coef, [1.0, 2.0, 3.0])


@pairs
def test_most_rows_on_one_surface_leave_no_scale(rule, loss):
    X, y = sample()
    y = X @ [1.0, 2.0, 3.0] + np.where(np.arange(N) < 4, y, 0.0)
    for initial in (LAD, OLS):
        fit = estimator(rule, loss, initial=initial).fit(X, y)
        if initial is OLS and fit.status.item() is not Status.zero_scale:
            # on the way from least squares the scale only shrinks towards 0, or a redescending loss stays elsewhere
            continue
        assert (fit.status.item(), fit.scale.item()) == (Status.zero_scale, 0.0)
        assert initial is OLS or np.allclose(fit.coef, [1.0, 2.0, 3.0], atol=1e-9)


def test_concomitant_at_a_small_delta_is_lad():
    X, y = sample()
    fit, lad = M(Huber(1.0), Newton(), Concomitant(), OLS).fit(X, y), M(MAE(), Newton(), Fixed()).fit(X, y)
    close(fit.coef, lad.coef)
    assert fit.status.item() is Status.zero_scale


@pytest.mark.parametrize("rule", [Iterated(), Proposal2()], ids=str)
@pytest.mark.parametrize("loss", [MSE(), MAE()], ids=str)
def test_a_loss_without_units_reports_the_scale_of_its_own_residuals(rule, loss):
    X, y = sample()
    fit, plain = M(loss, Newton(), rule, LAD).fit(X, y), M(loss, Newton(), Fixed(), LAD).fit(X, y)
    np.testing.assert_array_equal(fit.coef, plain.coef)
    assert fit.scale == rule.update(y - X @ fit.coef, loss, P)
    perfect = M(loss, Newton(), rule, LAD).fit(X, X @ np.ones(P))
    assert (perfect.scale.item(), perfect.status.item()) == (0.0, Status.perfect_fit)


def test_what_does_not_settle_says_so(monkeypatch):
    X, y = batch()
    slowest = M(Bisquare(), Newton(), Iterated(), LAD).fit(X, y).solution.n_iter.max()
    monkeypatch.setattr(joint, "MOST_STEPS", slowest - 2)  # the solver's own step to confirm it, and one too few
    fit = M(Bisquare(), Newton(), Iterated(), LAD).fit(X, y)
    settled = np.array([status is Status.converged for status in fit.status])
    assert 0 < settled.sum() < B
    assert all(status is Status.max_iter for status in fit.status[~settled])
    np.testing.assert_array_equal(fit.solution.success, settled)
    exact = Iterated().update(y - np.einsum("bij,bj->bi", X, fit.coef), fit.loss, P)
    np.testing.assert_allclose(fit.scale[settled], exact[settled], rtol=TIGHT)


def test_a_cycle_is_ended():
    """Reweighted steps with the MAD go to and fro between two points here; Newton's find the one between them."""
    x = [0.3, 0.6, 0.0, -0.1, -0.4, -0.8, -0.1, -2.0, -1.5, 0.2, -1.1, 0.3]
    y = np.array([1.1, 2.8, 0.6, -1.0, 3.8, -21.8, -10.8, -10.9, -6.1, 2.4, 0.6, 1.1])
    X = np.column_stack([np.ones(12), x])
    coef, scales = np.linalg.lstsq(X, y)[0], []
    for _ in range(200):
        scales.append(Iterated().update(y - X @ coef, Bisquare(), 2))
        root = np.sqrt(Bisquare().weight((y - X @ coef) / scales[-1]))
        coef = np.linalg.lstsq(X * root[:, None], y * root)[0]
    assert scales[-1] == pytest.approx(scales[-3], rel=1e-9) and scales[-1] != pytest.approx(scales[-2], rel=1e-3)
    fit = M(Bisquare(), Newton(), Iterated(), OLS).fit(X, y)
    assert fit.status.item() is Status.converged
    assert min(scales[-2:]) < fit.scale < max(scales[-2:])
    close(fit.scale, Iterated().update(y - X @ fit.coef, Bisquare(), 2))


def test_an_endless_walk_says_so():
    """Ten points on which neither kind of step comes to rest: no error, no silence, and the others are not kept."""
    x = [-0.3, -0.6, -0.9, -0.1, -0.6, 1.1, 0.3, 0.6, 1.9, -1.1]
    y = np.array([-0.3, 0.5, -4.0, 1.2, 0.5, 1.5, 1.0, 1.1, -1.3, -2.2])
    X = np.column_stack([np.ones(10), x])
    fit = M(Bisquare(), Newton(), Iterated(), OLS).fit(np.stack([X, X]), np.stack([y, X @ [1.0, 2.0] + np.arange(10)]))
    assert [status.name for status in fit.status] == ["max_iter", "converged"]
    assert fit.solution.n_iter[0] >= joint.MOST_STEPS > 50 > fit.solution.n_iter[1]
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        RobustRegressor("bisquare", scale="iterated", initial="ols", solver="newton").fit(X[:, 1:], y)


# --- what is refused, and the public face


def test_concomitant_refuses_at_construction():
    for loss in (Bisquare(), Welsch(), MAE()):
        with pytest.raises(Incompatible, match="concomitant needs a convex loss"):
            M(loss, scale=Concomitant())


@pytest.mark.parametrize("rule", RULES)
def test_the_regressor_takes_the_name(rule):
    X, y = sample()
    fit = RobustRegressor(LogCosh(), scale=rule).fit(X[:, 1:], y)
    assert fit.certified_ and fit.status_ is Status.converged
    assert fit.scale_ == pytest.approx(RULES[rule].update(y - fit.predict(X[:, 1:]), LogCosh(), P), rel=TIGHT)


CHECKED = [RobustRegressor(solver="newton", scale=rule) for rule in RULES]


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning"
)
@parametrize_with_checks(CHECKED)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)

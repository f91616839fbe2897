"""Scales that are solved for with the fit: each solves its equation to rounding, and knows how it moves."""

import numpy as np
import pytest
from scipy import integrate, optimize
from scipy.stats import norm
from sklearn.linear_model import HuberRegressor
from statsmodels.robust.scale import HuberScale

from robustfit.errors import BadParameter
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.scales.base import chi, m_scale
from robustfit.scales.concomitant import Concomitant
from robustfit.scales.iterated import Iterated
from robustfit.scales.proposal2 import Proposal2, expected_square

P = 2
PAIRS = [
    (Iterated(), Huber()),
    (Iterated(2.0), Bisquare()),
    (Proposal2(), Huber()),
    (Proposal2(0.5), Bisquare()),
    (Proposal2(2.5), LogCosh()),
    (Concomitant(), Huber(1.35)),
    (Concomitant(), LogCosh(1.205)),
    (Concomitant(), SmoothL1(1.5)),
]
pairs = pytest.mark.parametrize(("rule", "loss"), PAIRS, ids=str)
WEIGHTS = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


def sample(batch=(), n=15, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2, (*batch, n)), rng.integers(1, 4, (*batch, n)).astype(float)


@pairs
@WEIGHTS
def test_batches_are_their_members(rule, loss, weighted):
    residuals, weights = sample((2, 3))
    whole = rule.update(residuals, loss, P, weights if weighted else None)
    assert whole.shape == (2, 3)
    slope = rule.slope(residuals, whole, loss, weights if weighted else None)
    for index in np.ndindex(2, 3):
        own = weights[index] if weighted else None
        assert whole[index] == pytest.approx(rule.update(residuals[index], loss, P, own), rel=1e-15)
        np.testing.assert_allclose(slope[index], rule.slope(residuals[index], whole[index], loss, own), rtol=1e-12)


@pairs
def test_weights_are_repetition(rule, loss):
    residuals, weights = sample()
    repeated = np.repeat(residuals, weights.astype(int))
    expected = rule.update(repeated, loss, P)
    assert rule.update(residuals, loss, P, weights) == pytest.approx(expected, rel=1e-14)


@pairs
@WEIGHTS
@pytest.mark.parametrize("units", [1e-300, -3.0, 1e300])
def test_scale_equivariance_without_overflow(rule, loss, weighted, units):
    residuals, weights = sample()
    own = weights if weighted else None
    scale = rule.update(residuals, loss, P, own)
    assert rule.update(residuals * units, loss, P, own) == pytest.approx(scale * abs(units), rel=1e-14)


@pairs
@WEIGHTS
@pytest.mark.parametrize("n", [15, 16])
def test_the_slope_is_the_derivative(rule, loss, weighted, n):
    residuals, weights = sample(n=n)
    own, step = weights if weighted else None, 1e-6
    slope = rule.slope(residuals, rule.update(residuals, loss, P, own), loss, own)
    ends = [rule.update(residuals + sign * step * np.eye(n), loss, P, own) for sign in (1.0, -1.0)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), atol=1e-8)
    assert slope @ residuals == pytest.approx(rule.update(residuals, loss, P, own), rel=1e-12)  # Euler: degree 1


def test_iterated_is_the_median_of_all_sizes():
    residuals, weights = sample((4,))
    np.testing.assert_allclose(Iterated(1.5).update(residuals, Huber(), P), 1.5 * np.median(np.abs(residuals), -1))
    assert Iterated().consistency == pytest.approx(1.0 / norm.ppf(0.75), rel=1e-14)


@pytest.mark.parametrize("k", [1e-3, 0.5, 1.345, 2.5, 40.0])
def test_the_expected_square(k):
    inside, _ = integrate.quad(lambda z: z * z * norm.pdf(z), 0.0, min(k, 10.0), epsabs=1e-15)
    assert expected_square(k) == pytest.approx(2.0 * inside + 2.0 * k * k * norm.sf(k), rel=1e-10)


@pytest.mark.parametrize("k", [0.3, 1.345, 2.5, 100.0])
@WEIGHTS
def test_proposal2_solves_its_equation(k, weighted):
    residuals, weights = sample((50,))
    scale = Proposal2(k).update(residuals, Huber(), P, weights if weighted else None)
    w = weights if weighted else np.ones_like(residuals)
    left = (w * np.minimum(residuals**2, (k * scale[:, None]) ** 2)).sum(-1)
    np.testing.assert_allclose(left, (w.sum(-1) - P) * scale**2 * expected_square(k), rtol=1e-13)


def test_proposal2_is_statsmodels_huber_scale():
    residuals, _ = sample(n=30)
    theirs = HuberScale(d=2.5, tol=1e-14, maxiter=1000)(30 - P, 30, residuals)
    assert Proposal2(2.5).update(residuals, Huber(), P) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("loss", [Huber(1.35), Huber(3.0), LogCosh(1.205), LogCosh(1.0), SmoothL1(1.5)], ids=str)
@WEIGHTS
def test_concomitant_is_the_least_of_its_objective(loss, weighted):
    residuals, weights = sample((20,))
    scales = Concomitant().update(residuals, loss, P, weights if weighted else None)
    for r, w, scale in zip(residuals, weights if weighted else np.ones_like(residuals), scales, strict=True):
        assert w @ chi(loss, r / scale) == pytest.approx(w.sum() / 2, rel=1e-12)

        def value(s, r=r, w=w):
            return w @ (s * loss.rho(r / s) + s / 2)

        least = optimize.minimize_scalar(
            value, bounds=(scale / 5, 5 * scale), method="bounded", options={"xatol": 1e-9}
        )
        assert value(scale) <= least.fun * (1 + 1e-12)


def test_concomitant_of_scikit_learns_residuals():
    X, y = np.random.default_rng(0).normal(size=(50, 2)), sample(n=50)[0]
    theirs = HuberRegressor(epsilon=1.35, alpha=0.0).fit(X, y)
    scale = Concomitant().update(y - theirs.predict(X), Huber(1.35), 3)
    assert scale == pytest.approx(theirs.scale_, rel=1e-4)  # as far as scikit-learn iterates


@pytest.mark.parametrize(("rule", "loss"), [(Proposal2(), Huber()), (Concomitant(), Huber(1.35))], ids=str)
def test_too_many_zeros_leave_no_scale(rule, loss):
    zeros = np.zeros(20)
    assert rule.update(zeros, loss, P) == 0.0
    zeros[:2] = 1e6, -1.0
    assert rule.update(zeros, loss, P) == 0.0
    zeros[:18] = 1.0
    assert rule.update(zeros, loss, P) > 0.0


def test_no_degrees_of_freedom_leave_no_scale():
    assert Proposal2().update(np.array([1.0, 2.0]), Huber(), 2) == 0.0


@pytest.mark.parametrize("delta", [0.5, 1.0])
def test_concomitant_needs_a_delta_above_1(delta):
    assert Concomitant().update(sample()[0], Huber(delta), P) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_member_is_alone(bad):
    residuals, _ = sample((3,))
    good = [m_scale(r, Huber(), np.array(5.0)) for r in residuals]
    residuals[1, 0] = bad
    scale = m_scale(residuals, Huber(), np.full(3, 5.0))
    assert not np.isfinite(scale[1]) and (scale[0], scale[2]) == (good[0], good[2])


@pytest.mark.parametrize("loss", [Bisquare(), MAE()], ids=str)
def test_concomitant_refuses_what_has_no_joint_minimum(loss):
    assert repr(loss) in Concomitant().refuses(loss)
    assert not Iterated().refuses(loss) and not Proposal2().refuses(loss)


@pytest.mark.parametrize(("kind", "name"), [(Iterated, "consistency"), (Proposal2, "k")])
def test_the_constants_are_positive(kind, name):
    with pytest.raises(BadParameter, match=f"{name}=0.*greater than 0"):
        kind(0)

"""The losses against code and formulas that are not ours: SciPy, scikit-learn, statsmodels, PyTorch's and Keras's
published formulas, reference values, and 50-digit arithmetic."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import theory
from scipy import optimize, special
from sklearn import metrics

from robustfit import catalogue
from robustfit.losses.bisquare import Bisquare
from robustfit.losses.cauchy import Cauchy
from robustfit.losses.huber import Huber
from robustfit.losses.log_cosh import LogCosh
from robustfit.losses.mae import MAE
from robustfit.losses.mse import MSE
from robustfit.losses.quantile import Quantile
from robustfit.losses.smooth_l1 import SmoothL1
from robustfit.losses.welsch import Welsch

U = np.linspace(-8.0, 8.0, 162)
CONSTANTS = [0.3, 1.0, 1.345, 4.685]
constants = pytest.mark.parametrize("c", CONSTANTS)


def assert_same(ours, theirs):
    """Equal to a few units in the last place, of the largest value where the other side cancels."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14 * np.abs(theirs).max())


@constants
def test_scipy_huber(c):
    assert_same(Huber(c).rho(U), special.huber(c, U))


@constants
def test_scipy_pseudo_huber_is_the_smooth_neighbour_of_huber(c):
    smooth = special.pseudo_huber(c, U)
    assert (smooth <= Huber(c).rho(U)).all()
    assert (Huber(c).rho(U) <= smooth + 0.5 * c**2).all()


@constants
@pytest.mark.parametrize(
    ("name", "loss", "factor"),
    [("linear", lambda c: MSE(), 0.5), ("huber", Huber, 1.0), ("cauchy", Cauchy, 1.0)],
    ids=["linear", "huber", "cauchy"],
)
def test_scipy_least_squares_cost(name, loss, factor, c):
    cost = optimize.least_squares(lambda x: U + 0.0 * x, [0.0], loss=name, f_scale=c).cost
    assert_same(factor * loss(c).rho(U).sum(), cost)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (MSE(), metrics.mean_squared_error),
        (MAE(), metrics.mean_absolute_error),
        *(
            (Quantile(tau), lambda y, eta, tau=tau: metrics.mean_pinball_loss(y, eta, alpha=tau))
            for tau in (0.1, 0.5, 0.9)
        ),
    ],
    ids=["mse", "mae", "quantile-0.1", "quantile-0.5", "quantile-0.9"],
)
def test_scikit_learn_metrics(loss, metric):
    y, eta = np.random.default_rng(0).normal(scale=[[1.0], [3.0]], size=(2, 50))
    assert_same(loss(y, eta), metric(y, eta))


@constants
@pytest.mark.parametrize(
    ("loss", "norm", "settings", "factor"),
    [
        (lambda c: MSE(), "LeastSquares", lambda c: {}, 0.5),
        (Huber, "HuberT", lambda c: {"t": c}, 1.0),
        (Bisquare, "TukeyBiweight", lambda c: {"c": c}, 1.0),
        (Cauchy, "StudentT", lambda c: {"c": c, "df": 1}, 1.0),
    ],
    ids=["LeastSquares", "HuberT", "TukeyBiweight", "StudentT"],
)
@pytest.mark.parametrize("pair", ["rho rho", "psi psi", "weight weights", "curvature psi_deriv"])
def test_statsmodels_norms(loss, norm, settings, factor, pair, c):
    norms = pytest.importorskip("statsmodels.robust.norms")
    mine, theirs = pair.split()
    ours = factor * getattr(loss(c), mine)(U)
    assert_same(ours, getattr(getattr(norms, norm)(**settings(c)), theirs)(U))


TORCH = {
    "MSELoss": (lambda x, c: x**2, lambda c: MSE()),
    "L1Loss": (lambda x, c: abs(x), lambda c: MAE()),
    "HuberLoss": (lambda x, c: 0.5 * x**2 if abs(x) <= c else c * (abs(x) - 0.5 * c), Huber),
    "SmoothL1Loss": (lambda x, c: 0.5 * x**2 / c if abs(x) < c else abs(x) - 0.5 * c, SmoothL1),
}


@constants
@pytest.mark.parametrize("name", TORCH)
def test_pytorch_formulas(name, c):
    formula, loss = TORCH[name]
    assert_same(loss(c).rho(U), np.array([formula(u, c) for u in U]))


@constants
def test_smooth_l1_is_huber_over_beta(c):
    smooth, huber = SmoothL1(c), Huber(c)
    for function in ("rho", "psi", "weight", "curvature"):
        assert_same(c * getattr(smooth, function)(U), getattr(huber, function)(U))


def test_keras_log_cosh():
    assert_same(LogCosh(1.0).rho(U), U + np.logaddexp(0.0, -2.0 * U) - np.log(2.0))


def test_limits_of_huber():
    assert_same(2.0 * Huber(1e3).rho(U), MSE().rho(U))
    np.testing.assert_allclose(Huber(1e-9).rho(U) / 1e-9, MAE().rho(U), rtol=1e-7)
    assert_same(2.0 * Quantile(0.5).rho(U), MAE().rho(U))


def with_constant(name, constant):
    """The loss of that name with its only parameter at that value."""
    (parameter,) = catalogue.parameters(type(catalogue.make("loss", name)))
    return catalogue.make("loss", name, **{parameter: float(constant)})


@pytest.mark.parametrize("row", theory.rows("rho"), ids=theory.label)
def test_reference_values(row):
    rho = with_constant(row["loss"], row["constant"]).rho(np.array(float(row["argument"])))
    assert rho == pytest.approx(float(row["value"]), rel=2e-14)


def _cosh(v):
    return (v.exp() + (-v).exp()) / 2


EXACT = {
    LogCosh: lambda v: _cosh(v).ln(),
    Cauchy: lambda v: (1 + v * v).ln() / 2,
    Welsch: lambda v: (1 - (-v * v).exp()) / 2,
    Bisquare: lambda v: (1 - (1 - min(v * v, Decimal(1))) ** 3) / 6,
    Huber: lambda v: v * v / 2 if v <= 1 else v - Decimal("0.5"),
}


@pytest.mark.parametrize("c", [1e-3, 0.3, 1.0, 4.685, 1e3])
@pytest.mark.parametrize("loss", EXACT)
def test_every_digit_of_rho(loss, c):
    """rho(u) = c^2 r(u / c) in 50 digits, over 14 orders of magnitude and on both sides of every branch."""
    u = c * np.concatenate([np.logspace(-9.0, 5.0, 43), [0.999, 1.0, 1.001]])
    with localcontext(prec=50):
        exact = [float(Decimal(c) ** 2 * EXACT[loss](Decimal(x) / Decimal(c))) for x in u]
    np.testing.assert_allclose(loss(c).rho(u), exact, rtol=2e-15, atol=0)


@pytest.mark.parametrize("c", [1e-3, 1.0, 1.205])
def test_every_digit_of_the_log_cosh_conjugate(c):
    share = np.concatenate([np.logspace(-9.0, -0.01, 40), [0.499, 0.5, 0.501], 1.0 - np.logspace(-15.0, -1.0, 15)])
    v = c * share
    with localcontext(prec=50):
        w = [Decimal(x) / Decimal(c) for x in v]
        exact = [float(Decimal(c) ** 2 * ((1 + x) * (1 + x).ln() + (1 - x) * (1 - x).ln()) / 2) for x in w]
    # Towards the end of the domain the slope artanh(v / c) reaches 18: v / c is then 18 times better in than out.
    np.testing.assert_allclose(LogCosh(c).conjugate(v), exact, rtol=1e-14, atol=0)

"""Laws that every noise obeys, whatever it is, and agreement with SciPy's distributions."""

import math

import numpy as np
import pytest
from scipy import stats

from robustfit.catalogue import make, names
from robustfit.data import Noise
from robustfit.errors import BadParameter
from robustfit.scales.base import median
from robustfit.scales.mad import CONSISTENCY

N = 200_000
LEVELS = [0.001, 0.05, 0.25, 0.5, 0.75, 0.9, 0.999]
SETTINGS = [
    *((name, {}) for name in names("scenario/noise")),
    ("t", {"df": 1.0}),
    ("t", {"df": 30.0, "sigma": 0.1}),
    ("contaminated_normal", {"shift": 8.0, "spread": 0.5, "sigma": 3.0}),
    ("contaminated_normal", {"eps": 0.0, "shift": 8.0}),
    ("contaminated_normal", {"eps": 0.5, "shift": -4.0}),
]

pytestmark = pytest.mark.parametrize(("name", "parameters"), SETTINGS, ids=lambda entry: str(entry))


def noise_of(name: str, parameters: dict) -> Noise:
    return make("scenario/noise", name, **parameters)


def draws(noise: Noise, n: int = N) -> np.ndarray:
    return noise.draw(np.random.default_rng(7), (n,))


def test_shape_and_repetition(name, parameters):
    noise = noise_of(name, parameters)
    one, other = (noise.draw(np.random.default_rng(1), (2, 3, 4)) for _ in range(2))
    assert one.shape == (2, 3, 4)
    assert one.dtype == float
    assert np.array_equal(one, other)


@pytest.mark.parametrize("level", LEVELS)
def test_a_share_of_the_level_is_below_the_quantile(name, parameters, level):
    noise = noise_of(name, parameters)
    below = (draws(noise) <= noise.quantile(level)).mean()
    assert abs(below - level) < 5 * math.sqrt(level * (1 - level) / N)


def test_quantiles_rise(name, parameters):
    quantiles = [noise_of(name, parameters).quantile(level) for level in LEVELS]
    assert all(isinstance(value, float) and math.isfinite(value) for value in quantiles)
    assert all(np.diff(quantiles) > 0)


def test_mean(name, parameters):
    noise, errors = noise_of(name, parameters), draws(noise_of(name, parameters))
    if name == "t" and noise.df <= 1:
        assert math.isnan(noise.mean)
    else:
        assert abs(errors.mean() - noise.mean) < 5 * errors.std() / math.sqrt(N)


def test_symmetric_exactly_if_the_quantiles_mirror(name, parameters):
    noise = noise_of(name, parameters)
    mirrored = [noise.quantile(level) + noise.quantile(1 - level) for level in LEVELS]
    assert noise.symmetric == (max(np.abs(mirrored)) < 1e-9 * noise.scale)


def test_scale_is_the_normalised_mad_of_the_good_errors(name, parameters):
    good = {"eps": 0.0} if name == "contaminated_normal" else {}
    errors = draws(noise_of(name, parameters | good))
    mad = CONSISTENCY * median(np.abs(errors - median(errors)))
    assert noise_of(name, parameters).scale == pytest.approx(mad, rel=0.02)


def test_everything_is_proportional_to_sigma(name, parameters):
    one, ten = (noise_of(name, parameters | {"sigma": sigma}) for sigma in (1.0, 10.0))
    assert ten.scale == pytest.approx(10 * one.scale)
    assert ten.quantile(0.9) == pytest.approx(10 * one.quantile(0.9))
    assert ten.mean == pytest.approx(10 * one.mean, nan_ok=True)
    np.testing.assert_allclose(draws(ten, 100), 10 * draws(one, 100))


class Mixture:
    """CN(eps, m, s) from two of SciPy's normals."""

    def __init__(self, noise) -> None:
        self.eps = noise.eps
        self.good = stats.norm(0, noise.sigma)
        self.bad = stats.norm(noise.shift * noise.sigma, noise.spread * noise.sigma)

    def cdf(self, e):
        return (1 - self.eps) * self.good.cdf(e) + self.eps * self.bad.cdf(e)


REFERENCES = {
    "normal": lambda noise: stats.norm(scale=noise.sigma),
    "t": lambda noise: stats.t(noise.df, scale=noise.sigma),
    "laplace": lambda noise: stats.laplace(scale=noise.sigma / math.sqrt(2)),
    "skewed": lambda noise: stats.expon(loc=-noise.sigma, scale=noise.sigma),
    "uniform": lambda noise: stats.uniform(-math.sqrt(3) * noise.sigma, 2 * math.sqrt(3) * noise.sigma),
    "contaminated_normal": Mixture,
}


def test_agrees_with_scipy(name, parameters):
    if name not in REFERENCES:
        pytest.skip("no distribution of SciPy's to compare with")
    noise = noise_of(name, parameters)
    other = REFERENCES[name](noise)
    assert stats.kstest(draws(noise, 20_000), other.cdf).pvalue > 1e-4
    for level in LEVELS:
        assert other.cdf(noise.quantile(level)) == pytest.approx(level, rel=1e-9)


def density(name, noise, e):
    """From SciPy, by hand for the mixture."""
    other = REFERENCES[name](noise)
    if isinstance(other, Mixture):
        return (1 - other.eps) * other.good.pdf(e) + other.eps * other.bad.pdf(e)
    return other.pdf(e)


def test_information_is_the_mean_square_of_the_score(name, parameters):
    """The integral of f'^2 / f, by differences and the trapezoidal rule on a fine grid of quantiles and tails."""
    noise = noise_of(name, parameters)
    if noise.information is None:
        assert name in ("uniform", "skewed")  # their support moves with the location
        return
    reach = max(abs(noise.quantile(level)) for level in (1e-7, 1 - 1e-7)) / noise.sigma
    z = np.sinh(np.linspace(-np.arcsinh(50 * reach), np.arcsinh(50 * reach), 800_000)) / 50
    e, step = z * noise.sigma, 1e-5 * noise.sigma
    f = density(name, noise, e)
    slope = (density(name, noise, e + step) - density(name, noise, e - step)) / (2 * step)
    squares = np.divide(slope**2, f, out=np.zeros_like(f), where=f > 1e-300)
    assert noise.information == pytest.approx(np.trapezoid(squares, e), rel=2e-4)


def test_information_of_noise_on_another_scale(name, parameters):
    one, ten = (noise_of(name, parameters | {"sigma": sigma}).information for sigma in (1.0, 10.0))
    assert (one is None and ten is None) or ten == pytest.approx(one / 100, rel=1e-9)


@pytest.mark.parametrize("sigma", [0, -1, "wide", math.nan])
def test_a_bad_sigma_is_refused(name, parameters, sigma):
    with pytest.raises(BadParameter, match="scenario/noise.sigma=.*must be a number, greater than 0"):
        noise_of(name, parameters | {"sigma": sigma})

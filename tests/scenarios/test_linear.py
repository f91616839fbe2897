"""The linear model and the straight line."""

import numpy as np
import pytest

from robustfit.data import Data, Streams
from robustfit.errors import BadData, BadParameter
from robustfit.linalg import least_squares
from robustfit.noises.normal import Normal
from robustfit.noises.skewed import Skewed
from robustfit.scenarios.line import Line
from robustfit.scenarios.linear import Linear


def sample(scenario, replicates: int = 500) -> Data:
    return scenario.draw(Streams.spawn(3, 0), replicates)


@pytest.mark.parametrize(
    "scenario",
    [Linear(), Linear(intercept=False), Linear(correlation=0.9), Linear(coef=(5.0,), n_features=1), Line(slope=-3.0)],
    ids=str,
)
def test_least_squares_is_unbiased_for_the_true_coefficients(scenario):
    data = sample(scenario)
    fits = least_squares(data.X, data.y)
    assert (np.abs(fits.mean(0) - data.truth.coef) < 5 * fits.std(0) / np.sqrt(len(fits))).all()


def test_the_default_slopes_alternate():
    assert sample(Linear(n_features=4), 1).truth.coef.tolist() == [1.0, 2.0, -1.0, 2.0, -1.0]


def test_given_coefficients():
    assert sample(Linear(n_features=2, coef=[3, 4], intercept_value=7), 1).truth.coef.tolist() == [7.0, 3.0, 4.0]


@pytest.mark.parametrize("coef", [(1.0, 2.0), (1.0, 2.0, 3.0, 4.0), ()])
def test_as_many_slopes_as_features(coef):
    with pytest.raises(BadParameter, match=r"coef=\[.*\]: must have as many slopes as n_features=3"):
        sample(Linear(coef=coef))


@pytest.mark.parametrize("correlation", [-0.7, 0.0, 0.9])
def test_correlation_falls_geometrically(correlation):
    X = sample(Linear(n_features=4, correlation=correlation, intercept=False)).X.reshape(-1, 4)
    place = np.arange(4)
    expected = correlation ** np.abs(place[:, None] - place).astype(float)
    np.testing.assert_allclose(np.corrcoef(X.T), expected, atol=5 / np.sqrt(len(X)))


@pytest.mark.parametrize("correlation", [-1, 1, 1.5])
def test_correlation_has_a_range(correlation):
    with pytest.raises(BadParameter, match="correlation=.*greater than -1 and less than 1"):
        Linear(correlation=correlation)


def test_without_an_intercept_there_is_no_trace_of_it():
    data = sample(Linear(intercept=False), 1)
    assert data.X.shape[-1] == len(data.truth.coef) == len(data.truth.moment) == 3
    assert data.names == ("x1", "x2", "x3")


def test_sigma_scales_the_errors_alone():
    one, ten = sample(Linear(noise=Normal(1.0)), 2), sample(Linear(noise=Normal(10.0)), 2)
    surface = one.X @ one.truth.coef
    np.testing.assert_allclose(ten.y - surface, 10 * (one.y - surface), atol=1e-9)


def test_a_noise_must_be_one():
    with pytest.raises(BadParameter, match="noise='normal': must be a Noise"):
        Linear(noise="normal")


def test_too_few_rows_name_the_coefficients():
    with pytest.raises(BadData, match=r"n_samples=3: must be more than the 4 coefficients \(intercept, x1, x2, x3\)"):
        sample(Linear(n_samples=3))


def test_the_line_stays_on_its_interval():
    x = sample(Line(low=-2.0, width=3.0, noise=Skewed())).X[..., 1]
    assert x.min() == pytest.approx(-2, abs=0.01)
    assert x.max() == pytest.approx(1, abs=0.01)
    assert (x >= -2).all()
    assert (x <= 1).all()


@pytest.mark.parametrize(
    "scenario",
    [
        Linear(n_samples=20),
        Linear(n_samples=15, n_features=2, correlation=0.7),
        Linear(n_samples=12, n_features=2, correlation=-0.5, intercept=False),
    ],
    ids=str,
)
def test_expected_inverse_gram_is_the_mean_of_the_inverses(scenario):
    X = sample(scenario, 20_000).X
    inverses = np.linalg.inv(np.swapaxes(X, -1, -2) @ X)
    errors = inverses.std(0) / np.sqrt(len(X))
    assert (np.abs(inverses.mean(0) - scenario.expected_inverse_gram) < 5 * errors).all()


def test_expected_inverse_gram_is_infinite_where_rows_are_few():
    assert np.isinf(Linear(n_samples=5, n_features=3).expected_inverse_gram).all()
    assert np.isfinite(Linear(n_samples=6, n_features=3).expected_inverse_gram).all()

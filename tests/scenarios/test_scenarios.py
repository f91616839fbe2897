"""Laws that every scenario obeys, whatever it draws."""

import numpy as np
import pytest

from robustfit.catalogue import build, locate, make, names, parameters, spec
from robustfit.data import Data, Noise, Streams
from robustfit.errors import BadData, BadParameter
from robustfit.linalg import apply

DRAWN = [name for name in names("scenario") if "path" not in spec("scenario", name)]
ARRAYS = ("X", "y", "X_clean", "y_clean", "outliers")
NOISES = names("scenario/noise")


@pytest.fixture(params=DRAWN)
def scenario(request):
    return make("scenario", request.param)


def sample(scenario, replicates: int = 3, seed: int = 1) -> Data:
    return scenario.draw(Streams.spawn(seed, 0), replicates)


@pytest.mark.parametrize("replicates", [1, 3])
def test_shapes(scenario, replicates):
    data = sample(scenario, replicates)
    n, p = scenario.n_samples, scenario.p
    assert p == scenario.n_features + scenario.intercept
    assert data.X.shape == data.X_clean.shape == (replicates, n, p)
    outputs = (4,) if scenario.task == "boxes" else ()
    assert data.y.shape == data.y_clean.shape == (replicates, n, *outputs)
    assert data.outliers.shape == (replicates, n)
    assert data.task == scenario.task
    assert len(data.names) == p
    assert (data.X.dtype, data.y.dtype) == (float, float)


def test_clean_data_have_no_marks(scenario):
    data = sample(scenario)
    assert not data.outliers.any()
    assert np.array_equal(data.X, data.X_clean)
    assert np.array_equal(data.y, data.y_clean)
    assert np.isfinite(data.X).all()
    assert np.isfinite(data.y).all()


def test_the_intercept_is_column_0(scenario):
    data = sample(scenario)
    assert data.intercept == scenario.intercept
    assert ((data.X[..., 0] == 1).all(), data.names[0] == "intercept") == (data.intercept, data.intercept)


def test_same_streams_same_data_others_differ(scenario):
    one, same, other = (sample(scenario, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in ARRAYS)
    assert not np.array_equal(one.X, other.X)


def test_replicates_differ(scenario):
    data = sample(scenario, 4)
    assert len({member.tobytes() for member in data.X}) == 4


def test_only_X_and_noise_are_streams_of_a_scenario(scenario):
    streams, untouched = Streams.spawn(1, 0), Streams.spawn(1, 0)
    scenario.draw(streams, 2)
    for role in ("marks", "values", "moves"):
        assert getattr(streams, role).random() == getattr(untouched, role).random()


def test_the_noise_does_not_disturb_the_features(scenario):
    own = Streams.spawn(1, 0)
    mixed = Streams(own.X, Streams.spawn(9, 0).noise, own.marks, own.values, own.moves)
    assert np.array_equal(scenario.draw(mixed, 2).X, sample(scenario, 2).X)


def test_the_design_has_the_moment_of_the_truth(scenario):
    data = sample(scenario, 400)
    if data.truth is None:
        pytest.skip("the scenario has no truth")
    products = data.X[..., :, None] * data.X[..., None, :]
    size = products.shape[0] * products.shape[1]
    error = products.mean((0, 1)) - data.truth.moment
    assert (np.abs(error) <= 5 * products.std((0, 1)) / np.sqrt(size) + 1e-12).all()


def test_the_errors_are_the_noise(scenario):
    data = sample(scenario, 100)
    if data.truth is None or data.truth.noise is None:
        pytest.skip("the scenario has no noise in y alone")
    errors = data.y - apply(data.X, data.truth.coef)
    below = (errors <= data.truth.noise.quantile(0.9)).mean()
    assert abs(below - 0.9) < 5 * np.sqrt(0.9 * 0.1 / errors.size)


@pytest.mark.parametrize("noise", NOISES)
def test_every_noise_fits_in(scenario, noise):
    if "noise" not in parameters(type(scenario)):
        pytest.skip("the scenario has no noise to choose")
    changed = type(scenario)(noise=make("scenario/noise", noise))
    data = sample(changed)
    assert isinstance(data.truth.noise, Noise) or scenario.task == "boxes"
    assert np.array_equal(data.X, sample(scenario).X)


def test_too_few_rows_are_refused_before_anything_is_drawn(scenario):
    few = type(scenario)(n_samples=scenario.p)
    streams = Streams.spawn(1, 0)
    with pytest.raises(BadData, match=rf"^n_samples={scenario.p}: must be more than the {scenario.p} coefficients \("):
        few.draw(streams, 1)
    assert streams.X.random() == Streams.spawn(1, 0).X.random()
    assert sample(type(scenario)(n_samples=scenario.p + 1)).X.shape[-2] == scenario.p + 1


@pytest.mark.parametrize("n", [0, -5, 2.5, "many", None])
def test_a_bad_number_of_rows_is_refused(scenario, n):
    with pytest.raises(BadParameter, match="n_samples=.*must be a whole number, at least 1"):
        type(scenario)(n_samples=n)


@pytest.mark.parametrize("name", names("scenario"))
def test_the_file_lists_every_parameter_with_its_default(name):
    content = spec("scenario", name)
    listed = {key: build(value, name) for key, value in content.items() if key != "_target_"}
    defaults = parameters(locate(content["_target_"], name))
    assert listed == {key: "???" if default is ... else default for key, default in defaults.items()}


@pytest.mark.parametrize("name", names("scenario"))
def test_the_docstring_names_every_parameter(name):
    scenario = locate(spec("scenario", name)["_target_"], name)
    assert all(key in scenario.__doc__ for key in parameters(scenario))

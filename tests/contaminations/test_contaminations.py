"""Laws that every contamination obeys, whatever it does to the rows."""

from dataclasses import fields, replace

import numpy as np
import pytest

from robustfit.catalogue import make, names, parameters, spec
from robustfit.data import Data, Streams
from robustfit.errors import BadParameter, Incompatible
from robustfit.linalg import apply
from robustfit.task import fitting

ARRAYS = ("X", "y", "X_clean", "y_clean", "outliers")
FRACTIONS = [0.0, 0.01, 0.05, 0.1, 0.125, 0.25, 0.3, 0.33, 0.45, 0.5]


SCENARIOS = {"regression": "linear", "classification": "gaussian_classes", "boxes": "random_boxes"}
OF_NUMBERS = fitting("contamination", "regression")


@pytest.fixture(params=names("contamination"))
def contamination(request):
    return make("contamination", request.param)


def sample(task: str = "regression", replicates: int = 3, scenario: str | None = None, **changed) -> Data:
    return make("scenario", scenario or SCENARIOS[task], **changed).draw(Streams.spawn(1, 0), replicates)


def touched(data: Data, clean: Data) -> np.ndarray:
    """The rows that are no longer what they were."""
    targets = data.y != clean.y
    return (data.X != clean.X).any(-1) | (targets.any(-1) if data.task == "boxes" else targets)


def corrupted(contamination, data: Data, fraction: float, seed: int = 2) -> Data:
    streams = Streams.spawn(seed, 0)
    return contamination.corrupt(data, fraction, streams.marks, streams.values)


def does_without_truth(contamination) -> bool:
    try:
        return bool(corrupted(contamination, replace(sample(contamination.task), truth=None), 0.2).outliers.any())
    except Incompatible as error:
        assert "this scenario knows none" in str(error)
        return False


@pytest.mark.parametrize("n", [6, 15, 50, 101])
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_exactly_the_fraction_is_marked(contamination, fraction, n):
    data = corrupted(contamination, sample(contamination.task, n_samples=n), fraction)
    assert data.outliers.dtype == bool
    assert (data.outliers.sum(-1) == round(fraction * n)).all()


def test_marked_rows_are_spoilt_and_the_others_are_not(contamination):
    clean = sample(contamination.task)
    data = corrupted(contamination, clean, 0.2)
    assert np.array_equal(touched(data, clean), data.outliers)
    assert np.isfinite(data.X).all()
    assert np.isfinite(data.y).all()
    assert (data.X[..., 0] == 1).all()


def test_outliers_of_a_small_fraction_are_among_those_of_a_large_one(contamination):
    clean = sample(contamination.task, replicates=4)
    runs = [corrupted(contamination, clean, fraction) for fraction in FRACTIONS]
    for less, more in zip(runs, runs[1:], strict=False):
        assert not (less.outliers & ~more.outliers).any()
        assert np.array_equal(less.X[less.outliers], more.X[less.outliers])
        assert np.array_equal(less.y[less.outliers], more.y[less.outliers])


@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_clean_data_are_kept_and_given_arrays_are_not_modified(contamination, fraction):
    clean, untouched = sample(contamination.task), sample(contamination.task)
    for name in ARRAYS:
        getattr(clean, name).flags.writeable = False
    data = corrupted(contamination, clean, fraction)
    for name in ARRAYS:
        assert np.array_equal(getattr(clean, name), getattr(untouched, name))
    assert np.array_equal(data.X_clean, clean.X)
    assert np.array_equal(data.y_clean, clean.y)
    assert (data.truth, data.names, data.intercept) == (clean.truth, clean.names, clean.intercept)


def test_no_fraction_changes_nothing(contamination):
    clean = sample(contamination.task)
    data = corrupted(contamination, clean, 0.0)
    assert not data.outliers.any()
    assert np.array_equal(data.X, clean.X)
    assert np.array_equal(data.y, clean.y)


def test_same_streams_same_outliers_others_differ(contamination):
    clean = sample(contamination.task)
    one, same, other = (corrupted(contamination, clean, 0.2, seed) for seed in (2, 2, 3))
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in ARRAYS)
    assert not np.array_equal(one.outliers, other.outliers)


def test_replicates_are_marked_independently(contamination):
    data = corrupted(contamination, sample(contamination.task, replicates=200), 0.3)
    share = data.outliers.mean(0)
    assert abs(share - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 200)


def test_a_single_sample_is_a_batch_without_axes(contamination):
    clean = sample(contamination.task).take(0)
    data = corrupted(contamination, clean, 0.3)
    assert (data.X.shape, data.y.shape, data.outliers.shape) == (clean.X.shape, clean.y.shape, (100,))
    assert data.outliers.sum() == 30


def test_works_without_an_intercept(contamination):
    clean = sample(intercept=False)
    if contamination.task != "regression":
        other = sample(contamination.task)
        clean = Data.clean(other.X[..., 1:], other.y, intercept=False, classes=other.classes)
    data = corrupted(contamination, clean, 0.2)
    assert np.array_equal(touched(data, clean), data.outliers)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_off_the_surface_exactly_where_a_detection_should_find_them(name):
    contamination = make("contamination", name)
    data = corrupted(contamination, sample(), 0.2)
    residuals = np.abs(data.y - apply(data.X, data.truth.coef))[data.outliers]
    assert data.bad_leverage == (residuals > 5).all()


@pytest.mark.parametrize("scenario", ["ninety_at_150", "thousand_and_ten"])
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_works_where_the_truth_is_unknown_or_says_what_it_needs(name, scenario):
    contamination, clean = make("contamination", name), sample(scenario=scenario)
    assert clean.truth is None
    if does_without_truth(contamination):
        data = corrupted(contamination, clean, 0.2)
        assert (data.outliers.sum(-1) == 20).all()
        assert np.isfinite(data.y).all()
    else:
        with pytest.raises(Incompatible):
            corrupted(contamination, clean, 0.2)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_sizes_are_in_units_of_the_data(name):
    """A change of the units of y and of x1 changes the outliers as it changes the clean data."""
    contamination = make("contamination", name)
    clean = replace(sample(), truth=None) if does_without_truth(contamination) else sample()
    unit = np.array([1.0, 1000.0, 1.0, 1.0])
    truth = clean.truth and replace(clean.truth, coef=clean.truth.coef / unit)
    other = Data.clean(clean.X * unit, clean.y, truth)
    if truth is None:
        other = Data.clean(clean.X * unit, clean.y * 0.01)
    one, two = corrupted(contamination, clean, 0.2), corrupted(contamination, other, 0.2)
    np.testing.assert_allclose(two.X, one.X * unit, rtol=1e-9)
    np.testing.assert_allclose(two.y, one.y * (0.01 if truth is None else 1.0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("fraction", [1.7, -0.1, 0.51, float("nan"), "abc", True, None])
def test_a_fraction_out_of_range_is_refused(contamination, fraction):
    with pytest.raises(BadParameter, match=rf"^outliers={fraction}: must be a fraction in \[0, 0\.5\]$"):
        corrupted(contamination, sample(), fraction)


def test_the_file_lists_every_parameter_with_its_default(contamination):
    name = next(name for name in names("contamination") if make("contamination", name) == contamination)
    given = {key: value for key, value in spec("contamination", name).items() if key != "_target_"}
    assert given == parameters(type(contamination))
    assert all(field.name in (type(contamination).__doc__ or "") for field in fields(contamination))

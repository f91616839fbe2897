"""Outliers in the features: what they do to least squares, and where exactly they are."""

import numpy as np
import pytest

from robustfit.contaminations.bad_leverage import BadLeverage
from robustfit.contaminations.cluster import Cluster
from robustfit.contaminations.good_leverage import GoodLeverage
from robustfit.contaminations.vertical import Vertical
from robustfit.data import Data, Streams
from robustfit.errors import Incompatible
from robustfit.linalg import apply, least_squares
from robustfit.scenarios.line import Line
from robustfit.scenarios.linear import Linear

FAR = [BadLeverage(), GoodLeverage(), Cluster()]
each = pytest.mark.parametrize("contamination", FAR, ids=lambda entry: type(entry).__name__)


def corrupted(contamination, scenario=None, fraction: float = 0.1) -> Data:
    streams = Streams.spawn(0, 0)
    clean = (scenario or Linear()).draw(streams, 50)
    return contamination.corrupt(clean, fraction, streams.marks, streams.values)


def slope_errors(data: Data) -> np.ndarray:
    return np.abs((least_squares(data.X, data.y) - data.truth.coef)[..., int(data.intercept)])


@pytest.mark.parametrize("scenario", [Linear(), Linear(intercept=False), Linear(correlation=0.8), Linear(n_features=1)])
@pytest.mark.parametrize("contamination", [BadLeverage(), Cluster()], ids=["bad_leverage", "cluster"])
def test_the_slope_of_least_squares_is_wrong_by_shift_over_distance(contamination, scenario):
    errors = slope_errors(corrupted(contamination, scenario))
    assert errors.min() > 1.0
    assert np.median(errors) == pytest.approx(2.0, rel=0.4)


def test_worse_than_vertical_outliers_of_the_same_size():
    bad, vertical = (corrupted(entry) for entry in (BadLeverage(), Vertical(shift=-20.0)))
    assert np.median(slope_errors(bad)) > 3 * np.median(slope_errors(vertical))


def test_good_leverage_makes_the_slope_of_least_squares_better():
    good, clean = corrupted(GoodLeverage()), corrupted(GoodLeverage(), fraction=0.0)
    assert np.sqrt((slope_errors(good) ** 2).mean()) < 0.5 * np.sqrt((slope_errors(clean) ** 2).mean())


def test_good_leverage_keeps_each_row_its_own_error():
    data = corrupted(GoodLeverage(), fraction=0.3)
    np.testing.assert_allclose(
        data.y - apply(data.X, data.truth.coef), data.y_clean - apply(data.X_clean, data.truth.coef), atol=1e-9
    )
    assert not data.bad_leverage


def test_bad_leverage_is_off_the_surface_by_its_own_error_and_the_shift():
    data = corrupted(BadLeverage(shift=-7.0), fraction=0.3)
    off = data.y - apply(data.X, data.truth.coef) - (data.y_clean - apply(data.X_clean, data.truth.coef))
    np.testing.assert_allclose(off, np.where(data.outliers, -7.0, 0.0), atol=1e-9)


@each
def test_distance_is_from_the_median_in_widths(contamination):
    data = corrupted(contamination, Line(n_samples=2000, low=100.0, width=4.0))
    x = data.X[..., 1][data.outliers]
    assert x.mean() == pytest.approx(102 + 10 * 1.4826, rel=0.01)  # the MAD of a uniform is a quarter of its width
    assert x.min() > 106


@each
def test_other_columns_do_not_leave_their_range(contamination):
    data = corrupted(contamination)
    assert np.abs(data.X[..., 2:]).max() <= np.abs(data.X_clean[..., 2:]).max()


@pytest.mark.parametrize("intercept", [True, False])
def test_a_cluster_is_one_point(intercept):
    data = corrupted(Cluster(), Linear(intercept=intercept), 0.3)
    for member in range(50):
        rows = np.column_stack([data.X[member], data.y[member]])[data.outliers[member]]
        assert len(np.unique(rows, axis=0)) == 1


def test_a_cluster_misses_the_surface_by_its_shift():
    data = corrupted(Cluster(shift=15.0))
    off = (data.y - apply(data.X, data.truth.coef))[data.outliers]
    np.testing.assert_allclose(off, 15.0, atol=1e-9)


@each
def test_a_rare_dummy_is_measured_by_its_deviation(contamination):
    x = np.zeros(100)
    x[:10] = 1.0
    clean = Linear(n_features=1).draw(Streams.spawn(0, 0), 1).take(0)
    X = np.column_stack([np.ones(100), x])
    data = contamination.corrupt(Data.clean(X, clean.y, clean.truth), 0.2, *np.random.default_rng(0).spawn(2))
    assert data.X[data.outliers, 1].mean() == pytest.approx(10 * 0.3, rel=0.2)


@each
def test_without_a_feature_there_is_no_leverage(contamination):
    clean = Linear(n_features=1).draw(Streams.spawn(0, 0), 1)
    constant = Data.clean(clean.X[..., :1], clean.y, clean.truth)
    with pytest.raises(Incompatible, match="leverage needs a feature to move"):
        contamination.corrupt(constant, 0.2, *np.random.default_rng(0).spawn(2))

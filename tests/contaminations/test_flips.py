"""Flipped labels: which rows, to what, and where."""

import numpy as np
import pytest

from robustfit.contaminations.flips import Flips
from robustfit.contaminations.leverage_flips import LeverageFlips
from robustfit.contaminations.one_sided_flips import OneSidedFlips
from robustfit.data import Data, Streams, class_places
from robustfit.errors import Incompatible, Unknown
from robustfit.linalg import apply
from robustfit.metrics.measures import predictions
from robustfit.scenarios.gaussian_classes import GaussianClasses


def corrupted(contamination, fraction: float = 0.3, replicates: int = 50, truth: bool = True, **scenario) -> Data:
    streams = Streams.spawn(0, 0)
    clean = GaussianClasses(**scenario).draw(streams, replicates)
    if not truth:
        clean = Data.clean(clean.X, clean.y, classes=clean.classes)
    return contamination.corrupt(clean, fraction, streams.marks, streams.values)


def test_two_labels_are_exchanged_and_features_stay():
    data = corrupted(Flips())
    assert np.array_equal(data.y, np.where(data.outliers, -data.y_clean, data.y_clean))
    assert np.array_equal(data.X, data.X_clean)


@pytest.mark.parametrize("contamination", [Flips(), OneSidedFlips()])
def test_of_more_classes_each_other_one_is_as_likely(contamination):
    data = corrupted(contamination, n_classes=4, n_features=3, replicates=200, share=0.25)
    shift = (data.y - data.y_clean)[data.outliers] % 4
    share = np.bincount(shift.astype(int), minlength=4) / shift.size
    assert share[0] == 0
    assert np.abs(share[1:] - 1 / 3).max() < 5 * np.sqrt(2 / 9 / shift.size)


@pytest.mark.parametrize(
    ("k", "of", "place"), [(2, None, 1), (2, -1, 0), (2, "1", 1), (3, None, 2), (3, 1, 1), (3, 0.0, 0)]
)
def test_one_sided_flips_take_one_class_until_it_has_run_out(k, of, place):
    runs = [corrupted(OneSidedFlips(of), part, share=0.3, n_classes=k) for part in (0.1, 0.5)]
    for data in runs:
        own = class_places(data.y_clean, k) == place
        assert ((data.outliers & own).sum(-1) == np.minimum(own.sum(-1), data.outliers.sum(-1))).all()
    few, more = runs
    assert not (few.outliers & ~more.outliers).any()
    assert np.array_equal(few.y[few.outliers], more.y[few.outliers])


def test_one_sided_flips_of_a_class_that_is_not_there():
    with pytest.raises(Unknown, match=r"^contamination.of: no class 'spam'; there are: -1, 1$"):
        corrupted(OneSidedFlips("spam"))


@pytest.mark.parametrize("scenario", [{}, {"correlation": 0.8, "share": 0.2}, {"n_features": 1}, {"n_features": 5}])
@pytest.mark.parametrize("truth", [True, False], ids=["truth", "user's data"])
def test_leverage_flips_contradict_the_true_surface_by_far(scenario, truth):
    data = corrupted(LeverageFlips(), truth=truth, replicates=20, **scenario)
    scores = apply(data.X, GaussianClasses(**scenario).truth.coef)
    margins = (data.y * scores)[data.outliers]
    assert margins.max() < -5.0, "wrong, where the right label is certain"
    assert np.array_equal(data.y, np.where(data.outliers, -data.y_clean, data.y_clean))


def test_leverage_flips_of_more_classes_are_labelled_as_the_least_likely():
    data = corrupted(LeverageFlips(), n_classes=4, n_features=4, share=0.25)
    logits = predictions(data.X, np.broadcast_to(data.truth.coef, (50, *data.truth.coef.shape)))
    places = class_places(data.y_clean, 4)
    assert (logits.argmax(-1) == places)[data.outliers].all(), "their true class is certain"
    assert (logits.argmin(-1) == data.y)[data.outliers].all()


def test_the_distance_of_leverage_flips_is_in_widths_of_the_columns():
    """Once each column is divided by its width, the move is distance + spread z along a unit vector."""
    plain = corrupted(LeverageFlips(distance=7.0, spread=0.0), n_features=2, n_samples=2000, replicates=1)
    move = (plain.X - plain.X_clean)[plain.outliers][:, 1:]
    width = 1.4826 * np.median(np.abs(plain.X_clean[0, :, 1:] - np.median(plain.X_clean[0, :, 1:], 0)), 0)
    assert np.linalg.norm(move / width, axis=1) == pytest.approx(7.0, rel=1e-4)
    assert np.abs(move[:, 1]).max() < 1e-9, "classes differ in x1 alone, and so does where they are certain"


def test_leverage_flips_need_a_feature():
    data = Data.clean(np.ones((4, 1)), np.array([-1.0, 1.0, 1.0, -1.0]), classes=(0, 1))
    with pytest.raises(Incompatible, match="leverage needs a feature"):
        LeverageFlips().corrupt(data, 0.5, *np.random.default_rng(0).spawn(2))


def test_features_that_tell_nothing_still_give_leverage():
    X = np.column_stack([np.ones(4), [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 2.0, 2.0]])
    data = Data.clean(X, np.array([-1.0, -1.0, 1.0, 1.0]) * [1, -1, -1, 1], classes=(0, 1))
    spoilt = LeverageFlips().corrupt(data, 0.5, *np.random.default_rng(0).spawn(2))
    assert np.isfinite(spoilt.X).all() and (spoilt.X[spoilt.outliers] != X[spoilt.outliers]).any(-1).all()

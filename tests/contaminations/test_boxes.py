"""Boxes in the wrong place, with coordinates exchanged, or in the wrong scale: valid, and wrong as stated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustfit.contaminations.displaced import Displaced
from robustfit.contaminations.rescaled import Rescaled
from robustfit.contaminations.swapped import Swapped
from robustfit.data import Data, Streams
from robustfit.errors import BadParameter
from robustfit.losses.boxes.base import centres_and_sizes
from robustfit.losses.boxes.iou import IoU
from robustfit.scenarios.random_boxes import RandomBoxes

searched = settings(deadline=None, derandomize=True, max_examples=60)
ALL = [
    Displaced(),
    Displaced(0.1),
    Swapped(),
    Rescaled(),
    Rescaled(3.0),
    Rescaled(0.2, "centre"),
    Rescaled(2.0, "centre"),
]


def corrupted(contamination, fraction: float = 0.5, replicates: int = 40) -> Data:
    streams = Streams.spawn(0, 0)
    clean = RandomBoxes().draw(streams, replicates)
    return contamination.corrupt(clean, fraction, streams.marks, streams.values)


@searched
@given(seed=st.integers(0, 999), contamination=st.sampled_from(ALL), size=st.floats(1e-6, 1e6))
def test_any_valid_boxes_stay_valid(seed, contamination, size):
    rng = np.random.default_rng(seed)
    corner = size * rng.normal(size=(8, 2))
    boxes = np.concatenate([corner, corner + size * rng.exponential(size=(8, 2))], -1)
    spoilt = contamination.spoil(Data.clean(np.ones((8, 1)), boxes), rng)[1]
    assert (spoilt[:, :2] <= spoilt[:, 2:]).all() and np.isfinite(spoilt).all()


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0])
def test_displaced_boxes_keep_their_size_and_move_by_their_diagonal_in_any_direction(distance):
    data = corrupted(Displaced(distance))
    before, after = (centres_and_sizes(y[data.outliers]) for y in (data.y_clean, data.y))
    np.testing.assert_allclose(after[:, 2:], before[:, 2:], rtol=1e-9)
    move = after[:, :2] - before[:, :2]
    np.testing.assert_allclose(np.hypot(*move.T), distance * np.hypot(*before[:, 2:].T), rtol=1e-9)
    direction = move / np.hypot(*move.T)[:, None]
    assert np.abs(direction.mean(0)).max() < 5 * np.sqrt(0.5 / len(move)), "no direction is preferred"
    assert np.abs(np.cov(direction.T) - 0.5 * np.eye(2)).max() < 5 * np.sqrt(0.125 / len(move))


def test_boxes_displaced_by_a_diagonal_no_longer_overlap():
    data = corrupted(Displaced(1.0))
    assert IoU().value(data.y_clean, data.y)[data.outliers] == pytest.approx(1.0)


def test_swapped_boxes_are_mirrored():
    data = corrupted(Swapped())
    before, after = (centres_and_sizes(y[data.outliers]) for y in (data.y_clean, data.y))
    np.testing.assert_allclose(after, before[:, [1, 0, 3, 2]], rtol=1e-12)
    again = Swapped().spoil(Data.clean(data.X, data.y), np.random.default_rng(0))[1]
    assert np.array_equal(again[data.outliers], data.y_clean[data.outliers])


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_rescaled_boxes_overlap_as_areas_say(factor):
    """About the centre one box contains the other: IoU = the ratio of their areas."""
    data = corrupted(Rescaled(factor, "centre"))
    overlap = 1.0 - IoU().value(data.y_clean, data.y)[data.outliers]
    np.testing.assert_allclose(overlap, min(factor, 1 / factor) ** 2, rtol=1e-9)
    np.testing.assert_array_equal(corrupted(Rescaled(factor)).y[data.outliers], factor * data.y_clean[data.outliers])


@pytest.mark.parametrize("wrong", [{"factor": 0.0}, {"about": "corner"}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        Rescaled(**wrong)
    with pytest.raises(BadParameter, match="distance=0"):
        Displaced(0.0)

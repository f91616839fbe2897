"""What every loss of overlapping boxes must obey, whoever wrote it; the losses are found by walking the package.

Values are held against rational arithmetic and counted cells, slopes against differences.
"""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import along_each, final_classes

from robustfit.errors import BadParameter
from robustfit.losses import boxes
from robustfit.losses.boxes.base import OverlapLoss, centres_and_sizes, corners
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.boxes.log_iou import LogIoU
from robustfit.losses.boxes.total_ciou import TotalCIoU

EPS = np.finfo(float).eps
LOSSES = [kind() for kind in final_classes(boxes, OverlapLoss)]
LOSSES += [LogIoU(0.2), CIoU(0.5), TotalCIoU(0.5)]
each = pytest.mark.parametrize("loss", LOSSES, ids=repr)
TRUE_SLOPES = [loss for loss in LOSSES if not isinstance(loss, CIoU)]

CASES = {
    "identical": ([0, 0, 2, 1], [0, 0, 2, 1]),
    "overlapping": ([0, 0, 4, 3], [1, -1, 6, 2]),
    "contained": ([0, 0, 8, 8], [1, 2, 3, 7]),
    "containing": ([1, 2, 3, 7], [0, 0, 8, 8]),
    "same centre": ([0, 0, 8, 4], [2, 1, 6, 3]),
    "inside, edge on edge": ([0, 0, 4, 4], [0, 0, 2, 2]),
    "touching edges": ([0, 0, 2, 2], [2, 0, 5, 2]),
    "touching corners": ([0, 0, 2, 2], [2, 2, 3, 5]),
    "apart": ([0, 0, 2, 2], [5, 6, 8, 7]),
    "apart in x only": ([0, 0, 2, 2], [5, 1, 8, 3]),
    "a line in a box": ([0, 0, 4, 4], [1, 1, 1, 3]),
    "a point in a box": ([0, 0, 4, 4], [1, 2, 1, 2]),
    "a point apart": ([0, 0, 4, 4], [9, 9, 9, 9]),
    "the same line": ([1, 0, 1, 5], [1, 0, 1, 5]),
    "lines that overlap": ([1, 0, 1, 5], [1, 2, 1, 9]),
    "lines that cross": ([0, 2, 4, 2], [2, 0, 2, 4]),
    "the same point": ([3, 3, 3, 3], [3, 3, 3, 3]),
    "two points": ([3, 3, 3, 3], [4, 5, 4, 5]),
    "crossed corners": ([0, 0, 4, 3], [6, 2, 1, -1]),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
Y, ETA = np.array(list(CASES.values()), dtype=float).swapaxes(0, 1)


def random_boxes(count, seed):
    """Boxes with corners in [0, 10], about half of the pairs overlapping."""
    drawn = np.sort(np.random.default_rng(seed).uniform(0.0, 10.0, (count, 2, 2)), axis=1)
    return drawn.reshape(count, 4)


def test_the_package_has_the_published_losses():
    assert {"IoU", "LogIoU", "GIoU", "DIoU", "CIoU", "TotalCIoU"} <= {type(loss).__name__ for loss in LOSSES}


def ratio(top, bottom, otherwise):
    return Fraction(top, bottom) if bottom else Fraction(otherwise)


def exactly(y, eta):
    """IoU, the empty share of the enclosing box and the ratio of squared distances, in rational numbers."""
    eta = [min(eta[0], eta[2]), min(eta[1], eta[3]), max(eta[0], eta[2]), max(eta[1], eta[3])]
    sides = [min(y[i + 2], eta[i + 2]) - max(y[i], eta[i]) for i in (0, 1)]
    common = max(0, sides[0]) * max(0, sides[1])
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (y, eta)) - common
    width, height = (max(y[i + 2], eta[i + 2]) - min(y[i], eta[i]) for i in (0, 1))
    apart = sum((y[i] + y[i + 2] - eta[i] - eta[i + 2]) ** 2 for i in (0, 1))
    iou = ratio(common, area, y == eta)
    return iou, ratio(width * height - area, width * height, 0), ratio(apart, 4 * (width**2 + height**2), 0)


def assert_published(y, eta):
    iou, empty, distance = exactly(y, eta)
    at = np.array(y, dtype=float), np.array(eta, dtype=float)
    for loss, expected in ((IoU(), 1 - iou), (GIoU(), 1 - iou + empty), (DIoU(), 1 - iou + distance)):
        assert loss.value(*at) == pytest.approx(float(expected), rel=0, abs=8 * EPS)
    sizes = [(abs(box[2] - box[0]), abs(box[3] - box[1])) for box in (y, eta)]
    v = 4.0 / np.pi**2 * (np.arctan2(*sizes[0]) - np.arctan2(*sizes[1])) ** 2
    trade = v / (1.0 - float(iou) + v) if v > 0 else 0.0
    full = float(1 - iou + distance) + trade * v
    assert CIoU().value(*at) == pytest.approx(full, rel=0, abs=8 * EPS)
    assert LogIoU(1e-6).value(*at) == pytest.approx(-np.log(max(float(iou), 1e-6)), rel=1e-14, abs=8 * EPS)


@each_case
def test_published_definitions_in_rational_arithmetic(case):
    assert_published(*case)


def whole_boxes(low, high):
    edges = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    return st.tuples(edges, edges).map(lambda xy: [xy[0][0], xy[1][0], xy[0][1], xy[1][1]])


@given(y=whole_boxes(-6, 6), eta=whole_boxes(-6, 6))
@settings(deadline=None, derandomize=True, max_examples=400)
def test_published_definitions_over_many_boxes(y, eta):
    assert_published(y, eta)


@given(y=whole_boxes(0, 8), eta=whole_boxes(0, 8))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_areas_are_counts_of_cells(y, eta):
    cells = np.zeros((2, 8, 8), dtype=bool)
    for grid, (x1, y1, x2, y2) in zip(cells, (y, eta), strict=True):
        grid[y1:y2, x1:x2] = True
    common, union = (cells[0] & cells[1]).sum(), (cells[0] | cells[1]).sum()
    if union:
        value = IoU().value(np.array(y, dtype=float), np.array(eta, dtype=float))
        assert value == pytest.approx(1.0 - common / union, rel=0, abs=4 * EPS)


BOX = {1: [-1, -1, 1, 1], 2: [0, 0, 1, 1], 3: [0, 1, 1, 2], 4: [1, 1, 2, 2]}


@pytest.mark.parametrize(
    ("loss", "other", "printed"),
    [
        (loss, other, value)
        for loss in (DIoU(), CIoU())
        for other, value in ((1, 0.0), (2, 0.8125), (3, 1.1923), (4, 1.25))
    ]
    + [(GIoU(), 1, 0.0), (GIoU(), 2, 0.75), (GIoU(), 3, 1.1667), (GIoU(), 4, 1.4444)],
)
def test_values_that_torchvision_is_tested_with(loss, other, printed):
    value = loss.value(np.array(BOX[1], dtype=float), np.array(BOX[other], dtype=float))
    assert value == pytest.approx(printed, abs=0.5e-4)


def test_aspect_ratio_by_hand():
    """A square in a box three times as wide: v = 4 / pi^2 (arctan 3 - pi / 4)^2, IoU = 1 / 3, equal centres."""
    square, wide = np.array([1.0, 0.0, 2.0, 1.0]), np.array([0.0, 0.0, 3.0, 1.0])
    v = 4.0 / np.pi**2 * (np.arctan(3.0) - np.pi / 4.0) ** 2
    assert CIoU().value(square, wide) == pytest.approx(2.0 / 3.0 + v * v / (2.0 / 3.0 + v), rel=1e-14)
    assert CIoU(0.5).value(square, wide) == pytest.approx(2.0 / 3.0, rel=1e-14)


@each
@each_case
def test_finite_and_silent_for_every_kind_of_pair(loss, case):
    y, eta = np.array(case, dtype=float)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        value, slope = loss.value(y, eta), loss.slope(y, eta)
    assert 0.0 <= value <= loss.rho_sup and np.isfinite(slope).all() and slope.shape == (4,)


@each
def test_identical_boxes_cost_nothing_and_are_stationary(loss):
    same = np.concatenate([random_boxes(200, 0), Y[[13, 16]]])
    np.testing.assert_array_equal(loss.value(same, same), 0.0)
    np.testing.assert_allclose(loss.slope(same, same), 0.0, rtol=0, atol=1e-12 / np.ptp(same, axis=-1).clip(1e-3).min())


@each
def test_others_cost_something(loss):
    assert (loss.value(random_boxes(200, 0), random_boxes(200, 1)) > 0.01).all()


@each
def test_symmetric_in_the_two_boxes(loss):
    one, other = np.concatenate([Y[:-1], random_boxes(200, 0)]), np.concatenate([ETA[:-1], random_boxes(200, 1)])
    np.testing.assert_allclose(loss.value(one, other), loss.value(other, one), rtol=0, atol=8 * EPS)


@each
@pytest.mark.parametrize("factor", [1e-300, 1e-9, 3.7, 1e9, 1e300])
def test_the_unit_of_length_does_not_matter(loss, factor):
    y, eta = np.concatenate([Y, random_boxes(200, 0)]), np.concatenate([ETA, random_boxes(200, 1)])
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        value, slope = loss.value(factor * y, factor * eta), loss.slope(factor * y, factor * eta)
    np.testing.assert_allclose(value, loss.value(y, eta), rtol=1e-12, atol=1e-13)  # -ln IoU: rounding / IoU
    np.testing.assert_allclose(slope * factor, loss.slope(y, eta), rtol=1e-9, atol=1e-9)


@each
def test_the_origin_does_not_matter(loss):
    y, eta = np.concatenate([Y, random_boxes(200, 0)]), np.concatenate([ETA, random_boxes(200, 1)])
    shift = np.array([64.0, -32.0, 64.0, -32.0])
    np.testing.assert_allclose(loss.value(y + shift, eta + shift), loss.value(y, eta), rtol=0, atol=1e-11)
    np.testing.assert_allclose(loss.slope(y + shift, eta + shift), loss.slope(y, eta), rtol=1e-8, atol=1e-8)


@each
def test_mirrored_and_transposed_boxes_cost_the_same(loss):
    y, eta = random_boxes(200, 0), random_boxes(200, 1)
    mirror, transpose = np.array([-1.0, 1.0, -1.0, 1.0]), [1, 0, 3, 2]
    np.testing.assert_allclose(loss.value(mirror * y, mirror * eta), loss.value(y, eta), rtol=1e-12, atol=1e-14)
    turned = loss.value(y[:, transpose], eta[:, transpose])
    np.testing.assert_allclose(turned, loss.value(y, eta), rtol=1e-12, atol=1e-14)


@each
def test_crossed_corners_stand_for_the_box_between_them(loss):
    y, eta = random_boxes(50, 0), random_boxes(50, 1)
    crossed = eta[:, [2, 1, 0, 3]]
    np.testing.assert_array_equal(loss.value(y, crossed), loss.value(y, eta))
    np.testing.assert_array_equal(loss.slope(y, crossed)[:, [2, 1, 0, 3]], loss.slope(y, eta))


@each
def test_matched_pairs_are_the_diagonal_of_all_pairs(loss):
    np.testing.assert_array_equal(np.diag(loss.value(Y[:, None], ETA)), loss.value(Y, ETA))
    every = loss.slope(Y[:, None], ETA)
    np.testing.assert_array_equal(every[np.arange(len(Y)), np.arange(len(Y))], loss.slope(Y, ETA))
    np.testing.assert_array_equal(loss.value(Y[0], ETA), loss.value(np.broadcast_to(Y[0], ETA.shape), ETA))


def away_from_kinks(y, eta, room=1e-3):
    """The pairs no two of whose edges are within reach of a difference."""
    apart = np.abs(np.concatenate([y - eta, y[:, [2, 3]] - eta[:, [0, 1]], y[:, [0, 1]] - eta[:, [2, 3]]], -1))
    sizes = np.stack([eta[:, 2] - eta[:, 0], eta[:, 3] - eta[:, 1]], -1)
    keep = (apart > room).all(-1) & (sizes > 0.1).all(-1)
    return y[keep], eta[keep]


@pytest.mark.parametrize("loss", TRUE_SLOPES, ids=repr)
def test_slope_is_the_derivative_away_from_kinks(loss):
    y, eta = away_from_kinks(random_boxes(2000, 2), random_boxes(2000, 3))
    iou = 1.0 - IoU().value(y, eta)
    switch = loss.floor if isinstance(loss, LogIoU) else getattr(loss, "from_iou", -1.0)
    y, eta = y[np.abs(iou - switch) > 1e-3], eta[np.abs(iou - switch) > 1e-3]
    assert len(y) > 500
    numeric = along_each(lambda at: loss.value(y, at), eta, 1e-6)
    # Error: step^2 f''' / 6, up to about 1e-12 / 0.1^3 / IoU^3 relative, and rounding / step = 1e-9.
    np.testing.assert_allclose(loss.slope(y, eta), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", [IoU(), GIoU(), DIoU(), TotalCIoU()], ids=repr)
@pytest.mark.parametrize(
    "name", ["identical", "inside, edge on edge", "touching edges", "contained", "apart in x only"]
)
def test_at_kinks_the_slope_is_the_mean_of_both_sides(loss, name):
    y, eta = np.array(CASES[name], dtype=float)
    numeric = along_each(lambda at: loss.value(y, at), eta, 1e-6)
    np.testing.assert_allclose(loss.slope(y, eta), numeric, rtol=0, atol=2e-6)  # one-sided f'' times the step


def test_with_alpha_held_fixed_the_slope_of_ciou_is_not_its_derivative():
    y, eta = away_from_kinks(random_boxes(500, 2), random_boxes(500, 3))
    np.testing.assert_array_equal(TotalCIoU().value(y, eta), CIoU().value(y, eta))
    angle = [np.arctan((box[:, 2] - box[:, 0]) / (box[:, 3] - box[:, 1])) for box in (y, eta)]
    v = 4.0 / np.pi**2 * (angle[0] - angle[1]) ** 2
    alpha = v / (IoU().value(y, eta) + v)

    def aspect(at):
        turned = np.arctan((at[:, 2] - at[:, 0]) / (at[:, 3] - at[:, 1]))
        return alpha * 4.0 / np.pi**2 * (angle[0] - turned) ** 2

    published = DIoU().slope(y, eta) + along_each(aspect, eta, 1e-5)
    np.testing.assert_allclose(CIoU().slope(y, eta), published, rtol=1e-6, atol=1e-8)
    assert np.abs(CIoU().slope(y, eta) - TotalCIoU().slope(y, eta)).max() > 1e-2


@each
def test_with_what_its_slope_holds_fixed_held_the_slope_is_the_derivative(loss):
    y, eta = away_from_kinks(random_boxes(500, 2), random_boxes(500, 3))
    iou = 1.0 - IoU().value(y, eta)
    switch = loss.floor if isinstance(loss, LogIoU) else getattr(loss, "from_iou", -1.0)
    y, eta = y[np.abs(iou - switch) > 1e-3], eta[np.abs(iou - switch) > 1e-3]
    np.testing.assert_array_equal(loss.held(y, eta, eta), loss.value(y, eta))
    numeric = along_each(lambda at: loss.held(y, at, eta), eta, 1e-6)
    np.testing.assert_allclose(loss.slope(y, eta), numeric, rtol=1e-5, atol=1e-7)  # as for the value itself above
    elsewhere = loss.held(y, eta, y + [0.0, 0.0, 1.0, 3.0]) - loss.value(y, eta)
    assert (np.abs(elsewhere).max() > 1e-3) == isinstance(loss, CIoU)


@each
def test_a_box_is_its_own_target(loss):
    np.testing.assert_array_equal(loss.targets(Y), Y)
    assert loss.outputs == 4 and loss.wide


def test_each_loss_pulls_where_the_one_before_does_not():
    """Apart: IoU is flat, GIoU not. Contained: GIoU is IoU, DIoU not. Same centre: DIoU is IoU, CIoU not."""
    apart, contained, centred = (np.array(CASES[name], dtype=float) for name in ("apart", "contained", "same centre"))
    assert not IoU().slope(*apart).any() and not LogIoU().slope(*apart).any()
    assert all(loss.slope(*apart).any() for loss in (GIoU(), DIoU(), CIoU()))
    assert GIoU().value(*contained) == IoU().value(*contained) < DIoU().value(*contained)
    assert DIoU().value(*centred) == IoU().value(*centred)
    narrow = np.array([3.0, 0.0, 5.0, 4.0])
    assert DIoU().value(centred[0], narrow) == IoU().value(centred[0], narrow) < CIoU().value(centred[0], narrow)


def test_without_overlap_log_iou_rests_at_its_floor():
    y, eta = np.array(CASES["apart"], dtype=float)
    assert LogIoU(0.01).value(y, eta) == pytest.approx(np.log(100.0), rel=1e-15)


@each
def test_not_convex(loss):
    """A unit square shifted by 5 costs more than the mean of shifts by 0.1 and 9.9: a chord below the curve."""
    y, shift = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0])
    near, middle, far = loss.value(y, y + shift * np.array([[0.1], [5.0], [9.9]]))
    assert middle > 0.5 * (near + far) + 0.01 and not loss.convex


@each
def test_bounded_by_its_supremum_which_it_comes_near(loss):
    far = np.array([1e9, 1e9, 1e9 + 1.0, 1e9])
    values = loss.value(random_boxes(500, 0), random_boxes(500, 1))
    assert (values <= loss.rho_sup).all()
    if not isinstance(loss, (CIoU, TotalCIoU)) or loss.from_iou == 0.0:
        assert loss.value(np.array([0.0, 0.0, 0.0, 1.0]), far) == pytest.approx(loss.rho_sup, abs=1e-6)


@each
def test_nan_stays_nan_in_its_row(loss):
    y, eta = Y[:2], np.array([[0.0, 0.0, np.nan, 1.0], ETA[1]])
    np.testing.assert_array_equal(np.isnan(loss.value(y, eta)), [True, False])


def test_huge_boxes_do_not_overflow():
    y, eta = np.array([-1e308, -1e308, 0.0, 1e308]), np.array([-1e308, -1e308, 1e308, 1e308])
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        assert IoU().value(y, eta) == pytest.approx(0.5, rel=1e-14)
        assert np.isfinite(CIoU().slope(y, eta)).all()


def test_centres_and_sizes_are_corners_and_back():
    drawn = random_boxes(100, 4)
    np.testing.assert_allclose(corners(centres_and_sizes(drawn)), drawn, rtol=0, atol=16 * EPS * 10)
    np.testing.assert_array_equal(centres_and_sizes(np.array([[0.0, 2.0, 4.0, 8.0]])), [[2.0, 5.0, 4.0, 6.0]])
    with np.errstate(over="raise"):
        assert centres_and_sizes(np.array([1e308, 0.0, 1.5e308, 1.0]))[0] == 1.25e308


@pytest.mark.parametrize(("kind", "name", "values"), [(LogIoU, "floor", (0.0, 1.0)), (CIoU, "from_iou", (-0.1, 1.1))])
def test_a_parameter_that_makes_no_sense_is_refused_by_name(kind, name, values):
    for value in (*values, np.nan, None, "much"):
        with pytest.raises(BadParameter, match=f"{name}={value!r}: must be a number"):
            dataclasses.replace(kind(), **{name: value})

"""Panels of lines: labels that do not overlap, lines that can be told apart without colour."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy.optimize import minimize

from robustfit import panels
from robustfit.task import fitting

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_labels_are_spread_in_order_with_room_between(count):
    for _ in range(50):
        heights = RNG.choice([0.0, 0.3, 0.31, 0.9, 1.0], count) + 1e-3 * RNG.normal(size=count)
        places = panels.spread(heights, 0.06)
        ordered = places[np.argsort(heights)]
        assert (np.diff(ordered) >= 0.06 - 1e-12).all()
        assert ordered[0] >= 0 and ordered[-1] <= 1


def test_labels_with_room_stay_where_they_are():
    heights = np.array([0.9, 0.1, 0.5])
    np.testing.assert_allclose(panels.spread(heights, 0.1), heights)


def test_labels_move_no_more_than_they_must():
    heights = np.sort(RNG.uniform(0.3, 0.7, 6))
    places = panels.spread(heights, 0.08)
    gaps = {"type": "ineq", "fun": lambda at: np.diff(at) - 0.08}
    best = minimize(lambda at: np.square(at - heights).sum(), np.linspace(0.2, 0.8, 6), constraints=[gaps]).fun
    assert np.square(places - heights).sum() == pytest.approx(best, rel=1e-4)


def test_no_labels_are_no_trouble():
    assert panels.spread(np.array([]), 0.1).size == 0


def test_losses_differ_in_colour_and_in_a_second_cue():
    numbers = ["mse", "mae", "huber", "smooth_l1", "log_cosh", "cauchy", "bisquare", "welsch"]
    for one, other in itertools.combinations([panels.STYLES[name] for name in numbers], 2):
        assert one.color != other.color and one.marker != other.marker


LABELS = [
    "cross_entropy",
    "hinge",
    "squared_hinge",
    "focal",
    "zero_one",
    "perceptron",
    "savage",
    "sigmoid_mse",
    "sigmoid",
]
BOXES = ["iou", "log_iou", "giou", "diou", "ciou", "total_ciou"]


@pytest.mark.parametrize(
    "drawn", [["mse", *LABELS], ["mse", "mae", "huber", "smooth_l1", *BOXES]], ids=["labels", "boxes"]
)
def test_losses_of_labels_and_of_boxes_differ_in_line_and_in_marker(drawn):
    for one, other in itertools.combinations([panels.STYLES[name] for name in drawn], 2):
        assert (one.color, one.dashes) != (other.color, other.dashes) and one.marker != other.marker


def test_every_loss_that_is_drawn_has_a_style_of_its_own():
    assert set(fitting("loss", "regression")) - set(panels.STYLES) <= {"quantile"}


def test_lines_of_one_loss_differ():
    rows = pd.DataFrame({"loss": ["huber"]})
    chosen = panels.styles([("huber, delta = 1", rows), ("huber, delta = 2", rows), ("mine", rows.assign(loss="mine"))])
    assert chosen["huber, delta = 1"] == panels.STYLES["huber"]
    assert len(set(map(repr, list(chosen.values())[:2]))) == 2


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_panels_stand_in_rows(count, shape):
    figure, places = panels.grid(count)
    assert len(places) == len(figure.axes) == count
    assert places[0].get_gridspec().get_geometry() == shape


@pytest.mark.parametrize(
    ("values", "scale"),
    [([0.1, 1.0, 5.0], "log"), ([1.0, 5.0], "linear"), ([0.0, 5.0], "linear"), ([np.nan], "linear")],
)
def test_wide_positive_values_have_a_logarithmic_axis(values, scale):
    _, places = panels.grid(2)
    panels.scales(places, values, [])
    assert {axes.get_xscale() for axes in places} == {scale}
    assert {axes.get_yscale() for axes in places} == {"linear"}


def test_a_band_down_to_zero_does_not_squeeze_a_logarithmic_axis():
    _, places = panels.grid(1)
    places[0].fill_between([1.0, 2.0], [1e-12, 0.1], [2.0, 2.0])
    panels.scales(places, [1.0, 2.0], [0.1, 1.0])
    low, high = places[0].get_ylim()
    assert places[0].get_yscale() == "log" and low == pytest.approx(0.01) and high > 2.0


def test_direct_labels_name_every_line_and_do_not_overlap():
    figure, places = panels.grid(1)
    places[0].plot([0, 1], [0, 1])
    ends = {"mse": 0.5, "log_cosh": 0.5, "huber": 0.501}
    panels.direct(figure, places, [ends], dict.fromkeys(ends, panels.BLUE))
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in places[0].texts]  # an Annotation's includes its leader
    assert [text.get_text() for text in places[0].texts] == ["mse", "log cosh", "huber"]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))

"""Every column of a fit of boxes on cases that can be computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from robustfit import metrics
from robustfit.data import Data, Streams, Truth
from robustfit.fit import Fit, Solution, Status, statuses
from robustfit.losses.boxes.giou import GIoU
from robustfit.metrics import boxes
from robustfit.scenarios.random_boxes import RandomBoxes


def fit_of(coef):
    """A fit with these coefficients, `(batch, p, 4)`, as a solver might have returned it."""
    coef = np.asarray(coef, dtype=float)
    batch = coef.shape[:1]
    solution = Solution(
        coef, np.full(batch, 7), np.full(batch, 9), np.full(batch, True), statuses(batch, Status.converged)
    )
    return Fit(
        coef, np.full(batch, 1.0), coef, np.full(batch, 4.0), np.full(batch, 1e-3), np.full(batch, 1e-2),
        np.full(batch, "dual"), np.full(batch, False), np.full(batch, True), solution, GIoU(), "lbfgs",
    )  # fmt: skip


X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
CLEAN = np.array([[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 2.0], [2.0, 0.0, 5.0, 1.0], [9.0, 0.0, 9.5, 1.0]])
SEEN = np.array([*CLEAN[:3], [3.0, 0.0, 5.0, 2.0]])
"""The fitted boxes are (0 + x, 0, 2 + x, 1): IoU with the clean ones 1, 1/2, 2/3, 0; the fourth as seen 1/2."""
COEF = np.array([[[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 1.0, 0.0]]])
TRUTH = Truth(np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 1.0, 0.0]]), np.array([[1.0, 1.5], [1.5, 3.5]]))
DATA = Data(X[None], SEEN[None], X[None], CLEAN[None], np.array([[False, False, False, True]]), TRUTH, task="boxes")
FIT = fit_of(COEF)

BY_HAND = {
    "n_samples": 4,
    "n_features": 1,
    "n_outliers": 1,
    "intercepts": [0.0, 0.0, 2.0, 1.0],
    "coef": [1.0, 0.0, 1.0, 0.0],
    "true_intercepts": [0.0, 0.0, 2.0, 2.0],
    "true_coef": [1.0, 0.0, 1.0, 0.0],
    "clean_iou": (1.0 + 0.5 + 2.0 / 3.0) / 4.0,
    "clean_iou_50": 3.0 / 4.0,
    "clean_iou_75": 1.0 / 4.0,
    "iou_error": 1.0 - (1.0 + 0.5 + 2.0 / 3.0) / 4.0,
    "target_iou": 0.5,  # the true boxes are twice as high
    "corner_error": 0.5,  # one coordinate of four is off by 1 everywhere: sqrt(1 / 4)
    "marked_iou": 0.5,
    "outlier_ap": 0.5,  # overlaps as seen 1, 1/2, 2/3, 1/2: tied with the second row
    "status": "converged",
    "solver_used": "lbfgs",
    "solver_success": True,
    "false_success": True,
    "n_iter": 7,
    "n_eval": 9,
    "objective": 4.0,
    "gradient_norm": 1e-3,
    "gap": 1e-2,
    "gap_kind": "dual",
    "certified": False,
}


def test_all_columns_by_hand():
    measured = metrics.measure(DATA, FIT)
    assert list(measured) == list(BY_HAND)
    for name, value in measured.items():
        assert len(value) == 1, name
        if isinstance(BY_HAND[name], str):
            assert value[0] == BY_HAND[name], name
        else:
            np.testing.assert_allclose(value[0], BY_HAND[name], rtol=1e-12, err_msg=name)


def test_what_needs_a_truth_or_marks_is_empty_without():
    measured = metrics.measure(replace(DATA, truth=None, outliers=np.zeros((1, 4), dtype=bool)), FIT)
    for name in ("true_intercepts", "true_coef", "target_iou", "corner_error", "marked_iou", "outlier_ap"):
        assert np.isnan(measured[name]).all(), name
    assert measured["clean_iou"] == pytest.approx(BY_HAND["clean_iou"])


def test_where_there_is_no_fit_all_measures_are_empty():
    measured = metrics.measure(DATA, fit_of(COEF * np.nan))
    for name in ("clean_iou", "clean_iou_50", "clean_iou_75", "iou_error", "target_iou", "corner_error", "marked_iou",
                 "outlier_ap"):  # fmt: skip
        assert np.isnan(measured[name]).all(), name


def test_the_true_coefficients_meet_the_true_boxes():
    data = RandomBoxes().draw(Streams.spawn(0, 0), 3)
    fit = fit_of(np.broadcast_to(data.truth.coef, (3, 4, 4)))
    assert boxes.target_iou(data, fit) == pytest.approx(1.0)
    assert boxes.corner_error(data, fit).tolist() == [0.0, 0.0, 0.0]
    assert (boxes.clean_iou(data, fit) > 0.7).all(), "noise of 8 pixels moves boxes of 160 by 120 little"


def test_corner_error_is_the_rms_distance_over_clean_rows():
    data = RandomBoxes(n_samples=2000).draw(Streams.spawn(0, 0), 20)
    fit = fit_of(data.truth.coef + np.random.default_rng(0).normal(size=(20, 4, 4)))
    distance = data.X @ (fit.coef - data.truth.coef)
    assert boxes.corner_error(data, fit) == pytest.approx(np.sqrt(np.square(distance).mean((1, 2))), rel=0.05)
    empirical = np.swapaxes(data.X, -1, -2) @ data.X / 2000
    exact = [boxes.corner_error(replace(data.take(slice(i, i + 1)), truth=replace(data.truth, moment=empirical[i])),
                                fit_of(fit.coef[i : i + 1])).item() for i in range(20)]  # fmt: skip
    assert exact == pytest.approx(np.sqrt(np.square(distance).mean((1, 2))), rel=1e-9)


def test_a_batch_is_its_members():
    data = RandomBoxes().draw(Streams.spawn(0, 0), 3)
    coef = data.truth.coef + np.random.default_rng(0).normal(size=(3, 4, 4))
    whole = metrics.measure(data, fit_of(coef))
    for i in range(3):
        single = metrics.measure(data.take(slice(i, i + 1)), fit_of(coef[i : i + 1]))
        for name in (name for name in whole if whole[name].dtype != object):
            np.testing.assert_allclose(whole[name][i], single[name][0], rtol=1e-12, err_msg=name)

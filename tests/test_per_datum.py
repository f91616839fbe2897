"""A sample row by row says what the fit says of each row; sums over rows are the measures of the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fitted import fitted
from scipy.special import expit, softmax

from robustfit.per_datum import per_datum

THREE = {"scenario.n_classes": 3}


def named(found, *names):
    """The same fit of data whose classes are called so."""
    return replace(found, data=replace(found.data, classes=names))


def test_labels_are_called_as_the_user_calls_them():
    found = named(fitted("classification", outliers=0.2), "no", "yes")
    table, data = found.per_datum(), found.data.member(0)
    own = ["y", "y_clean", "outlier", "fitted", "score", "margin", "probability", "loss", "leverage", "flag"]
    assert list(table) == ["x1", "x2", *own]
    assert table["y"].tolist() == np.where(data.y > 0, "yes", "no").tolist()
    assert (table["y"] != table["y_clean"]).tolist() == data.outliers.tolist()
    assert table["fitted"].tolist() == np.where(data.X @ found.fit.coef[0] > 0, "yes", "no").tolist()
    assert (table["fitted"] == table["y_clean"]).mean() == found.measured["clean_accuracy"][0]


def test_margin_probability_and_loss_are_of_the_label_that_the_row_carries():
    found = fitted("classification", outliers=0.2)
    table, data = found.per_datum(), found.data.member(0)
    np.testing.assert_allclose(table["score"], data.X @ found.fit.coef[0], rtol=1e-12)
    np.testing.assert_array_equal(table["margin"], data.y * table["score"])
    np.testing.assert_allclose(table["probability"], expit(table["margin"]), rtol=1e-14)
    np.testing.assert_allclose(table["loss"], -np.log(table["probability"]), rtol=1e-12)
    assert table["loss"].mean() == pytest.approx(found.fit.objective[0], rel=1e-12)
    assert table["flag"].tolist() == (table["fitted"] != table["y"]).tolist()
    assert table["leverage"].sum() == pytest.approx(3), "the trace of the hat matrix"


def test_of_three_classes_each_has_a_score_and_the_softmax_makes_the_probability():
    found = named(fitted("classification", outliers=0.2, more=THREE), "a", "b", "c")
    table, data = found.per_datum(), found.data.member(0)
    scores = table[["score.a", "score.b", "score.c"]].to_numpy()
    np.testing.assert_allclose(scores, data.X @ found.fit.coef[0], rtol=1e-12)
    shares, own = softmax(scores, axis=-1), data.y.astype(int)
    np.testing.assert_allclose(table["probability"], shares[np.arange(len(own)), own], rtol=1e-12)
    assert table["fitted"].tolist() == np.array(["a", "b", "c"])[scores.argmax(-1)].tolist()
    assert table["flag"].tolist() == (table["fitted"] != table["y"]).tolist()
    assert table["loss"].mean() == pytest.approx(found.fit.objective[0], rel=1e-12)


@pytest.mark.parametrize("loss", ["hinge", "huber", "zero_one"])
def test_scores_that_are_no_logits_have_no_probability(loss):
    table = (found := fitted("classification", loss=loss, more={"scenario.n_samples": 30})).per_datum()
    assert "probability" not in table
    assert table["loss"].mean() == pytest.approx(found.fit.objective[0], rel=1e-9)


@pytest.mark.parametrize("more", [{}, THREE], ids=["two", "three"])
def test_where_there_is_no_fit_no_class_is_fitted_and_nothing_is_flagged(more):
    found = fitted("classification", more=more)
    lost = replace(found.fit, coef=np.full_like(found.fit.coef, np.nan))
    table = per_datum(found.data, lost)
    assert set(table["fitted"]) == {None} and not table["flag"].any()


def iou(one, other):
    """Of two boxes, side by side as the definition says it."""
    width, height = (max(0.0, min(one[j + 2], other[j + 2]) - max(one[j], other[j])) for j in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def test_boxes_are_given_by_their_corners_observed_clean_and_fitted():
    found = fitted("boxes", outliers=0.2, loss="mae")
    table = found.per_datum()
    corners = {kind: [f"{kind}.{corner}" for corner in ("x1", "y1", "x2", "y2")] for kind in ("y", "y_clean", "fitted")}
    assert list(table) == [
        *("x1", "x2", "x3", *corners["y"], *corners["y_clean"], "outlier", *corners["fitted"]),
        *("iou", "iou_clean", "leverage"),
    ]
    y, clean, boxes = (table[names].to_numpy() for names in corners.values())
    assert (y != clean).any(-1).tolist() == table["outlier"].tolist() and table["outlier"].sum() == 20
    np.testing.assert_allclose(boxes, found.data.X[0] @ found.fit.coef[0], rtol=1e-12)
    np.testing.assert_allclose(table["iou"], [iou(*pair) for pair in zip(y, boxes, strict=True)], atol=1e-12)
    np.testing.assert_allclose(table["iou_clean"], [iou(*pair) for pair in zip(clean, boxes, strict=True)], atol=1e-12)
    assert table["iou_clean"].mean() == pytest.approx(found.measured["clean_iou"][0], rel=1e-12)


def test_features_that_are_called_like_a_column_are_kept():
    found = fitted("boxes", loss="mse")
    found = replace(found, data=replace(found.data, names=("intercept", "iou", "leverage", "y.x1")))
    assert list(found.per_datum())[:3] == ["x.iou", "x.leverage", "x.y.x1"]


def test_the_way_names_the_coefficients_of_every_class():
    found = named(fitted("classification", more=THREE), "a", "b", "c")
    trace = found.trace()
    assert list(trace)[3:] == [f"coef.{name}.{output}" for name in ("intercept", "x1", "x2") for output in "abc"]
    np.testing.assert_allclose(trace.iloc[-1, 3:].astype(float), found.fit.coef[0].ravel(), rtol=1e-6, atol=1e-8)


def test_the_way_of_corners_that_are_fitted_one_by_one_is_that_of_the_first():
    found = fitted("boxes", loss="huber", solver="lbfgs")
    trace = found.trace()
    assert list(trace)[3:] == [f"coef.{name}.x1" for name in ("intercept", "x1", "x2", "x3")]
    np.testing.assert_allclose(trace.iloc[-1, 3:].astype(float), found.fit.coef[0][:, 0], rtol=1e-4)
    assert found.one_by_one and not fitted("boxes").one_by_one

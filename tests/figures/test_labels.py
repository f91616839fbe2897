"""Borders between classes are where two scores share the first place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fitted import fitted, referred

from robustfit import figures
from robustfit.data import Data
from robustfit.figures.labels import borders, called, plane

LOW, HIGH = np.array([-3.0, -2.0]), np.array([4.0, 5.0])


def drawn(found):
    reference = referred(found).coef[0]
    return figures.fit_figure(found.data.member(0), found.fit.coef[0], reference, "own_loss")


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def scores_at(scores, points):
    return np.column_stack([np.ones(len(points)), points]) @ scores


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_on_a_border_two_classes_share_the_largest_score(k, seed):
    scores = np.random.default_rng(seed).normal(size=(3, k))
    for ends in borders(scores, LOW, HIGH):
        assert ((ends >= LOW - 1e-9) & (ends <= HIGH + 1e-9)).all()
        between = ends[0] + np.linspace(0.01, 0.99, 7)[:, None] * (ends[1] - ends[0])
        first, second = np.sort(scores_at(scores, between), -1).T[[-1, -2]]
        np.testing.assert_allclose(first, second, atol=1e-9)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_every_change_of_class_along_a_way_is_at_a_border(k, seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(3, k))
    segments = borders(scores, LOW, HIGH)
    for _ in range(10):
        start, stop = rng.uniform(LOW, HIGH, (2, 2))
        way = start + np.linspace(0, 1, 4001)[:, None] * (stop - start)
        changes = np.flatnonzero(np.diff(scores_at(scores, way).argmax(-1)))
        crossed = sum(_crosses(start, stop, *ends) for ends in segments)
        assert crossed == len(changes)


def _crosses(a, b, c, d):
    """Whether the segments from a to b and from c to d cross."""

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b)


def test_classes_that_never_win_or_are_not_told_apart_have_no_border():
    assert borders(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 2.0]]), LOW, HIGH) == []
    assert len(borders(np.array([[0.0, 0.0, -100.0], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]), LOW, HIGH)) == 1
    assert borders(np.full((3, 2), np.nan), LOW, HIGH) == []
    assert borders(np.array([[0.0, 99.0], [0.0, 1.0], [0.0, 0.0]]), LOW, HIGH) == [], "outside"


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("features", [1, 2, 4])
def test_other_features_are_at_their_means(features, intercept):
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(9, features))
    X = np.column_stack([np.ones(9), slopes]) if intercept else slopes
    data = Data.clean(X, np.resize([-1.0, 1.0], 9), None, intercept, classes=(0, 1))
    coef = rng.normal(size=X.shape[1])
    point = np.append(rng.normal(size=min(2, features)), slopes.mean(0)[2:])
    expected = np.concatenate([[1.0] * intercept, point]) @ coef
    place = np.concatenate([[1.0], point[:2], np.zeros(2 - len(point[:2]))])
    np.testing.assert_allclose(place @ plane(data, coef), [0.0, expected])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("features", [2, 3])
@pytest.mark.parametrize("outliers", [0.0, 0.1])
def test_labels_are_drawn(tmp_path, features, classes, outliers):
    more = {"scenario.n_features": features, "scenario.n_classes": classes}
    found = fitted("classification", outliers=outliers, more=more, penalty="l2")
    figure = drawn(found)
    names = [f"class {name}" for name in found.data.classes]
    wrong = ["wrong label (10)"] if outliers else []
    assert legend(figure) == [*names, *wrong, "best rule", "logistic regression", "own loss"]
    figures.save(figure, tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_every_row_is_drawn_once_and_a_ring_is_around_the_wrong_labels():
    found = fitted("classification", outliers=0.1)
    dots = drawn(found).axes[0].collections
    *rows, rings = [np.asarray(part.get_offsets()) for part in dots]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows), axis=0), np.sort(found.data.X[0, :, 1:], axis=0))
    np.testing.assert_array_equal(rings, found.data.X[0, found.data.outliers[0], 1:])


def test_with_one_feature_the_labels_are_apart_in_height():
    found = fitted("classification", more={"scenario.n_features": 1}, penalty="l2")
    axes = drawn(found).axes[0]
    heights = np.concatenate([part.get_offsets()[:, 1] for part in axes.collections])
    assert not ((0.26 < heights) & (heights < 0.74)).any()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["-1", "1"]
    (line,) = [line for line in axes.get_lines() if line.get_label() == "own loss"]
    b0, b1 = found.fit.coef[0]
    np.testing.assert_allclose(line.get_xdata(), -b0 / b1)


def test_the_reference_is_left_out_where_it_is_the_fit():
    assert "logistic regression" not in legend(drawn(fitted("classification")))


def test_where_there_is_no_border_the_rows_are_drawn_alone(tmp_path):
    found = fitted("classification")
    data, nothing = found.data.member(0), np.zeros_like(found.fit.coef[0])
    for coef in (nothing, np.full_like(nothing, np.nan)):
        figure = figures.fit_figure(replace(data, truth=None), coef, coef, "lost")
        assert legend(figure) == ["class -1", "class 1", "wrong label (10)"]
        figures.save(figure, tmp_path / "fit.png")


def test_names_of_classes_are_no_formulas_and_very_many_fit(tmp_path):
    more = {"scenario.n_classes": 14, "scenario.n_features": 13, "scenario.n_samples": 60}
    found = fitted("classification", more=more, penalty="l2")
    found = replace(found, data=replace(found.data, classes=tuple(f"$\\alpha_{j}$ of {'x' * 60}" for j in range(14))))
    figure = drawn(found)
    figures.save(figure, tmp_path / "fit.png")
    assert sum(text.startswith("class ") for text in legend(figure)) == 10
    assert called("$a$") == r"\$a\$"

"""What a run with boxes prints."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fitted import fitted, referred

from robustfit import report
from robustfit.metrics import columns
from robustfit.report import boxes


def told(found):
    return report.single(found, referred(found))


def test_each_corner_has_a_column():
    found = fitted("boxes")
    lines = told(found).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("coefficient "))
    assert lines[start].split() == ["coefficient", "of", "x1", "y1", "x2", "y2"]
    assert lines[start + 1].split() == ["intercept", "true", "240", "180", "400", "300"]
    fits = [[float(cell) for cell in lines[start + 5 + j].split()[-4:]] for j in range(2)]
    np.testing.assert_allclose(fits, [found.fit.coef[0, 1], referred(found).coef[0, 1]], rtol=1e-4)


def test_the_measures_are_those_of_the_row():
    found = fitted("boxes", loss="mae", outliers=0.2)
    printed = dict(line.split()[:2] for line in told(found).splitlines() if len(line.split()) > 1)
    for name in ("clean_iou", "clean_iou_50", "clean_iou_75", "iou_error", "target_iou", "corner_error", "outlier_ap"):
        assert float(printed[name]) == pytest.approx(found.measured[name][0], rel=1e-3), name
    assert {"clean_iou", *boxes.WORDS} < set(columns("boxes"))


def test_the_meaning_compares_with_least_squares():
    found = fitted("boxes", loss="mae", outliers=0.2)
    own, other = re.search(
        r"the boxes of the mae fit overlap the clean boxes by ([\d.]+) on average, those of least squares by ([\d.]+);",
        told(found),
    ).groups()
    assert float(own) == pytest.approx(found.measured["clean_iou"][0], rel=1e-3) and float(own) > float(other)
    assert "those of least squares" not in told(fitted("boxes", loss="mse"))


def test_the_sum_over_the_coordinates_is_said_and_its_scale_where_it_is_estimated():
    text = told(fitted("boxes", loss="huber", scale="mad"))
    assert "mean loss, sum over the coordinates" in text and "mean over the four coordinates" in text
    fixed = told(fitted("boxes", loss="huber"))
    assert "mean loss, sum over the coordinates" in fixed and "mean over the four coordinates" not in fixed
    assert "sum over the coordinates" not in told(fitted("boxes"))


def test_without_outliers_nothing_is_said_of_them():
    text = told(fitted("boxes", outliers=0.0, loss="mae"))
    assert "outliers     none" in text and "marked_iou" not in text and "outlier_ap" not in text

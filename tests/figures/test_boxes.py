"""Some rows' boxes, a panel each."""

from __future__ import annotations

import numpy as np
import pytest
from fitted import fitted, referred

from robustfit import figures
from robustfit.figures.boxes import shown_rows


def drawn(found):
    return figures.fit_figure(found.data.member(0), found.fit.coef[0], referred(found).coef[0], "own_loss")


def corners(line):
    x, y = line.get_data()
    return np.array([min(x), min(y), max(x), max(y)])


def test_each_panel_has_the_boxes_of_its_row(tmp_path):
    found = fitted("boxes", outliers=0.1, loss="mae")
    figure, data = drawn(found), found.data.member(0)
    rows = shown_rows(data)
    assert len(figure.axes) == len(rows) == 6 and data.outliers[rows].sum() == 3
    fit, reference = data.X @ found.fit.coef[0], data.X @ referred(found).coef[0]
    for axes, row in zip(figure.axes, rows, strict=True):
        lines = {line.get_label(): corners(line) for line in axes.get_lines()}
        expected = {"clean": data.y_clean[row], "own loss": fit[row], "least squares": reference[row]}
        expected |= {"observed, wrong": data.y[row]} if data.outliers[row] else {}
        assert set(lines) == set(expected)
        for name, box in expected.items():
            np.testing.assert_allclose(lines[name], box)
        assert axes.get_title("left").startswith(f"row {row}") and axes.yaxis_inverted()
        assert ("outlier" in axes.get_title("left")) == data.outliers[row]
    assert len(figure.legends[0].get_texts()) == 4
    figures.save(figure, tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(("outliers", "wrong"), [(0.0, 0), (0.01, 1), (0.02, 2), (0.5, 3)])
def test_as_many_outliers_as_there_are_up_to_three(outliers, wrong):
    data = fitted("boxes", outliers=outliers, loss="mse").data.member(0)
    rows = shown_rows(data)
    assert len(rows) == len(set(rows)) == 6 and (np.diff(rows) > 0).all()
    assert data.outliers[rows].sum() == wrong


def test_a_fit_that_failed_is_drawn_without_it(tmp_path):
    data = fitted("boxes", loss="mse", more={"scenario.n_samples": 5}).data.member(0)
    nothing = np.full((4, 4), np.nan)
    figure = figures.fit_figure(data, nothing, nothing, "lost")
    assert len(figure.axes) == 5
    figures.save(figure, tmp_path / "fit.png")

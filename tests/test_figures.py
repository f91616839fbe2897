"""Figures are drawn without a display, whatever the sample has to show."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from command import ROOT

from robustfit import figures
from robustfit.data import Data, Truth
from robustfit.fit import Step

RNG = np.random.default_rng(0)


def sample(features, truth=True, marked=3, intercept=True):
    """One sample with that many features and marked rows."""
    slopes = RNG.normal(size=(20, features))
    X = np.column_stack([np.ones(20), slopes]) if intercept else slopes
    coef = np.arange(1.0, X.shape[1] + 1)
    data = Data.clean(X, X @ coef, Truth(coef, np.eye(len(coef))) if truth else None, intercept)
    return Data(**{**vars(data), "outliers": np.arange(20) < marked}), coef


def labels(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def lines(figure):
    """The slope of every line, by its label."""
    drawn = {line.get_label(): line for line in figure.axes[0].get_lines()}
    return {name: (line.get_xy1(), line.get_xy2()) for name, line in drawn.items() if hasattr(line, "get_xy1")}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("features", [0, 1, 3])
@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize("marked", [0, 3])
def test_a_fit_is_drawn(tmp_path, features, intercept, truth, marked):
    if not features and not intercept:
        return
    data, coef = sample(features, truth, marked, intercept)
    figure = figures.fit_figure(data, coef, coef + 0.1, "huber")
    expected = ["data", *(["outliers (3)"] if marked else []), *(["truth"] if truth else []), "least squares", "huber"]
    assert labels(figure) == expected
    figures.save(figure, tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_lines_are_those_of_the_coefficients():
    data, coef = sample(1)
    drawn = lines(figures.fit_figure(data, np.array([3.0, -2.0]), np.array([0.5, 4.0]), "mae"))
    assert drawn["mae"] == ((0.0, 3.0), (1.0, 1.0))
    assert drawn["least squares"] == ((0.0, 0.5), (1.0, 4.5))
    assert drawn["truth"] == ((0.0, 1.0), (1.0, 3.0))


def test_with_several_features_the_others_are_at_their_means():
    data, coef = sample(3)
    figure = figures.fit_figure(data, coef, coef, "mae")
    (_, level), (_, above) = lines(figure)["mae"]
    means = data.X.mean(0)
    assert level == pytest.approx(coef[0] + means[2:] @ coef[2:])
    assert above - level == pytest.approx(coef[1])
    drawn = np.concatenate([points.get_offsets() for points in figure.axes[0].collections])
    np.testing.assert_allclose(drawn[:, 1], level + coef[1] * drawn[:, 0])  # these data are on the surface
    assert figure.axes[0].get_ylabel() == "y, other features at their means"
    assert figure.axes[0].get_xlabel() == "x1"


def test_all_rows_are_drawn_and_the_marked_ones_differently():
    data, coef = sample(1, marked=3)
    clean, marked = figures.fit_figure(data, coef, coef, "mae").axes[0].collections
    assert (len(clean.get_offsets()), len(marked.get_offsets())) == (17, 3)
    np.testing.assert_array_equal(marked.get_offsets(), np.column_stack([data.X[:3, 1], data.y[:3]]))


def test_a_sample_at_one_point_has_room_around_it():
    data = Data.clean(np.column_stack([np.ones(4), np.full(4, 2.0)]), np.full(4, 5.0))
    figure = figures.fit_figure(data, np.array([5.0, 0.0]), np.array([5.0, 0.0]), "mae")
    assert figure.axes[0].get_xlim() == (1, 3) and figure.axes[0].get_ylim() == (4, 6)


def test_a_trace_is_drawn_over_iterations_and_evaluations(tmp_path):
    trace = tuple(Step(k, 3 * k + 1, 2.0 + 0.1**k, np.zeros(2)) for k in range(5))
    figure = figures.trace_figure(trace, 2.0, "huber, lbfgs")
    left, right = (axes.get_lines()[0] for axes in figure.axes)
    assert left.get_xdata().tolist() == [0, 1, 2, 3, 4] and right.get_xdata().tolist() == [1, 4, 7, 10, 13]
    np.testing.assert_allclose(left.get_ydata(), 0.5 * 0.1 ** np.arange(5), rtol=1e-9)
    figures.save(figure, tmp_path / "trace.png")
    assert (tmp_path / "trace.png").stat().st_size > 1000


def test_a_trace_that_reaches_zero_is_drawn(tmp_path):
    figure = figures.trace_figure((Step(0, 1, 1.0, np.zeros(1)), Step(1, 2, 0.0, np.zeros(1))), 0.0, "mse")
    assert (figure.axes[0].get_lines()[0].get_ydata() > 0).all()
    figures.save(figure, tmp_path / "trace.png")


DRAW = """
import sys, numpy as np
from robustfit import figures
from robustfit.data import Data
X = np.column_stack([np.ones(5), np.arange(5.0)])
figures.save(figures.fit_figure(Data.clean(X, X[:, 1]), np.array([0.0, 1.0]), np.array([0.0, 1.0]), "mae"), "fit.png")
assert "matplotlib.pyplot" not in sys.modules, "pyplot asks for a display"
"""


def test_no_display_is_asked_for(tmp_path):
    variables = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    }
    command = [sys.executable, "-W", "error", "-c", DRAW]
    done = subprocess.run(
        command, cwd=tmp_path, env=variables | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "fit.png").exists()

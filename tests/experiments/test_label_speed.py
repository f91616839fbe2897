"""Descent on losses of labels: gradients by differences, starts and ends that are known."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import label_effort, label_speed
from experiments.label_effort import CAP, LOSSES, RATES


@pytest.fixture(scope="module")
def drawn():
    return label_effort.samples("balanced", 3)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_by_differences(loss, drawn):
    data, _ = drawn
    X, y, coef, step = data.X[:1], data.y[:1], np.array([[0.3, -1.0, 0.5, 2.0]]), 1e-6

    def value(at):
        return LOSSES[loss](y, X @ at[0])[0]

    moves = step * np.eye(4)
    expected = [(value(coef + move) - value(coef - move)) / (2 * step) for move in moves]
    assert label_effort.slope(LOSSES[loss], X, y, coef)[0] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_start_is_as_wrong_as_it_says(drawn):
    data, classes = drawn
    start = label_effort.begun(data, classes.coef, 10.0)
    scores = np.einsum("knp,kp->kn", data.X, start)
    assert np.sqrt(np.square(scores).mean(-1)) == pytest.approx(10.0)
    assert classes.error(start) == pytest.approx(1 - classes.bayes_error)


def test_from_the_best_rule_there_is_nothing_to_do(drawn):
    data, classes = drawn
    start = np.repeat(classes.coef[None], 3, axis=0)
    found = label_effort.work(LOSSES["cross-entropy"], data, classes, start)
    assert found.shape == (3, len(RATES)) and (found[:, 0] == 0).all()


def test_a_loss_without_slope_never_arrives(drawn):
    from robustfit.losses.classification.zero_one import ZeroOne

    data, classes = drawn
    found = label_effort.work(ZeroOne(), data, classes, label_effort.begun(data, classes.coef, 10.0))
    assert (found == CAP).all()


def test_the_work_is_the_first_step_of_a_path_that_is_close():
    """At the rate 4 / L, where the path comes close once and stays."""
    data, classes = label_effort.samples("balanced", 1)
    excess = label_effort.path("cross-entropy", "balanced", 10.0, 4.0, CAP)
    start = label_effort.begun(data, classes.coef, 10.0)
    found = label_effort.work(LOSSES["cross-entropy"], data, classes, start)
    assert found[0, list(RATES).index(4.0)] == np.flatnonzero(excess <= label_effort.CLOSE)[0]


def test_times_leave_out_what_neither_reached():
    own, other = np.array([20.0, CAP, 80.0]), np.array([10.0, CAP, 10.0])
    assert label_speed.times(own, other).value == pytest.approx(4.0)  # the geometric mean of 2 and 8


@pytest.mark.parametrize(("loss", "expected"), [("cross-entropy", 0.99), ("squared error", 2 * 0.99**2 * 0.01)])
def test_pulls_by_their_formulas(loss, expected):
    assert label_speed.pull(LOSSES[loss], np.array([0.99]))[0] == pytest.approx(expected)

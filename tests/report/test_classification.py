"""What a run with labels prints: facts, coefficients, measures and what they mean."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from fitted import fitted, referred

from robustfit import report
from robustfit.fit import Status
from robustfit.metrics import columns
from robustfit.report import classification

SMALL = {"scenario.n_samples": 30}
APART = {"scenario.n_samples": 30, "scenario.distance": 12.0}
"""Classes so far apart that scores separate them."""


def told(found):
    return report.single(found, referred(found))


def cells(text, name):
    """The cells of the line that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return line.split()[1:]


def test_the_facts_are_those_of_the_sample():
    found = fitted("classification", outliers=0.2)
    text, data = told(found), found.data.member(0)
    first, second = (int((data.y_clean == y).sum()) for y in (-1, 1))
    wrong = [int((data.outliers & (data.y_clean == y)).sum()) for y in (-1, 1)]
    assert "scenario     gaussian_classes: 100 rows, 2 features\n" in text
    assert f"labels       {first} of class -1 ({first} %), {second} of class 1 ({second} %)\n" in text
    assert f"outliers     flips, 20 of 100 rows: {wrong[0]} of class -1, {wrong[1]} of class 1\n" in text
    assert "loss         cross_entropy, initial=ols\n" in text, "labels have no scale"


def test_classes_are_called_as_the_user_calls_them():
    found = fitted("classification")
    text = told(replace(found, data=replace(found.data, classes=("ham", "spam"))))
    assert re.search(r"labels +\d+ of class ham \(\d+ %\), \d+ of class spam", text)
    assert re.search(r"outliers +flips, 10 of 100 rows: \d of class ham, \d of class spam\n", text)


def test_the_coefficients_stand_beside_the_true_ones_and_those_of_logistic_regression():
    found = fitted("classification", loss="hinge")
    text = told(found)
    assert "coefficient  true" in text and "hinge  logistic regression\n" in text
    values = [[float(cell) for cell in cells(text, name)] for name in ("intercept", "x1", "x2")]
    expected = np.stack([found.data.truth.coef, found.fit.coef[0], referred(found).coef[0]], -1)
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_scores_that_are_no_log_odds_are_said_to_be_none():
    note = "no log odds: only ratios of its coefficients compare"
    assert note in told(fitted("classification", loss="hinge")) and note in told(fitted("classification", loss="huber"))
    assert note not in told(fitted("classification", loss="sigmoid_mse"))
    assert "the scores of savage are half of log odds" in told(fitted("classification", loss="savage"))


def test_each_of_three_classes_has_a_column():
    found = fitted("classification", more={"scenario.n_classes": 3})
    found = replace(found, data=replace(found.data, classes=("a", "b", "c")))
    lines = told(found).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("coefficient "))
    assert lines[start].split() == ["coefficient", "of", "a", "b", "c"]
    (truth, fit, other) = (lines[start + 4 + j].split() for j in range(3))
    assert (truth[:2], fit[0], other[:2]) == (["x1", "true"], "cross_entropy", ["logistic", "regression"])
    np.testing.assert_allclose([float(x) for x in fit[1:]], found.fit.coef[0, 1], rtol=1e-4)
    np.testing.assert_allclose([float(x) for x in truth[2:]], found.data.truth.coef[1], rtol=1e-4)


def test_very_many_classes_and_features_are_cut_short_and_it_is_said():
    more = {"scenario.n_classes": 10, "scenario.n_features": 21, "scenario.n_samples": 60}
    text = told(fitted("classification", more=more, penalty="l2"))
    assert "... and 2 more outputs\n... and 2 more" in text
    assert re.search(r"^  labels .* of class 7 \([\d.]+ %\) and 2 more$", text, re.MULTILINE)


def test_the_measures_are_those_of_the_row():
    found = fitted("classification", outliers=0.2)
    text = told(found)
    for name in ("clean_error", "bayes_error", "excess_error", "clean_accuracy", "direction_error", "outlier_ap"):
        assert float(cells(text, name)[0]) == pytest.approx(found.measured[name][0], rel=1e-3), name
    assert {*classification.WORDS, *classification.LATER} < set(columns("classification"))


def test_where_the_population_is_unknown_the_error_is_that_of_the_rows():
    found = fitted("classification", outliers=0.0)
    data = replace(found.data, truth=None)
    found = replace(found, data=data, measured={**found.measured, "bayes_error": [np.nan], "excess_error": [np.nan]})
    text = told(found)
    assert "share of the rows that is mislabelled" in text and "of the rows; " in text
    assert not re.search("best rule|bayes|clean_accuracy|^intercept +true", text)


def test_the_meaning_compares_with_logistic_regression_and_the_best_rule():
    text = told(fitted("classification", loss="hinge"))
    assert re.search(
        r"Meaning: the hinge fit mislabels [\d.]+ % of the population, logistic regression [\d.]+ %, the best rule "
        r"15\.87 %; no coefficients have a mean loss that is lower",
        text,
    ), "the best rule errs by Phi(-1)"


def test_cross_entropy_is_compared_with_itself_only_where_it_differs():
    assert "logistic regression" not in told(fitted("classification")).rpartition("Meaning: ")[2]
    assert "logistic regression" in told(fitted("classification", penalty="l2")).rpartition("Meaning: ")[2]


def test_a_loss_of_residuals_says_how_the_labels_count():
    text = told(fitted("classification", loss="huber"))
    assert "as numbers   huber is a loss of residuals: -1 counts as -1 and 1 as 1\n" in text
    assert "scale=fixed, initial=ols" in text


def test_classes_that_are_separated_are_said_to_be():
    text = told(fitted("classification", outliers=0.0, more=APART))
    assert "separated" in text and f"; {Status.separated.value}." in text
    assert "cross_entropy separates the classes: its coefficients grow without end" in text
    hinge = told(fitted("classification", outliers=0.0, loss="hinge", more=APART))
    assert hinge.endswith("no row costs anything.")
    assert "logistic regression separates the classes" in hinge and "hinge separates" not in hinge


def test_what_is_not_proved_is_not_said_to_be():
    text = told(fitted("classification", loss="savage"))
    assert "stationarity, no proof: not certified" in text and text.endswith("this one is not proved optimal.")
    perceptron = told(fitted("classification", loss="perceptron", more=SMALL))
    assert "coefficients of 0 would cost nothing" in perceptron


def test_a_heuristic_is_not_said_to_be_a_proof():
    text = told(fitted("classification", loss="zero_one", more={"scenario.n_samples": 400}))
    assert ": heuristic, " in text and "no bound is known: not certified" in text
    assert text.endswith("this one is not proved optimal.")

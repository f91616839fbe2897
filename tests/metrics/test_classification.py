"""Every column of a fit of labels on cases that can be computed by hand, or against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss

from robustfit import metrics
from robustfit.contaminations.flips import Flips
from robustfit.data import Data, Streams, Truth
from robustfit.fit import Fit, Solution, Status, statuses
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.hinge import Hinge
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.metrics import classification, measures
from robustfit.normal_classes import NormalClasses
from robustfit.scenarios.gaussian_classes import GaussianClasses

searched = settings(deadline=None, derandomize=True, max_examples=60)


def fit_of(coef, loss):
    """A fit with these coefficients, `(*batch, p)` or `(*batch, p, k)`, as a solver might have returned it."""
    coef = np.asarray(coef, dtype=float)
    batch = coef.shape[:1]
    solution = Solution(
        coef, np.full(batch, 7), np.full(batch, 9), np.full(batch, True), statuses(batch, Status.converged)
    )
    return Fit(
        coef, np.full(batch, 1.0), coef, np.full(batch, 4.0), np.full(batch, 1e-3), np.full(batch, 1e-2),
        np.full(batch, "dual"), np.full(batch, False), np.full(batch, True), solution, loss, "newton",
    )  # fmt: skip


X = np.array([[1.0, -2.0], [1.0, -1.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
CLEAN = np.array([-1.0, -1.0, -1.0, 1.0, 1.0])
SEEN = np.array([-1.0, -1.0, -1.0, 1.0, -1.0])
MARKS = np.array([[False, False, False, False, True]])
"""The scores of 0.5 + x are -1.5 -0.5 1.5 2.5 3.5: the third clean label is missed, and the fifth row is flipped."""
CLASSES = NormalClasses(np.array([[-1.0], [1.0]]), np.eye(1), np.array([0.6, 0.4]))
TRUTH = Truth(CLASSES.coef, CLASSES.moment, classes=CLASSES)
DATA = Data(X[None], SEEN[None], X[None], CLEAN[None], MARKS, TRUTH, task="classification", classes=("no", "yes"))
FIT = fit_of([[0.5, 1.0]], CrossEntropy())

ERROR = 0.6 * norm.cdf(-0.5) + 0.4 * norm.cdf(-1.5)  # scores N(-0.5, 1) and N(1.5, 1)
CUT = np.log(0.6 / 0.4) / 2.0  # where 0.6 phi(z + 1) = 0.4 phi(z - 1)
BAYES = 0.6 * norm.sf(CUT + 1.0) + 0.4 * norm.cdf(CUT - 1.0)

BY_HAND = {
    "n_samples": 5,
    "n_features": 1,
    "n_outliers": 1,
    "intercepts": [0.5],
    "coef": [1.0],
    "true_intercepts": [np.log(0.4 / 0.6)],
    "true_coef": [2.0],
    "clean_error": ERROR,
    "bayes_error": BAYES,
    "excess_error": ERROR - BAYES,
    "clean_accuracy": 4.0 / 5.0,
    "balanced_accuracy": (2.0 / 3.0 + 1.0) / 2.0,
    "minority_ap": 1.0,
    "direction_error": 0.0,
    "clean_log_loss": np.log1p(np.exp([-1.5, -0.5, 1.5, -2.5, -3.5])).mean(),
    "marked_agreement": 0.0,  # the fit says 1, the wrong label -1
    "outlier_ap": 1.0,  # margins as seen: 1.5 0.5 -1.5 2.5 -3.5
    "lowest_score": -1.5,
    "highest_score": 3.5,
    "status": "converged",
    "solver_used": "newton",
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


def assert_is(measured, expected):
    assert list(measured) == list(expected)
    for name, value in measured.items():
        assert len(value) == 1, name
        if isinstance(expected[name], str):
            assert value[0] == expected[name], name
        else:
            np.testing.assert_allclose(value[0], expected[name], rtol=1e-12, atol=1e-15, err_msg=name)


def test_all_columns_by_hand():
    assert_is(metrics.measure(DATA, FIT), BY_HAND)


def test_every_column_is_documented_in_sentences():
    for task in metrics.MODULES:
        for name, column in metrics.columns(task).items():
            first = (column.__doc__ or "").split("\n\n")[0].strip()
            assert first[:1].isupper() or first.startswith(("1 ", "clean_error")), name
            assert first.endswith("."), name


THREE_X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
THREE = Data(
    THREE_X[None], np.array([[0.0, 1.0, 2.0, 0.0]]), THREE_X[None], np.array([[0.0, 1.0, 1.0, 2.0]]),
    np.array([[False, False, True, True]]), task="classification", classes=("a", "b", "c"),
)  # fmt: skip
COEF = np.array([[[1.0, 0.5, -3.0], [-1.0, 0.0, 2.0]]])
"""Scores: (1, .5, -3), (0, .5, -1), (-1, .5, 1), (-2, .5, 3): the fit says 0, 1, 2, 2; clean labels are 0, 1, 1, 2."""
THREE_BY_HAND = BY_HAND | {
    "n_samples": 4,
    "n_outliers": 2,
    "intercepts": [1.0, 0.5, -3.0],
    "coef": [-1.0, 0.0, 2.0],
    "true_intercepts": [np.nan] * 3,
    "true_coef": [np.nan] * 3,
    "clean_error": 0.25,
    "bayes_error": np.nan,
    "excess_error": np.nan,
    "clean_accuracy": 0.75,
    "balanced_accuracy": (1.0 + 0.5 + 1.0) / 3.0,
    "minority_ap": 1.0,  # the last of a and c, which are equally rare: only the fourth row is c, and is surest to be
    "direction_error": np.nan,
    "clean_log_loss": np.mean([
        np.log(np.exp([1, 0.5, -3]).sum()) - 1.0, np.log(np.exp([0, 0.5, -1]).sum()) - 0.5,
        np.log(np.exp([-1, 0.5, 1]).sum()) - 0.5, np.log(np.exp([-2, 0.5, 3]).sum()) - 3.0,
    ]),
    "marked_agreement": 0.5,  # the third row's wrong label 2 is given, the fourth's wrong 0 is not
    "outlier_ap": (1.0 + 2.0 / 4.0) / 2.0,  # margins 0.5, 0.5, 0.5, -5: with the tied third row come all four
    "lowest_score": -3.0,
    "highest_score": 3.0,
}  # fmt: skip


def test_all_columns_of_three_classes_by_hand():
    assert_is(metrics.measure(THREE, fit_of(COEF, SoftmaxCrossEntropy(3))), THREE_BY_HAND)


def test_without_a_truth_the_error_is_that_of_the_clean_rows():
    measured = metrics.measure(replace(DATA, truth=None), FIT)
    assert measured["clean_error"] == pytest.approx(1.0 / 5.0)
    for name in ("bayes_error", "excess_error", "direction_error"):
        assert np.isnan(measured[name]).all(), name


def test_columns_of_detection_are_empty_without_marks():
    measured = metrics.measure(replace(DATA, outliers=np.zeros((1, 5), dtype=bool)), FIT)
    assert np.isnan([measured[name].item() for name in ("marked_agreement", "outlier_ap")]).all()


def test_where_there_is_no_fit_all_measures_are_empty():
    """A comparison with NaN is false, which would be a label like any other."""
    for data, coef, loss in (
        (DATA, [[np.nan, np.nan]], CrossEntropy()),
        (THREE, COEF * np.nan, SoftmaxCrossEntropy(3)),
    ):
        measured = metrics.measure(data, fit_of(coef, loss))
        for name in SCORED:
            assert np.isnan(measured[name]).all(), name


SCORED = ["clean_error", "clean_accuracy", "balanced_accuracy", "minority_ap", "direction_error", "clean_log_loss",
          "marked_agreement", "outlier_ap", "lowest_score", "highest_score"]  # fmt: skip


def test_a_log_loss_is_of_logits_only():
    assert np.isnan(classification.clean_log_loss(DATA, fit_of([[0.5, 1.0]], Hinge()))).all()


def test_the_rarer_class_is_that_of_the_population():
    """Though the sample has fewer of the other: scores of "no" are those of "yes" turned round."""
    classes = replace(CLASSES, shares=np.array([0.3, 0.7]))
    data = replace(DATA, truth=replace(TRUTH, classes=classes))
    found = classification.minority_ap(data, FIT)
    expected = average_precision_score(CLEAN < 0, -(0.5 + X[:, 1]))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("angle", [1e-9, 30.0, 90.0, 180.0])
def test_the_angle_of_the_slopes(angle):
    turn = np.radians(angle)
    rows = np.concatenate([X, X[:, 1:] ** 2], -1)[None]
    truth = Truth(np.array([0.3, 2.0, 0.0]), np.eye(3))
    data = Data.clean(rows, CLEAN[None], truth, classes=(0, 1))
    fit = fit_of([[9.0, 0.5 * np.cos(turn), 0.5 * np.sin(turn)]], CrossEntropy())
    assert classification.direction_error(data, fit) == pytest.approx(angle, rel=1e-6)


def test_the_angle_of_logits_does_not_see_what_is_added_to_all():
    truth = Truth(COEF[0] - COEF[0].mean(-1, keepdims=True), np.eye(2))
    data = replace(THREE, truth=truth)
    for shift in (0.0, 5.0):
        fit = fit_of(3.0 * COEF + shift, SoftmaxCrossEntropy(3))
        assert classification.direction_error(data, fit) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("k", [2, 3])
def test_measures_agree_with_scikit_learn(k):
    streams = Streams.spawn(5, 0)
    data = Flips().corrupt(GaussianClasses(n_classes=k, share=0.2).draw(streams, 4), 0.3, streams.marks, streams.values)
    coef = np.random.default_rng(k).normal(size=(4, 3) if k == 2 else (4, 3, k))
    fit = fit_of(coef, CrossEntropy() if k == 2 else SoftmaxCrossEntropy(k))
    measured = metrics.measure(data, fit)
    for i in range(4):
        scores = data.X[i] @ coef[i]
        logits = np.stack([0 * scores, scores], -1) if k == 2 else scores
        shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        y = (data.y_clean[i] > 0).astype(int) if k == 2 else data.y_clean[i].astype(int)
        assert measured["balanced_accuracy"][i] == pytest.approx(balanced_accuracy_score(y, logits.argmax(-1)))
        assert measured["clean_log_loss"][i] == pytest.approx(log_loss(y, shares, labels=range(k)))
        rare = shares[:, -1]
        assert measured["minority_ap"][i] == pytest.approx(average_precision_score(y == k - 1, rare))


@pytest.mark.parametrize("k", [2, 3])
def test_a_batch_is_its_members(k):
    streams = Streams.spawn(2, 0)
    data = Flips().corrupt(GaussianClasses(n_classes=k).draw(streams, 3), 0.2, streams.marks, streams.values)
    coef = np.random.default_rng(k).normal(size=(3, 3) if k == 2 else (3, 3, k))
    loss = CrossEntropy() if k == 2 else SoftmaxCrossEntropy(k)
    whole = metrics.measure(data, fit_of(coef, loss))
    for i in range(3):
        single = metrics.measure(data.take(slice(i, i + 1)), fit_of(coef[i : i + 1], loss))
        for name in (name for name in whole if whole[name].dtype != object):
            np.testing.assert_allclose(whole[name][i], single[name][0], rtol=1e-12, err_msg=name)


@searched
@given(seed=st.integers(0, 999), scale=st.floats(0.1, 10.0))
def test_the_error_and_the_angle_do_not_change_with_the_length_of_the_scores(seed, scale):
    coef = np.random.default_rng(seed).normal(size=(1, 2))
    one, other = (metrics.measure(DATA, fit_of(c, CrossEntropy())) for c in (coef, scale * coef))
    for name in ("clean_error", "clean_accuracy", "balanced_accuracy", "direction_error", "outlier_ap", "minority_ap"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-9, err_msg=name)
    assert one["excess_error"] >= 0.0


def test_the_true_coefficients_have_no_excess():
    data = GaussianClasses(correlation=0.5, share=0.2).draw(Streams.spawn(0, 0), 2)
    fit = fit_of(np.broadcast_to(data.truth.coef, (2, 3)), CrossEntropy())
    assert classification.excess_error(data, fit) == pytest.approx([0.0, 0.0], abs=1e-16)
    assert classification.direction_error(data, fit) == pytest.approx(0.0, abs=1e-6)
    coefs = measures.predictions(data.X, fit.coef)
    assert classification.lowest_score(data, fit) == pytest.approx(coefs.min(-1))

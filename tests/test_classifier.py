"""RobustClassifier is a scikit-learn estimator like any other, and says the same as scikit-learn where they overlap."""

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from robustfit import RobustClassifier
from robustfit.errors import BadData, BadParameter, Incompatible, Unknown
from robustfit.fit import Status
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.focal import Focal
from robustfit.penalties.l2 import L2

N, P = 80, 3
CHECKED = [RobustClassifier(loss, solver="newton", penalty=L2(0.01)) for loss in ("hinge", "squared_hinge", "focal")]
CHECKED += [RobustClassifier("savage", solver="newton", penalty=L2(0.01)), RobustClassifier("mse")]
CHECKED += [RobustClassifier(), RobustClassifier(solver="newton", penalty="l2", class_weight="balanced")]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the checks fit separable data too
@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def sample():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P))
    scores = X @ rng.normal(size=(P, 3)) + rng.gumbel(size=(N, 3))
    return X, np.array(["ash", "elm", "oak"])[scores.argmax(1)]


X, THREE = sample()
TWO = np.where(THREE == "oak", "oak", "other")
W = np.random.default_rng(1).integers(1, 4, N).astype(float)
both = pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
weighted = pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])


# --- what it says


@both
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_attributes(y, fit_intercept):
    model = RobustClassifier(fit_intercept=fit_intercept).fit(X, y)
    rows = 1 if y is TWO else 3
    assert model.coef_.shape == (rows, P) and model.intercept_.shape == (rows,)
    assert model.intercept_.any() == fit_intercept
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.n_features_in_ == P and model.n_iter_ >= 1 and model.status_ is Status.converged
    assert model.certified_ and model.gap_ <= 1e-9 and model.objective_ == model.fit_.objective
    scores = X @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.decision_function(X), scores[:, 0] if rows == 1 else scores)
    best = (scores[:, 0] > 0).astype(int) if rows == 1 else scores.argmax(1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[best])
    assert model.score(X, y) == np.mean(model.predict(X) == y) > 0.5


def test_the_score_is_that_of_the_second_class_whatever_the_labels():
    numbers, words, truths = (TWO == "other") * 7 - 3, TWO, TWO == "other"
    models = [RobustClassifier("squared_hinge").fit(X, y) for y in (numbers, words, truths)]
    for model in models:
        np.testing.assert_array_equal(model.coef_, models[0].coef_)
        assert (model.predict(X[model.decision_function(X) > 0]) == model.classes_[1]).all()
    assert models[2].predict(X).dtype == bool


def test_probabilities_are_those_of_the_scores():
    binary, several = RobustClassifier().fit(X, TWO), RobustClassifier().fit(X, THREE)
    p = special.expit(binary.decision_function(X))
    np.testing.assert_allclose(binary.predict_proba(X), np.stack([1.0 - p, p], -1), rtol=1e-12)
    expected = special.softmax(several.decision_function(X), axis=1)
    np.testing.assert_allclose(several.predict_proba(X), expected, rtol=1e-12)
    # at the optimum the mean probabilities are the shares of the classes: the intercept's equation
    np.testing.assert_allclose(
        several.predict_proba(X).mean(0), [np.mean(THREE == c) for c in several.classes_], rtol=1e-6
    )


@pytest.mark.parametrize(("loss", "factor"), [("sigmoid_mse", 1.0), ("savage", 2.0)])
def test_the_scores_of_proper_losses_are_logits(loss, factor):
    """Brier's score is least in the mean of (1 - p)^2: the same probabilities from both, Savage's score being half."""
    model = RobustClassifier(loss, solver="newton").fit(X, TWO)
    p = special.expit(factor * model.decision_function(X))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], p, rtol=1e-12)
    assert np.mean((1.0 - np.where(TWO == "other", p, 1.0 - p)) ** 2) == pytest.approx(model.objective_, rel=1e-12)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "focal", "sigmoid", "mse", "no such loss"])
def test_other_losses_have_no_probabilities(loss):
    assert not hasattr(RobustClassifier(loss), "predict_proba")


# --- agreement with scikit-learn


def assert_same(ours, theirs, rtol=1e-6):
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=rtol, atol=1e-8)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=rtol, atol=1e-8)


@both
@weighted
@pytest.mark.parametrize("solver", ["auto", "newton"])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_logistic_regression(y, weights, solver, C):
    total = N if weights is None else W.sum()
    ours = RobustClassifier(solver=solver, penalty=L2(1.0 / (C * total))).fit(X, y, weights)
    theirs = LogisticRegression(C=C, solver="newton-cg", tol=1e-12, max_iter=10_000).fit(X, y, weights)
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
    assert ours.certified_


@both
@pytest.mark.parametrize("class_weight", ["balanced", {"oak": 3.0}], ids=str)
def test_class_weights(y, class_weight):
    counts = {c: N / (len(set(y)) * np.sum(y == c)) if class_weight == "balanced" else 1.0 for c in np.unique(y)}
    counts |= {} if class_weight == "balanced" else class_weight
    own = np.array([counts[c] for c in y])
    ours = RobustClassifier(penalty=L2(1.0 / own.sum()), class_weight=class_weight).fit(X, y)
    theirs = LogisticRegression(solver="newton-cg", tol=1e-12, class_weight=class_weight).fit(X, y)
    assert_same(ours, theirs)
    assert_same(RobustClassifier(penalty=L2(1.0 / own.sum())).fit(X, y, own), ours, 1e-7)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("C", [0.1, 1.0])
def test_linear_svc(loss, C):
    ours = RobustClassifier(loss, penalty=L2(1.0 / (C * N)), fit_intercept=False).fit(X, TWO)
    theirs = LinearSVC(loss=loss, C=C, fit_intercept=False, tol=1e-9, max_iter=10**6, random_state=0).fit(X, TWO)
    assert_same(ours, theirs)


@weighted
def test_svc(weights):
    y = np.where(X @ [1.0, -1.0, 0.5] + np.random.default_rng(2).logistic(size=N) > 0, "up", "down")
    total = N if weights is None else W.sum()
    ours = RobustClassifier("hinge", penalty=L2(0.1)).fit(X, y, weights)
    theirs = SVC(kernel="linear", C=1.0 / (0.1 * total), tol=1e-8, max_iter=10**6).fit(X, y, weights)
    # relative to the whole vector, as precise as libsvm is
    whole = np.append(theirs.coef_, theirs.intercept_)
    assert np.linalg.norm(np.append(ours.coef_, ours.intercept_) - whole) <= 1e-6 * np.linalg.norm(whole)
    assert ours.certified_ and ours.fit_.gap_kind == "exact"


@both
def test_weights_are_repetition_and_a_weight_of_zero_is_absence(y):
    counts = np.arange(N) % 3
    for class_weight in (None, "balanced"):
        model = RobustClassifier(solver="newton", penalty=L2(0.01), class_weight=class_weight)
        one = clone(model).fit(X, y, counts)
        assert_same(one, clone(model).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)))
        assert_same(one, clone(model).fit(X[counts > 0], y[counts > 0], counts[counts > 0]))


def test_zero_one_is_exact_on_few_rows_and_says_so_where_it_is_not():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(15, 1))
    y = (x[:, 0] + 0.8 * rng.normal(size=15) > 0).astype(int)
    best = min(min(np.sum((x[:, 0] > t) != y), np.sum((x[:, 0] <= t) != y)) for t in np.append(x[:, 0], -9.0))
    model = RobustClassifier("zero_one").fit(x, y)
    assert model.fit_.solver == "mixed_integer" and 1.0 - model.score(x, y) == pytest.approx(best / 15)
    assert model.objective_ == pytest.approx(best / 15)
    with pytest.warns(ConvergenceWarning, match="heuristic: a good fit, not proved to be the best"):
        large = RobustClassifier("zero_one").fit(X, TWO)
    assert large.fit_.solver == "best_of_surrogates" and not large.certified_
    assert large.score(X, TWO) >= RobustClassifier("hinge").fit(X, TWO).score(X, TWO)


# --- among scikit-learn's tools


def test_pipeline_and_grid_search():
    model = make_pipeline(StandardScaler(), RobustClassifier("focal", solver="newton", penalty=L2(0.01)))
    grid = {"robustclassifier__loss__gamma": [0.0, 2.0], "robustclassifier__penalty__alpha": [0.01, 0.1]}
    search = GridSearchCV(model, grid, cv=3, scoring="roc_auc").fit(X, TWO)
    best = search.best_estimator_[-1]
    assert best.loss == Focal(search.best_params_["robustclassifier__loss__gamma"], 0.25)


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", Focal(1.0, None)], ids=str)
def test_parameters_round_trip(loss):
    model = RobustClassifier(loss, solver="newton", penalty="l2", class_weight={"oak": 2.0})
    again = RobustClassifier().set_params(**model.get_params())
    assert clone(model).get_params(deep=False) == model.get_params(deep=False)
    for other in (again, clone(model)):
        np.testing.assert_array_equal(other.fit(X, TWO).coef_, model.fit(X, TWO).coef_)
    assert RobustClassifier("focal").get_params()["loss__gamma"] == 2.0


def test_pandas():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = RobustClassifier().fit(frame, pd.Series(THREE), pd.Series(W))
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(model.coef_, RobustClassifier().fit(X, THREE, W).coef_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])


# --- what it refuses, and what it warns of


@pytest.mark.parametrize(
    ("parameters", "y", "error", "message"),
    [
        ({"loss": "hing"}, TWO, Unknown, r"no loss 'hing' \(did you mean 'hinge'\?\)"),
        ({"loss": "giou"}, TWO, Incompatible, "loss=giou is for boxes; for classification there are .*hinge"),
        ({"loss": 3}, TWO, BadParameter, "loss=3: must be a Loss"),
        ({}, np.full(N, "oak"), BadData, "y has one class only, oak; at least two classes are needed"),
        ({"loss": "hinge"}, THREE, Incompatible, "loss of two classes; there are 3: cross_entropy takes any number"),
        ({"loss": "mse"}, THREE, Incompatible, "there are 3: cross_entropy takes any number"),
        ({"loss": CrossEntropy((1.0, 2.0))}, THREE, Incompatible, "3 classes need 3 weights; 2 were given"),
        ({"class_weight": {"oak": 0.0}}, TWO, BadParameter, "class oak has the weight 0; must be .* greater than 0"),
        ({"class_weight": "equal"}, TWO, ValueError, "class_weight"),
        ({"solver": "newton", "loss": "zero_one"}, TWO, Incompatible, "newton follows slopes"),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
def test_what_cannot_be_is_refused(parameters, y, error, message):
    with pytest.raises(error, match=message):
        RobustClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize("place", ["X", "weights"])
def test_what_is_not_finite_is_refused(place):
    data = {"X": X.copy(), "weights": W.copy()}
    data[place][1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        RobustClassifier().fit(data["X"], TWO, data["weights"])
    with pytest.raises(ValueError, match="NaN"):
        RobustClassifier().fit(X, np.where(np.arange(N) == 1, np.nan, 1.0))


@pytest.mark.parametrize(("weights", "message"), [(-W, "Negative"), (0.0 * W, "zero"), (W[:3], "shape")])
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        RobustClassifier().fit(X, TWO, weights)


def test_weights_that_leave_one_class_are_refused():
    with pytest.raises(BadData, match="one class only, oak"):
        RobustClassifier().fit(X, TWO, (TWO == "oak").astype(float))


def test_predict_before_fit():
    with pytest.raises(NotFittedError):
        RobustClassifier().predict(X)


def test_separable_classes_warn_where_the_loss_has_no_minimum():
    y = X[:, 0] > 0
    with pytest.warns(ConvergenceWarning, match="separated: the score separates the classes, all rows or some"):
        assert RobustClassifier().fit(X, y).score(X, y) == 1.0
    assert RobustClassifier("hinge").fit(X, y).status_ is Status.perfect_fit
    assert RobustClassifier(penalty="l2").fit(X, y).certified_

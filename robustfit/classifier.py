"""The scikit-learn face for labels: `RobustClassifier(loss="hinge").fit(X, y)`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from robustfit.errors import BadData, BadParameter, Incompatible, Unknown
from robustfit.estimators.m import M
from robustfit.fit import Fit
from robustfit.linalg import Array, double
from robustfit.losses.classification.base import sigmoid
from robustfit.losses.classification.cross_entropy import CrossEntropy, among
from robustfit.losses.classification.softmax_cross_entropy import log_softmax
from robustfit.parts import Composed, counting, meant_for, part, tell, with_ones
from robustfit.scales.fixed import Fixed


def _has_probabilities(model: RobustClassifier) -> bool:
    """Whether scores are logits; not where the loss's name does not exist, which `fit` will say."""
    try:
        return part("loss", model.loss).logit is not None
    except Unknown:
        return False


class RobustClassifier(ClassifierMixin, Composed):  # type: ignore[misc]
    """A linear classifier fitted by minimising a loss of labels, with a proof of how far from optimal it can be.

    The objective is the (weighted) mean of the losses plus the penalty; so scikit-learn's C, which multiplies their
    sum, is `penalty=L2(alpha)` with alpha = 1 / (C n), n the sum of all weights. As in RobustRegressor, and unlike in
    LogisticRegression, nothing is penalised by default: what a penalty does depends on the units of the columns. Where
    a score separates the classes, an unpenalised cross-entropy has no minimum: a ConvergenceWarning says so.

    Every part is a name (`robustfit.catalogue.names("loss")` lists them) or an object, so that
    `RobustClassifier(loss=Focal(gamma=1))` and a grid over `penalty__alpha` both work.

    Args:
        loss: what a score costs; `cross_entropy` takes two or more classes, the others two. A loss of regression, such
            as `mse`, is of the differences of the score from labels -1 and 1.
        solver: how the loss is minimised.
        initial: the fit to start from, `ols`, `lad` or `medians`, which far rows with a wrong label do not carry off.
        penalty: what the slopes cost.
        class_weight: how much the rows of each class count, by class (1 where none is given); `balanced`: so that each
            class counts the same in all.
        fit_intercept: whether to fit an intercept.

    Attributes:
        classes_: the labels in their order, `(k,)`.
        coef_, intercept_: the fit, `(1, n_features)` and `(1,)` for two classes, the score being that of the second
            one; `(k, n_features)` and `(k,)`, a score for each, for more.
        objective_, gap_, certified_: the mean loss reached, how far from the least one it can be (relative), and
            whether that is at most 1e-9; for a loss that is not convex `gap_` is a stationarity number.
        n_iter_, status_: the solver's iterations and how it ended.
        fit_: everything that was measured, a `robustfit.fit.Fit`.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["no", "yes", "no", "yes"])
    >>> model = RobustClassifier(loss="squared_hinge").fit(X, y)
    >>> model.coef_.round(9), model.intercept_.round(9), model.predict([[5.0]]).item()
    (array([[0.4]]), array([-0.6]), 'yes')
    """

    parts = ("loss", "solver", "initial", "penalty")
    task = "classification"

    def __init__(
        self,
        loss: Any = "cross_entropy",
        *,
        solver: Any = "auto",
        initial: Any = "ols",
        penalty: Any = "none",
        class_weight: Any = None,
        fit_intercept: bool = True,
    ) -> None:
        self.loss = loss
        self.solver = solver
        self.initial = initial
        self.penalty = penalty
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Args:
            X: features, `(n, n_features)`; NumPy or pandas.
            y: labels, `(n,)`: numbers, strings or anything else that can be ordered.
            sample_weight: how often each row counts, `(n,)`, never negative; the same as repeating rows.

        Raises:
            BadData: there is one class only.
            Incompatible: there are more than two classes, and the loss takes two.

        Warns:
            ConvergenceWarning: the score separates the classes and the loss has no minimum, the columns are linearly
                dependent, or no optimum was found.
        """
        rows, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        rows, labels, weights = counting(rows, labels, sample_weight)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        k = len(self.classes_)
        estimator = _of_classes(self.estimator(), self.classes_)
        weights = self._with_class_weights(numbers, weights)
        design = with_ones(rows) if self.fit_intercept else rows
        targets = double(numbers if k > 2 else 2 * numbers - 1)
        with np.errstate(over="ignore", invalid="ignore"):
            fit = estimator.fit(design, targets, weights, self.fit_intercept, outputs=k if k > 2 else 1)
        self._publish(fit)
        return self

    def estimator(self) -> M:
        """The estimator that the parameters describe, names made into objects; labels have no unit, so no scale."""
        return meant_for(self.task, M(**self.made(), scale=Fixed()))

    def decision_function(self, X: ArrayLike) -> Array:
        """X coef' + intercept: `(n,)`, positive for the second of two classes; `(n, k)` for more."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        scores: Array = rows @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class of the largest score, `(n,)`."""
        scores = self.decision_function(X)
        best = np.asarray(scores > 0, dtype=np.int64) if scores.ndim == 1 else scores.argmax(-1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> Array:
        """The probabilities of the classes, `(n, k)`; of a loss whose best scores are multiples of log odds."""
        scores = self.decision_function(X)
        if scores.ndim > 1:
            return np.asarray(np.exp(log_softmax(scores)))
        logits = self.fit_.loss.logit * scores
        return np.stack([sigmoid(-logits), sigmoid(logits)], -1)

    def __sklearn_tags__(self) -> Tags:
        """Whether it takes more than two classes depends on the loss."""
        tags = super().__sklearn_tags__()
        try:
            tags.classifier_tags.multi_class = isinstance(part("loss", self.loss), CrossEntropy)
        except Unknown:
            tags.classifier_tags.multi_class = False
        return tags

    def _with_class_weights(self, numbers: NDArray[np.int64], weights: Array | None) -> Array | None:
        """The weights of the rows times those of their classes."""
        if self.class_weight is None:
            return weights
        given = np.ones(len(numbers)) if weights is None else weights
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            own = given.sum() / (len(self.classes_) * np.bincount(numbers, given))
        else:
            labels = self.classes_[numbers]
            own = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
        if not (good := (own > 0) & np.isfinite(own)).all():
            wrong = f"class {self.classes_[~good][0]} has the weight {own[~good][0]:g}"
            raise BadParameter(f"class_weight: {wrong}; must be a number, greater than 0")
        result: Array = given * own[numbers]
        return result

    def _publish(self, fit: Fit) -> None:
        coef, free = np.atleast_2d(fit.coef.T), int(self.fit_intercept)
        self.fit_ = fit
        self.coef_ = np.ascontiguousarray(coef[:, free:])
        self.intercept_ = coef[:, 0].copy() if free else np.zeros(len(coef))
        self.objective_, self.gap_, self.certified_ = float(fit.objective), float(fit.gap), bool(fit.certified)
        self.n_iter_ = max(1, int(fit.solution.n_iter))
        self.status_ = fit.status.item()
        tell(self.status_)


def _of_classes(estimator: M, classes: NDArray[Any]) -> M:
    """The estimator, if its loss can tell these classes apart.

    Raises:
        BadData: there is one class only.
        Incompatible: there are more than two, and the loss takes two.
    """
    if len(classes) == 1:
        raise BadData(f"y has one class only, {classes[0]}; at least two classes are needed")
    try:
        among(estimator.loss, len(classes))
    except Incompatible as error:
        raise Incompatible(f"Only binary classification is supported. {error}") from None
    return estimator

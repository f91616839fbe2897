"""Is cross-entropy the likelihood, and is softmax the sigmoid: as formulas, and as fits?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.definitions import SUMMED, SUMS
from experiments.samples import drawn, fitted
from experiments.shapes import SAME
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Verdict,
    at_most,
    identity,
)
from robustfit.data import Data
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.classification.base import sigmoid
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy, log_softmax
from robustfit.panels import BLACK, BLUE, RED
from robustfit.report import number

SETTINGS = {"scenario": "gaussian_classes", "scenario.n_samples": 200, "scenario.n_features": 4}
SETTINGS |= {"contamination": "flips", "loss": "cross_entropy", "initial": "ols", "solver": "auto"}
"""Normal classes two standard deviations apart; flipped labels, if any."""

CLASSES = (2, 3, 5)


@dataclass(frozen=True)
class CrossEntropyIsLikelihood(Claim):
    """The likelihood's logarithm, divided by minus n."""

    id = "cross-entropy-is-likelihood"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.1.1",
            "It's also a logarithmic likelihood function in essence , It can be used in binary and multi "
            "classification tasks .",
        ),
        Quote("D4", "", "the induction of cross entropy comes from maximum likelihood estimation in statistics."),
    )
    statement = (
        "Mean cross-entropy is the negative log-likelihood of the labels over n, and its minimiser is the "
        "maximum-likelihood fit of logistic regression: for two classes and for more, with clean and with flipped "
        "labels."
    )
    quantifier = Quantifier.always
    scope = "linear models with 4 features, 200 rows, 2, 3 and 5 classes"
    margin = SUMS + "; fitted logits within 1e-6 of scikit-learn's logistic regression, which is solved to 1e-10"

    def evidence(self, lab: Laboratory) -> Evidence:
        apart = {(k, flips): _apart(k, flips, lab.choose(8, 3)) for k in CLASSES for flips in (0.0, 0.2)}
        conditions = (
            *(identity(f"{k} classes: n times the mean and -log-likelihood", *_both(k), SUMMED) for k in CLASSES),
            *(
                Condition(f"{k} classes, {100 * flips:g} % flipped: fitted logits apart", Exact(far), at_most(1e-6))
                for (k, flips), far in apart.items()
            ),
        )
        shrunk = _shrunk()
        key = Key("largest distance of fitted logits from the maximum-likelihood fit's", Exact(max(apart.values())))
        return Evidence(conditions, key, lambda verdict: _likely(verdict, shrunk))


def _both(k: int) -> tuple[Array, Array]:
    """Cross-entropy and SciPy's log-probabilities of labels, summed over each of 20 samples of logits."""
    from scipy.stats import bernoulli, multinomial

    rng = np.random.default_rng(k)
    eta, labels = 3 * rng.standard_normal((20, 500, k)), rng.integers(k, size=(20, 500))
    if k == 2:
        logit = eta[..., 1] - eta[..., 0]
        summed = CrossEntropy()(2.0 * labels - 1, logit, reduction="sum")
        return summed, -bernoulli.logpmf(labels, sigmoid(logit)).sum(-1)
    p = np.exp(eta) / np.exp(eta).sum(-1, keepdims=True)
    likely = multinomial.logpmf(np.eye(k, dtype=int)[labels], 1, p)
    return SoftmaxCrossEntropy(k)(labels * 1.0, eta, reduction="sum"), -likely.sum(-1)


def _apart(k: int, flips: float, count: int) -> float:
    """How far the fitted logits are from scikit-learn's, centred over the classes: the largest over all rows."""
    from threadpoolctl import threadpool_limits

    settings = {**SETTINGS, "scenario.n_classes": k, "outliers": flips}
    data = drawn(settings, count)
    own = fitted(settings, data).coef
    with threadpool_limits(1):  # on a few rows threads wait for each other
        peers = np.array([_maximum_likelihood(X, y) for X, y in zip(data.X, data.y, strict=True)])
    if k == 2:
        return float(np.abs(data.X @ own[..., None] - data.X @ np.swapaxes(peers, -1, -2)).max())
    both = [data.X @ own, data.X @ np.swapaxes(peers, -1, -2)]
    one, other = (logits - logits.mean(-1, keepdims=True) for logits in both)
    return float(np.abs(one - other).max())


def _maximum_likelihood(X: Array, y: Array) -> Array:
    """scikit-learn's coefficients, intercepts first: a row of two classes, k rows of more; X with a column of ones."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X[:, 1:], y)
    return np.column_stack([model.intercept_, model.coef_])


def _shrunk() -> float:
    """The length of the slopes fitted to samples with 20 % flipped labels, over that without: the median."""
    lengths = []
    for flips in (0.0, 0.2):
        data = drawn({**SETTINGS, "outliers": flips}, 8)
        lengths.append(np.linalg.norm(fitted(SETTINGS, data).coef[:, 1:], axis=-1))
    return float(np.median(lengths[1] / lengths[0]))


def _likely(verdict: Verdict, shrunk: float) -> str:
    head = {
        Verdict.supported: "Cross-entropy is maximum likelihood: with right labels no fit of a right model is better",
    }.get(verdict, "Cross-entropy is not maximum likelihood throughout")
    return (
        f"{head}. With wrong ones it is the likelihood of a model in which labels are right: 20 % flips make the "
        f"slopes {number(shrunk, 2)} times as long, and so the probabilities too cautious. Keep it for clean labels "
        "and honest probabilities."
    )


@dataclass(frozen=True)
class SoftmaxIsSigmoid(Claim):
    """The sigmoid of a difference; what is set beside the loss has to know that."""

    id = "softmax-is-sigmoid"
    section = "D"
    quotes = (
        Quote("D3", "2.1.1", "sigmoid The function is softmax A special case of"),
        Quote(
            "D3",
            "2.1.1",
            "When the scene becomes binary ,softmax≈sigmoid, Although not rigorous",
            "when there are two classes, softmax is about the same as the sigmoid, though this is not rigorous",
        ),
    )
    statement = (
        "With two classes softmax is the sigmoid of the difference of the scores: probabilities, losses and slopes are "
        "the same, and so are the fitted probabilities, without a penalty and with the same one."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 4 features, 200 rows, two classes"
    margin = SAME + "; fitted probabilities within 1e-5, to which both fits are solved"

    def evidence(self, lab: Laboratory) -> Evidence:
        data = drawn({**SETTINGS, "outliers": 0.1}, 4)
        apart = {(own, other): _probabilities_apart(data, own, other) for own, other in PENALTIES.values()}
        conditions = (
            *(identity(f"{name} of two scores", *both) for name, both in _formulas().items()),
            *(
                Condition(f"fitted probabilities apart, {name}", Exact(apart[alphas]), at_most(1e-5))
                for name, alphas in PENALTIES.items()
            ),
        )
        halved = _probabilities_apart(data, 0.1, 0.05)
        table = pd.DataFrame(
            {
                "L2 penalty of softmax, of the sigmoid": ["none, none", "0.1, 0.1", "0.1, 0.05"],
                "largest distance of fitted probabilities": [*apart.values(), halved],
            }
        )
        key = Key("fitted probabilities apart, the same L2 penalty", Exact(apart[0.1, 0.1]))
        pictures = {"fits": Picture(SCATTER, lambda figure: _draw_fits(figure, data), 4.4, 3.6)}
        return Evidence(
            conditions, key, lambda verdict: _differ(verdict, apart[0.1, 0.1], halved), {"Fits": table}, pictures
        )


PENALTIES = {"no penalty": (0.0, 0.0), "L2 penalty of 0.1": (0.1, 0.1)}
SCATTER = (
    "Fitted probabilities of one sample, softmax against sigmoid, without a penalty and with an L2 penalty of 0.1."
)


def _formulas() -> dict[str, tuple[Array, Array]]:
    """Probabilities, losses and slopes of softmax and of the sigmoid, over scores of both signs."""
    rng = np.random.default_rng(0)
    scores, labels = 2 * rng.standard_normal((1000, 2)), rng.integers(2, size=1000) * 1.0
    logit, sign = scores[:, 1] - scores[:, 0], 2 * labels - 1
    wide, narrow = SoftmaxCrossEntropy(2), CrossEntropy()
    return {
        "probabilities": (np.exp(log_softmax(scores)[:, 1]), sigmoid(logit)),
        "losses": (wide.value(labels, scores), narrow.value(sign, logit)),
        "slopes": (wide.slope(labels, scores)[:, 1], narrow.slope(sign, logit)),
    }


Values = Callable[[Array], tuple[float, Array]]


def _minimised(value: Values, size: int) -> Array:
    """The least of a smooth convex function by SciPy's trust-region Newton steps on differences of the gradient."""
    from scipy.optimize import minimize

    found: Array = minimize(value, np.zeros(size), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000}).x
    return found


def _softmax_fit(X: Array, y: Array, alpha: float) -> Array:
    """Coefficients `(p, 2)` of softmax with alpha / 2 times the squares of all slopes."""
    loss, labels, shape = SoftmaxCrossEntropy(2), (y + 1) / 2, (X.shape[1], 2)
    free = np.array([0.0, *[1.0] * (X.shape[1] - 1)])[:, None]

    def value(flat: Array) -> tuple[float, Array]:
        coef = flat.reshape(shape)
        slope = X.T @ loss.slope(labels, X @ coef) / len(y) + alpha * free * coef
        return float(loss(labels, X @ coef) + alpha / 2 * np.square(free * coef).sum()), slope.ravel()

    return _minimised(value, X.shape[1] * 2).reshape(shape)


def _sigmoid_fit(X: Array, y: Array, alpha: float) -> Array:
    """Coefficients `(p,)` of the sigmoid with alpha / 2 times the squared slopes."""
    loss, free = CrossEntropy(), np.array([0.0, *[1.0] * (X.shape[1] - 1)])

    def value(coef: Array) -> tuple[float, Array]:
        slope = X.T @ loss.slope(y, X @ coef) / len(y) + alpha * free * coef
        return float(loss(y, X @ coef) + alpha / 2 * np.square(free * coef).sum()), slope

    return _minimised(value, X.shape[1])


def _fitted_probabilities(X: Array, y: Array, alphas: tuple[float, float]) -> tuple[Array, Array]:
    """Of softmax and of the sigmoid, each with its own penalty."""
    wide = np.exp(log_softmax(X @ _softmax_fit(X, y, alphas[0]))[:, 1])
    return wide, sigmoid(X @ _sigmoid_fit(X, y, alphas[1]))


def _probabilities_apart(data: Data, own: float, other: float) -> float:
    """The largest distance of fitted probabilities over rows and samples."""
    both = [_fitted_probabilities(X, y, (own, other)) for X, y in zip(data.X, data.y, strict=True)]
    return float(max(np.abs(wide - narrow).max() for wide, narrow in both))


def _differ(verdict: Verdict, same: float, halved: float) -> str:
    head = {
        Verdict.depends: "Rigorous enough without a penalty, where the fits are the same",
        Verdict.supported: "The fits are the same, with and without a penalty",
    }.get(verdict, "Softmax and sigmoid are not the same")
    return (
        f"{head}; with the same L2 penalty fitted probabilities are up to {number(same, 2)} apart, since softmax "
        "spreads a difference over two sets of slopes, each half as long, whose squares sum to half. Give the sigmoid "
        f"half of softmax's penalty, and they are {number(halved, 1)} apart."
    )


def _draw_fits(figure: Any, data: Data) -> None:
    axes = figure.subplots()
    for alphas, color, marker, label in (((0.0, 0.0), BLUE, ".", "no penalty"), ((0.1, 0.1), RED, "x", "L2, 0.1")):
        wide, narrow = _fitted_probabilities(data.X[0], data.y[0], alphas)
        axes.plot(narrow, wide, marker, ms=4, color=color, label=label)
    axes.plot([0, 1], [0, 1], color=BLACK, lw=0.6)
    axes.set(xlabel="p by the sigmoid", ylabel="p by softmax", aspect="equal")
    axes.legend()

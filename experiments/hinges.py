"""What do the hinge, the 0-1 loss and the perceptron's loss count, and what do their classifiers do?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.samples import drawn, fitted
from experiments.shapes import ERRORS
from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    Key,
    Picture,
    Quantifier,
    Quote,
    Sampled,
    Verdict,
    above,
    at_most,
    identity,
)
from robustfit.data import Data
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.classification.hinge import Hinge
from robustfit.losses.classification.perceptron import Perceptron
from robustfit.losses.classification.zero_one import ZeroOne
from robustfit.montecarlo import Estimate, difference, mean
from robustfit.panels import BLACK, BLUE, GREEN, RED
from robustfit.report import number, with_error

TWO_CLASSES = {"scenario": "gaussian_classes", "contamination": "flips", "initial": "ols", "solver": "auto"}
"""Normal classes two standard deviations apart, 100 rows with 2 features; flipped labels, if any."""


def machine(alpha: float) -> dict[str, Any]:
    """The settings of a linear support vector machine: hinge plus alpha / 2 times the squared slopes."""
    return {**TWO_CLASSES, "loss": "hinge", "penalty": "l2", "penalty.alpha": alpha}


@dataclass(frozen=True)
class HingeZeroWhenCorrect(Claim):
    """Right is not enough: it must be right by 1."""

    id = "hinge-zero-when-correct"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.1.2",
            "Hinge Loss It means that if it is classified correctly , The loss is 0, Otherwise, the loss will be "
            "1 − y f ( x ) 1-y f(x) 1−yf(x) .",
            "hinge loss means that if it is classified correctly, the loss is 0, otherwise the loss is 1 - y f(x)",
        ),
        Quote("D3", "2.1.2", "General f(x) It's the forecast , stay -1 To 1 Between"),
    )
    statement = (
        "Hinge loss is 0 for every datum that is classified correctly, m = y f(x) > 0, and 1 - m for every other; and "
        "the scores f(x) of a fitted support vector machine lie between -1 and 1."
    )
    quantifier = Quantifier.always
    scope = "margins from 10^-8 to 10^8; linear support vector machines with 2 features, 100 rows"
    margin = "none for the loss; of the scores at most 5 % outside, averaged over samples"

    def evidence(self, lab: Laboratory) -> Evidence:
        right, wrong = ERRORS[ERRORS > 0], ERRORS[ERRORS < 0]
        beyond = {alpha: outside(alpha, lab.choose(200, 40)) for alpha in ALPHAS}
        conditions = (
            Condition("right by less than 1: largest loss", Exact(_most(right[right < 1])), at_most(0.0)),
            Condition("right by 1 or more: largest loss", Exact(_most(right[right >= 1])), at_most(0.0)),
            identity("wrong: the loss is 1 - m", Hinge().phi(wrong), 1 - wrong),
            *(
                Condition(f"penalty {alpha:g}: share of scores outside -1 to 1", Sampled(one), at_most(0.05))
                for alpha, one in beyond.items()
            ),
        )
        key = Key("share of scores outside -1 to 1, penalty 0.01", Sampled(beyond[0.01]))
        pictures = {"losses": Picture(ZONES, _draw_zones, 5.8, 3.2)}
        return Evidence(conditions, key, lambda verdict: _too_little(verdict, beyond), {}, pictures)


ALPHAS = (0.001, 0.01, 0.1)
ZONES = "Hinge and 0-1 loss against the margin: in the shaded zone the label is right and the hinge is not 0."


def _most(m: Array) -> float:
    return float(Hinge().phi(m).max())


def outside(alpha: float, count: int) -> Estimate:
    """The share of a sample's scores beyond -1 and 1, averaged over samples."""
    data = drawn(TWO_CLASSES, count)
    scores = np.einsum("knp,kp->kn", data.X, fitted(machine(alpha), data).coef)
    return mean((np.abs(scores) > 1).mean(-1))


def _too_little(verdict: Verdict, beyond: dict[float, Estimate]) -> str:
    head = "Hinge loss is 0 from a margin of 1 on" if verdict is Verdict.refuted else "Hinge loss is 0 for right labels"
    shares = ", ".join(f"{100 * one.value:.0f} % with a penalty of {alpha:g}" for alpha, one in beyond.items())
    return (
        f"{head}: a right datum close to the line still costs up to 1, and that is what makes the line keep its "
        f"distance. Scores are not bounded by it: outside -1 to 1 lie {shares}. They are no probabilities, and their "
        "unit is that margin."
    )


def _draw_zones(figure: Any) -> None:
    axes, m = figure.subplots(), np.linspace(-1, 2.5, 351)
    axes.axvspan(0, 1, color="#dddddd")
    axes.plot(m, Hinge().phi(m), color=BLUE, label="hinge")
    axes.step(m, ZeroOne().phi(m), color=RED, ls="--", label="0-1")
    axes.set(xlabel="margin y f(x)", ylabel="loss")
    axes.legend()


@dataclass(frozen=True)
class HingeIsSvm(Claim):
    """The same line as a support vector machine's, and deaf to what lies beyond its margin."""

    id = "hinge-is-svm"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.1.2",
            "Support vector machine Support Vector Machine (SVM) The loss function of the model is essentially Hinge "
            "Loss + L2 Regularization .",
        ),
        Quote(
            "D3",
            "2.1.2",
            "Make a correctly classified sample more than... From the dividing line 1 There will be no reward",
        ),
    )
    statement = (
        "Hinge loss with an L2 penalty has the minimiser of a support vector machine; a datum that is right by more "
        "than 1 has no part in it: moved farther out it changes nothing."
    )
    quantifier = Quantifier.always
    scope = "linear models with 2 features, 100 rows; the support vector machine is that of scikit-learn (libsvm)"
    margin = (
        "coefficients within 1e-4 of their length, to which libsvm is asked to solve; a fit that moves by at most "
        "1e-6 of its length"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        count = lab.choose(10, 4)
        apart = {(alpha, flips): _apart(alpha, flips, count) for alpha in ALPHAS for flips in (0.0, 0.2)}
        moved = {loss: _moved(loss, count) for loss in ("hinge", "squared_hinge", "cross_entropy", "mse")}
        names = {place: f"penalty {place[0]:g}, {100 * place[1]:g} % flipped" for place in apart}
        conditions = (
            *(
                Condition(f"{names[place]}: slopes apart", Exact(far), at_most(1e-4))
                for place, (far, _) in apart.items()
            ),
            *(
                Condition(f"{names[place]}: objectives apart", Exact(above_it), at_most(1e-6))
                for place, (_, above_it) in apart.items()
            ),
            Condition("a datum beyond the margin moved by 10: the fit moves", Exact(moved["hinge"]), at_most(1e-6)),
        )
        table = pd.DataFrame({"loss": list(moved), "the fit moves by, of its length": list(moved.values())})
        key = Key("largest distance of the slopes, of their length", Exact(max(far for far, _ in apart.values())))
        tables = {"A datum that is right by more than 1, moved by 10 away from the line": table}
        return Evidence(conditions, key, lambda verdict: _deaf(verdict, moved), tables)


def _apart(alpha: float, flips: float, count: int) -> tuple[float, float]:
    """How far the slopes are from libsvm's, and the objectives, relative: the largest over samples."""
    data = drawn({**TWO_CLASSES, "outliers": flips}, count)
    own = fitted(machine(alpha), data).coef
    peers = np.array([_libsvm(X, y, alpha) for X, y in zip(data.X, data.y, strict=True)])
    slopes = np.linalg.norm(own[:, 1:] - peers[:, 1:], axis=-1) / np.linalg.norm(peers[:, 1:], axis=-1)
    costs = [_objective(data, coef, alpha) for coef in (own, peers)]
    return float(slopes.max()), float(np.abs(costs[1] / costs[0] - 1).max())


def _objective(data: Data, coef: Array, alpha: float) -> Array:
    """Mean hinge plus alpha / 2 times the squared slopes."""
    mean_loss = Hinge()(data.y, np.einsum("knp,kp->kn", data.X, coef))
    return mean_loss + alpha / 2 * np.square(coef[:, 1:]).sum(-1)


def _libsvm(X: Array, y: Array, alpha: float) -> Array:
    """The minimiser of C sum of hinge + squared slopes / 2, C = 1 / (n alpha); X with a column of ones first."""
    from sklearn.svm import SVC

    model = SVC(kernel="linear", C=1 / (len(y) * alpha), tol=1e-10).fit(X[:, 1:], y)
    return np.concatenate([model.intercept_, model.coef_[0]])


def _moved(loss: str, count: int) -> float:
    """How far the fit moves, of its length, if the datum right by most under the hinge is moved farther out by 10."""
    data = drawn(TWO_CLASSES, count)
    settings = {**machine(0.01), "loss": loss}
    first, line = fitted(settings, data).coef, fitted(machine(0.01), data).coef
    second = fitted(settings, _farther(data, line)).coef
    return float((np.linalg.norm(second - first, axis=-1) / np.linalg.norm(first, axis=-1)).max())


def _farther(data: Data, coef: Array) -> Data:
    """The same samples with the row of the largest margin moved by 10 away from the line."""
    margins = data.y * np.einsum("knp,kp->kn", data.X, coef)
    rows, X = margins.argmax(-1), data.X.copy()
    samples = np.arange(len(rows))
    way = coef[:, 1:] / np.linalg.norm(coef[:, 1:], axis=-1, keepdims=True)
    X[samples, rows, 1:] += 10 * data.y[samples, rows][:, None] * way
    return replace(data, X=X)


def _deaf(verdict: Verdict, moved: dict[str, float]) -> str:
    head = "It is the same line" if verdict is Verdict.supported else "It is not the same line"
    return (
        f"{head}: take the hinge for an exact support vector machine, with C = 1 / (n alpha). A datum that is right by "
        f"more than 1 and is moved farther out moves the hinge's fit by {number(moved['hinge'], 2)} of its length, "
        f"cross-entropy's by {number(moved['cross_entropy'], 2)} and that of squares by {number(moved['mse'], 2)}: "
        "squares of labels punish being too right. A datum that is wrong is another matter."
    )


@dataclass(frozen=True)
class ZeroOneNonconvex(Claim):
    """Counting is not convex, so its minimum must be searched for; is it worth it?"""

    id = "zero-one-nonconvex"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "5.1.3",
            "0-1 The loss function directly corresponds to the number of classification errors , But it's a nonconvex "
            "function .",
        ),
        Quote("D3", "5.1.3", "But the condition of equality is too strict , So you can relax the conditions"),
    )
    statement = (
        "The sum of the 0-1 loss is the number of errors; the loss is not convex, and neither is the relaxed one, "
        "which takes a score f for the label y where abs(y - f) < T."
    )
    quantifier = Quantifier.always
    scope = "linear models with 2 features"
    margin = "none: counts, and chords of the loss of one datum that lie below it"

    def evidence(self, lab: Laboratory) -> Evidence:
        counted, chords = _counted(), {"0-1 loss": _chord(ZeroOne().phi), "relaxed, T = 1": _chord(_relaxed)}
        fits = lab.table("zero_one_fits", small_fits, count=lab.choose(24, 6))
        conditions = (
            Condition("rows that the loss and the signs count differently", Exact(counted), at_most(0.0)),
            *(
                Condition(f"{name}: largest height of the loss over a chord", Exact(high), above(0.0))
                for name, high in chords.items()
            ),
        )
        table = _small_table(fits)
        certain = float(_relaxed(np.array([3.0]))[0])
        fewer = _difference(fits, "training errors")
        key = Key("errors on 30 rows, exact minimum less cross-entropy's fit", Sampled(fewer), "rows")
        tables = {"Fits to 30 rows, 6 labels of them flipped": table}
        pictures = {"losses": Picture(CHORDS, _draw_chords, 6.2, 3.2)}
        return Evidence(conditions, key, lambda verdict: _worth(verdict, fits, certain), tables, pictures)


CHORDS = (
    "0-1 loss, the relaxed one with T = 1 (0 where the score is nearer to the label than 1), and chords below them."
)

SURROGATES = ("zero_one", "cross_entropy", "hinge", "savage")


def _relaxed(m: Array) -> Array:
    """1 where abs(y - f) >= 1, else 0; abs(y - f) = abs(1 - y f)."""
    return np.where(np.abs(1 - m) < 1, 0.0, 1.0)


def _counted() -> float:
    """Rows of random samples and rules that the 0-1 loss counts and the signs do not, or the reverse."""
    data, coef = drawn({**TWO_CLASSES, "outliers": 0.2}, 50), np.random.default_rng(2).standard_normal((50, 3))
    scores = np.einsum("knp,kp->kn", data.X, coef)
    return float((ZeroOne().value(data.y, scores) != (np.sign(scores) != data.y)).sum())


def _chord(phi: Any) -> float:
    """The largest height of a loss above chords between two margins, at their middle."""
    ends = np.linspace(-4, 4, 81)
    one, other = np.meshgrid(ends, ends)
    return float((phi((one + other) / 2) - (phi(one) + phi(other)) / 2).max())


def small_fits(count: int) -> pd.DataFrame:
    """Errors of exact and surrogate fits to 30 rows with 6 flipped labels: on these rows, and on new clean ones."""
    settings = {**TWO_CLASSES, "scenario.n_samples": 30, "outliers": 0.2}
    data = drawn(settings, count)
    lines = []
    for loss in SURROGATES:
        solver = "mixed_integer" if loss == "zero_one" else "auto"
        coef = fitted({**settings, "loss": loss, "solver": solver}, data).coef
        wrong = ZeroOne().value(data.y, np.einsum("knp,kp->kn", data.X, coef)).sum(-1)
        classes = data.truth.classes if data.truth else None
        assert classes is not None  # of its own scenario
        columns = {"loss": loss, "sample": np.arange(count), "training errors": wrong}
        lines.append(pd.DataFrame(columns | {"error": classes.error(coef), "least": classes.bayes_error}))
    return pd.concat(lines, ignore_index=True)


def _column(fits: pd.DataFrame, loss: str, column: str) -> Array:
    return fits[fits["loss"] == loss].sort_values("sample")[column].to_numpy(float)


def _difference(fits: pd.DataFrame, column: str, other: str = "cross_entropy") -> Estimate:
    return difference(_column(fits, "zero_one", column), _column(fits, other, column))


def _small_table(fits: pd.DataFrame) -> pd.DataFrame:
    def told(loss: str, column: str) -> str:
        found = mean(_column(fits, loss, column))
        return with_error(found.value, found.mcse)

    names = {"zero_one": "0-1, exact", "cross_entropy": "cross-entropy", "hinge": "hinge", "savage": "Savage"}
    columns = {"training errors": "errors on the 30 rows", "error": "share of new clean rows mislabelled"}
    return pd.DataFrame(
        [
            {"loss": name} | {title: told(loss, column) for column, title in columns.items()}
            for loss, name in names.items()
        ]
    )


def _worth(verdict: Verdict, fits: pd.DataFrame, certain: float) -> str:
    head = "It counts, and it is not convex" if verdict is Verdict.supported else "It does not count, or is convex"
    fewer, worse = _difference(fits, "training errors"), _difference(fits, "error")
    advice = "on small data the count is too coarse a guide, so take a surrogate"
    if worse.value < 2 * worse.mcse:
        advice = "on these data the exact count does no harm"
    return (
        f"{head}, the relaxed one neither (and that calls a score of 3 for the label 1 an error: {number(certain)}). "
        f"The exact minimum on 30 rows with 6 flipped labels has {with_error(-fewer.value, fewer.mcse)} errors fewer "
        f"on them than cross-entropy's fit, and mislabels {with_error(100 * worse.value, 100 * worse.mcse)} % more "
        f"new clean rows: {advice}."
    )


def _draw_chords(figure: Any) -> None:
    axes, m = figure.subplots(), np.linspace(-2, 4, 601)
    axes.step(m, ZeroOne().phi(m), color=RED, label="0-1")
    axes.step(m, 1.03 * _relaxed(m), color=GREEN, ls="--", label="relaxed, T = 1")
    axes.plot([-1, 1], [1, 0], "o:", color=BLACK, lw=1, ms=3, label="chords")
    axes.plot([1, 3], [0, 1.03], "o:", color=BLACK, lw=1, ms=3)
    axes.set(xlabel="margin y f(x)", ylabel="loss")
    axes.legend(loc="center right")


@dataclass(frozen=True)
class PerceptronUsesZeroOne(Claim):
    """The perceptron asks the 0-1 loss when to move, and another one whither."""

    id = "perceptron-uses-zero-one"
    section = "D"
    quotes = (Quote("D3", "5.1.3", "(2) The perceptron uses this loss function ."),)
    statement = (
        "The loss that the perceptron's updates descend is the 0-1 loss: it moves at the data that the 0-1 loss "
        "counts, its moves are that loss's slope, and its cost of a datum is the same."
    )
    quantifier = Quantifier.generic
    scope = "linear models with 2 features; the perceptron as scikit-learn has it, one pass over 200 rows in order"
    margin = "none: counts of rows, and equality to 8 rounding errors"

    def evidence(self, lab: Laboratory) -> Evidence:
        X, y = _overlapping(200)
        own, moved = passed(X, y)
        at_fault = ZeroOne().phi(own)
        conditions = (
            Condition(
                "rows at which it moves though the 0-1 loss is 0, or rests though it is 1",
                Exact(float((moved != (at_fault == 1)).sum())),
                at_most(0.0),
            ),
            identity("its move at these rows, as the 0-1 loss's slope", moved * 1.0, -ZeroOne().derivative(own)),
            identity("the cost of a datum, perceptron's and 0-1 loss", Perceptron().phi(ERRORS), ZeroOne().phi(ERRORS)),
        )
        shared = np.mean(moved == -Perceptron().derivative(own))
        key = Key("rows at which it moves, which the 0-1 loss all counts", Exact(float(moved.sum())), "of 200")
        pictures = {"losses": Picture(COSTS, _draw_costs, 5.6, 3.2)}
        return Evidence(conditions, key, lambda verdict: _mistakes(verdict, shared), {}, pictures)


COSTS = "The cost of a datum against its margin: the 0-1 loss counts an error, the perceptron's loss how far it is off."


def _overlapping(n: int) -> tuple[Array, Array]:
    """Features with a column of ones first, and labels, of two classes two standard deviations apart."""
    rng = np.random.default_rng(1)
    y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    return np.column_stack([np.ones(n), rng.standard_normal((n, 2)) + y[:, None] * [1.0, 0.0]]), y


def passed(X: Array, y: Array) -> tuple[Array, Array]:
    """The margin of each row as scikit-learn's perceptron comes to it on its first pass, and whether it moves there."""
    from sklearn.linear_model import Perceptron as Peer

    peer = Peer(penalty=None, shuffle=False, fit_intercept=False)
    before, margins, moved = np.zeros(X.shape[1]), [], []
    for x, label in zip(X, y, strict=True):
        peer.partial_fit(x[None], [label], classes=[-1.0, 1.0])
        margins.append(label * (x @ before))
        moved.append(bool((peer.coef_[0] != before).any()))
        before = peer.coef_[0].copy()
    return np.array(margins), np.array(moved)


def _mistakes(verdict: Verdict, shared: float) -> str:
    head = {
        Verdict.depends: "The perceptron moves where the 0-1 loss counts an error, but not along that loss",
        Verdict.supported: "The perceptron descends the 0-1 loss",
    }.get(verdict, "The perceptron does not use the 0-1 loss")
    return (
        f"{head}, whose slope is 0 everywhere: what it descends is max(0, -margin), whose slope is its move at "
        f"{number(100 * shared)} % of the rows. So no descent fits by the 0-1 loss; one needs a surrogate, or an exact "
        "search on small data."
    )


def _draw_costs(figure: Any) -> None:
    axes, m = figure.subplots(), np.linspace(-2, 2, 401)
    axes.plot(m, Perceptron().phi(m), color=BLUE, label="perceptron")
    axes.step(m, ZeroOne().phi(m), color=RED, ls="--", label="0-1")
    axes.axvline(0, color=BLACK, lw=0.6)
    axes.set(xlabel="margin y f(x)", ylabel="loss")
    axes.legend()

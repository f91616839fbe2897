"""What is cross-entropy, and what is it not?

Values that a program printed, the likelihood, how fast it grows, and what it can tell apart that squares cannot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

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
    above,
    at_most,
    identity,
    within,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.criteria.bce_with_logits import BCEWithLogits
from robustfit.losses.criteria.nll import NLL
from robustfit.losses.mse import MSE
from robustfit.panels import BLACK, BLUE
from robustfit.report import number

SINGLE = 8 * float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
"""Eight rounding errors of single precision, in units of those of a double."""


@dataclass(frozen=True)
class KerasCrossEntropyValues(Claim):
    """Two values that a program printed, one of them with something added."""

    id = "keras-cross-entropy-values"
    section = "D"
    quotes = (
        Quote("D1", "1.1", "cce(y_true, y_pred).numpy()\nThe result is :\n1.176939"),
        Quote("D1", "1.2", "bce(y_true, y_pred).numpy()\nThe result is :\n0.5108254"),
    )
    statement = (
        "Cross-entropy of the second and third of three classes, predicted with probabilities 0.95 and 0.1, is "
        "1.176939; of two labels, both predicted with probability 0.6, it is 0.5108254."
    )
    quantifier = Quantifier.always
    scope = "four predicted probabilities; no model"
    margin = (
        "a relative difference of 8 rounding errors of single precision (9.5e-7), in which the program that printed "
        "them computed"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        values, printed = _keras(), np.array(list(PRINTED.values()))
        conditions = tuple(
            identity(f"{name} cross-entropy = {PRINTED[name]}", np.array(value), np.array(PRINTED[name]), SINGLE)
            for name, value in values.items()
        )
        added = -float(np.log(np.array([0.6, 0.6]) + FUZZ).mean())
        table = pd.DataFrame(
            {
                "cross-entropy": list(values),
                "by definition": [f"{value:.8f}" for value in values.values()],
                "printed": [f"{value:.7g}" for value in printed],
                "with 1e-7 added to the probability": ["-", f"{added:.8f}"],
            }
        )
        short = Exact(PRINTED["binary"] - values["binary"])
        return Evidence(
            conditions,
            Key("binary cross-entropy, printed less defined", short),
            lambda _: _to_the_digit(short, added),
            {"Values": table},
        )


FUZZ = 1e-7
"""What Keras adds to a probability before it takes the logarithm, in binary cross-entropy."""

PRINTED = {"categorical": 1.176939, "binary": 0.5108254}


def _keras() -> dict[str, float]:
    """Both values by definition: from the documents' probabilities, as logarithms and as logits."""
    with np.errstate(divide="ignore"):
        logs = np.log([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    logits = np.log([0.4 / 0.6, 0.6 / 0.4])
    return {
        "categorical": float(NLL()(np.array([1.0, 2.0]), logs)),
        "binary": float(BCEWithLogits()(np.array([0.0, 1.0]), logits)),
    }


def _to_the_digit(short: Exact, added: float) -> str:
    return (
        "The losses here are those of the libraries, so that what is found here holds there. To the last digit printed "
        f"the binary value is {number(abs(float(short.value)), 2)} short of the definition: the program adds 1e-7 to "
        f"the probability, which gives {added:.8f}, so that a label with probability 0 costs {-np.log(FUZZ):.3g} there "
        "and infinity by definition. Losses of logits, as here, need no such addition."
    )


@dataclass(frozen=True)
class MseClassExample(Claim):
    """One worked example, and a decimal point."""

    id = "mse-class-example"
    section = "D"
    quotes = (Quote("D4", "", r"\frac{(0.5 - 1)^2 + (0.2 - 0)^2 + (0.3 - 0)^2}{3} = 1.26666"),)
    statement = "MSE of the label (1, 0, 0) against the probabilities (0.5, 0.2, 0.3) is 1.26666."
    quantifier = Quantifier.always
    scope = "three predicted probabilities; no model"
    margin = "one in the last digit printed, 1/100000, in rational arithmetic"

    def evidence(self, lab: Laboratory) -> Evidence:
        value, printed = _mean_square(("0.5", "0.2", "0.3"), ("1", "0", "0")), Fraction("1.26666")
        most = _mean_square(("0", "1", "0"), ("1", "0", "0"))
        conditions = (Condition("MSE of the example", Exact(value), within(printed, Fraction(1, 100_000))),)
        key = Key("printed value over MSE", Exact(float(printed / value)))
        return Evidence(conditions, key, lambda _: _tenfold(value, most))


def _mean_square(predicted: Sequence[str], true: Sequence[str]) -> Fraction:
    """The mean of the squared differences, exact."""
    errors = [Fraction(p) - Fraction(t) for p, t in zip(predicted, true, strict=True)]
    return Fraction(sum(MSE().rho(np.array(errors, dtype=object)))) / len(errors)


def _tenfold(value: Fraction, most: Fraction) -> str:
    return (
        f"The value is {value}, {number(float(value))}: a slip by a factor of ten. It cannot be what is printed, since "
        f"over three classes no prediction scores more than {most}, the one that is certain of a wrong class. That is "
        "the trait to remember for a choice: squared probabilities are bounded, cross-entropy is not."
    )


@dataclass(frozen=True)
class CrossEntropyExponential(Claim):
    """Exponential in what? In a right logit alone."""

    id = "cross-entropy-exponential"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.1.1",
            "You can see that the closer you get to the target value loss The smaller it is , As the error increases "
            ",loss Exponential growth .",
        ),
    )
    statement = (
        "Cross-entropy grows exponentially with the error, counted in probability, e = abs(y - p), or in the logit: "
        "equal steps of the error multiply it by equal factors. In a loose sense: it rises ever faster."
    )
    quantifier = Quantifier.generic
    scope = "two classes"
    margin = (
        "exponential: the rate of growth d log L / d error the same within 10 % over the range; loosely: a slope ten "
        "times as steep at the far end as at the near one"
    )

    def evidence(self, lab: Laboratory) -> Evidence:
        uneven = {name: _uneven(*span) for name, span in SPANS.items()}
        steeper = {name: _steeper(*span) for name, span in LOOSE.items()}
        conditions = (
            *(
                Condition(f"{name}: largest rate of growth over the least", Exact(one), at_most(1.1))
                for name, one in uneven.items()
            ),
            *(
                Condition(f"{name}: slope at the far end over that at the near one", Exact(one), above(10.0))
                for name, one in steeper.items()
            ),
        )
        bound = float(np.abs(CrossEntropy().derivative(np.array([-1e6]))).max())
        key = Key("largest rate of growth over the least, e from 0.1 to 0.9", Exact(uneven["e from 0.1 to 0.9"]))
        pictures = {"growth": Picture(GROWTH, _draw_growth, 8.4, 3.4)}
        return Evidence(conditions, key, lambda verdict: _linear(verdict, bound), {}, pictures)


PROBABILITY, LOGIT = "probability", "logit"
SPANS = {
    "e from 0.1 to 0.9": (PROBABILITY, 0.1, 0.9),
    "e from 0.9 to 0.999": (PROBABILITY, 0.9, 0.999),
    "logit, right by 10 to 3": (LOGIT, -10.0, -3.0),
    "logit, right by 3 to wrong by 3": (LOGIT, -3.0, 3.0),
    "logit, wrong by 3 to 10": (LOGIT, 3.0, 10.0),
}
"""What counts the error, and between which errors; a logit's error is minus its margin."""

LOOSE = {"e from 0.01 to 0.99": (PROBABILITY, 0.01, 0.99), "logit, wrong by 1 to 100": (LOGIT, 1.0, 100.0)}

GROWTH = (
    "Cross-entropy on a logarithmic axis, on which exponential growth is a straight line, against the error in "
    "probability (left) and in the logit (right)."
)


def _grown(unit: str, error: Array) -> tuple[Array, Array]:
    """Cross-entropy and its slope in the error."""
    m, rate = (-error, np.ones_like(error))
    if unit == PROBABILITY:
        m, rate = np.log((1 - error) / error), 1 / (error * (1 - error))
    return CrossEntropy().phi(m), -CrossEntropy().derivative(m) * rate


def _uneven(unit: str, low: float, high: float) -> float:
    """The largest rate of growth L'(e) / L(e) over the least."""
    value, slope = _grown(unit, np.linspace(low, high, 1001))
    return float((slope / value).max() / (slope / value).min())


def _steeper(unit: str, low: float, high: float) -> float:
    _, slope = _grown(unit, np.array([low, high]))
    return float(slope[1] / slope[0])


def _linear(verdict: Verdict, bound: float) -> str:
    head = {
        Verdict.depends: (
            "In probability cross-entropy rises ever faster, slower than an exponential at first and faster than any "
            "near certainty; in the logit it is exponential only while the label is right"
        ),
        Verdict.supported: "Cross-entropy grows exponentially however the error is counted",
    }.get(verdict, "Cross-entropy does not grow exponentially with the error")
    return (
        f"{head}. A linear model moves the logit, and there the pull of a wrong label is never more than "
        f"{number(bound)}: a flipped label costs linearly, as in MAE, and like there it is far-out features that make "
        "its pull on the coefficients large."
    )


def _draw_growth(figure: Any) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, unit, error in ((left, PROBABILITY, np.linspace(1e-3, 0.999, 800)), (right, LOGIT, np.linspace(-8, 8))):
        axes.semilogy(error, _grown(unit, error)[0], color=BLUE)
    left.semilogy([0, 1], [0.1, 5.0], color=BLACK, ls=":", lw=1, label="an exponential")
    right.semilogy([-8, 0.5], np.exp([-8, 0.5]), color=BLACK, ls=":", lw=1, label="an exponential")
    left.set(xlabel="error in probability, 1 - p", ylabel="cross-entropy")
    right.set(xlabel="error in the logit, minus the margin")
    for axes in (left, right):
        axes.legend(loc="lower right")


@dataclass(frozen=True)
class SameMseOtherAccuracy(Claim):
    """Squares cannot tell some results apart; neither can cross-entropy, with others."""

    id = "same-mse-other-accuracy"
    section = "D"
    quotes = (
        Quote(
            "D4",
            "",
            "for two classification results, they could have the same MSE but different accuracy, whereas, if the "
            "results have different accuracy, even a small difference on the confidence of the prediction, the cross "
            "entropy can be different.",
        ),
    )
    statement = (
        "There are two results with exactly the same MSE of the probabilities and different accuracy, and "
        "cross-entropy differs between them."
    )
    quantifier = Quantifier.exists
    scope = "three predictions of two classes, or of three, with probabilities in tenths, none impossible; no model"
    margin = "none: all results are tried, in rational arithmetic"

    def evidence(self, lab: Laboratory) -> Evidence:
        found = {f"{k} classes": _searched(k) for k in (2, 3)}
        conditions = tuple(
            Condition(
                f"{name}: pairs with one MSE, two accuracies and two cross-entropies",
                Exact(Fraction(one.apart)),
                above(0),
            )
            for name, one in found.items()
        )
        two = found["2 classes"]
        key = Key(
            "such pairs that cross-entropy tells apart, 2 classes", Exact(Fraction(two.apart)), f"of {two.same_square}"
        )
        tables = {
            "Pairs of results with different accuracy": pd.DataFrame(
                [{"": name} | one.counts() for name, one in found.items()]
            ),
            "Three predictions of two classes, by the probability of the true one": _examples(two),
        }
        return Evidence(conditions, key, lambda verdict: _blind(verdict, two), tables)


@dataclass(frozen=True)
class Outcomes:
    """Of one prediction, or summed (multiplied) over some: squares, right ones, the probability of what is true."""

    label: tuple[str, ...]
    squares: Fraction
    right: int
    probability: Fraction

    def and_(self, other: Outcomes) -> Outcomes:
        """Both together."""
        return Outcomes(
            self.label + other.label,
            self.squares + other.squares,
            self.right + other.right,
            self.probability * other.probability,
        )


@dataclass(frozen=True)
class Searched:
    """Pairs of results of different accuracy: with the same MSE, and with the same cross-entropy."""

    squares: tuple[tuple[Outcomes, Outcomes], ...]
    entropies: tuple[tuple[Outcomes, Outcomes], ...]

    @property
    def same_square(self) -> int:
        """How many have the same MSE."""
        return len(self.squares)

    @property
    def apart(self) -> int:
        """How many of these have different cross-entropies."""
        return sum(one.probability != other.probability for one, other in self.squares)

    @property
    def misled(self) -> int:
        """How many of these have the lower cross-entropy where fewer labels are right."""
        return sum((one.probability > other.probability) != (one.right > other.right) for one, other in self.told)

    @property
    def told(self) -> list[tuple[Outcomes, Outcomes]]:
        """Those with the same MSE and different cross-entropies."""
        return [pair for pair in self.squares if pair[0].probability != pair[1].probability]

    @property
    def confused(self) -> int:
        """How many pairs have the same cross-entropy and different MSE."""
        return sum(one.squares != other.squares for one, other in self.entropies)

    def counts(self) -> dict[str, int]:
        """All of it, for a table."""
        return {
            "same MSE": self.same_square,
            "of them cross-entropy differs": self.apart,
            "and prefers the less accurate": self.misled,
            "same cross-entropy, MSE differs": self.confused,
        }


def _searched(k: int) -> Searched:
    """All pairs of results of three predictions of k classes, in tenths."""
    results = [_together(chosen) for chosen in combinations_with_replacement(_predictions(k), 3)]
    return Searched(tuple(_pairs(results, "squares")), tuple(_pairs(results, "probability")))


def _together(chosen: Sequence[Outcomes]) -> Outcomes:
    first, *others = chosen
    for one in others:
        first = first.and_(one)
    return first


def _predictions(k: int) -> list[Outcomes]:
    """Predictions in tenths with one largest probability, the true class first and possible, the others falling."""
    tenths = [p for p in _compositions(10, k) if p[0] and list(p[1:]) == sorted(p[1:], reverse=True)]
    return [_prediction([Fraction(t, 10) for t in p]) for p in tenths if sorted(p)[-1] > sorted(p)[-2]]


def _compositions(total: int, k: int) -> list[tuple[int, ...]]:
    if k == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(total - first, k - 1)]


def _prediction(p: Sequence[Fraction]) -> Outcomes:
    errors = np.array([1 - p[0], *p[1:]], dtype=object)
    return Outcomes((str(float(p[0])),), Fraction(sum(MSE().rho(errors))), int(p[0] == max(p)), p[0])


def _pairs(results: Iterable[Outcomes], kind: str) -> list[tuple[Outcomes, Outcomes]]:
    """Pairs with different accuracy that agree in one thing: the more accurate first, the most accurate pairs first."""
    groups: dict[Fraction, list[Outcomes]] = defaultdict(list)
    for one in results:
        groups[getattr(one, kind)].append(one)
    both = (pair for group in groups.values() for pair in combinations(group, 2) if pair[0].right != pair[1].right)
    ordered = [(one, other) if one.right > other.right else (other, one) for one, other in both]
    return sorted(ordered, key=lambda pair: -pair[0].right)


def _examples(found: Searched) -> pd.DataFrame:
    """The first pair of each kind: the same MSE with either order of cross-entropy, and the same cross-entropy."""
    better = next((pair for pair in found.told if pair[0].probability > pair[1].probability), None)
    worse = next((pair for pair in found.told if pair[0].probability < pair[1].probability), None)
    same = found.entropies[0] if found.entropies else None
    kinds = {"same MSE, cross-entropy agrees": better, "same MSE, cross-entropy misleads": worse}
    lines = [
        {
            "pair": name,
            "probabilities": ", ".join(one.label),
            "accuracy": str(Fraction(one.right, len(one.label))),
            "MSE": str(one.squares / (2 * len(one.label))),
            "cross-entropy": -float(np.log(float(one.probability))) / len(one.label),
        }
        for name, pair in (kinds | {"same cross-entropy": same}).items()
        if pair
        for one in pair
    ]
    return pd.DataFrame(lines)


def _blind(verdict: Verdict, two: Searched) -> str:
    exists = "There are such pairs" if verdict is Verdict.supported else "There are no such pairs"
    return (
        f"{exists}, but they speak for no loss: of the {two.apart} that cross-entropy tells apart it prefers the less "
        f"accurate result in {two.misled}, and there are {two.confused} pairs with the same cross-entropy and "
        "different accuracy that MSE tells apart. Neither measures accuracy; what it pays for is honest probabilities."
    )

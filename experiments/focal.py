"""What does focal loss do to a datum: by how much does it count less, at which probabilities?

Facts about the factor (1 - p)^gamma, p the probability of the true label; in rational arithmetic where gamma is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from experiments.shapes import ERRORS, SAME
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
    at_least,
    at_most,
    identity,
)
from robustfit.laboratory import Laboratory
from robustfit.linalg import Array
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.focal import Focal
from robustfit.panels import BLACK, BLUE, GREEN, ORANGE, RED
from robustfit.report import number

LABELS = np.array([-1.0, 1.0])[:, None]


@dataclass(frozen=True)
class FocalGammaZero(Claim):
    """Without the factor it is cross-entropy; with alpha, a weighted one."""

    id = "focal-gamma-zero"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "γ=0 Is the standard cross entropy function",
            "with gamma = 0 it is the standard cross-entropy",
        ),
        Quote(
            "D3",
            "2.2.2",
            "When γ = 0 γ = 0 γ=0 When ,focal loss It's the traditional cross entropy loss",
            "with gamma = 0 focal loss is the traditional cross-entropy",
        ),
    )
    statement = (
        "Focal loss with gamma = 0 has the values and slopes of cross-entropy; with a weight alpha of the positive "
        "class, of cross-entropy with class weights alpha and 1 - alpha."
    )
    quantifier = Quantifier.always
    scope = "two classes"
    margin = SAME

    def evidence(self, lab: Laboratory) -> Evidence:
        conditions = tuple(
            identity(f"{name}, alpha = {alpha}", *_both(name, alpha))
            for name in ("values", "slopes")
            for alpha in ("none", 0.25, 0.5, 0.9)
        )
        kept = float(Focal(2.0, None).derivative(np.zeros(1))[0] / CrossEntropy().derivative(np.zeros(1))[0])
        key = Key("slope at the margin 0 with gamma = 2, over that with 0", Exact(kept))
        return Evidence(conditions, key, lambda _: _weighted(kept))


def _both(name: str, alpha: float | str) -> tuple[Array, Array]:
    """Values or slopes of focal loss with gamma = 0, and of weighted cross-entropy, of both labels."""
    focal, plain = Focal(0.0, None if isinstance(alpha, str) else alpha), CrossEntropy()
    weight = 1.0 if isinstance(alpha, str) else np.where(LABELS > 0, alpha, 1 - alpha)
    if name == "values":
        return focal.value(LABELS, ERRORS), weight * plain.value(LABELS, ERRORS)
    return focal.slope(LABELS, ERRORS), weight * plain.slope(LABELS, ERRORS)


def _weighted(kept: float) -> str:
    return (
        "So cross-entropy is one end of focal loss, gamma can be tuned from 0 on, and alpha alone is a class weight. "
        f"With gamma = 2 a datum on the boundary pulls {number(kept)} times as much as with 0: compare learning rates "
        "and penalties only after allowing for that."
    )


GAMMAS = (0, 1, 2, 3, 4, 5)
TENTHS = tuple(Fraction(k, 100) for k in range(1, 100))


@dataclass(frozen=True)
class FocalModulation(Claim):
    """The factor falls as gamma grows; what grows is the contrast."""

    id = "focal-modulation"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "When γ γ γ When it's added , The modulation coefficient also increases .",
            "when gamma is increased, the modulation coefficient increases too",
        ),
        Quote(
            "D3",
            "2.2.2",
            "γ γ γ Increase can enhance the influence of modulation factor",
            "increasing gamma enhances the influence of the modulation factor",
        ),
        Quote(
            "D3",
            "2.2.2",
            "So the modulation factor ( 1 − p t ) (1-p_t) (1−pt) near 1 , The loss is not affected",
            "a wrongly classified sample has a small p, so the modulation factor is near 1 and the loss is not "
            "affected",
        ),
    )
    statement = (
        "A larger gamma makes the factor (1 - p)^gamma larger; it makes the factor's influence larger, a hard datum "
        "counting more beside an easy one; and the factor leaves wrongly classified data, p < 1/2, as they are."
    )
    quantifier = Quantifier.generic
    scope = "two classes; gamma from 0 to 5, p from 0.01 to 0.99"
    margin = "in rational arithmetic; not affected: at least 9/10 of the loss is left"

    def evidence(self, lab: Laboratory) -> Evidence:
        changes = [factor(p, high) / factor(p, low) for low, high in pairwise(GAMMAS) for p in TENTHS]
        conditions = (
            Condition("the factor at gamma + 1, over that at gamma: the largest", Exact(max(changes)), above(1)),
            Condition("the contrast of a hard datum and an easier one: least growth", Exact(_contrast()), above(1)),
            *(
                Condition(f"p = {p}, gamma = {gamma}: share of the loss left", Exact(factor(p, gamma)), at_least(KEPT))
                for p, gamma in WRONG
            ),
        )
        key = Key("p = 2/5, a wrong label, gamma = 2: share of the loss left", Exact(factor(Fraction(2, 5), 2)))
        pictures = {"factor": Picture(FACTOR, _draw_factor, 8.4, 3.3)}
        return Evidence(conditions, key, _contrasted, {}, pictures)


KEPT = Fraction(9, 10)
WRONG = ((Fraction(1, 100), 2), (Fraction(1, 10), 2), (Fraction(2, 5), 2), (Fraction(1, 100), 5), (Fraction(2, 5), 5))
"""Probabilities of wrongly classified data, and gammas."""

FACTOR = (
    "Left: the factor against the probability of the true label. Right: how often a datum with p = 0.4 outweighs one "
    "with p = 0.9 by the factor alone, against gamma."
)


def factor(p: Fraction, gamma: int) -> Fraction:
    """(1 - p)^gamma, exact.

    >>> factor(Fraction(9, 10), 2)
    Fraction(1, 100)
    """
    return (1 - p) ** gamma


def _contrast() -> Fraction:
    """The least growth, over gammas and pairs of neighbours, of the harder datum's factor over the easier one's."""
    return min(
        factor(hard, high) / factor(easy, high) / (factor(hard, low) / factor(easy, low))
        for low, high in pairwise(GAMMAS)
        for hard, easy in pairwise(TENTHS)
    )


def _contrasted(verdict: Verdict) -> str:
    head = {
        Verdict.depends: "The factor falls with gamma at every p; its contrast between hard and easy data grows",
        Verdict.supported: "The factor and its contrast both grow with gamma",
    }.get(verdict, "Neither the factor nor its contrast grows with gamma")
    kept = ", ".join(f"{number(float(factor(p, 2)))} at p = {number(float(p))}" for p, gamma in WRONG if gamma == 2)
    return (
        f"{head}. Wrong data are spared only where they are grossly wrong: with gamma = 2 what is left of their loss "
        f"is {kept}. A flipped label is grossly wrong to a good fit, so focal loss keeps its full weight: it hunts for "
        "hard data, which is no protection from bad ones."
    )


def _draw_factor(figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    p = np.linspace(0, 1, 201)
    for gamma, color, dashes in zip((0, 1, 2, 5), (BLACK, GREEN, BLUE, RED), ("-", "--", "-", "-."), strict=True):
        left.plot(p, (1 - p) ** gamma, color=color, ls=dashes, label=f"gamma = {gamma}")
    left.axvline(0.5, color="#999999", ls=":", lw=1)
    left.set(xlabel="p of the true label", ylabel="(1 - p)^gamma")
    left.legend()
    hard, easy = Fraction(2, 5), Fraction(9, 10)
    right.semilogy(GAMMAS, [float(factor(hard, g) / factor(easy, g)) for g in GAMMAS], "o-", color=ORANGE)
    right.set(xlabel="gamma", ylabel="factor at p = 0.4 over that at 0.9")


@dataclass(frozen=True)
class FocalFactors(Claim):
    """Three numbers, of which one is rounded up."""

    id = "focal-factors"
    section = "D"
    quotes = (
        Quote(
            "D3",
            "2.2.2",
            "Of loss It's better than the standard cross entropy loss Small 100+ times , When p t = 0.968 p_t=0.968 "
            "pt=0.968 when , smaller 1000+ times , But for hard to classify samples ( p t < 0.5 ) ( p_t < 0.5) "
            "(pt<0.5),loss It's small at most 4 times .",
        ),
    )
    statement = (
        "With gamma = 2 the loss of a datum with p = 0.9 is at least 100 times smaller than cross-entropy, with p = "
        "0.968 at least 1000 times, and with p < 0.5 at most 4 times."
    )
    quantifier = Quantifier.always
    scope = "two classes, no class weights"
    margin = "none: in rational arithmetic; 100+ is taken to include 100"

    def evidence(self, lab: Laboratory) -> Evidence:
        smaller = {p: 1 / factor(Fraction(p), 2) for p in ("0.9", "0.968")}
        below_half = max(1 / factor(Fraction(k, 1000), 2) for k in range(1, 500))
        conditions = (
            Condition("p = 0.9: times smaller", Exact(smaller["0.9"]), at_least(Fraction(100))),
            Condition("p = 0.968: times smaller", Exact(smaller["0.968"]), at_least(Fraction(1000))),
            Condition("p from 0.001 to 0.499: times smaller, at most", Exact(below_half), at_most(Fraction(4))),
            identity("the loss here, over cross-entropy, is that factor", *_measured_factor()),
        )
        table = _shares(("0.1", "0.4", "0.6", "0.9", "0.968"))
        key = Key("times smaller at p = 0.968", Exact(float(smaller["0.968"])))
        return Evidence(conditions, key, lambda verdict: _rounded(verdict, smaller), {"Gamma = 2": table})


def _measured_factor() -> tuple[Array, Array]:
    p = np.array([0.001, 0.1, 0.4, 0.499, 0.9, 0.968])
    m = np.log(p / (1 - p))
    return Focal(2.0, None).phi(m) / CrossEntropy().phi(m), (1 - p) ** 2


def _shares(probabilities: Sequence[str]) -> pd.DataFrame:
    """What is left of loss and slope at some probabilities."""
    p = np.array([float(one) for one in probabilities])
    m, focal, plain = np.log(p / (1 - p)), Focal(2.0, None), CrossEntropy()
    return pd.DataFrame(
        {
            "p": list(probabilities),
            "cross-entropy over focal": plain.phi(m) / focal.phi(m),
            "their slopes": plain.derivative(m) / focal.derivative(m),
        }
    )


def _rounded(verdict: Verdict, smaller: dict[str, Fraction]) -> str:
    head = "The numbers are right" if verdict is Verdict.supported else "The numbers are right but for the last digit"
    return (
        f"{head}: {smaller['0.9']} times at 0.9, not more, and {number(float(smaller['0.968']))} times at 0.968, which "
        "is short of 1000. What moves a fit is the slope, and that shrinks less where the label is easy and grows "
        "where it is hard (table): the factor bends the curve too."
    )

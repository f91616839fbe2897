"""Values by SciPy and by hand, results counted one by one, and that other numbers would get other verdicts."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy.special import xlogy

from experiments import entropies
from experiments.entropies import KerasCrossEntropyValues, MseClassExample
from robustfit.claims import Verdict, judge


def test_the_printed_values_by_scipy():
    y, p = np.array([[0, 1, 0], [0, 0, 1]]), np.array([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    values = entropies._keras()
    assert values["categorical"] == pytest.approx(-xlogy(y, p).sum() / 2, rel=1e-14)
    assert values["binary"] == pytest.approx(-math.log(0.6), rel=1e-14)


def test_another_printed_value_would_be_refuted(monkeypatch):
    assert judge(KerasCrossEntropyValues(), None).verdict is Verdict.supported
    monkeypatch.setitem(entropies.PRINTED, "binary", 0.51082)
    assert judge(KerasCrossEntropyValues(), None).verdict is Verdict.refuted


def test_the_worked_example_by_hand(monkeypatch):
    assert entropies._mean_square(("0.5", "0.2", "0.3"), ("1", "0", "0")) == Fraction(25 + 4 + 9, 300)
    assert judge(MseClassExample(), None).verdict is Verdict.refuted
    monkeypatch.setattr(entropies, "_mean_square", lambda p, t: Fraction("1.26666"))
    assert judge(MseClassExample(), None).verdict is Verdict.supported


def test_rates_of_growth_by_calculus():
    """-log(1 - e) grows at 1 / ((1 - e) -log(1 - e)), which is least, e, where 1 - e = 1 / e."""
    at_the_end = 1 / (0.9 * -math.log(0.9))
    assert entropies._uneven("probability", 0.1, 0.9) == pytest.approx(at_the_end / math.e, rel=1e-5)
    assert entropies._steeper("probability", 0.01, 0.99) == pytest.approx(0.99 / 0.01)


def test_pairs_of_two_classes_counted_one_by_one():
    """Tenths of an error from 0 to 9 but 5, three predictions."""
    wrong = [e for e in range(10) if e != 5]
    results = {tuple(sorted((a, b, c))) for a in wrong for b in wrong for c in wrong}
    same = [
        (one, other)
        for one, other in combinations(sorted(results), 2)
        if sum(e * e for e in one) == sum(e * e for e in other) and sum(e < 5 for e in one) != sum(e < 5 for e in other)
    ]
    found = entropies._searched(2)
    assert found.same_square == len(same)
    products = [[math.prod(10 - e for e in one) for one in pair] for pair in same]
    assert found.apart == sum(one != other for one, other in products)


def test_a_known_pair_is_among_them():
    labels = [{one.label, other.label} for one, other in entropies._searched(2).squares]
    assert {("0.6", "0.6", "0.7"), ("0.4", "0.8", "0.9")} in [set(map(_sorted, pair)) for pair in labels]


def _sorted(label: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(label))
